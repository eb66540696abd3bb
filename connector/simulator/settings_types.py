"""What all sections of the settings are made of."""

from typing import Annotated, Literal

import msgspec

Level = Literal["STANDARD", "HIGH", "NOT_APPLICABLE"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=3_600_000)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping in the settings: unknown keys are refused."""


class LatencySettings(Section, frozen=True):
    """How long something takes, drawn anew each time.

    Attributes:
        median_ms: half take less; all take exactly this when ``p99_ms`` is missing.
        p99_ms: one in a hundred takes longer (log-normal).
    """

    median_ms: Milliseconds = 0.0
    p99_ms: Milliseconds | None = None
