"""Records of the ingress: inbound messages and message statuses. See ``types.py``."""

from typing import NotRequired, TypedDict


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
    ref: NotRequired[str | None]


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
    standby: NotRequired[bool]
    text: NotRequired[InboundText | None]
    media: NotRequired[InboundMedia | None]
    location: NotRequired[InboundLocation | None]
    contacts: NotRequired[list[ContactCard] | None]
    contacts_origin: NotRequired[str | None]
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
    contact_json: NotRequired[str | None]
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


class Payment(TypedDict):
    """What the status of a payment says about it."""

    reference_id: NotRequired[str | None]
    amount_value: NotRequired[int | None]
    amount_offset: NotRequired[int | None]
    currency: NotRequired[str | None]
    transaction_id: NotRequired[str | None]
    transaction_type: NotRequired[str | None]
    transaction_status: NotRequired[str | None]


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
    standby: NotRequired[bool]
    occurred_at: int
    recipient: StatusRecipient
    type: NotRequired[str | None]
    template_id: NotRequired[str | None]
    conversation: NotRequired[Conversation | None]
    pricing: NotRequired[Pricing | None]
    payment: NotRequired[Payment | None]
    errors: NotRequired[list[MetaError]]
    command_id: NotRequired[str | None]
    opaque_data: NotRequired[str | None]
    traceparent: NotRequired[str | None]
    contact_json: NotRequired[str | None]
    raw: str
