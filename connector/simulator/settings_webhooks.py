"""Settings of the webhooks: what follows a message, what comes in, and how it all is posted."""

from typing import Annotated, Literal

import msgspec

from connector.simulator.settings_types import Count, LatencySettings, Milliseconds, Section, Share

Order = Literal["due", "shuffled", "strict"]
# Meta, webhook override page, 2026: at most 200 characters.
WebhookUrl = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s]+$", max_length=200)]


class StatusSettings(Section, frozen=True):
    """Which status webhooks follow an accepted message, and when.

    Shares are of all accepted messages; ``read`` is a share of the delivered ones, ``played`` of the voice messages
    read. Delays count from the acceptance (from the release of a template that is held) and vary by ``jitter`` (0.5:
    from half to one and a half times the figure), so that statuses arrive out of order as Meta's do.
    """

    sent: Share = 1.0
    delivered: Share = 0.95
    read: Share = 0.5
    played: Share = 0.5
    failed: Share = 0.0
    failed_code: int = 131026
    sent_ms: Milliseconds = 100.0
    delivered_ms: Milliseconds = 700.0
    read_ms: Milliseconds = 3000.0
    played_ms: Milliseconds = 5000.0
    failed_ms: Milliseconds = 400.0
    jitter: Share = 0.5


class WebhookSettings(Section, frozen=True):
    """Where webhooks go and how.

    Attributes:
        url: no webhooks are sent when missing.
        updates_max: updates in one POST; Meta packs up to 1000.
        gather_ms: how long a POST waits for more updates.
        order: ``due`` sends each when it is due, so that jitter may swap them; ``shuffled`` makes each late by up to
            ``shuffle_ms`` and mixes those of a POST; ``strict`` keeps the order, one POST at a time, each until it is
            answered 200.
        delay: makes each update late.
        duplicated: share of the updates that come a second time, up to ``duplicate_ms`` later.
        lost: share of the updates that never come.
        muted: kinds that are not sent: ``messages`` (inbound), ``statuses``, a status (``read``), a type of inbound
            message (``reaction``), or a field (``account_update``).
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
    order: Order = "due"
    shuffle_ms: Milliseconds = 1000.0
    delay: LatencySettings = LatencySettings()
    duplicated: Share = 0.0
    duplicate_ms: Milliseconds = 2000.0
    lost: Share = 0.0
    muted: tuple[str, ...] = ()
    pending_max: Count = 100_000
    connections: Annotated[int, msgspec.Meta(ge=1, le=256)] = 16
    timeout_ms: Annotated[float, msgspec.Meta(ge=1, le=600_000)] = 10_000.0
    retry_first_ms: Milliseconds = 250.0
    retry_max_ms: Milliseconds = 60_000.0
    retry_for_s: Annotated[float, msgspec.Meta(ge=0)] = 604_800.0


InboundKind = Literal[
    "text",
    "image",
    "video",
    "audio",
    "voice",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
    "reaction_removed",
    "button",
    "button_reply",
    "list_reply",
    "flow_reply",
    "address_reply",
    "call_permission_reply",
    "order",
    "referral",
    "product_inquiry",
    "forwarded",
    "frequently_forwarded",
    "group_text",
    "number_changed",
    "user_id_changed",
    "identity_changed",
    "edit",
    "revoke",
    "unsupported",
    "oversized",
    "ghost",
    "request_welcome",
    "errors",
]


class InboundSettings(Section, frozen=True):
    """Inbound messages that arrive by themselves.

    Attributes:
        rate: messages a second, over all numbers; each counts against its number's limit.
        kinds: drawn evenly.
        users: size of the population they come from.
        hidden: share of the population whose phone numbers are not shown: known by user id and user name only.
        ghost_ms: how long after the placeholder of a ``ghost`` its content comes, under the same id.
    """

    rate: Annotated[float, msgspec.Meta(ge=0, le=10_000)] = 0.0
    kinds: Annotated[tuple[InboundKind, ...], msgspec.Meta(min_length=1)] = (
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
    hidden: Share = 0.0
    ghost_ms: Milliseconds = 2000.0
