"""Records of the ingress: account events, and what they hold. See ``types.py``."""

from typing import NotRequired, TypedDict

from connector.records.event_types import (
    ContactCard,
    InboundButton,
    InboundLocation,
    InboundMedia,
    InboundOrder,
    InboundReaction,
    InboundText,
    InteractiveReply,
    MessageContext,
    MessageEdit,
    MessageRevocation,
    MetaError,
    SystemNotice,
    UnsupportedMessage,
)


class EventUser(TypedDict):
    """The person an event is about."""

    wa_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    parent_user_id: NotRequired[str | None]
    username: NotRequired[str | None]
    profile_name: NotRequired[str | None]


EventMessage = TypedDict(
    "EventMessage",
    {
        "message_id": str,
        "from": NotRequired[str | None],
        "from_user_id": NotRequired[str | None],
        "to": NotRequired[str | None],
        "to_user_id": NotRequired[str | None],
        "to_parent_user_id": NotRequired[str | None],
        "group_id": NotRequired[str | None],
        "sent_at": NotRequired[int | None],
        "type": str,
        "template_name": NotRequired[str | None],
        "text": NotRequired[InboundText | None],
        "media": NotRequired[InboundMedia | None],
        "location": NotRequired[InboundLocation | None],
        "contacts": NotRequired[list[ContactCard] | None],
        "reaction": NotRequired[InboundReaction | None],
        "button": NotRequired[InboundButton | None],
        "interactive_reply": NotRequired[InteractiveReply | None],
        "order": NotRequired[InboundOrder | None],
        "system": NotRequired[SystemNotice | None],
        "edit": NotRequired[MessageEdit | None],
        "revoke": NotRequired[MessageRevocation | None],
        "unsupported": NotRequired[UnsupportedMessage | None],
        "context": NotRequired[MessageContext | None],
    },
)


class HistoryPlace(TypedDict):
    """Where in the synchronized chat history a message stands."""

    phase: NotRequired[int | None]
    chunk_order: NotRequired[int | None]
    progress: NotRequired[int | None]
    thread_id: NotRequired[str | None]
    status: NotRequired[str | None]


CallEvent = TypedDict(
    "CallEvent",
    {
        "call_id": NotRequired[str | None],
        "direction": NotRequired[str | None],
        "from": NotRequired[str | None],
        "to": NotRequired[str | None],
        "status": NotRequired[str | None],
        "started_at": NotRequired[int | None],
        "ended_at": NotRequired[int | None],
        "duration_s": NotRequired[int | None],
        "sdp_type": NotRequired[str | None],
        "opaque_data": NotRequired[str | None],
        "deeplink_payload": NotRequired[str | None],
        "cta_payload": NotRequired[str | None],
        "recording": NotRequired[InboundMedia | None],
        "transcript": NotRequired[InboundMedia | None],
    },
)


class GroupParticipant(TypedDict):
    """One member of a group, in a change of its members."""

    input: NotRequired[str | None]
    wa_id: NotRequired[str | None]
    user_id: NotRequired[str | None]
    parent_user_id: NotRequired[str | None]
    username: NotRequired[str | None]
    error_code: NotRequired[int | None]


class GroupEvent(TypedDict):
    """A change of a group."""

    group_id: NotRequired[str | None]
    request_id: NotRequired[str | None]
    subject: NotRequired[str | None]
    description: NotRequired[str | None]
    invite_link: NotRequired[str | None]
    join_approval_mode: NotRequired[str | None]
    reason: NotRequired[str | None]
    initiated_by: NotRequired[str | None]
    join_request_id: NotRequired[str | None]
    added_participants: NotRequired[list[GroupParticipant]]
    removed_participants: NotRequired[list[GroupParticipant]]
    failed_participants: NotRequired[list[GroupParticipant]]


class UserPreference(TypedDict):
    """What a user wants to get from the business."""

    category: NotRequired[str | None]
    value: NotRequired[str | None]
    detail: NotRequired[str | None]
    signup_id: NotRequired[str | None]


