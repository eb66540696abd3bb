"""SHELL. One signed body: taken apart, mapped, and published with its signals."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from connector.clock import Clock
from connector.ingress.admission import Admission, PublicationTrace, Ticket
from connector.ingress.events import Arrival, Event, Reject
from connector.ingress.mapping import map_facts
from connector.ingress.numbers import Numbers
from connector.ingress.publisher import Group, Publisher
from connector.ingress.repeat_window import Claim, RepeatWindow
from connector.ingress.signals import Signals
from connector.ingress.tally import Tally
from connector.kafka.producer import PublishError, RecordTooLargeError
from connector.whatsapp.facts import Fact, Malformed
from connector.whatsapp.notification import parse_notification

_REJECT_KIND = "reject"
_EMPTY = "nothing_told"


class Intake:
    """Takes bodies for one ingress.

    Args:
        publisher: Where records go.
        signals: Told of inbound messages.
        admission: Bounds what is on its way to Kafka.
        window: Drops repeats.
        numbers: Ids of business numbers; learns from every webhook that names both.
        clock: Measures how long Kafka takes.
        tally: Counts items, and times publications.
        replica: Name of this ingress.
        installation: Whose envelopes are opened.
        key_secret: Gives the secret of the conversation keys, for ``conversation_key: hmac``; None: plain keys.
    """

    def __init__(
        self,
        publisher: Publisher,
        signals: Signals,
        *,
        admission: Admission,
        window: RepeatWindow,
        numbers: Numbers,
        clock: Clock,
        tally: Tally,
        replica: str,
        installation: str,
        key_secret: Callable[[], bytes] | None = None,
    ) -> None:
        self._publisher = publisher
        self._signals = signals
        self._admission = admission
        self._window = window
        self._numbers = numbers
        self._clock = clock
        self._tally = tally
        self._replica = replica
        self._installation = installation
        self._key_secret = key_secret

    async def take(self, raw: bytes, ticket: Ticket) -> Mapping[str, int]:
        """Return when Kafka has acknowledged every record of a body: how many there were of each kind.

        Raises:
            PublishError: Kafka has not; the body has to come again.
            Refusal: There is too much on its way to Kafka.
        """
        slots = self._publisher.known_slots
        if slots is None:
            slots = await self._publisher.slots()
        facts = parse_notification(raw)
        self._learn(facts)
        arrival = Arrival(
            received_at=ticket.arrived_ms,
            replica=self._replica,
            installation=self._installation,
            slots=slots,
            key_secret=self._key_secret() if self._key_secret else None,
            numbers=self._numbers.known,
        )
        fresh, claim, others = self._without_repeats(map_facts(facts, arrival))
        if fresh:
            await self._publish(fresh, claim, ticket)
        for outcome in others:
            ticket.waiting = outcome
            if not await outcome:
                message = "the first of two equal facts was not acknowledged"
                raise PublishError(message)
        return self._count(fresh, empty=not facts)

    def _learn(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if not isinstance(fact, Malformed):
                self._numbers.learn(fact.source.display_phone_number, fact.source.phone_number_id)

    def _without_repeats(
        self, items: Sequence[Event | Reject]
    ) -> tuple[list[Event | Reject], Claim, Collection[asyncio.Future[bool]]]:
        """What is new, claimed for one publication; and what becomes of the publications that hold the rest."""
        claim = Claim()
        fresh: list[Event | Reject] = []
        others: dict[Claim, asyncio.Future[bool]] = {}
        for item in items:
            owner = self._window.claim(item.event_id, _told(item), claim) if isinstance(item, Event) else None
            if owner is None:
                fresh.append(item)
                continue
            self._tally.repeats += 1
            if owner is not claim and owner not in others:
                others[owner] = owner.outcome()
        return fresh, claim, others.values()

    async def _publish(self, items: Sequence[Event | Reject], claim: Claim, ticket: Ticket) -> None:
        largest = self._publisher.largest
        try:
            await self._hand_over(items, claim, ticket)
        except RecordTooLargeError:
            # When another body was refused meanwhile, the limit is a smaller one already.
            if not self._publisher.shrink() and self._publisher.largest == largest:
                raise
            await self._hand_over(items, Claim(), ticket)

    async def _hand_over(self, items: Sequence[Event | Reject], claim: Claim, ticket: Ticket) -> None:
        begun = self._clock.monotonic()
        group = Group()
        trace: PublicationTrace | None = None

        def settled(acknowledged: bool) -> None:  # noqa: FBT001 - the producer's own form
            seconds = self._clock.monotonic() - begun
            self._window.settled(claim, acknowledged=acknowledged)
            self._admission.published(len(group.records), seconds)
            self._tally.published(seconds)
            if acknowledged:
                self._publisher.count(group)
            if trace is not None:
                trace.published(acknowledged=acknowledged)

        try:
            trace = ticket.trace.publishing(items) if ticket.trace is not None else None
            group = self._publisher.group(items if trace is None else trace.items)
            self._admission.publish(len(group.records))
        except Exception:
            self._window.settled(claim, acknowledged=False)
            if trace is not None:
                trace.published(acknowledged=False)
            raise
        ticket.waiting = waiting = self._publisher.hand_over(group.records, settled)
        await waiting

    def _count(self, items: Sequence[Event | Reject], *, empty: bool) -> Mapping[str, int]:
        kinds: dict[str, int] = {}
        for item in items:
            if isinstance(item, Reject):
                kind = _REJECT_KIND
                self._tally.rejects[item.reason] += 1
            else:
                kind = item.schema
                if item.untyped is not None:
                    self._tally.untyped[item.untyped] += 1
                if item.topic == "inbound_messages" and not item.record["standby"]:
                    self._signals.received(item.record["phone_number_id"], item.record["waba_id"])
            kinds[kind] = kinds.get(kind, 0) + 1
        for kind, count in kinds.items():
            self._tally.items[kind] += count
        if empty:
            self._tally.untyped[_EMPTY] += 1
        return kinds


def _told(event: Event) -> tuple[object, ...]:
    """All that a webhook said of a fact: its own text, and what was taken from around it."""
    record = event.record
    people = record.get("sender") or record.get("recipient") or {}
    around = record.get("display_phone_number"), record.get("contact_json")
    return (record["raw"], event.beside, event.source, *around, *people.values())
