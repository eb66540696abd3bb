"""Meta's published limits, each with its page and date.

Nothing here is ours to choose: margins against these figures belong to :mod:`connector.delivery`.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

PAIR_INTERVAL_S: Final = 6.0
"""One message per so many seconds to one user (Meta, about the platform: throughput, 2026-09-11)."""

PAIR_BURST: Final = 45
"""Messages to one user that may leave within PAIR_INTERVAL_S, borrowed from the future (same page)."""

PAIR_BACKOFF_BASE: Final = 4
"""After 131056 wait 4^X seconds, X counted from 0 (Meta, error codes, 2026-09-11)."""

PAIR_BACKOFF_EXPONENT_MAX: Final = 5
"""X stops growing here: 4^5 s is 17 minutes, longer than a full burst of 45 takes to pay back (270 s)."""

MAINTENANCE_S: Final = 60.0
"""131057: a number rests about a minute while its throughput is upgraded (Meta, throughput, 2026-09-11)."""

CALLBACK_DATA_MAX: Final = 512
"""Characters of ``biz_opaque_callback_data`` (Meta's OpenAPI v23.0)."""


class Level(StrEnum):
    """``throughput.level`` of a business number, as ``GET /{id}?fields=throughput`` names it."""

    STANDARD = "STANDARD"
    HIGH = "HIGH"
    NOT_APPLICABLE = "NOT_APPLICABLE"


THROUGHPUT_MPS: Final = {Level.STANDARD: 80, Level.HIGH: 1000, Level.NOT_APPLICABLE: 20}
"""Messages per second and number, inbound and outbound together (Meta, throughput, 2026-09-11); 20 is the fixed figure
of numbers that are also used in the WhatsApp Business app, whose level is NOT_APPLICABLE."""


def throughput_mps(level: str) -> int:
    """Messages per second of a level; a level that Meta adds later gets the lowest figure until we know it."""
    known = Level(level) if level in Level.__members__ else Level.NOT_APPLICABLE
    return THROUGHPUT_MPS[known]


MESSAGING_LIMITS: Final[Mapping[str, int | None]] = MappingProxyType(
    {
        "TIER_50": 50,
        "TIER_250": 250,
        "TIER_1K": 1_000,
        "TIER_2K": 2_000,
        "TIER_10K": 10_000,
        "TIER_100K": 100_000,
        "TIER_UNLIMITED": None,
    }
)
"""Unique users outside customer service windows that a portfolio may write to in a moving 24 hours; None: no limit
(``whatsapp_business_manager_messaging_limit``; Meta, messaging limits, 2026-09-11; 50 and 1K are its older form)."""

MESSAGING_WINDOW_S: Final = 86_400
"""The moving 24 hours of that limit."""
