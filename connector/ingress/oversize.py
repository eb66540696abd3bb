"""What is too large for one record: told without its typed content, or set aside in parts."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from connector.ingress.events import Reject
from connector.kafka.producer import Record
from connector.records.headers import cloud_event, event_type

BESIDE_HEADER: Final = "wa.webhook.beside"
PATH_HEADER: Final = "wa.webhook.path"
REASON_HEADER: Final = "wa.webhook.reason"
PART_HEADER: Final = "wa.webhook.part"
PART_BYTES: Final = 900_000
"""Fits, with key and headers, into the 1 MiB that every broker takes unless it is told otherwise."""

_REJECT: Final = event_type("WebhookReject")
# Who it is about is small, and what a consumer needs first.
_KEPT: Final = frozenset({"sender", "recipient", "user", "errors"})


def without_content(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record without the typed content, which its ``raw`` holds too."""
    return {name: value for name, value in record.items() if name in _KEPT or not isinstance(value, dict | list)}


def parts_of(reject: Reject, topic: str, largest: int) -> Sequence[Record]:
    """The records of what is set aside: one, or as many as it takes.

    Parts have the same id and key, so that they lie behind one another on one partition; ``wa.webhook.part`` is
    ``1/3`` and so on. Their values, one after another, are what was set aside.
    """
    digest = hashlib.sha256(reject.path.encode() + b"\0" + reject.raw).hexdigest()[:32]
    headers = [
        *cloud_event(f"reject-{digest}", _REJECT, f"/whatsapp/{reject.waba_id or ''}"),
        (PATH_HEADER, reject.path.encode()),
        (REASON_HEADER, reject.reason.encode()),
        *beside(reject.beside),
    ]
    if len(reject.raw) <= largest:
        return (Record(topic, reject.raw, headers=headers),)
    starts = range(0, len(reject.raw), PART_BYTES)
    return [
        Record(
            topic,
            reject.raw[start : start + PART_BYTES],
            digest.encode(),
            [*headers, (PART_HEADER, b"%d/%d" % (number, len(starts)))],
        )
        for number, start in enumerate(starts, start=1)
    ]


def beside(text: str | None) -> list[tuple[str, bytes]]:
    """The header for members of the envelope that no field carries, if there are any."""
    return [] if text is None else [(BESIDE_HEADER, text.encode())]
