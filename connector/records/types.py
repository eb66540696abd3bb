"""The records as Python sees them: one TypedDict for each record of the schemas, nested ones included.

Fields, and what they mean, are those of ``schemas/*.avsc``. A field that has a default there may be left out when a
record is encoded; a decoded record has them all. Times are milliseconds since the Unix epoch, UTC.
"""

from typing import Literal, NotRequired, TypedDict


class MessageSender(TypedDict):
    """Who wrote."""

    wa_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    parent_user_id: NotRequired[str | None]
    username: NotRequired[str | None]
    profile_name: NotRequired[str | None]
    identity_key_hash: NotRequired[str | None]


class InboundText(TypedDict):
    """A text message."""

    body: NotRequired[str | None]


class InboundMedia(TypedDict):
    """An image, video, audio, document or sticker."""

    id: NotRequired[str | None]
    mime_type: NotRequired[str | None]
    sha256: NotRequired[str | None]
    url: NotRequired[str | None]
    caption: NotRequired[str | None]
    filename: NotRequired[str | None]
    animated: NotRequired[bool | None]
    voice: NotRequired[bool | None]


class InboundLocation(TypedDict):
    """A place."""

    latitude: NotRequired[float | None]
    longitude: NotRequired[float | None]
    name: NotRequired[str | None]
    address: NotRequired[str | None]
    url: NotRequired[str | None]


class ContactName(TypedDict):
    """The parts of a name."""

    formatted_name: NotRequired[str | None]
    first_name: NotRequired[str | None]
    last_name: NotRequired[str | None]
    middle_name: NotRequired[str | None]
    suffix: NotRequired[str | None]
    prefix: NotRequired[str | None]


class ContactPhone(TypedDict):
    """One phone number of a card."""

    phone: NotRequired[str | None]
    wa_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    type: NotRequired[str | None]


class ContactEmail(TypedDict):
    """One e-mail address of a card."""

    email: NotRequired[str | None]
    type: NotRequired[str | None]


class ContactAddress(TypedDict):
    """One postal address of a card."""

    street: NotRequired[str | None]
    city: NotRequired[str | None]
    state: NotRequired[str | None]
    zip: NotRequired[str | None]
    country: NotRequired[str | None]
    country_code: NotRequired[str | None]
    type: NotRequired[str | None]


class ContactUrl(TypedDict):
    """One web address of a card."""

    url: NotRequired[str | None]
    type: NotRequired[str | None]


class ContactOrganization(TypedDict):
    """Where the person works."""

    company: NotRequired[str | None]
    department: NotRequired[str | None]
    title: NotRequired[str | None]


class ContactCard(TypedDict):
    """One address-book card, shared by a user or sent to one."""

    name: NotRequired[ContactName | None]
    birthday: NotRequired[str | None]
    phones: NotRequired[list[ContactPhone]]
    emails: NotRequired[list[ContactEmail]]
    addresses: NotRequired[list[ContactAddress]]
    urls: NotRequired[list[ContactUrl]]
    org: NotRequired[ContactOrganization | None]
    vcard: NotRequired[str | None]


class InboundReaction(TypedDict):
    """An emoji set on or removed from a message."""

    message_id: NotRequired[str | None]
    emoji: NotRequired[str | None]


class InboundButton(TypedDict):
    """A tap on a quick-reply button of a template; context.id is the template message."""

    payload: NotRequired[str | None]
    text: NotRequired[str | None]


class InteractiveReply(TypedDict):
    """An answer to an interactive message."""

    type: str
    id: NotRequired[str | None]
    title: NotRequired[str | None]
    description: NotRequired[str | None]
    name: NotRequired[str | None]
    body: NotRequired[str | None]
    response_json: NotRequired[str | None]
    response: NotRequired[str | None]
    response_source: NotRequired[str | None]
    is_permanent: NotRequired[bool | None]
    expires_at: NotRequired[int | None]


class OrderItem(TypedDict):
    """One position of an order."""

    product_retailer_id: NotRequired[str | None]
    quantity: NotRequired[int | None]
    item_price: NotRequired[float | None]
    currency: NotRequired[str | None]


