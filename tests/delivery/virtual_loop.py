"""An event loop whose time passes only when there is nothing else to do, and then at once."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from tests.delivery.making import WALL_MS

T = TypeVar("T")

START: Final = 10_000.0


class _Selector(selectors.SelectSelector):
    """Waiting is a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            message = "nothing is left that could ever happen"
            raise RuntimeError(message)
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The standard library's loop in virtual time; it is a clock too."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Virtual seconds."""
        return self._virtual.now

    def monotonic(self) -> float:
        """The same, for those who ask a clock."""
        return self._virtual.now

    def wall_ms(self) -> int:
        """Unix milliseconds that go with it."""
        return WALL_MS + round((self._virtual.now - START) * 1000)


def in_virtual_time(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run it to its end; what it has left behind is cancelled."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_to_its_end(main(loop)))
    finally:
        loop.close()


async def _to_its_end(main: Coroutine[Any, Any, T]) -> T:
    try:
        return await main
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
