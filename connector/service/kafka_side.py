"""Builds everything of a delivery worker that lives on the Kafka thread."""

from collections.abc import Callable
from threading import Event
from typing import Any, Final

from connector.clock import Clock
from connector.config import Settings
from connector.delivery.admission import Admission
from connector.delivery.backfill import Backfill
from connector.delivery.consumer import SlotConsumer
from connector.delivery.intake import Intake, Placement
from connector.delivery.lease import Lease
from connector.delivery.ledger.attempts import AttemptWriter
from connector.delivery.ledger.settlements import Ledger
from connector.delivery.ledger.states import StateWriter
from connector.delivery.ledger.takeover import Takeover, Topics
from connector.delivery.outcomes import OutcomeWriter
from connector.delivery.reception import Reception
from connector.delivery.slots import SlotStarter
from connector.kafka.group import GroupConsumer
from connector.kafka.reader import PositionedReader
from connector.kafka.topics import TopicAdmin
from connector.kafka.transaction import TransactionalProducer, fence
from connector.records.codec import Codec
from connector.service.bridge import Bridge
from connector.service.observers import DeliveryObserver
from connector.service.startup import client_config

TO_THE_END: Final = {"fetch.wait.max.ms": 20, "queued.min.messages": 50_000, "queued.max.messages.kbytes": 16_384}
"""All of it, as fast as it comes. The last records of a partition are marks of transactions, which are not told: that
the end is reached is known only when a fetch comes back with nothing, and by default the broker keeps it for half a
second."""


class KafkaSide:
    """Of one worker."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        placement: Placement,
        codec: Codec,
        outcomes: OutcomeWriter,
        *,
        producer: TransactionalProducer,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._placement = placement
        self._codec = codec
        self._outcomes = outcomes
        self._producer = producer
        self._config = client_config(settings, settings.kafka.consumer)

    def consumer(
        self,
        bridge: Bridge,
        lease: Lease,
        attempts: AttemptWriter,
        *,
        observer: DeliveryObserver,
        on_slots: Callable[[frozenset[int]], None],
    ) -> SlotConsumer:
        """The thread itself, not started."""
        delivery, names, placement = self._settings.delivery, self._settings.topic_names, self._placement
        ledger = Ledger(self._producer, observer, self._clock)
        reception = Reception(
            Intake(placement, self._outcomes, self._codec),
            Admission(self._outcomes),
            self._outcomes,
            ledger.let_go,
            ledger.live_position,
            slotted=placement.slotted,
            window=delivery.window_per_number,
        )
        return SlotConsumer(
            GroupConsumer(self._config, delivery.group_id, delivery.session_timeout_s),
            ledger,
            reception,
            bridge,
            self._clock,
            slots=SlotStarter(placement, self._takeover()),
            lease=lease,
            backfill=Backfill(PositionedReader(self._config), reception.backlog, ledger.live_position),
            states=StateWriter(names.delivery_state, placement.slots, self._producer.transactional_id, self._codec),
            attempts=attempts,
            topics=[*names.commands, names.rerouted_commands],
            rest=Event().wait,
            on_slots=on_slots,
            on_read=observer.consumed,
        )

    def _takeover(self) -> Takeover:
        delivery, names = self._settings.delivery, self._settings.topic_names
        writing: dict[str, Any] = client_config(self._settings, self._settings.kafka.producer)
        return Takeover(
            lambda: TopicAdmin(client_config(self._settings, {})),
            delivery.group_id,
            lambda committed: PositionedReader({**self._config, **TO_THE_END}, committed=committed),
            self._codec,
            self._clock,
            topics=Topics(names.delivery_state, names.delivery_outcomes, names.delivery_attempts),
            fence=lambda transactional_id: fence(writing, transactional_id),
            self_id=self._producer.transactional_id,
            on_missing=delivery.on_missing_offsets,
        )
