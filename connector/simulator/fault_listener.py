"""The door: listens on the simulator's address, except while a fault has it closed."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from connector.clock import Clock
from connector.simulator.faults import Faults

BACKLOG = 2048
# A port that was given up may be somebody's for a moment.
REOPEN_PAUSE_S = 0.05


class Listener:
    """Opens and closes one listening address as the faults say.

    Args:
        protocol: makes one for each connection.
        faults: say whether anybody listens.
        clock: their time.
        end_idle: ends the open connections, each after the answer under way.
    """

    def __init__(
        self,
        protocol: Callable[[], asyncio.Protocol],
        faults: Faults,
        clock: Clock,
        end_idle: Callable[[], None],
    ) -> None:
        self._protocol = protocol
        self._faults = faults
        self._clock = clock
        self._end_idle = end_idle
        self._changed = asyncio.Event()
        self._address: tuple[str, int] = ("", 0)
        self._server: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None
        self._refusing = False

    @property
    def port(self) -> int:
        """Where it listens, also while it is closed."""
        return self._address[1]

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            OSError: the address is taken or not ours.
        """
        self._address = (host, port)
        await self._open()
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Listen no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        self._shut()

    def review(self) -> None:
        """Look at the faults again: they changed."""
        self._changed.set()

    async def _watch(self) -> None:
        while True:
            self._changed.clear()
            await self._follow()
            now_s = self._clock.monotonic()
            change_s = self._faults.next_change_s(now_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if change_s is None else max(0.0, change_s - now_s)):
                    await self._changed.wait()

    async def _follow(self) -> None:
        now_s = self._clock.monotonic()
        refusing = self._faults.is_refusing(now_s)
        if self._faults.is_closed(now_s):
            self._shut()
        elif self._server is None:
            await self._reopen()
        if refusing and not self._refusing:
            self._end_idle()
        self._refusing = refusing

    async def _open(self) -> None:
        listener = socket.create_server(self._address, backlog=BACKLOG)
        self._address = (self._address[0], listener.getsockname()[1])
        self._server = await asyncio.get_running_loop().create_server(self._protocol, sock=listener, backlog=BACKLOG)

    async def _reopen(self) -> None:
        try:
            await self._open()
        except OSError:
            await asyncio.sleep(REOPEN_PAUSE_S)
            self._changed.set()

    def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