class ContactSync(TypedDict):
    """A change in the address book of the WhatsApp Business app; action is in event."""

    type: NotRequired[str | None]
    full_name: NotRequired[str | None]
    first_name: NotRequired[str | None]
    phone_number: NotRequired[str | None]


class UserIdChange(TypedDict):
    """A user's business-scoped id changed."""

    previous: NotRequired[str | None]
    current: NotRequired[str | None]
    parent_previous: NotRequired[str | None]
    parent_current: NotRequired[str | None]
    detail: NotRequired[str | None]


class Handover(TypedDict):
    """A conversation got another responder; whether it was passed or taken is in event."""

    previous_owner_role: NotRequired[str | None]
    new_owner_role: NotRequired[str | None]
    previous_owner_app_id: NotRequired[str | None]
    new_owner_app_id: NotRequired[str | None]
    metadata: NotRequired[str | None]


class ConversationContext(TypedDict):
    """What a responder who takes over is told about the conversation so far."""

    type: NotRequired[str | None]
    summary: NotRequired[str | None]


class AccountRestriction(TypedDict):
    """Something the account may not do."""

    type: NotRequired[str | None]
    expires_at: NotRequired[int | None]
    remediation: NotRequired[str | None]


class VolumeTier(TypedDict):
    """A tier of volume-based pricing."""

    pricing_category: NotRequired[str | None]
    tier: NotRequired[str | None]
    effective_month: NotRequired[str | None]
    region: NotRequired[str | None]
    updated_at: NotRequired[int | None]


class InternationalRate(TypedDict):
    """When the rate of one country begins."""

    country_code: NotRequired[str | None]
    starts_at: NotRequired[int | None]


class InternationalRates(TypedDict):
    """When rates for international authentication messages begin."""

    starts_at: NotRequired[int | None]
    exceptions: NotRequired[list[InternationalRate]]


class AccountChange(TypedDict):
    """A change of a WhatsApp Business Account."""

    phone_number: NotRequired[str | None]
    country: NotRequired[str | None]
    restrictions: NotRequired[list[AccountRestriction]]
    violation_type: NotRequired[str | None]
    remediation: NotRequired[str | None]
    ban_state: NotRequired[str | None]
    ban_date: NotRequired[str | None]
    owner_business_id: NotRequired[str | None]
    partner_waba_id: NotRequired[str | None]
    ad_account_id: NotRequired[str | None]
    partner_app_id: NotRequired[str | None]
    solution_id: NotRequired[str | None]
    solution_partner_business_ids: NotRequired[list[str]]
    disconnection_reason: NotRequired[str | None]
    disconnection_initiated_by: NotRequired[str | None]
    certification_business_id: NotRequired[str | None]
    certification_status: NotRequired[str | None]
    certification_rejection_reasons: NotRequired[list[str]]
    volume_tier: NotRequired[VolumeTier | None]
    international_rates: NotRequired[InternationalRates | None]


class AccountAlert(TypedDict):
    """Something about an account, number or portfolio that its owner should know."""

    entity_type: NotRequired[str | None]
    entity_id: NotRequired[str | None]
    severity: NotRequired[str | None]
    status: NotRequired[str | None]
    description: NotRequired[str | None]


class BusinessCapability(TypedDict):
    """What a portfolio may do."""

    max_daily_conversations_per_business: NotRequired[str | None]
    max_daily_conversation_per_phone: NotRequired[int | None]
    max_phone_numbers_per_business: NotRequired[int | None]
    max_phone_numbers_per_waba: NotRequired[int | None]


class NumberChange(TypedDict):
    """A change of a business number."""

    current_limit: NotRequired[str | None]
    old_limit: NotRequired[str | None]
    max_daily_conversations_per_business: NotRequired[str | None]
    requested_verified_name: NotRequired[str | None]
    rejection_reason: NotRequired[str | None]
    requester: NotRequired[str | None]
    username: NotRequired[str | None]
    settings_json: NotRequired[str | None]


class TemplateButton(TypedDict):
    """A button of a template."""

    type: NotRequired[str | None]
    text: NotRequired[str | None]
    url: NotRequired[str | None]
    phone_number: NotRequired[str | None]


