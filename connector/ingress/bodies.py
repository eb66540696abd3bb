"""SHELL. Request bodies, read within bounds on size, time, and what all requests hold together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from connector.telemetry.metrics import Metrics

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one sender, and all together, may take up.

    Attributes:
        body_bytes_max: Meta's bodies reach 3 MB (Meta, create webhook endpoint, 2026-09-11), the rest is margin.
        body_timeout_s: Seconds for a body to arrive whole.
        in_flight_bytes_max: Bytes of all bodies not answered yet; parsed and encoded, each takes several times that.
        in_flight_requests_max: Requests not answered yet.
    """

    body_bytes_max: int = 4 * 1024 * 1024
    body_timeout_s: float = 10.0
    in_flight_bytes_max: int = 64 * 1024 * 1024
    in_flight_requests_max: int = 1000


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """The request is answered with this status; the reason is one of a closed set."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


class Disconnected(Exception):  # noqa: N818 - it is an event, not a fault
    """The client has gone; nobody waits for an answer."""


class Bodies:
    """Reads the bodies of one server."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._requests = 0
        self._bytes = 0

    @contextlib.asynccontextmanager
    async def reading(self, receive: Receive, content_length: str | None) -> AsyncIterator[bytes]:
        """Read one body; it counts as in flight until the block is left.

        Raises:
            Refusal: 413 for a body too large, 408 for one too slow, 503 when too much is in flight.
            Disconnected: The client went away.
        """
        held = 0
        self._requests += 1
        try:
            self._check_request(content_length)
            chunks: list[bytes] = []
            try:
                async with asyncio.timeout(self._limits.body_timeout_s):
                    async for chunk in _chunks(receive):
                        chunks.append(chunk)
                        held += len(chunk)
                        self._hold(len(chunk))
                        self._check_bytes(held)
            except TimeoutError:
                raise Refusal(408, "timeout") from None
            yield b"".join(chunks)
        finally:
            self._requests -= 1
            self._hold(-held)

    def _check_request(self, content_length: str | None) -> None:
        if content_length is not None and content_length.isdecimal():
            self._check_size(int(content_length))
        if self._requests > self._limits.in_flight_requests_max:
            raise Refusal(503, "unavailable")

    def _check_bytes(self, held: int) -> None:
        self._check_size(held)
        if self._bytes > self._limits.in_flight_bytes_max:
            raise Refusal(503, "unavailable")

    def _check_size(self, size: int) -> None:
        if size > self._limits.body_bytes_max:
            raise Refusal(413, "size")

    def _hold(self, count: int) -> None:
        self._bytes += count
        self._metrics.ingress_in_flight_bytes.add(count, {})


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        yield message.get("body", b"")
        more = message.get("more_body", False)
