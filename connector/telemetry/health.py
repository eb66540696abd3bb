"""The admin port: probes, metrics, version and numbers. It answers GET and HEAD, and changes nothing.

*Live* means that the event loop runs, and an answer is the proof: the broker's state never restarts a process. *Ready*
means that every named check is good; each starts as not good, so that a process is not ready before its parts say so.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, NamedTuple

import structlog

from connector.telemetry.labels import Check as MetricCheck

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON_TYPE = b"application/json"
PROMETHEUS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

log = structlog.get_logger()


class Check(NamedTuple):
    """State of one check; ``reason`` says why it is not good."""

    ok: bool
    reason: str


class Health:
    """Readiness, as named checks.

    Args:
        checks: Names of all checks that must be good.
    """

    def __init__(self, checks: Iterable[str]) -> None:
        self._checks = dict.fromkeys(checks, Check(ok=False, reason="starting"))
        self._all_good = asyncio.Event()

    def set(self, name: str, *, ok: bool, reason: str = "") -> None:
        """Note the state of one check; a change is logged once.

        Raises:
            KeyError: no such check.
        """
        before = self._checks[name]
        self._checks[name] = Check(ok, reason)
        if self.ready:
            self._all_good.set()
        else:
            self._all_good.clear()
        if before.ok != ok:
            log.info("readiness check changed", check=name, ok=ok, reason=reason)

    @property
    def ready(self) -> bool:
        """Whether all checks are good."""
        return all(check.ok for check in self._checks.values())

    async def until_ready(self) -> None:
        """Return when all checks are good."""
        await self._all_good.wait()

    def states(self) -> list[tuple[float, MetricCheck]]:
        """1 for each check that is good, 0 for each that is not: for the metric of the same name."""
        return [(float(check.ok), {"check": name}) for name, check in self._checks.items()]

    def report(self) -> dict[str, Any]:
        """What ``/readyz`` answers: ``ready``, and of each check ``ok`` and ``reason``."""
        checks = {name: {"ok": check.ok, "reason": check.reason} for name, check in self._checks.items()}
        return {"ready": self.ready, "checks": checks}


class Answer(NamedTuple):
    """One HTTP answer."""

    status: int
    media_type: bytes
    body: bytes


def admin_app(
    health: Health,
    metrics_text: Callable[[], bytes],
    *,
    version: str,
    role: str,
    numbers: Callable[[], list[dict[str, Any]]] | None = None,
) -> AsgiApp:
    """The ASGI application of the admin port.

    Args:
        health: What ``/readyz`` tells.
        metrics_text: Gives the body of ``/metrics``, in Prometheus' text format.
        version: Told by ``/version``, with the role.
        role: ``ingress`` or ``delivery``.
        numbers: Gives the rows of ``/numbers``; without it there is no such path.
    """
    routes: dict[str, Callable[[], Answer]] = {
        "/livez": lambda: _json(200, {"live": True}),
        "/readyz": lambda: _json(200 if health.ready else 503, health.report()),
        "/metrics": lambda: Answer(200, PROMETHEUS_TYPE, metrics_text()),
        "/version": lambda: _json(200, {"version": version, "role": role}),
    }
    if numbers is not None:
        routes["/numbers"] = lambda: _json(200, {"numbers": numbers()})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await _send(send, _answer(routes, scope), head=scope["method"] == "HEAD")

    return app


def _answer(routes: dict[str, Callable[[], Answer]], scope: Scope) -> Answer:
    if scope["method"] not in {"GET", "HEAD"}:
        return _json(405, {"error": "only GET and HEAD: this port changes nothing"})
    route = routes.get(scope["path"])
    if route is None:
        return _json(404, {"error": "no such path", "paths": sorted(routes)})
    return route()


def _json(status: int, content: Any) -> Answer:
    return Answer(status, JSON_TYPE, json.dumps(content).encode() + b"\n")


async def _send(send: Send, answer: Answer, *, head: bool) -> None:
    headers = [
        (b"content-type", answer.media_type),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if answer.status == 405:  # noqa: PLR2004 - the HTTP status itself is the clearest name
        headers.append((b"allow", b"GET, HEAD"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
