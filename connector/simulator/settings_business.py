"""Settings of the business: tokens, accounts, numbers, templates, media, and what its recipients provoke."""

from typing import Annotated, Any, Literal

import msgspec

from connector.simulator.settings_types import Count, Level, Milliseconds, Section, Share

# Meta, throughput page, 2026-09-11: messages a second, inbound and outbound together.
LEVEL_MPS: dict[Level, int] = {"STANDARD": 80, "HIGH": 1000, "NOT_APPLICABLE": 20}
DEFAULT_ACCOUNT = "102290129340398"

Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,32}$")]
Digits = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{5,15}$")]
Quality = Literal["GREEN", "YELLOW", "RED", "UNKNOWN"]
# Meta, messaging limits page and changelog of 2025-10-08.
MessagingLimit = Literal["TIER_250", "TIER_2K", "TIER_10K", "TIER_100K", "TIER_UNLIMITED"]
Scope = Literal["whatsapp_business_messaging", "whatsapp_business_management"]
TokenState = Literal["valid", "expired", "invalid"]
Block = Literal["locked", "restricted", "disabled", "payment"]
Category = Literal["AUTHENTICATION", "MARKETING", "UTILITY"]
TemplateStatus = Literal[
    "APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "LIMIT_EXCEEDED", "ARCHIVED", "DELETED"
]
Held = Literal["no", "released", "dropped"]
By = Literal["answer", "webhook"]


class TokenSettings(Section, frozen=True):
    """An access token with bounds; those in ``access_tokens`` have none.

    Attributes:
        token: as in the ``Authorization`` header.
        numbers: the phone number ids it opens; all when missing. Others are refused with code 200.
        scopes: without ``whatsapp_business_messaging`` sends and media are refused with code 10, without
            ``whatsapp_business_management`` templates are.
        state: ``expired`` is 190 with subcode 463, ``invalid`` is 190 with subcode 467.
        valid_for_s: seconds from the start after which it is expired; never when missing.
    """

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    numbers: tuple[Id, ...] | None = None
    scopes: tuple[Scope, ...] = ("whatsapp_business_messaging", "whatsapp_business_management")
    state: TokenState = "valid"
    valid_for_s: Annotated[float, msgspec.Meta(ge=0)] | None = None


class AccountSettings(Section, frozen=True):
    """One WhatsApp Business Account; those that numbers name exist without being listed.

    Attributes:
        id: its id.
        block: ``locked`` refuses sends with 131031, ``restricted`` and ``disabled`` with 368, ``payment`` with 131042.
        marketing_on_messages: whether ``/messages`` takes marketing templates; otherwise 131063.
        subscribed: whether the app is subscribed to its webhooks, as ``GET /{account}/subscribed_apps`` tells.
    """

    id: Id
    name: str = "Simulated Business Account"
    block: Block | None = None
    marketing_on_messages: bool = True
    subscribed: bool = True


class NumberSettings(Section, frozen=True):
    """One business phone number.

    Attributes:
        id: its ``phone_number_id``.
        level: what ``throughput.level`` says; decides the limit unless ``mps`` does.
        mps: messages a second; the level reported is then the highest that promises no more.
        registered: otherwise sends are refused with 133010.
        allowed: makes it a test number, which may write to these phones (digits) and to no other (131030).
    """

    id: Id
    level: Level | None = None
    mps: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    waba_id: Id = DEFAULT_ACCOUNT
    display_phone_number: Digits | None = None
    verified_name: str = "Simulated Business"
    quality_rating: Quality = "GREEN"
    messaging_limit: MessagingLimit = "TIER_UNLIMITED"
    registered: bool = True
    allowed: tuple[Digits, ...] | None = None


class TemplateSettings(Section, frozen=True):
    """One message template in one language.

    Attributes:
        components: as Meta's template listing has them; how many parameters a send must give is read from there.
        status: ``PAUSED`` refuses sends with 132015, ``DISABLED`` with 132016, any other but ``APPROVED`` with 132001.
        held: ``held_for_quality_assessment``: released after ``held_ms``, or dropped then with 132015.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,512}$")]
    language: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(_[A-Za-z]{2,4})?$")] = "en_US"
    category: Category = "UTILITY"
    status: TemplateStatus = "APPROVED"
    quality: Quality = "GREEN"
    waba_id: Id = DEFAULT_ACCOUNT
    components: tuple[dict[str, Any], ...] = ({"type": "BODY", "text": "Hello"},)
    held: Held = "no"
    held_ms: Milliseconds = 60_000.0


class MediaSettings(Section, frozen=True):
    """The media store.

    Attributes:
        check_ids: refuse to send an id that this number has not uploaded (code 100).
        total_max_bytes: uploads kept; the oldest go beyond it, as if their 30 days were over.
        count_max: media kept, inbound ones included; likewise.
        url_valid_s: life of a download URL; Meta's is five minutes.
        broken_links: parts of ``link`` values that cannot be fetched: accepted, then ``failed`` with 131053. A host
            that ends in ``.invalid`` never can.
    """

    check_ids: bool = True
    total_max_bytes: Annotated[int, msgspec.Meta(ge=1_000)] = 268_435_456
    count_max: Count = 10_000
    url_valid_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0
    broken_links: tuple[Annotated[str, msgspec.Meta(min_length=1)], ...] = ()


class MarketingSettings(Section, frozen=True):
    """What Meta does with marketing templates, to users whose draw it is.

    Attributes:
        experiment: share of the users whom nothing of marketing reaches (130472).
        withheld: share of the marketing messages not delivered for the ecosystem's sake (131049).
        by: whether those, and 131050 for users who opted out, are refused or fail later.
    """

    experiment: Share = 0.0
    withheld: Share = 0.0
    by: By = "webhook"


class UsageSettings(Section, frozen=True):
    """The call quota behind the usage headers.

    Attributes:
        calls: allowed within ``window_s``; the headers then tell the percentage used. No quota when missing.
        code: of the refusals over 100 percent: 4 (the app's) or 80007 (the account's).
        block_s: how long everything is refused then; counting starts anew afterwards.
    """

    calls: Count | None = None
    window_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 3600.0
    code: Literal[4, 80007] = 80007
    block_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 60.0


class RecipientRule(Section, frozen=True):
    """What happens to every message to certain recipients.

    Attributes:
        ends_with: suffix of the phone's digits, of the user id or of the group id.
        code: the error.
        by: ``answer`` refuses the request; ``webhook`` accepts it and lets a ``failed`` status follow.
    """

    ends_with: Annotated[str, msgspec.Meta(min_length=1)]
    code: int
    by: By = "answer"
