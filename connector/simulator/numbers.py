"""The business phone numbers: what the API says about each, and where it stands in its limits."""

from collections.abc import Iterable, Mapping
from typing import Any

from connector.simulator.accounts import Account, Accounts, health_status
from connector.simulator.errors import Refusal
from connector.simulator.limits import PairRule, SlidingSecond
from connector.simulator.settings_business import LEVEL_MPS, AccountSettings, NumberSettings
from connector.simulator.settings_types import Level

NUMBERS_MAX = 10_000
NODE = "WhatsAppBusinessPhoneNumber"
DEFAULT_FIELDS = (
    "verified_name",
    "code_verification_status",
    "display_phone_number",
    "quality_rating",
    "platform_type",
    "throughput",
)

MAINTENANCE = Refusal(131057, "The business account is in maintenance mode: its throughput is being upgraded.")
UNREGISTERED = Refusal(133010, "The phone number is not registered on the WhatsApp Business Platform.")
NOT_ALLOWED = Refusal(131030, "The recipient's phone number is not on this test number's list.")


def level_of(mps: int) -> Level:
    """The highest level that promises no more than ``mps``; ``NOT_APPLICABLE`` below all of them."""
    fitting: list[Level] = [level for level, figure in LEVEL_MPS.items() if figure <= mps]
    return max(fitting, key=LEVEL_MPS.__getitem__, default="NOT_APPLICABLE")


def displayed(digits: str) -> str:
    """A phone number as Graph's nodes show it (``+1 555-078-3881``); webhooks have the digits alone."""
    if len(digits) == 11 and digits.startswith("1"):  # noqa: PLR2004 - a North American number with its country code
        return f"+1 {digits[1:4]}-{digits[4:7]}-{digits[7:]}"
    return f"+{digits}"


class Number:
    """One business phone number.

    Args:
        settings: how it starts.
        account: it belongs to; one of its own when missing.
    """

    def __init__(self, settings: NumberSettings, account: Account | None = None) -> None:
        self.id = settings.id
        self.waba_id = settings.waba_id
        self.account = account or Account(AccountSettings(id=settings.waba_id))
        self.display_phone_number = settings.display_phone_number or f"1555{int(settings.id) % 10_000_000:07d}"
        self.verified_name = settings.verified_name
        self.quality_rating = settings.quality_rating
        self.messaging_limit = settings.messaging_limit
        self.registered = settings.registered
        self.allowed = None if settings.allowed is None else frozenset(settings.allowed)
        self.window = SlidingSecond(0)
        self.pairs = PairRule()
        self.level: Level = "STANDARD"
        self._upgrade: tuple[float, Level] | None = None
        self.set_limit(settings.level, settings.mps)

    def set_limit(self, level: Level | None, mps: int | None) -> None:
        """Set level, limit or both; each missing one follows from the other."""
        self.level = level or (level_of(mps) if mps is not None else "STANDARD")
        self.window.limit = mps if mps is not None else LEVEL_MPS[self.level]

    def upgrade(self, level: Level, ready_s: float) -> None:
        """Be in maintenance until ``ready_s``, monotonic seconds, and at ``level`` from then on."""
        self._upgrade = (ready_s, level)

    def settle(self, now_s: float) -> None:
        """Take on the new level when an upgrade is over at ``now_s``."""
        if self._upgrade is not None and now_s >= self._upgrade[0]:
            self.set_limit(self._upgrade[1], None)
            self._upgrade = None

    def unavailable(self, now_s: float) -> Refusal | None:
        """Why it may not send at ``now_s``, if so."""
        if self._upgrade is not None:
            self.settle(now_s)
            if self._upgrade is not None:
                return MAINTENANCE
        if not self.registered:
            return UNREGISTERED
        return self.account.refusal()

    def health(self) -> dict[str, Any]:
        """This number among the ``entities`` of a health status."""
        entity: dict[str, Any] = {"entity_type": "PHONE_NUMBER", "id": self.id, "can_send_message": "AVAILABLE"}
        if not self.registered:
            entity["can_send_message"] = "BLOCKED"
            entity["errors"] = [
                {
                    "error_code": 141000,
                    "error_description": "The phone number is not registered.",
                    "possible_solution": "Register the phone number.",
                }
            ]
        return entity

    def fields(self) -> Mapping[str, Any]:
        """Every field that ``GET /{number}?fields=`` knows."""
        return {
            "verified_name": self.verified_name,
            "code_verification_status": "VERIFIED",
            "display_phone_number": displayed(self.display_phone_number),
            "quality_rating": self.quality_rating,
            "quality_score": {"score": self.quality_rating},
            "platform_type": "CLOUD_API" if self.registered else "NOT_APPLICABLE",
            "throughput": {"level": self.level},
            "status": "CONNECTED" if self.registered else "DISCONNECTED",
            "name_status": "APPROVED",
            "account_mode": "LIVE" if self.allowed is None else "SANDBOX",
            "is_official_business_account": False,
            "is_pin_enabled": True,
            "messaging_limit_tier": self.messaging_limit,
            "whatsapp_business_manager_messaging_limit": self.messaging_limit,
            "health_status": health_status(self.account.business_id, [self.health(), self.account.health()]),
        }


class Numbers:
    """All numbers by id.

    Args:
        listed: the numbers known from the start.
        create: whether an unknown id becomes a number on first use.
        accounts: what they belong to.
    """

    def __init__(self, listed: Iterable[NumberSettings], *, create: bool, accounts: Accounts | None = None) -> None:
        self._accounts = accounts or Accounts((), "")
        self._create = create
        self._numbers = {settings.id: self._number(settings) for settings in listed}

    def _number(self, settings: NumberSettings) -> Number:
        return Number(settings, self._accounts.of(settings.waba_id))

    def all(self) -> tuple[Number, ...]:
        """Every number known now."""
        return tuple(self._numbers.values())

    def of_account(self, account_id: str) -> list[Number]:
        """The numbers of one account."""
        return [number for number in self._numbers.values() if number.waba_id == account_id]

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
        number = self._numbers[number_id] = self._number(NumberSettings(id=number_id))
        return number
