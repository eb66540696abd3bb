"""Everything about the simulator that can be chosen, with its defaults; read from YAML or built in code."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from connector.simulator import template_forms
from connector.simulator.observer_commands import identifier
from connector.simulator.settings_business import (
    LEVEL_MPS,
    AccountSettings,
    MarketingSettings,
    MediaSettings,
    NumberSettings,
    RecipientRule,
    TemplateSettings,
    TokenSettings,
    UsageSettings,
)
from connector.simulator.settings_types import Count, LatencySettings, Level, Milliseconds, Section, Share
from connector.simulator.settings_webhooks import (
    InboundKind,
    InboundSettings,
    StatusSettings,
    WebhookSettings,
    WebhookUrl,
)

__all__ = [
    "DEFAULT_SECRET",
    "DEFAULT_TOKEN",
    "LEVEL_MPS",
    "AccountSettings",
    "Count",
    "InboundKind",
    "InboundSettings",
    "LatencySettings",
    "Level",
    "MarketingSettings",
    "MediaSettings",
    "Milliseconds",
    "NumberSettings",
    "RecipientRule",
    "Section",
    "Settings",
    "SettingsError",
    "Share",
    "StatusSettings",
    "TemplateSettings",
    "TokenSettings",
    "UsageSettings",
    "WebhookSettings",
    "WebhookUrl",
    "from_mapping",
    "mapping_from_file",
    "number_from_text",
]

DEFAULT_TOKEN = "simulator-token"  # noqa: S105 - a simulator's token, public on purpose
DEFAULT_SECRET = "simulator-secret"  # noqa: S105 - a simulator's secret, public on purpose


class SettingsError(ValueError):
    """Settings that do not fit; the message names the path."""


class Settings(Section, frozen=True):
    """The whole simulator.

    Attributes:
        access_tokens: any of them opens every number.
        tokens: others, with bounds.
        app_secret: signs the webhooks.
        create_numbers: whether a number not listed comes into being when it is first used; by default only when none
            is listed.
        number_limit: refuse with 130429 over the number's limit; violations are counted either way.
        pair_limit: refuse with 131056 over the pair limit; violations are counted either way.
        magic_recipients: the built-in rules for +999 0 and +999 1, see ``recipients``.
        templates: while there is none, any is taken.
        customer_service_window: what becomes of other messages than templates to users who have not written within 24
            hours: nothing (``off``), refused with 131047 (``answer``), or ``failed`` with it (``webhook``).
        business_id: the business portfolio, named in the usage headers.
        usage_percent: what the usage headers report while ``usage`` sets no quota.
        public_url: where download URLs lead, and those in inbound media; by default where requests came in.
        remembered_max: requests kept for ``/_observer/requests``; sums go on beyond it.
        commands_max: commands told apart by the observer; the sums say how many are forgotten.
        command_id: how the observer tells a command from ``biz_opaque_callback_data``: ``whole``, ``wkc1`` (the
            connector's envelope), or a regular expression whose first group is the command.
        scenario: events, each at its time, as :mod:`connector.simulator.scenario` reads them.
    """

    access_tokens: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = (DEFAULT_TOKEN,)
    tokens: tuple[TokenSettings, ...] = ()
    app_secret: str = DEFAULT_SECRET
    version: Annotated[str, msgspec.Meta(pattern=r"^v[0-9]{1,3}\.[0-9]$")] = "v26.0"
    accounts: tuple[AccountSettings, ...] = ()
    numbers: tuple[NumberSettings, ...] = ()
    create_numbers: bool | None = None
    number_limit: bool = True
    pair_limit: bool = True
    magic_recipients: bool = True
    recipients: tuple[RecipientRule, ...] = ()
    templates: tuple[TemplateSettings, ...] = ()
    media: MediaSettings = MediaSettings()
    customer_service_window: Literal["off", "answer", "webhook"] = "off"
    marketing: MarketingSettings = MarketingSettings()
    latency: LatencySettings = LatencySettings()
    statuses: StatusSettings = StatusSettings()
    webhooks: WebhookSettings = WebhookSettings()
    inbound: InboundSettings = InboundSettings()
    business_id: str = "506914307656634"
    usage: UsageSettings = UsageSettings()
    usage_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 1
    public_url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/]+$")] | None = None
    remembered_max: Annotated[int, msgspec.Meta(ge=0, le=5_000_000)] = 100_000
    commands_max: Annotated[int, msgspec.Meta(ge=1, le=50_000_000)] = 1_000_000
    command_id: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] = "whole"
    scenario: tuple[Any, ...] = ()
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
        settings = msgspec.convert(values if values is not None else {}, Settings)
        for template in settings.templates:
            template_forms.form(template.components)
        identifier(settings.command_id)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return settings


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
