"""The records of ``delivery_state``: what a slot's next owner has to know, and how it is read back. Pure.

Key of a slot's own record is ``slot``; of a number and command topic ``<record key>/<topic>``. A topic's name has no
slash, so the last one parts the two.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from connector.delivery.backlog import Interval, Kept, Partition
from connector.delivery.command import Output
from connector.records.codec import Codec
from connector.records.headers import cloud_event, connector_source, event_type
from connector.records.types import DeliveryState, SlotState

SLOT_KEY: Final = b"slot"
_EVENT_TYPE: Final = event_type("DeliveryState")


@dataclass(slots=True)
class SlotStates:
    """What was read of one slot: its own record, and the deferred units."""

    slot: SlotState | None = None
    kept: dict[tuple[str, bytes], Kept] = field(default_factory=dict)

    def read(self, key: bytes | None, value: bytes | None, codec: Codec) -> None:
        """One record, in the order of the partition; a later one replaces an earlier one of the same key.

        Raises:
            Undecodable: somebody else has written there.
        """
        if key is None:
            return
        state = codec.decode("DeliveryState", value) if value is not None else {}
        if key == SLOT_KEY:
            self.slot = state.get("slot") or self.slot
            return
        number_key, _, topic = key.rpartition(b"/")
        unit = (topic.decode(errors="replace"), number_key)
        number: dict[str, Any] = state.get("number") or {}
        if number.get("cursor") is None:
            self.kept.pop(unit, None)
        else:
            beyond = tuple(Interval(range_["from"], range_["to"]) for range_ in number.get("settled_beyond") or ())
            self.kept[unit] = Kept(number["cursor"], beyond)


class StateWriter:
    """Builds state records for one worker."""

    def __init__(self, topic: str, slots: int, worker: str, codec: Codec) -> None:
        self.topic = topic
        self._slots = slots
        self._worker = worker
        self._codec = codec

    def slot(self, slot: int, now_ms: int, *, released: bool, attempts_offset: int) -> Output:
        """Who owns the slot, or owned it last; no record of its attempts below ``attempts_offset`` matters any more."""
        return self._output(slot, SLOT_KEY, {
            "slot": {
                "slots_total": self._slots,
                "worker": self._worker,
                "transactional_id": self._worker,
                "released": released,
                "attempts_offset": attempts_offset,
                "updated_at": now_ms,
            },
        }, now_ms)  # fmt: skip

    def unit(self, partition: Partition, key: bytes, kept: Kept | None, now_ms: int) -> Output:
        """What has to survive of a deferred unit; a tombstone when nothing has to."""
        name = key + b"/" + partition.topic.encode()
        if kept is None:
            return Output(self.topic, partition.partition, name, None, ())
        beyond = [{"from": interval.first, "to": interval.last} for interval in kept.settled_beyond]
        return self._output(
            partition.partition, name, {"number": {"cursor": kept.cursor, "settled_beyond": beyond}}, now_ms
        )

    def _output(self, slot: int, key: bytes, state: Any, now_ms: int) -> Output:
        record: DeliveryState = state
        event_id = f"{self._worker}/{slot}/{key.decode(errors='replace')}/{now_ms}"
        headers = tuple(cloud_event(event_id, _EVENT_TYPE, connector_source(self._worker)))
        return Output(self.topic, slot, key, self._codec.encode("DeliveryState", record), headers)
