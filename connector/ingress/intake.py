"""SHELL. One signed body: taken apart, mapped, and published with its signals."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from connector.ingress.events import Arrival, Event, Reject
from connector.ingress.mapping import map_facts
from connector.ingress.publisher import Publisher
from connector.ingress.signals import Signals
from connector.telemetry.metrics import Metrics
from connector.whatsapp.notification import Source, parse_notification

_REJECT_KIND = "reject"


class Intake:
    """Takes bodies for one ingress.

    Args:
        publisher: Where records go.
        signals: Told of inbound messages.
        metrics: Counts items.
        replica: Name of this ingress.
        installation: Whose envelopes are opened.
        key_secret: Gives the secret of the conversation keys, for ``conversation_key: hmac``; None: plain keys.
    """

    def __init__(
        self,
        publisher: Publisher,
        signals: Signals,
        *,
        metrics: Metrics,
        replica: str,
        installation: str,
        key_secret: Callable[[], bytes] | None = None,
    ) -> None:
        self._publisher = publisher
        self._signals = signals
        self._metrics = metrics
        self._replica = replica
        self._installation = installation
        self._key_secret = key_secret

    async def take(self, raw: bytes, received_at: int) -> Mapping[str, int]:
        """Return when Kafka has acknowledged every record of a body: how many there were of each kind.

        Raises:
            PublishError: Kafka has not; the body has to come again.
        """
        arrival = Arrival(
            received_at=received_at,
            replica=self._replica,
            installation=self._installation,
            slots=await self._publisher.slots(),
            key_secret=self._key_secret() if self._key_secret else None,
        )
        items = map_facts(parse_notification(raw), arrival)
        await self._publisher.publish(items)
        return self._count(items)

    def _count(self, items: Sequence[Event | Reject]) -> Mapping[str, int]:
        kinds = Counter(_REJECT_KIND if isinstance(item, Reject) else item.schema for item in items)
        for kind, count in kinds.items():
            self._metrics.webhook_items.add(count, {"kind": kind})
        for item in items:
            if isinstance(item, Reject):
                self._metrics.webhook_rejects.add(1, {"reason": item.reason})
            elif item.topic == "inbound_messages":
                self._signals.received(Source(item.record["waba_id"], item.record["phone_number_id"] or None))
        return kinds