class TemplateChange(TypedDict):
    """A change of a message template."""

    id: NotRequired[str | None]
    name: NotRequired[str | None]
    language: NotRequired[str | None]
    category: NotRequired[str | None]
    reason: NotRequired[str | None]
    previous_category: NotRequired[str | None]
    new_category: NotRequired[str | None]
    correct_category: NotRequired[str | None]
    category_changes_at: NotRequired[int | None]
    previous_quality_score: NotRequired[str | None]
    new_quality_score: NotRequired[str | None]
    disabled_at: NotRequired[int | None]
    title: NotRequired[str | None]
    description: NotRequired[str | None]
    rejection_reason: NotRequired[str | None]
    recommendation: NotRequired[str | None]
    header_text: NotRequired[str | None]
    body_text: NotRequired[str | None]
    footer_text: NotRequired[str | None]
    buttons: NotRequired[list[TemplateButton]]


class FlowError(TypedDict):
    """One kind of errors."""

    type: NotRequired[str | None]
    rate: NotRequired[float | None]
    count: NotRequired[int | None]


class FlowChange(TypedDict):
    """A change of a Flow, or of how well its endpoint works."""

    flow_id: NotRequired[str | None]
    message: NotRequired[str | None]
    old_status: NotRequired[str | None]
    new_status: NotRequired[str | None]
    alert_state: NotRequired[str | None]
    threshold: NotRequired[float | None]
    error_rate: NotRequired[float | None]
    requests_count: NotRequired[int | None]
    p50_latency_ms: NotRequired[float | None]
    p90_latency_ms: NotRequired[float | None]
    availability: NotRequired[float | None]
    errors: NotRequired[list[FlowError]]


class PartnerSolution(TypedDict):
    """A change of a multi-partner solution."""

    solution_id: NotRequired[str | None]
    status: NotRequired[str | None]


class PaymentConfiguration(TypedDict):
    """A change of how payments are taken."""

    name: NotRequired[str | None]
    provider_name: NotRequired[str | None]
    provider_mid: NotRequired[str | None]
    created_at: NotRequired[int | None]
    updated_at: NotRequired[int | None]


class AutomaticEvent(TypedDict):
    """Something Meta found in a conversation that began with an ad; its name is in event."""

    message_id: NotRequired[str | None]
    ctwa_clid: NotRequired[str | None]
    currency: NotRequired[str | None]
    value: NotRequired[float | None]


class UserAction(TypedDict):
    """Something a user did with a message of the business, such as a click; its kind is in event."""

    click_component: NotRequired[str | None]
    click_id: NotRequired[str | None]
    product_id: NotRequired[str | None]
    tracking_token: NotRequired[str | None]


class AccountEvent(TypedDict):
    """Everything a webhook tells that is neither an inbound message nor a status."""

    event_id: str
    received_at: int
    waba_id: str
    phone_number_id: NotRequired[str | None]
    display_phone_number: NotRequired[str | None]
    field: str
    event: NotRequired[str | None]
    occurred_at: NotRequired[int | None]
    standby: NotRequired[bool]
    user: NotRequired[EventUser | None]
    message: NotRequired[EventMessage | None]
    history: NotRequired[HistoryPlace | None]
    call: NotRequired[CallEvent | None]
    group: NotRequired[GroupEvent | None]
    preference: NotRequired[UserPreference | None]
    contact_sync: NotRequired[ContactSync | None]
    user_id_change: NotRequired[UserIdChange | None]
    handover: NotRequired[Handover | None]
    conversation_context: NotRequired[ConversationContext | None]
    account: NotRequired[AccountChange | None]
    alert: NotRequired[AccountAlert | None]
    capability: NotRequired[BusinessCapability | None]
    number: NotRequired[NumberChange | None]
    template: NotRequired[TemplateChange | None]
    flow: NotRequired[FlowChange | None]
    partner_solution: NotRequired[PartnerSolution | None]
    payment_configuration: NotRequired[PaymentConfiguration | None]
    automatic_event: NotRequired[AutomaticEvent | None]
    user_action: NotRequired[UserAction | None]
    errors: NotRequired[list[MetaError]]
    raw: str
