"""Everything about the simulator that can be chosen, with its defaults; read from YAML or built in code."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

Level = Literal["STANDARD", "HIGH", "NOT_APPLICABLE"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=3_600_000)]
Count = Annotated[int, msgspec.Meta(ge=1)]
# Meta, webhook override page, 2026: at most 200 characters.
WebhookUrl = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s]+$", max_length=200)]

DEFAULT_TOKEN = "simulator-token"  # noqa: S105 - a simulator's token, public on purpose
DEFAULT_SECRET = "simulator-secret"  # noqa: S105 - a simulator's secret, public on purpose

# Meta, throughput page, 2026-09-11: messages a second, inbound and outbound together.
LEVEL_MPS: dict[Level, int] = {"STANDARD": 80, "HIGH": 1000, "NOT_APPLICABLE": 20}


class SettingsError(ValueError):
    """Settings that do not fit; the message names the path."""


class _Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class NumberSettings(_Frozen, frozen=True):
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


class LatencySettings(_Frozen, frozen=True):
    """How long an answer to a send takes, request by request.

    Attributes:
        median_ms: half of the answers take less; all take exactly this when ``p99_ms`` is missing.
        p99_ms: one in a hundred takes longer (log-normal).
    """

    median_ms: Milliseconds = 0.0
    p99_ms: Milliseconds | None = None


class StatusSettings(_Frozen, frozen=True):
    """Which status webhooks follow an accepted message, and when.

    Shares are of all accepted messages; ``read`` is a share of the delivered ones. Delays count from the acceptance
    and vary by ``jitter`` (0.5: from half to one and a half times the figure), so that statuses arrive out of order as
    Meta's do.
    """

    sent: Share = 1.0
    delivered: Share = 0.95
    read: Share = 0.5
    failed: Share = 0.0
    failed_code: int = 131026
    sent_ms: Milliseconds = 100.0
    delivered_ms: Milliseconds = 700.0
    read_ms: Milliseconds = 3000.0
    failed_ms: Milliseconds = 400.0
    jitter: Share = 0.5


class WebhookSettings(_Frozen, frozen=True):
    """Where webhooks go and how.

    Attributes:
        url: no webhooks are sent when missing.
        updates_max: updates in one POST; Meta packs up to 1000.
        gather_ms: how long a POST waits for more updates.
        pending_max: updates kept in memory; more are dropped and counted.
        connections: POSTs under way at once.
        timeout_ms: after which a POST counts as failed.
        retry_first_ms: wait before the second redelivery; the first is immediate.
        retry_max_ms: the wait doubles up to this.
        retry_for_s: a POST is given up when it is older; Meta goes on for 7 days.
    """

    url: WebhookUrl | None = None
    updates_max: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    gather_ms: Milliseconds = 10.0
    pending_max: Count = 100_000
    connections: Annotated[int, msgspec.Meta(ge=1, le=256)] = 16
    timeout_ms: Annotated[float, msgspec.Meta(ge=1, le=600_000)] = 10_000.0
    retry_first_ms: Milliseconds = 250.0
    retry_max_ms: Milliseconds = 60_000.0
    retry_for_s: Annotated[float, msgspec.Meta(ge=0)] = 604_800.0


InboundKind = Literal[
    "text", "image", "audio", "location", "reaction", "button", "list_reply", "contacts", "order", "unsupported"
]


class InboundSettings(_Frozen, frozen=True):
    """Inbound messages that arrive by themselves.

    Attributes:
        rate: messages a second, over all numbers; each counts against its number's limit.
        kinds: drawn evenly.
        users: size of the population they come from.
    """

    rate: Annotated[float, msgspec.Meta(ge=0, le=10_000)] = 0.0
    kinds: tuple[InboundKind, ...] = (
        "text",
        "image",
        "audio",
        "location",
        "reaction",
        "button",
        "list_reply",
        "contacts",
    )
    users: Count = 1000


class RecipientRule(_Frozen, frozen=True):
    """What happens to every message to certain recipients.

    Attributes:
        ends_with: suffix of the phone's digits, of the user id or of the group id.
        code: the error.
        by: ``answer`` refuses the request; ``webhook`` accepts it and lets a ``failed`` status follow.
    """

    ends_with: Annotated[str, msgspec.Meta(min_length=1)]
    code: int
    by: Literal["answer", "webhook"] = "answer"


class Settings(_Frozen, frozen=True):
    """The whole simulator.

    Attributes:
        access_tokens: any of them opens every number.
        app_secret: signs the webhooks.
        create_numbers: whether a number not listed comes into being when it is first used; by default only when none
            is listed.
        number_limit: refuse with 130429 over the number's limit; violations are counted either way.
        pair_limit: refuse with 131056 over the pair limit; violations are counted either way.
        magic_recipients: the built-in rules for +999 0 and +999 1, see ``recipients``.
        business_id: the business portfolio, named in the usage headers.
        usage_percent: what the usage headers report.
        remembered_max: requests kept for ``/_observer/requests``; sums go on beyond it.
    """

    access_tokens: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = (DEFAULT_TOKEN,)
    app_secret: str = DEFAULT_SECRET
    version: Annotated[str, msgspec.Meta(pattern=r"^v[0-9]{1,3}\.[0-9]$")] = "v26.0"
    numbers: tuple[NumberSettings, ...] = ()
    create_numbers: bool | None = None
    number_limit: bool = True
    pair_limit: bool = True
    magic_recipients: bool = True
    recipients: tuple[RecipientRule, ...] = ()
    latency: LatencySettings = LatencySettings()
    statuses: StatusSettings = StatusSettings()
    webhooks: WebhookSettings = WebhookSettings()
    inbound: InboundSettings = InboundSettings()
    business_id: str = "506914307656634"
    usage_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 1
    remembered_max: Annotated[int, msgspec.Meta(ge=0, le=5_000_000)] = 100_000
    seed: int | None = None

    @property
    def creates_numbers(self) -> bool:
        """Whether an unknown number is created on first use."""
        return not self.numbers if self.create_numbers is None else self.create_numbers


def from_mapping(values: Any) -> Settings:
    """Settings from parsed YAML or JSON.

    Raises:
        SettingsError: unknown key, wrong type or figure out of range.
    """
    try:
        return msgspec.convert(values if values is not None else {}, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(str(error)) from None


def mapping_from_file(path: Path) -> dict[str, Any]:
    """What a YAML file holds, for :func:`from_mapping`.

    Raises:
        SettingsError: it is no YAML, or no mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = f"{path}: {error}"
        raise SettingsError(message) from None
    if values is not None and not isinstance(values, dict):
        message = f"{path}: a mapping of settings is expected"
        raise SettingsError(message)
    return values or {}


def number_from_text(text: str) -> NumberSettings:
    """A number written as ``ID``, ``ID=LEVEL`` or ``ID=mps``.

    Raises:
        SettingsError: anything else.
    """
    number_id, _, limit = text.partition("=")
    values: dict[str, Any] = {"id": number_id}
    if limit:
        values["mps" if limit.isdigit() else "level"] = int(limit) if limit.isdigit() else limit
    try:
        return msgspec.convert(values, NumberSettings)
    except msgspec.ValidationError as error:
        message = f"{text}: {error}"
        raise SettingsError(message) from None
