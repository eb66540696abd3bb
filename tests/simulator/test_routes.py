"""Where requests go, and where the API says that it is."""

from random import Random
from typing import Any

import pytest

from connector.simulator.app import Simulator
from connector.simulator.routes import Routes
from connector.simulator.settings import from_mapping


class Clock:
    """Time that stands still."""

    def monotonic(self) -> float:
        """Seconds."""
        return 0.0

    def wall_ms(self) -> int:
        """Milliseconds."""
        return 0


def simulator(**settings: Any) -> Simulator:
    """A simulator that nobody serves."""
    values = {"numbers": [{"id": "1"}], **settings}
    return Simulator(from_mapping(values), Clock(), Random(7))  # noqa: S311 - repeatable on purpose


async def call(app: Simulator, path: str, host: str | None, token: str = "simulator-token") -> list[Any]:  # noqa: S107 - a simulator's token
    """GET a path; the ASGI messages of the answer."""
    headers = [(b"authorization", f"Bearer {token}".encode())]
    headers += [] if host is None else [(b"host", host.encode())]
    path, _, query = path.partition("?")
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": headers}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({**scope, "scheme": "http", "server": ("127.0.0.1", 8900)}, receive, send)
    return sent


def routes(app: Simulator) -> Routes:
    """The simulator's routes, asked for anew each time: a type checker would remember what an attribute was."""
    return app.routes


async def test_the_address_is_where_the_api_is_called() -> None:
    """Observer and switches, which may have a port of their own, tell it only until then."""
    app = simulator()
    assert routes(app).base_url is None
    await call(app, "/_observer/summary", "admin:8901")
    assert routes(app).base_url == "http://admin:8901"
    await call(app, "/v26.0/1", "api:8900")
    await call(app, "/v26.0/1", "elsewhere:8900")
    await call(app, "/_observer/summary", "admin:8901")
    assert routes(app).base_url == "http://api:8900"


async def test_the_settings_know_the_address_better() -> None:
    """As behind a proxy."""
    app = simulator(public_url="https://simulator.example.com")
    await call(app, "/v26.0/1", "api:8900")
    assert routes(app).base_url == "https://simulator.example.com"


async def test_a_caller_without_a_host_header() -> None:
    """The socket's own address stands in."""
    app = simulator()
    await call(app, "/v26.0/1", None)
    assert routes(app).base_url == "http://127.0.0.1:8900"


@pytest.mark.parametrize("path", ["/", "/v26.0", "/v26.0/"])
async def test_no_path_is_code_2500(path: str) -> None:
    """Unknown path components."""
    start, body = await call(simulator(), path, "api")
    assert start["status"] == 400
    assert b'"code":2500' in body["body"]


async def test_a_token_may_come_in_the_query() -> None:
    """Unless there is one in the header."""
    start, _ = await call(simulator(), "/1?access_token=simulator-token", "api", token="wrong")
    assert start["status"] == 401
