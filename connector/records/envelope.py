"""The envelope a message carries through Meta in ``biz_opaque_callback_data``, and brings back in its statuses.

``wkc1:<lengths>:<parts>``, the lengths in characters and the parts one after another, so that nothing is escaped::

    wkc1:7,10,1,0,8:defaultorder-4711my data!
         | |  | | `- the caller's data; "-" when there is none
         | |  | `--- trace; 0 when there is none
         | |  `----- number of the attempt
         | `-------- command id
         `---------- installation

Meta takes 512 characters (Meta, calls reference and OpenAPI description v23.0; some clients of others say bytes, so the
trace goes as soon as the bytes are more).
"""

import re
from typing import NamedTuple

from connector.records.headers import is_traceparent

LENGTH_MAX = 512
INSTALLATION_MAX = 32
COMMAND_ID_MAX = 100
OPAQUE_DATA_MAX = 300
ATTEMPT_MAX = 999_999_999

_NUMBER = "(0|[1-9][0-9]{0,%d})"
_HEAD = re.compile(f"wkc1:{_NUMBER % 1},{_NUMBER % 2},{_NUMBER % 8},(0|55),(-|{_NUMBER % 2}):")


class Envelope(NamedTuple):
    """What a message carries.

    Attributes:
        installation: Name of the installation that sent it, 1 to 32 characters.
        command_id: Identity of the command, 1 to 100 characters.
        attempt: Number of the attempt, from 1.
        traceparent: W3C trace context.
        opaque_data: The caller's own data, 300 characters at most.
    """

    installation: str
    command_id: str
    attempt: int
    traceparent: str | None = None
    opaque_data: str | None = None


def seal(envelope: Envelope) -> str:
    """The text of an envelope, 512 characters at most; without the trace when it would have more than 512 bytes.

    Raises:
        ValueError: A part is empty or longer than it may be.
    """
    opaque = len(envelope.opaque_data or "")
    if not _within_limits(len(envelope.installation), len(envelope.command_id), envelope.attempt, opaque):
        message = "a part of the envelope is empty or too long"
        raise ValueError(message)
    trace = envelope.traceparent if is_traceparent(envelope.traceparent) else ""
    text = _text(envelope, trace)
    return text if len(text.encode("utf-8", "surrogatepass")) <= LENGTH_MAX else _text(envelope, "")


def unseal(text: str) -> Envelope | None:
    """The envelope in a text; None when the text is somebody else's."""
    head = _HEAD.match(text)
    if head is None:
        return None
    installation, command_id, attempt, trace = map(int, head.group(1, 2, 3, 4))
    opaque = None if head[5] == "-" else int(head[5])
    at_command = head.end() + installation
    at_trace = at_command + command_id
    at_opaque = at_trace + trace
    if len(text) != at_opaque + (opaque or 0) or not _within_limits(installation, command_id, attempt, opaque or 0):
        return None
    traceparent = text[at_trace:at_opaque] or None
    if traceparent is not None and not is_traceparent(traceparent):
        return None
    opaque_data = None if opaque is None else text[at_opaque:]
    return Envelope(text[head.end() : at_command], text[at_command:at_trace], attempt, traceparent, opaque_data)


def _text(envelope: Envelope, trace: str) -> str:
    opaque = envelope.opaque_data
    lengths = (
        f"{len(envelope.installation)},{len(envelope.command_id)},{envelope.attempt},{len(trace)},"
        f"{'-' if opaque is None else len(opaque)}"
    )
    return f"wkc1:{lengths}:{envelope.installation}{envelope.command_id}{trace}{opaque or ''}"


def _within_limits(installation: int, command_id: int, attempt: int, opaque_data: int) -> bool:
    """Whether parts of so many characters, and this attempt, make an envelope."""
    return (
        1 <= installation <= INSTALLATION_MAX
        and 1 <= command_id <= COMMAND_ID_MAX
        and 1 <= attempt <= ATTEMPT_MAX
        and opaque_data <= OPAQUE_DATA_MAX
    )
