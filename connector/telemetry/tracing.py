"""W3C Trace Context: the trace a command came with goes on into its request, its outcome and its statuses."""

import re
from typing import NamedTuple

_FORM = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_SAMPLED = 1


class TraceParent(NamedTuple):
    """One ``traceparent`` (W3C Trace Context, level 1).

    Attributes:
        trace_id: 32 small hex digits, not all zero.
        span_id: 16 small hex digits, not all zero: the caller's span.
        flags: 0 to 255; bit 0 says that the caller records this trace.
    """

    trace_id: str
    span_id: str
    flags: int = 0

    @property
    def sampled(self) -> bool:
        """Whether the caller records this trace."""
        return bool(self.flags & _SAMPLED)

    def __str__(self) -> str:
        """The header's value, in version 00, the only one there is."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


def parse_traceparent(value: str | bytes | None) -> TraceParent | None:
    """The parsed header, or None for anything the standard tells receivers to ignore.

    Versions after 00 may carry more behind a dash, which is left out; version ff and ids of zeros are not valid.
    """
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    match = _FORM.fullmatch(text) if text else None
    if match is None or match["version"] == "ff" or (match["version"] == "00" and match["more"]):
        return None
    if not match["trace"].strip("0") or not match["span"].strip("0"):
        return None
    return TraceParent(match["trace"], match["span"], int(match["flags"], 16))
