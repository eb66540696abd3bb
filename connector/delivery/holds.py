"""Who holds which numbers: an operator, until released, or the connector itself, until a time. Pure.

A hold names a scope: one number, all numbers of a WhatsApp business account, or of the app. A number rests while any
hold of any scope that it belongs to stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connector.delivery.command import Output
from connector.records.codec import Codec
from connector.records.headers import cloud_event, connector_source, event_type

NUMBER: Final = "number:"
WABA: Final = "waba:"
APP: Final = "app:"
OPERATOR: Final = "operator"
AUTO: Final = "auto"
_EVENT_TYPE: Final = event_type("DeliveryControl")


@dataclass(frozen=True, slots=True)
class Hold:
    """``until_ms`` is None for one that stands until it is released; ``reason`` is for people."""

    actor: str
    reason: str
    at_ms: int
    until_ms: int | None = None

    def stands(self, now_ms: int) -> bool:
        """Whether it is not over."""
        return self.until_ms is None or now_ms < self.until_ms


@dataclass(slots=True)
class Holds:
    """All that is held, as ``delivery_control`` says; key of a record is ``<scope>/operator`` or ``<scope>/auto``."""

    installation: str
    by_key: dict[str, Hold] = field(default_factory=dict)

    def apply(self, key: str, record: Mapping[str, Any] | None) -> None:
        """One ``DeliveryControl`` record; None is a tombstone."""
        if record is None or record["action"] != "HOLD":
            self.by_key.pop(key, None)
            return
        self.by_key[key] = Hold(record["actor"], record["reason"], record["at"], record["until"])

    def on(self, phone_number_id: str, waba_id: str | None, now_ms: int) -> Hold | None:
        """The hold that keeps a number longest; None when nothing does."""
        scopes = [NUMBER + phone_number_id, APP + self.installation]
        if waba_id:
            scopes.append(WABA + waba_id)
        found = [self.by_key.get(f"{scope}/{kind}") for scope in scopes for kind in (OPERATOR, AUTO)]
        standing = [hold for hold in found if hold is not None and hold.stands(now_ms)]
        return max(standing, key=lambda hold: hold.until_ms or float("inf"), default=None)


def control_record(
    scope: str, *, actor: str, action: str, reason: str, at_ms: int, until_ms: int | None = None
) -> dict[str, Any]:
    """A ``DeliveryControl`` record."""
    return {"scope": scope, "actor": actor, "action": action, "reason": reason, "at": at_ms, "until": until_ms}


class ControlWriter:
    """Builds the records by which one worker holds and releases a scope for all."""

    def __init__(self, topic: str, worker: str, codec: Codec) -> None:
        self._topic = topic
        self._source = connector_source(worker)
        self._codec = codec

    def output(self, key: str, record: Mapping[str, Any]) -> Output:
        """A :func:`control_record` under its key; the topic has one partition."""
        headers = cloud_event(f"{key}/{record['at']}", _EVENT_TYPE, self._source)
        return Output(self._topic, 0, key.encode(), self._codec.encode("DeliveryControl", record), tuple(headers))
