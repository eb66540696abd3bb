"""The business phone numbers: what the API says about each, and where it stands in its limits."""

from collections.abc import Iterable, Mapping
from typing import Any

from connector.simulator.errors import Refusal
from connector.simulator.limits import PairRule, SlidingSecond
from connector.simulator.settings import LEVEL_MPS, Level, NumberSettings

NUMBERS_MAX = 10_000


def level_of(mps: int) -> Level:
    """The highest level that promises no more than ``mps``; ``NOT_APPLICABLE`` below all of them."""
    fitting: list[Level] = [level for level, figure in LEVEL_MPS.items() if figure <= mps]
    return max(fitting, key=LEVEL_MPS.__getitem__, default="NOT_APPLICABLE")


class Number:
    """One business phone number.

    Args:
        settings: how it starts.
    """

    def __init__(self, settings: NumberSettings) -> None:
        self.id = settings.id
        self.waba_id = settings.waba_id
        self.display_phone_number = settings.display_phone_number or f"1555{int(settings.id) % 10_000_000:07d}"
        self.verified_name = settings.verified_name
        self.quality_rating = settings.quality_rating
        self.window = SlidingSecond(0)
        self.pairs = PairRule()
        self.level: Level = "STANDARD"
        self.set_limit(settings.level, settings.mps)

    def set_limit(self, level: Level | None, mps: int | None) -> None:
        """Set level, limit or both; each missing one follows from the other."""
        self.level = level or (level_of(mps) if mps is not None else "STANDARD")
        self.window.limit = mps if mps is not None else LEVEL_MPS[self.level]

    def fields(self) -> Mapping[str, Any]:
        """Every field that ``GET /{number}?fields=`` knows."""
        return {
            "verified_name": self.verified_name,
            "code_verification_status": "VERIFIED",
            "display_phone_number": self.display_phone_number,
            "quality_rating": self.quality_rating,
            "platform_type": "CLOUD_API",
            "throughput": {"level": self.level},
            "name_status": "APPROVED",
            "account_mode": "LIVE",
            "is_official_business_account": False,
            "messaging_limit_tier": "TIER_UNLIMITED",
            "whatsapp_business_manager_messaging_limit": "TIER_UNLIMITED",
            "health_status": {
                "can_send_message": "AVAILABLE",
                "entities": [
                    {"entity_type": "PHONE_NUMBER", "id": self.id, "can_send_message": "AVAILABLE"},
                    {"entity_type": "WABA", "id": self.waba_id, "can_send_message": "AVAILABLE"},
                ],
            },
        }

    def read(self, names: Iterable[str]) -> dict[str, Any] | Refusal:
        """The fields asked for, and the id, which Graph always adds."""
        known = self.fields()
        answer: dict[str, Any] = {}
        for name in names:
            if name in known:
                answer[name] = known[name]
            elif name != "id":
                what = f"(#100) Tried accessing nonexisting field ({name}) on node type (WhatsAppBusinessPhoneNumber)"
                return Refusal(100, message=what)
        return {**answer, "id": self.id}


DEFAULT_FIELDS = (
    "verified_name",
    "code_verification_status",
    "display_phone_number",
    "quality_rating",
    "platform_type",
    "throughput",
)


class Numbers:
    """All numbers by id.

    Args:
        listed: the numbers known from the start.
        create: whether an unknown id becomes a number on first use.
    """

    def __init__(self, listed: Iterable[NumberSettings], *, create: bool) -> None:
        self._numbers = {settings.id: Number(settings) for settings in listed}
        self._create = create

    def all(self) -> tuple[Number, ...]:
        """Every number known now."""
        return tuple(self._numbers.values())

    def __contains__(self, number_id: str) -> bool:
        return number_id in self._numbers

    def find(self, number_id: str) -> Number | None:
        """The number, or None when it is not known and may not be created."""
        number = self._numbers.get(number_id)
        return self.add(number_id) if number is None and self._create else number

    def add(self, number_id: str) -> Number | None:
        """The number, created when it is not there; None when the id is no id, or when there are too many already."""
        if number_id in self._numbers:
            return self._numbers[number_id]
        plausible = number_id.isascii() and number_id.isdigit() and len(number_id) <= 32  # noqa: PLR2004 - as in settings
        if not plausible or len(self._numbers) >= NUMBERS_MAX:
            return None
        number = self._numbers[number_id] = Number(NumberSettings(id=number_id))
        return number
