"""An HTTP client that sends at its own times, whatever the server does, and measures from the time a request was due.

A client that waits for an answer before it sends the next request measures a slow server kindly: the requests it would
have sent meanwhile are never late. Here a request that finds no free connection waits, and its wait counts.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, cast

from bench.delivery_figures import quantile

_HEAD_END: Final = b"\r\n\r\n"
_STATUS: Final = slice(9, 12)  # HTTP/1.1 200 OK
DRAIN_S: Final = 30.0


@dataclass
class Result:
    """What one run saw; latencies are seconds from when a request was due to the end of its answer."""

    sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    duration_s: float = 0.0

    def quantile_ms(self, share: float) -> float:
        """The latency that ``share`` of the requests did not exceed, in milliseconds."""
        return quantile(self.latencies_s, share) * 1000


class _Connection(asyncio.Protocol):
    """One keep-alive connection: one request at a time."""

    def __init__(self, load: "_Load") -> None:
        self._load = load
        self._answer = b""
        self._due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for a first request."""
        self._transport = cast("asyncio.Transport", transport)
        self._load.idle(self)

    def send(self, request: bytes, due: float) -> None:
        """Send one request that was due at some time of the loop."""
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Collect an answer; the server's are short, and name their length."""
        self._answer += data
        head, end, body = self._answer.partition(_HEAD_END)
        if not end or len(body) < _content_length(head):
            return
        due, self._due, self._answer = self._due, None, b""
        self._load.answered(head[_STATUS].decode(), cast("float", due))
        if b"connection: close" in head.lower():
            self._transport.close()
        else:
            self._load.idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """A request without an answer is told as such."""
        self._load.lost(self)
        if self._due is not None:
            self._load.answered(f"lost ({type(exc).__name__})", self._due)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


class _Load:
    """The connections, the requests that wait for one, and what came of the others."""

    def __init__(self, host: str, port: int, connections: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._address = (host, port)
        self._connections = connections
        self._idle: list[_Connection] = []
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._dialing: set[asyncio.Task[object]] = set()
        self.result = Result()
        self.done = asyncio.Event()
        self.expected: int | None = None

    async def open(self) -> None:
        await asyncio.gather(*(self._dial() for _ in range(self._connections)))

    async def _dial(self) -> None:
        await self._loop.create_connection(lambda: _Connection(self), *self._address)

    def idle(self, connection: _Connection) -> None:
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: _Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        if self.expected is None or len(self.result.latencies_s) < self.expected:
            dialing = self._loop.create_task(self._dial())
            self._dialing.add(dialing)
            dialing.add_done_callback(self._dialing.discard)

    def send(self, request: bytes, due: float) -> None:
        self.result.sent += 1
        if self._idle:
            self._idle.pop().send(request, due)
        else:
            self._waiting.append((request, due))

    def answered(self, status: str, due: float) -> None:
        self.result.statuses[status] += 1
        self.result.latencies_s.append(self._loop.time() - due)
        if len(self.result.latencies_s) == self.expected:
            self.done.set()


def poisson(rate: float, count: int, seed: int) -> list[float]:
    """Times of arrival of ``count`` requests of independent senders, in seconds from the start."""
    chance = random.Random(seed)
    return list(accumulate(chance.expovariate(rate) for _ in range(count)))


async def run(host: str, port: int, requests: Sequence[bytes], times: Iterable[float], connections: int) -> Result:
    """Send each request at its time.

    Args:
        host: Where to.
        port: Where to.
        requests: Whole HTTP requests; taken in order.
        times: Seconds from the start, ascending, one for each request.
        connections: How many keep-alive connections there are.
    """
    load = _Load(host, port, connections)
    await load.open()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    load.expected = len(requests)
    for request, offset in zip(requests, times, strict=True):
        due = begun + offset
        # Also when late: answers have to be read.
        await asyncio.sleep(max(0.0, due - loop.time()))
        load.send(request, due)
    async with asyncio.timeout(DRAIN_S):
        await load.done.wait()
    load.result.duration_s = loop.time() - begun
    return load.result


async def one_by_one(host: str, port: int, requests: Sequence[bytes]) -> Result:
    """Send each request when the one before is answered, on one connection."""
    load = _Load(host, port, 1)
    await load.open()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number, request in enumerate(requests, start=1):
        load.expected = number
        load.done.clear()
        load.send(request, loop.time())
        async with asyncio.timeout(DRAIN_S):
            await load.done.wait()
    load.result.duration_s = loop.time() - begun
    return load.result
