"""The admin port tells and never changes."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from connector.telemetry.health import Health, admin_app


class Answer:
    """What the application sent."""

    def __init__(self, messages: list[Any]) -> None:
        start, *bodies = messages
        self.status: int = start["status"]
        self.headers = dict(start["headers"])
        self.body = b"".join(message["body"] for message in bodies)

    def json(self) -> Any:
        """The body as JSON."""
        assert self.headers[b"content-type"] == b"application/json"
        return json.loads(self.body)


class Admin:
    """An admin application and its health."""

    def __init__(self, *, numbers: bool = True) -> None:
        self.health = Health(["kafka", "tokens"])
        rows = [{"phone_number_id": "1", "limit": 80}]
        self.app = admin_app(
            self.health,
            lambda: b"metric 1\n",
            version="1.2.3",
            role="delivery",
            numbers=(lambda: rows) if numbers else None,
        )

    async def ask(self, path: str, method: str = "GET") -> Answer:
        """One request."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            pytest.fail("no body is ever read")

        await self.app({"type": "http", "method": method, "path": path, "headers": []}, receive, send)
        return Answer(sent)


@pytest.fixture
def admin() -> Admin:
    """The application of a delivery worker."""
    return Admin()


async def test_live_whatever_the_checks_say(admin: Admin) -> None:
    """A broker that is down must not restart the processes that wait for it."""
    admin.health.set("kafka", ok=False, reason="broker down")
    answer = await admin.ask("/livez")
    assert (answer.status, answer.json()) == (200, {"live": True})


async def test_not_ready_until_every_check_is_good(admin: Admin) -> None:
    """Each check starts as not good; the answer tells each with its reason."""
    answer = await admin.ask("/readyz")
    assert (answer.status, answer.json()) == (
        503,
        {
            "ready": False,
            "checks": {"kafka": {"ok": False, "reason": "starting"}, "tokens": {"ok": False, "reason": "starting"}},
        },
    )
    admin.health.set("kafka", ok=True)
    assert (await admin.ask("/readyz")).status == 503
    admin.health.set("tokens", ok=True)
    answer = await admin.ask("/readyz")
    assert (answer.status, answer.json()["ready"]) == (200, True)


async def test_a_check_that_turns_bad_makes_not_ready_again(admin: Admin) -> None:
    """With its reason."""
    admin.health.set("tokens", ok=True)
    admin.health.set("kafka", ok=True)
    admin.health.set("kafka", ok=False, reason="no acknowledgement for 30 s")
    answer = await admin.ask("/readyz")
    assert answer.status == 503
    assert answer.json()["checks"]["kafka"] == {"ok": False, "reason": "no acknowledgement for 30 s"}


def test_a_check_nobody_named_is_a_mistake() -> None:
    """A misspelt name would never become good, or never count."""
    with pytest.raises(KeyError):
        Health(["kafka"]).set("kafak", ok=True)


def test_only_changes_are_logged() -> None:
    """A check that is set every second fills no log."""
    health = Health(["kafka"])
    with capture_logs() as logs:
        for _ in range(3):
            health.set("kafka", ok=True)
        health.set("kafka", ok=False, reason="down")
    assert [(line["check"], line["ok"]) for line in logs] == [("kafka", True), ("kafka", False)]


async def test_metrics_are_prometheus_text(admin: Admin) -> None:
    """With the media type that scrapers look for."""
    answer = await admin.ask("/metrics")
    assert (answer.status, answer.body) == (200, b"metric 1\n")
    assert answer.headers[b"content-type"] == b"text/plain; version=0.0.4; charset=utf-8"


async def test_version_and_numbers_are_json(admin: Admin) -> None:
    """For people with curl and for commands that watch."""
    assert (await admin.ask("/version")).json() == {"version": "1.2.3", "role": "delivery"}
    assert (await admin.ask("/numbers")).json() == {"numbers": [{"phone_number_id": "1", "limit": 80}]}


async def test_the_ingress_has_no_numbers() -> None:
    """It knows none."""
    answer = await Admin(numbers=False).ask("/numbers")
    assert answer.status == 404
    assert answer.json()["paths"] == ["/livez", "/metrics", "/readyz", "/version"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/version", "/numbers"])
async def test_head_is_get_without_the_body(admin: Admin, path: str) -> None:
    """Same status, same length told."""
    get, head = await admin.ask(path), await admin.ask(path, "HEAD")
    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")
    assert int(get.headers[b"content-length"]) == len(get.body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_can_be_changed(admin: Admin, method: str) -> None:
    """Pause and resume go through Kafka, whose ACLs say who may."""
    answer = await admin.ask("/numbers", method)
    assert answer.status == 405
    assert answer.headers[b"allow"] == b"GET, HEAD"


async def test_a_server_may_announce_its_start_and_end(admin: Admin) -> None:
    """The lifespan protocol is answered and does nothing."""
    events = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": next(events)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await admin.app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_readiness_is_a_metric_too() -> None:
    """1 for a check that is good, 0 for one that is not, whatever the others are."""
    health = Health(["kafka", "topics"])
    health.set("kafka", ok=True)
    assert health.states() == [(1.0, {"check": "kafka"}), (0.0, {"check": "topics"})]
