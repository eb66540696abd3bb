"""Inbound messages come in: by themselves at a rate, or when asked for."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from connector.clock import Clock
from connector.simulator import ids, inbound
from connector.simulator.business import Business
from connector.simulator.inbound_kinds import NOT_WRITTEN, Scene, User
from connector.simulator.numbers import Number
from connector.simulator.observer import Observer
from connector.simulator.settings_webhooks import InboundKind, InboundSettings
from connector.simulator.webhooks import Notice


class Arrivals:
    """Whatever users write to the numbers.

    Args:
        settings: rate, kinds and population.
        business: written to.
        observer: told of each message.
        clock: the simulator's time.
        random: of the draws.
        post: sends webhooks.
        base_url: where media can be downloaded, as far as that is known.
    """

    def __init__(
        self,
        settings: InboundSettings,
        business: Business,
        observer: Observer,
        clock: Clock,
        random: Random,
        *,
        post: Callable[[Sequence[Notice]], None],
        base_url: Callable[[], str | None],
    ) -> None:
        self._settings = settings
        self._business = business
        self._observer = observer
        self._clock = clock
        self._random = random
        self._post = post
        self._base_url = base_url

    def receive(
        self, number: Number, kind: InboundKind, sender: str | None = None, content: dict[str, Any] | None = None
    ) -> str:
        """Let one message come in for ``number`` now; its id.

        What a user wrote counts against the limit and opens the customer service window.

        Args:
            number: written to.
            kind: what it is, unless ``content`` says so.
            sender: phone digits or user id; drawn from the population when missing.
            content: the message's own members.
        """
        now_s, now_ms = self._clock.monotonic(), self._clock.wall_ms()
        user = self._anybody() if sender is None else inbound.known_as(sender)
        scene = Scene(self._random, number, user, lambda mime: self._medium(number, mime, now_ms), now_ms // 1000)
        message_id = ids.inbound_message_id(self._random, user.wa_id or user.user_id)
        if content is not None:
            message_id = str(content.get("id", message_id))
        ghost_s = self._settings.ghost_ms / 1000
        updates = inbound.updates(scene, kind, content, message_id=message_id, due_s=now_s, ghost_s=ghost_s)
        if content is not None or kind not in NOT_WRITTEN:
            number.window.count(now_s)
            self._business.people.heard(number.id, user.user_id, now_s)
            self._observer.add_inbound(number.id, now_s)
        self._post(updates)
        return message_id

    async def run(self) -> None:
        """Let messages come in independently of each other, with exponential gaps, until cancelled."""
        due_s = self._clock.monotonic()
        while True:
            due_s += self._random.expovariate(self._settings.rate)
            await asyncio.sleep(max(0.0, due_s - self._clock.monotonic()))
            numbers = self._business.numbers.all()
            if numbers:
                self.receive(self._random.choice(numbers), self._random.choice(self._settings.kinds))

    def _anybody(self) -> User:
        """One of the population; the first of them are the hidden ones."""
        index = self._random.randrange(self._settings.users)
        return inbound.user(index, hidden=index < self._settings.hidden * self._settings.users)

    def _medium(self, number: Number, mime_type: str, now_ms: int) -> dict[str, Any]:
        medium = self._business.media.receive(number.id, mime_type, now_ms)
        described = {"mime_type": mime_type, "sha256": medium.digest, "id": medium.id}
        base_url = self._base_url()
        if base_url is not None:
            described["url"] = self._business.media.url(medium.id, base_url, now_ms)
        return described
