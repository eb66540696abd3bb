"""What Meta says of the call quota in the headers of its answers.

``X-Business-Use-Case-Usage`` names, for each business and kind of call, percentages and the minutes until access comes
back: 0 while nothing is blocked (Meta, Graph API rate limits, 2026-09-11). A call made meanwhile lengthens the block.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

USAGE_HEADER: Final = "x-business-use-case-usage"
_REGAIN: Final = "estimated_time_to_regain_access"
_LONGEST_S: Final = 3600.0
"""A quota is counted over an hour; whoever says more is asked again after that."""

_LENGTH_MAX: Final = 16_384


def regain_access_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until calls are taken again; None while nothing is blocked, or the header says nothing."""
    text = headers.get(USAGE_HEADER, "")
    if _REGAIN not in text or len(text) > _LENGTH_MAX:
        return None
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    minutes = max(_minutes(document), default=0.0)
    return min(60.0 * minutes, _LONGEST_S) if minutes > 0 else None


def _minutes(document: Any) -> Iterator[float]:
    for uses in document.values() if isinstance(document, dict) else ():
        for use in uses if isinstance(uses, list) else ():
            found = use.get(_REGAIN) if isinstance(use, dict) else None
            if isinstance(found, int | float) and not isinstance(found, bool) and found > 0:
                yield float(found)