class InboundOrder(TypedDict):
    """An order from a catalog."""

    catalog_id: NotRequired[str | None]
    text: NotRequired[str | None]
    product_items: NotRequired[list[OrderItem]]


class SystemNotice(TypedDict):
    """A change of the user's number or identity."""

    type: NotRequired[str | None]
    body: NotRequired[str | None]
    wa_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    parent_user_id: NotRequired[str | None]
    customer: NotRequired[str | None]
    identity: NotRequired[str | None]


class MessageEdit(TypedDict):
    """A change of an earlier message; coexistence numbers only."""

    original_message_id: NotRequired[str | None]
    type: NotRequired[str | None]
    text: NotRequired[InboundText | None]
    media: NotRequired[InboundMedia | None]
    message_json: NotRequired[str | None]


class MessageRevocation(TypedDict):
    """A deletion of an earlier message; coexistence numbers only."""

    original_message_id: NotRequired[str | None]


class UnsupportedMessage(TypedDict):
    """A message Meta does not hand on; the reasons are in errors."""

    type: NotRequired[str | None]


class ReferredProduct(TypedDict):
    """Product asked about."""

    catalog_id: NotRequired[str | None]
    product_retailer_id: NotRequired[str | None]


MessageContext = TypedDict(
    "MessageContext",
    {
        "from": NotRequired[str | None],
        "id": NotRequired[str | None],
        "forwarded": NotRequired[bool],
        "frequently_forwarded": NotRequired[bool],
        "referred_product": NotRequired[ReferredProduct | None],
    },
)


class Referral(TypedDict):
    """The ad or post that led here."""

    source_url: NotRequired[str | None]
    source_id: NotRequired[str | None]
    source_type: NotRequired[str | None]
    headline: NotRequired[str | None]
    body: NotRequired[str | None]
    media_type: NotRequired[str | None]
    image_url: NotRequired[str | None]
    video_url: NotRequired[str | None]
    thumbnail_url: NotRequired[str | None]
    ctwa_clid: NotRequired[str | None]
    welcome_message: NotRequired[str | None]


class MetaError(TypedDict):
    """One error as Meta reports it in webhooks."""

    code: NotRequired[int | None]
    title: NotRequired[str | None]
    message: NotRequired[str | None]
    details: NotRequired[str | None]
    href: NotRequired[str | None]


class InboundMessage(TypedDict):
    """One message from a WhatsApp user to a business number."""

    event_id: str
    received_at: int
    waba_id: str
    phone_number_id: str
    display_phone_number: NotRequired[str]
    message_id: str
    sent_at: int
    sender: MessageSender
    group_id: NotRequired[str | None]
    type: str
    text: NotRequired[InboundText | None]
    media: NotRequired[InboundMedia | None]
    location: NotRequired[InboundLocation | None]
    contacts: NotRequired[list[ContactCard] | None]
    reaction: NotRequired[InboundReaction | None]
    button: NotRequired[InboundButton | None]
    interactive_reply: NotRequired[InteractiveReply | None]
    order: NotRequired[InboundOrder | None]
    system: NotRequired[SystemNotice | None]
    edit: NotRequired[MessageEdit | None]
    revoke: NotRequired[MessageRevocation | None]
    unsupported: NotRequired[UnsupportedMessage | None]
    context: NotRequired[MessageContext | None]
    referral: NotRequired[Referral | None]
    errors: NotRequired[list[MetaError]]
    raw: str


class StatusRecipient(TypedDict):
    """Who received."""

    wa_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    parent_user_id: NotRequired[str | None]
    username: NotRequired[str | None]
    profile_name: NotRequired[str | None]
    group_id: NotRequired[str | None]
    participant_wa_id: NotRequired[str | None]
    participant_user_id: NotRequired[str | None]
    identity_key_hash: NotRequired[str | None]


class Conversation(TypedDict):
    """Meta's pricing conversation; gone from v24.0 on save for free entry points."""

    id: NotRequired[str | None]
    origin_type: NotRequired[str | None]
    expires_at: NotRequired[int | None]


