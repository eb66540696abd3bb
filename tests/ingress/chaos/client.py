"""A client that posts as Meta does: at its own times, and each body again until it is answered 200."""

import asyncio
import contextlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from connector.clock import SystemClock
from tests.ingress.chaos.bodies import Body
from tests.ingress.chaos.ledgers import NO_ANSWER, Attempt, Posted
from tests.ingress.client import signed

LANES: Final = 64
AGAIN_AFTER_S: Final = 0.5
ANSWER_S: Final = 10.0

_CLOCK: Final = SystemClock()


@dataclass(order=True)
class _Due:
    at_s: float
    place: int
    body: Body = field(compare=False)


class RedeliveringClient:
    """Posts bodies at a port of this machine.

    Args:
        port: where the ingress listens, now or later.
        secret: the app secret.
    """

    def __init__(self, port: int, secret: bytes) -> None:
        self._port = port
        self._secret = secret
        self._waiting: list[_Due] = []
        self._changed = asyncio.Condition()
        self._left = 0
        self._latest_taken_ms = 0
        self._attempts: dict[str, list[Attempt]] = {}
        self._bodies: dict[str, Body] = {}

    @property
    def posted(self) -> tuple[Posted, ...]:
        """The ledger: each body, with what came of each try."""
        return tuple(Posted(body, tuple(self._attempts[name])) for name, body in self._bodies.items())

    async def taken_since(self, begun_ms: int) -> None:
        """Wait until a try that began then or later is answered 200, or all have been."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._latest_taken_ms >= begun_ms or not self._left)

    async def run(self, bodies: Sequence[Body], rate: float) -> None:
        """Post all of them, so many a second; returns when each has been answered 200."""
        begun = _CLOCK.monotonic()
        self._left = len(bodies)
        for place, body in enumerate(bodies):
            self._bodies[body.name] = body
            self._attempts[body.name] = []
            heapq.heappush(self._waiting, _Due(begun + place / rate, place, body))
        async with asyncio.TaskGroup() as group:
            for _ in range(LANES):
                group.create_task(self._lane())

    async def _lane(self) -> None:
        connection = Connection(self._port)
        try:
            while (due := await self._next()) is not None:
                await self._post(connection, due)
        finally:
            connection.close()

    async def _next(self) -> _Due | None:
        """The next body that is due, once it is; None when there will be no more."""
        async with self._changed:
            while self._left:
                now = _CLOCK.monotonic()
                if self._waiting and self._waiting[0].at_s <= now:
                    return heapq.heappop(self._waiting)
                wait_s = self._waiting[0].at_s - now if self._waiting else None
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), wait_s)
            return None

    async def _post(self, connection: "Connection", due: _Due) -> None:
        begun_ms, begun_s = _CLOCK.wall_ms(), _CLOCK.monotonic()
        status = await connection.post(due.body.content, signed(due.body.content, self._secret))
        ended_s = _CLOCK.monotonic()
        self._attempts[due.body.name].append(Attempt(begun_ms, _CLOCK.wall_ms(), status, ended_s - begun_s))
        async with self._changed:
            if status == 200:
                self._left -= 1
                self._latest_taken_ms = max(self._latest_taken_ms, begun_ms)
            else:
                heapq.heappush(self._waiting, _Due(ended_s + AGAIN_AFTER_S, due.place, due.body))
            self._changed.notify_all()


class Connection:
    """One connection, opened when it is needed and kept as long as the server keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, content: bytes, signature: str) -> int:
        """The status of the answer; :data:`NO_ANSWER` when none came."""
        head = (
            f"POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"content-length: {len(content)}\r\nx-hub-signature-256: {signature}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(ANSWER_S):
                reader, writer = await self._open()
                writer.write(head.encode() + content)
                await writer.drain()
                answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        except (OSError, EOFError, TimeoutError):
            self.close()
            return NO_ANSWER
        if b"connection: close" in answer:
            self.close()
        return int(answer.split(b" ", 2)[1])

    @property
    def ended(self) -> bool:
        """Whether the server has ended it: that says nothing of the server that is there now."""
        return self._streams is not None and (self._streams[0].at_eof() or self._streams[1].is_closing())

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.ended:
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self._streams

    def close(self) -> None:
        """Forget the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
