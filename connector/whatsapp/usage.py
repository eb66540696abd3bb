"""What Meta says of the call quota in the headers of its answers.

``X-Business-Use-Case-Usage`` names, for each business and kind of call, percentages and the minutes until access comes
back: 0 while nothing is blocked (Meta, Graph API rate limits, 2026-09-11). A call made meanwhile lengthens the block.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

USAGE_HEADER: Final = "x-business-use-case-usage"
_REGAIN: Final = "estimated_time_to_regain_access"
_NOTHING_BLOCKED: Final = (f'"{_REGAIN}":0', f'"{_REGAIN}": 0')
_LONGEST_S: Final = 3600.0
"""A quota is counted over an hour; whoever says more is asked again after that."""

_LENGTH_MAX: Final = 16_384


def regain_access_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until calls are taken again; None while nothing is blocked, or the header says nothing."""
    text = headers.get(USAGE_HEADER, "")
    if _REGAIN not in text or len(text) > _LENGTH_MAX:
        return None
    if text.count(_REGAIN) == sum(text.count(each) for each in _NOTHING_BLOCKED) and not _more_digits(text):
        return None
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    minutes = max(_minutes(document), default=0.0)
    return min(60.0 * minutes, _LONGEST_S) if minutes > 0 else None


def _more_digits(text: str) -> bool:
    """Whether a figure only begins with 0; this spares the parsing of nearly every answer."""
    return any(text[at : at + 1] in "0123456789." for each in _NOTHING_BLOCKED for at in _ends(text, each))


def _ends(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at + len(part)
        at = text.find(part, at + 1)


def _minutes(document: Any) -> Iterator[float]:
    for uses in document.values() if isinstance(document, dict) else ():
        for use in uses if isinstance(uses, list) else ():
            found = use.get(_REGAIN) if isinstance(use, dict) else None
            if isinstance(found, int | float) and not isinstance(found, bool) and found > 0:
                yield float(found)
