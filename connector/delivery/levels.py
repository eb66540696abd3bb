"""What rate each number has: from the configuration, or from Meta, read again from time to time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final, Protocol

from connector.clock import Clock
from connector.delivery.dispatcher import Dispatcher
from connector.whatsapp.limits import throughput_mps

LEVEL_REREAD_S: Final = 600.0
"""A level changes by Meta's upgrade a few times in a number's life; a call costs one of 5000 an hour."""

LEVEL_RETRY_S: Final = 2.5
"""Doubled with each refusal: a number that Meta does not know is not asked for more often than one it knows."""


class LevelApi(Protocol):
    """What is asked of the Cloud API."""

    async def level(self, phone_number_id: str, access_token: str) -> str | None:
        """The number's throughput level, None when it cannot be read now."""
        ...


class Levels:
    """Of the numbers of one worker, on its event loop; ``pump`` is called after each change."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        api: LevelApi,
        clock: Clock,
        access_token: Callable[[str], str],
        *,
        configured_rate: Callable[[str], int | None],
        pump: Callable[[], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._api = api
        self._clock = clock
        self._access_token = access_token
        self._configured_rate = configured_rate
        self._pump = pump
        self._learning: set[str] = set()
        self._tasks: set[asyncio.Task[bool | None]] = set()

    def learn(self, phone_number_id: str) -> None:
        """Set a number's rate when it is first seen, and keep it; the configuration's word wins over Meta's."""
        if phone_number_id not in self._learning:
            self._learning.add(phone_number_id)
            self._spawn(self._learn(phone_number_id))

    def reread(self, phone_number_id: str) -> None:
        """Meta has said that it changed."""
        if self._configured_rate(phone_number_id) is None:
            self._spawn(self._read(phone_number_id))

    def close(self) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()

    async def _learn(self, phone_number_id: str) -> None:
        try:
            if (configured := self._configured_rate(phone_number_id)) is not None:
                self._set(phone_number_id, configured)
            else:
                await self._follow(phone_number_id)
        finally:
            self._learning.discard(phone_number_id)

    async def _read(self, phone_number_id: str) -> bool:
        level = await self._api.level(phone_number_id, self._access_token(phone_number_id))
        if level is not None:
            self._set(phone_number_id, throughput_mps(level))
        return level is not None

    async def _follow(self, phone_number_id: str) -> None:
        retry_s = LEVEL_RETRY_S
        while True:
            if await self._read(phone_number_id):
                wait_s, retry_s = LEVEL_REREAD_S, LEVEL_RETRY_S
            else:
                wait_s, retry_s = retry_s, min(LEVEL_REREAD_S, 2 * retry_s)
            await asyncio.sleep(wait_s)
            if not self._dispatcher.knows(phone_number_id):
                self._dispatcher.forget_rate(phone_number_id)
                return

    def _set(self, phone_number_id: str, rate: int) -> None:
        self._dispatcher.set_rate(phone_number_id, rate, self._clock.monotonic())
        self._pump()

    def _spawn(self, coroutine: Coroutine[None, None, bool | None]) -> None:
        task: asyncio.Task[bool | None] = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