class Pricing(TypedDict):
    """How Meta bills the message."""

    billable: NotRequired[bool | None]
    pricing_model: NotRequired[str | None]
    type: NotRequired[str | None]
    category: NotRequired[str | None]


class MessageStatus(TypedDict):
    """One status of a message sent by the business."""

    event_id: str
    received_at: int
    waba_id: str
    phone_number_id: str
    display_phone_number: NotRequired[str]
    message_id: str
    status: str
    status_rank: NotRequired[int]
    occurred_at: int
    recipient: StatusRecipient
    type: NotRequired[str | None]
    conversation: NotRequired[Conversation | None]
    pricing: NotRequired[Pricing | None]
    errors: NotRequired[list[MetaError]]
    command_id: NotRequired[str | None]
    opaque_data: NotRequired[str | None]
    traceparent: NotRequired[str | None]
    raw: str


class AccountEvent(TypedDict):
    """One change of an account, number, template, flow, group or preference."""

    event_id: str
    received_at: int
    waba_id: str
    phone_number_id: NotRequired[str | None]
    field: str
    event: NotRequired[str | None]
    occurred_at: NotRequired[int | None]
    raw: str


class OutboundText(TypedDict):
    """A text message."""

    body: NotRequired[str]
    preview_url: NotRequired[bool | None]


class OutboundMedia(TypedDict):
    """An image, audio, video, document or sticker: by id or by link."""

    id: NotRequired[str | None]
    link: NotRequired[str | None]
    caption: NotRequired[str | None]
    filename: NotRequired[str | None]
    voice: NotRequired[bool | None]


class OutboundLocation(TypedDict):
    """A place."""

    latitude: NotRequired[float]
    longitude: NotRequired[float]
    name: NotRequired[str | None]
    address: NotRequired[str | None]


class OutboundReaction(TypedDict):
    """An emoji on an earlier message."""

    message_id: NotRequired[str]
    emoji: NotRequired[str]


class OutboundTemplate(TypedDict):
    """An approved template and its parameters."""

    name: NotRequired[str]
    language_code: NotRequired[str]
    language_policy: NotRequired[str | None]
    components_json: NotRequired[str | None]


class OutboundInteractive(TypedDict):
    """A message with buttons, lists, flows or products."""

    type: NotRequired[str]
    header_json: NotRequired[str | None]
    body_text: NotRequired[str | None]
    footer_text: NotRequired[str | None]
    action_json: NotRequired[str | None]


class OutboundContext(TypedDict):
    """The message replied to."""

    message_id: NotRequired[str]


OnAmbiguous = Literal["DEFAULT", "RESEND", "DEAD_LETTER"]


class OutboundCommand(TypedDict):
    """One message to be sent."""

    command_id: NotRequired[str | None]
    phone_number_id: str
    to: NotRequired[str | None]
    recipient: NotRequired[str | None]
    recipient_type: NotRequired[str | None]
    type: str
    text: NotRequired[OutboundText | None]
    image: NotRequired[OutboundMedia | None]
    audio: NotRequired[OutboundMedia | None]
    video: NotRequired[OutboundMedia | None]
    document: NotRequired[OutboundMedia | None]
    sticker: NotRequired[OutboundMedia | None]
    location: NotRequired[OutboundLocation | None]
    contacts: NotRequired[list[ContactCard] | None]
    reaction: NotRequired[OutboundReaction | None]
    template: NotRequired[OutboundTemplate | None]
    interactive: NotRequired[OutboundInteractive | None]
    message_json: NotRequired[str | None]
    context: NotRequired[OutboundContext | None]
    opaque_data: NotRequired[str | None]
    not_before: NotRequired[int | None]
    expires_at: NotRequired[int | None]
    on_ambiguous: NotRequired[OnAmbiguous]
    source: NotRequired[str | None]
    created_at: NotRequired[int | None]


Outcome = Literal["UNKNOWN", "ACCEPTED", "DEAD_LETTERED", "EXPIRED", "DUPLICATE", "SUPPRESSED"]


