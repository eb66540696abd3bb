"""The bodies of the switches' requests.

Members that are left out change nothing.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from connector.simulator.settings_business import (
    Block,
    Category,
    Digits,
    Held,
    Id,
    MessagingLimit,
    Quality,
    Scope,
    TemplateStatus,
    TokenState,
)
from connector.simulator.settings_types import LatencySettings, Level, Milliseconds, Section, Share
from connector.simulator.settings_webhooks import InboundKind, Order, WebhookUrl

UserId = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{5,15}|[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128})$")]


class NumberChange(Section, frozen=True):
    """The body of ``POST /_admin/numbers/{id}``; see :class:`~connector.simulator.settings.NumberSettings`."""

    level: Level | None = None
    mps: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    registered: bool | UnsetType = UNSET
    allowed: tuple[Digits, ...] | UnsetType | None = UNSET
    quality_rating: Quality | UnsetType = UNSET
    messaging_limit: MessagingLimit | UnsetType = UNSET


class Upgrade(Section, frozen=True):
    """The body of ``POST /_admin/numbers/{id}/upgrade``.

    Attributes:
        downtime_s: how long everything is refused with 131057; Meta says up to a minute.
    """

    level: Level = "HIGH"
    downtime_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 60.0


class AccountChange(Section, frozen=True):
    """The body of ``POST /_admin/accounts/{id}``; see :class:`~connector.simulator.settings.AccountSettings`."""

    block: Block | UnsetType | None = UNSET
    marketing_on_messages: bool | UnsetType = UNSET


class TokenChange(Section, frozen=True):
    """The body of ``POST /_admin/tokens``; a token not known comes into being.

    Attributes:
        expires_in_s: seconds from now; null for never.
    """

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    state: TokenState | UnsetType = UNSET
    numbers: tuple[Id, ...] | UnsetType | None = UNSET
    scopes: tuple[Scope, ...] | UnsetType = UNSET
    expires_in_s: Annotated[float, msgspec.Meta(ge=0)] | UnsetType | None = UNSET


class TemplateChange(Section, frozen=True):
    """The body of ``POST /_admin/templates/{name}``.

    Attributes:
        language: of the one to change; all of the name when missing.
    """

    language: str | None = None
    status: TemplateStatus | UnsetType = UNSET
    category: Category | UnsetType = UNSET
    quality: Quality | UnsetType = UNSET
    held: Held | UnsetType = UNSET


class UserChange(Section, frozen=True):
    """The body of ``POST /_admin/users/{phone digits or user id}``."""

    marketing: Literal["stop", "resume"]


class EventRequest(Section, frozen=True):
    """The body of ``POST /_admin/events``: a webhook of any field, with nothing changed.

    Attributes:
        event: chooses the sample's event, decision, status or type.
        number: it is about; the first one known when missing.
        user: it is about; one of the made-up users when missing.
        value: replaces members of the sample.
        count: how many.
    """

    field: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,64}$")]
    event: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    number: Id | None = None
    user: UserId | None = None
    value: dict[str, Any] = msgspec.field(default_factory=dict)
    count: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1


class InboundRequest(Section, frozen=True):
    """The body of ``POST /_admin/inbound``.

    Attributes:
        number: the ``phone_number_id`` that is written to; the first one known when missing.
        sender: digits of the user's phone, or a business-scoped user id; one of the made-up users when missing.
        kind: what the message is, unless ``text`` or ``message`` says so.
        text: a text message with this body.
        message: the message itself as Meta would send it; id, sender and timestamp are added where they lack.
        count: how many.
    """

    number: str | None = None
    sender: UserId | None = None
    kind: InboundKind = "text"
    text: str | None = None
    message: dict[str, Any] | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1


class WebhookChange(Section, frozen=True):
    """The body of ``POST /_admin/webhook``; see :class:`~connector.simulator.settings.WebhookSettings`.

    Attributes:
        url: where webhooks go from now on; null for nowhere.
        verify_token: when given, the URL must first pass Meta's handshake with it.
    """

    url: WebhookUrl | UnsetType | None = UNSET
    verify_token: str | None = None
    updates_max: Annotated[int, msgspec.Meta(ge=1, le=1000)] | UnsetType = UNSET
    gather_ms: Milliseconds | UnsetType = UNSET
    order: Order | UnsetType = UNSET
    shuffle_ms: Milliseconds | UnsetType = UNSET
    delay: LatencySettings | UnsetType = UNSET
    duplicated: Share | UnsetType = UNSET
    duplicate_ms: Milliseconds | UnsetType = UNSET
    lost: Share | UnsetType = UNSET
    muted: tuple[str, ...] | UnsetType = UNSET
