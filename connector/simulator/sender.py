"""Posts the outbox: a few connections, one loop, no decision of its own."""

import asyncio
import contextlib
from collections.abc import Iterable
from random import Random

import httpx
from httpx_aiohttp import AiohttpTransport

from connector.clock import Clock
from connector.simulator.outbox import Delivery, Outbox
from connector.simulator.settings import WebhookSettings
from connector.simulator.webhooks import SIGNATURE_HEADER, Notice, signature


class WebhookSender:
    """Sends webhooks to one URL until each is answered 200.

    Args:
        settings: where to and how.
        app_secret: signs the bodies.
        clock: the simulator's time.
        random: of what happens to webhooks on their way.
    """

    def __init__(self, settings: WebhookSettings, app_secret: str, clock: Clock, random: Random) -> None:
        self.outbox = Outbox(settings, random)
        self._settings = settings
        self._secret = app_secret
        self._clock = clock
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(settings.connections)
        self._posts: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None

    def add(self, notices: Iterable[Notice]) -> None:
        """Send ``notices`` when they are due; nothing is kept while there is no URL."""
        if self.url is not None:
            self.outbox.add(notices)
            self._changed.set()

    @property
    def url(self) -> str | None:
        """Where to; None for nowhere."""
        return self.outbox.settings.url

    @property
    def settings(self) -> WebhookSettings:
        """In force now."""
        return self.outbox.settings

    def change(self, settings: WebhookSettings) -> None:
        """Go by other settings from now on; connections and timeout stay as they were."""
        self.outbox.change(settings)
        self._changed.set()

    async def start(self) -> None:
        """Begin to post."""
        limits = httpx.Limits(max_connections=self._settings.connections, keepalive_expiry=60)
        self._client = httpx.AsyncClient(
            transport=AiohttpTransport(limits=limits), timeout=self._settings.timeout_ms / 1000
        )
        self._loop = asyncio.create_task(self._run(self._client))

    async def close(self) -> None:
        """Stop; what is pending is lost."""
        tasks = [task for task in (self._loop, *self._posts) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def handshake(self, url: str, verify_token: str) -> bool:
        """Meta's check of a new callback URL: whether it echoes the challenge (Graph webhooks guide, 2026)."""
        challenge = "1158201444"
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        if self._client is None:
            return False
        try:
            answer = await self._client.get(url, params=query)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK and answer.text == challenge

    async def _run(self, client: httpx.AsyncClient) -> None:
        while True:
            await self._slots.acquire()
            delivery = self.outbox.take(self._clock.monotonic())
            if delivery is not None:
                task = asyncio.create_task(self._post(client, delivery))
                self._posts.add(task)
                task.add_done_callback(self._posts.discard)
                continue
            self._slots.release()
            await self._until_due()

    async def _until_due(self) -> None:
        """Wait for the next wake-up, or for something new, which may be due earlier."""
        wakeup_s = self.outbox.next_wakeup()
        wait_s = None if wakeup_s is None else max(0.0, wakeup_s - self._clock.monotonic())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        self._changed.clear()

    async def _post(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        started_s = self._clock.monotonic()
        answer: int | str = "cancelled"
        try:
            answer = await self._answer(client, delivery.body)
        finally:
            self.outbox.settle(delivery, answer, started_s, self._clock.monotonic())
            self._slots.release()
            self._changed.set()

    async def _answer(self, client: httpx.AsyncClient, body: bytes) -> int | str:
        headers = {
            "content-type": "application/json",
            "user-agent": "facebookexternalua",
            SIGNATURE_HEADER: signature(self._secret, body),
        }
        try:
            response = await client.post(self.url or "", content=body, headers=headers)
        except httpx.HTTPError as error:
            # httpx-aiohttp 0.2 takes refused and broken connections alike for a ConnectTimeout; the cause tells which.
            return type(error.__cause__ or error).__name__
        return response.status_code
