"""An HTTP server that starts when it says so and ends in good order."""

import asyncio
import signal
import ssl
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.service.http import AsgiApp, CannotListenError, Tls, serving
from tests.fixtures.tools import or_skip, program

HOST = "127.0.0.1"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the path."""
    del receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


class Slow:
    """Answers when it is told to; says when a request has come."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        self.came.set()
        await self.go.wait()
        await hello(scope, receive, send)


async def get(port: int, path: str = "/", scheme: str = "http", **arguments: Any) -> httpx.Response:
    """One request of its own connection."""
    async with httpx.AsyncClient(trust_env=False, timeout=20, **arguments) as client:
        return await client.get(f"{scheme}://{HOST}:{port}{path}")


async def test_it_serves_inside_its_block_only() -> None:
    """On the port that it gives, from the first moment on; afterwards nobody listens."""
    async with serving(hello, HOST, 0, drain_s=1.0, concurrency_max=10) as port:
        response = await get(port, "/x")
        assert (response.status_code, response.text) == (200, "/x")
        assert "server" not in response.headers
    with pytest.raises(httpx.ConnectError):
        await get(port)


async def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    """In one line, without a stack."""
    async with serving(hello, HOST, 0, drain_s=1.0, concurrency_max=10) as port:
        with pytest.raises(CannotListenError, match=f"{HOST}:{port}.*choose another port"):
            async with serving(hello, HOST, port, drain_s=1.0, concurrency_max=10):
                pass


async def test_open_requests_are_waited_for() -> None:
    """The block ends when the last of them has its answer."""
    slow = Slow()
    async with serving(slow, HOST, 0, drain_s=30.0, concurrency_max=10) as port:
        request = asyncio.create_task(get(port, "/slow"))
        await slow.came.wait()
        asyncio.get_running_loop().call_later(0.05, slow.go.set)
    response = await request
    assert (response.status_code, response.text) == (200, "/slow")


async def test_too_many_requests_at_once_are_turned_away() -> None:
    """Those beyond the bound get 503 and do not wait."""
    slow = Slow()
    async with serving(slow, HOST, 0, drain_s=5.0, concurrency_max=2) as port:
        first = asyncio.create_task(get(port))
        await slow.came.wait()
        responses = await asyncio.gather(*(get(port) for _ in range(3)))
        slow.go.set()
        assert (await first).status_code == 200
    assert {response.status_code for response in responses} == {503}


async def test_signals_are_left_to_the_process() -> None:
    """The server installs no handlers of its own."""
    before = signal.getsignal(signal.SIGTERM)
    async with serving(hello, HOST, 0, drain_s=1.0, concurrency_max=10):
        assert signal.getsignal(signal.SIGTERM) is before


async def test_a_failure_inside_the_block_still_ends_the_server() -> None:
    """It is passed on."""
    with pytest.raises(RuntimeError, match="planted"):
        await _fails(hello)


async def _fails(app: AsgiApp) -> None:
    async with serving(app, HOST, 0, drain_s=1.0, concurrency_max=10):
        message = "planted"
        raise RuntimeError(message)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A certificate for this address, signed by itself."""
    openssl = or_skip(partial(program, "openssl"))
    folder: Path = tmp_path_factory.mktemp("tls")
    tls = Tls(folder / "certificate.pem", folder / "key.pem")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=connector"]
    command += ["-addext", f"subjectAltName=IP:{HOST}", "-out", str(tls.certificate), "-keyout", str(tls.key)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own words
    return tls


async def test_it_speaks_tls_with_a_certificate(certificate: Tls) -> None:
    """To whoever trusts its authority."""
    async with serving(hello, HOST, 0, drain_s=1.0, concurrency_max=10, tls=certificate) as port:
        trusting = ssl.create_default_context(cafile=str(certificate.certificate))
        assert (await get(port, "/x", "https", verify=trusting)).text == "/x"
        with pytest.raises(httpx.ConnectError):
            await get(port, "/x", "https")


async def test_clients_without_a_certificate_are_kept_out(certificate: Tls) -> None:
    """When an authority of clients is named."""
    mutual = Tls(certificate.certificate, certificate.key, client_ca=certificate.certificate)
    async with serving(hello, HOST, 0, drain_s=1.0, concurrency_max=10, tls=mutual) as port:
        stranger = ssl.create_default_context(cafile=str(certificate.certificate))
        with pytest.raises(httpx.TransportError):
            await get(port, "/x", "https", verify=stranger)
        known = ssl.create_default_context(cafile=str(certificate.certificate))
        known.load_cert_chain(certificate.certificate, certificate.key)
        assert (await get(port, "/x", "https", verify=known)).text == "/x"


async def test_a_certificate_that_cannot_be_used_is_told_by_name(tmp_path: Path) -> None:
    """Before anything listens."""
    (tmp_path / "key.pem").write_text("no key")
    tls = Tls(tmp_path / "missing.pem", tmp_path / "key.pem")
    with pytest.raises(CannotListenError, match=r"missing\.pem"):
        async with serving(hello, HOST, 0, drain_s=1.0, concurrency_max=10, tls=tls):
            pass