DeliveryError = TypedDict(
    "DeliveryError",
    {
        "class": str,
        "code": NotRequired[int | None],
        "subcode": NotRequired[int | None],
        "title": NotRequired[str | None],
        "details": NotRequired[str | None],
        "http_status": NotRequired[int | None],
        "fbtrace_id": NotRequired[str | None],
    },
)


class SourceRecord(TypedDict):
    """Place of a record in Kafka."""

    topic: str
    partition: int
    offset: int


class DeliveryOutcome(TypedDict):
    """How a command ended: exactly one committed outcome for each command read."""

    event_id: str
    command_id: str
    payload_digest: NotRequired[str | None]
    outcome: Outcome
    duplicate_of: NotRequired[str | None]
    phone_number_id: NotRequired[str | None]
    waba_id: NotRequired[str | None]
    to: NotRequired[str | None]
    recipient: NotRequired[str | None]
    type: NotRequired[str]
    template_name: NotRequired[str | None]
    message_id: NotRequired[str | None]
    message_status: NotRequired[str | None]
    wa_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    attempts: NotRequired[int]
    error: NotRequired[DeliveryError | None]
    recovered: NotRequired[bool]
    queued_at: int
    first_attempt_at: NotRequired[int | None]
    settled_at: int
    source: SourceRecord
    command_source: NotRequired[str | None]
    opaque_data: NotRequired[str | None]
    traceparent: NotRequired[str | None]


AttemptPhase = Literal["UNKNOWN", "STARTED", "ENDED"]


class DeliveryAttempt(TypedDict):
    """Journal of requests to the Cloud API."""

    command_id: str
    payload_digest: NotRequired[str]
    attempt: int
    phase: AttemptPhase
    result: NotRequired[str | None]
    retry_at: NotRequired[int | None]
    charged: NotRequired[bool]
    failures: NotRequired[int]
    phone_number_id: str
    recipient_digest: NotRequired[str]
    pair_free_at: NotRequired[int | None]
    pair_exponent: NotRequired[int]
    source: SourceRecord
    worker: NotRequired[str]
    at: int


class SlotState(TypedDict):
    """Ownership of a slot and how far its internal topics were read."""

    slots_total: int
    worker: NotRequired[str]
    transactional_id: str
    released: NotRequired[bool]
    attempts_offset: NotRequired[int]
    outcomes_offset: NotRequired[int]
    signals_offset: NotRequired[int]
    updated_at: int


SettledRange = TypedDict(
    "SettledRange",
    {
        "from": int,
        "to": int,
    },
)


class PairOnHold(TypedDict):
    """One recipient that must wait."""

    recipient_digest: str
    free_at: int
    exponent: NotRequired[int]


class NumberState(TypedDict):
    """How far one command topic of one number was taken."""

    cursor: NotRequired[int | None]
    settled_beyond: NotRequired[list[SettledRange]]
    held_since: NotRequired[int | None]
    reason: NotRequired[str | None]
    pairs_on_hold: NotRequired[list[PairOnHold]]


class DeliveryState(TypedDict):
    """Where a slot, or a number in it, stands."""

    slot: NotRequired[SlotState | None]
    number: NotRequired[NumberState | None]


SignalKind = Literal["UNKNOWN", "RECEIPT", "LEVEL", "ACCOUNT", "INBOUND_LOAD", "GAP", "HEARTBEAT"]


NumberSignal = TypedDict(
    "NumberSignal",
    {
        "kind": SignalKind,
        "phone_number_id": NotRequired[str | None],
        "waba_id": NotRequired[str | None],
        "replica": str,
        "at": int,
        "command_id": NotRequired[str | None],
        "attempt": NotRequired[int | None],
        "message_id": NotRequired[str | None],
        "status": NotRequired[str | None],
        "error_code": NotRequired[int | None],
        "level": NotRequired[str | None],
        "count": NotRequired[int | None],
        "from": NotRequired[int | None],
        "to": NotRequired[int | None],
    },
)


ControlAction = Literal["UNKNOWN", "HOLD", "RELEASE"]


class DeliveryControl(TypedDict):
    """A hold on sending, or its release."""

    scope: str
    actor: str
    action: ControlAction
    reason: NotRequired[str]
    at: int
    until: NotRequired[int | None]
