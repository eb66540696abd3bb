"""Settings of the business: its numbers, and what its recipients provoke."""

from typing import Annotated, Literal

import msgspec

from connector.simulator.settings_types import Level, Section

# Meta, throughput page, 2026-09-11: messages a second, inbound and outbound together.
LEVEL_MPS: dict[Level, int] = {"STANDARD": 80, "HIGH": 1000, "NOT_APPLICABLE": 20}


class NumberSettings(Section, frozen=True):
    """One business phone number.

    Attributes:
        id: its ``phone_number_id``.
        level: what ``throughput.level`` says; decides the limit unless ``mps`` does.
        mps: messages a second; the level reported is then the highest that promises no more.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,32}$")]
    level: Level | None = None
    mps: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    waba_id: str = "102290129340398"
    display_phone_number: str | None = None
    verified_name: str = "Simulated Business"
    quality_rating: str = "GREEN"


class RecipientRule(Section, frozen=True):
    """What happens to every message to certain recipients.

    Attributes:
        ends_with: suffix of the phone's digits, of the user id or of the group id.
        code: the error.
        by: ``answer`` refuses the request; ``webhook`` accepts it and lets a ``failed`` status follow.
    """

    ends_with: Annotated[str, msgspec.Meta(min_length=1)]
    code: int
    by: Literal["answer", "webhook"] = "answer"
