"""Headers of the records we produce: CloudEvents 1.0 (Kafka protocol binding) and W3C trace context."""

import re
from collections.abc import Iterable
from typing import TypeGuard

from connector.records.schemas import NAMESPACE

_SPEC_VERSION = ("ce_specversion", b"1.0")
_TRACEPARENT = "traceparent"
# Version 00 of the W3C recommendation; all-zero ids are invalid by it.
_TRACEPARENT_PATTERN = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def event_type(name: str) -> str:
    """``ce_type`` of a record: its full Avro name."""
    return f"{NAMESPACE}.{name}"


def connector_source(name: str) -> str:
    """``ce_source`` of what the connector itself tells: a worker, a role of an installation, the command line."""
    return f"/whatsapp-kafka-connector/{name}"


def cloud_event(event_id: str, type_: str, source: str, traceparent: str | None = None) -> list[tuple[str, bytes]]:
    """Headers of a record that is a CloudEvent.

    Args:
        event_id: ``ce_id``; the ``event_id`` of the value.
        type_: ``ce_type``; see :func:`event_type`.
        source: ``ce_source``, a URI reference.
        traceparent: W3C trace context; left out when it is none.
    """
    headers = [("ce_id", _bytes(event_id)), ("ce_type", _bytes(type_)), ("ce_source", _bytes(source)), _SPEC_VERSION]
    if is_traceparent(traceparent):
        headers.append((_TRACEPARENT, traceparent.encode()))
    return headers


def _bytes(text: str) -> bytes:
    # A source names what Meta sent; half a surrogate pair in it must not cost the event.
    return text.encode("utf-8", "replace")


def traceparent_in(headers: Iterable[tuple[str, bytes | str | None]] | None) -> str | None:
    """The W3C trace context in the headers of a record from outside; None when there is none, or not a valid one."""
    for name, value in headers or ():
        if name == _TRACEPARENT and value is not None:
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            return text if is_traceparent(text) else None
    return None


def is_traceparent(text: str | None) -> TypeGuard[str]:
    """Whether a text is a W3C ``traceparent`` of version 00."""
    return text is not None and _TRACEPARENT_PATTERN.fullmatch(text) is not None
