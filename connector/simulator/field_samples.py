"""A sensible value for every field of the webhooks but ``messages``. PURE.

Source: Meta, webhook references of the fields, 2026-03 to 2026-09-11; of those that Meta's pages no longer show, what
public projects receive.
"""

from collections.abc import Callable
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

from connector.simulator import ids, inbound
from connector.simulator.account_updates import Moment, account_update
from connector.simulator.inbound_kinds import User
from connector.simulator.numbers import Number
from connector.simulator.webhooks import metadata


class Occasion(NamedTuple):
    """What a sample is about.

    Attributes:
        event: asked for; None for the sample's own choice.
        now_s: seconds since the Unix epoch.
    """

    number: Number
    user: User
    event: str | None
    random: Random
    now_s: int

    @property
    def moment(self) -> Moment:
        """The same, as far as accounts are concerned."""
        account = self.number.account
        return Moment(account.id, account.business_id, self.now_s)

    def about_number(self, **also: Any) -> dict[str, Any]:
        """A value that begins with the number's metadata."""
        return {**metadata(self.number.display_phone_number, self.number.id), **also}

    def about_user(self, **also: Any) -> dict[str, Any]:
        """A value with the number's metadata and the user's contact."""
        return self.about_number(contacts=[self.user.contact], **also)


Sample = Callable[[Occasion], dict[str, Any]]
_TEMPLATE_ID = 806_312_974_732_579
_TEMPLATE_REASONS: dict[str, dict[str, Any]] = {
    "REJECTED": {
        "reason": "INVALID_FORMAT",
        "rejection_info": {
            "reason": "Parameters stand next to each other.",
            "recommendation": "Put words between the parameters.",
        },
    },
    "PAUSED": {"other_info": {"title": "FIRST_PAUSE", "description": "Paused for 3 hours because of low quality."}},
    "DISABLED": {"disable_info": {"disable_date": "1767225600"}, "other_info": {"title": "DISABLED"}},
}
_GROUP = "Y2FwaV9ncm91cDoxODA1NTU1MDE3MjoxMjAzNjMyMjI3NzE5NjMwNjcZD"


def _fixed(event: str | None = None, **value: Any) -> Sample:
    """Always the same value, with the event when the field has one."""

    def built(occasion: Occasion) -> dict[str, Any]:
        named = {} if event is None else {"event": occasion.event or event}
        return {**named, **value}

    return built


def _of_template(**value: Any) -> Sample:
    template: dict[str, Any] = {
        "message_template_id": _TEMPLATE_ID,
        "message_template_name": "order_confirmation",
        "message_template_language": "en_US",
    }
    return lambda _occasion: {**template, **value}


def _account_update(occasion: Occasion) -> dict[str, Any]:
    return account_update(occasion.moment, occasion.event or "ACCOUNT_RESTRICTION")


def _account_alerts(occasion: Occasion) -> dict[str, Any]:
    info = {
        "alert_severity": "INFORMATIONAL",
        "alert_status": "NONE",
        "alert_type": occasion.event or "OBA_APPROVED",
        "alert_description": "Your business phone number has been approved as an Official Business Account.",
    }
    return {"entity_type": "PHONE_NUMBER", "entity_id": occasion.number.id, "alert_info": info}


def _quality(occasion: Occasion) -> dict[str, Any]:
    return {
        "display_phone_number": occasion.number.display_phone_number,
        "event": occasion.event or "THROUGHPUT_UPGRADE",
        "current_limit": occasion.number.messaging_limit,
        "max_daily_conversations_per_business": occasion.number.messaging_limit,
    }


def _name(occasion: Occasion) -> dict[str, Any]:
    return {
        "display_phone_number": occasion.number.display_phone_number,
        "decision": occasion.event or "APPROVED",
        "requested_verified_name": occasion.number.verified_name,
        "rejection_reason": "NONE",
    }


def _template_status(occasion: Occasion) -> dict[str, Any]:
    event = occasion.event or "APPROVED"
    value = _of_template(message_template_category="UTILITY", reason="NONE")(occasion)
    return {"event": event, **value, **_TEMPLATE_REASONS.get(event, {})}


def _security(occasion: Occasion) -> dict[str, Any]:
    number = occasion.number.display_phone_number
    return {"display_phone_number": number, "event": occasion.event or "PIN_CHANGED", "requester": "61555822107539"}


def user_preferences(occasion: Occasion) -> dict[str, Any]:
    """The user stops marketing messages, or takes them up again."""
    value = occasion.event or "stop"
    preference = {
        **({} if occasion.user.wa_id is None else {"wa_id": occasion.user.wa_id}),
        "user_id": occasion.user.user_id,
        "detail": f"User requested to {value} marketing messages",
        "category": "marketing_messages",
        "value": value,
        "timestamp": occasion.now_s,
    }
    return occasion.about_user(user_preferences=[preference])


def _history(occasion: Occasion) -> dict[str, Any]:
    message = {
        "from": occasion.user.wa_id,
        "id": ids.inbound_message_id(occasion.random, occasion.user.user_id),
        "timestamp": str(occasion.now_s - 86_400),
        "type": "text",
        "text": {"body": "Grüße von gestern"},
        "history_context": {"status": "READ"},
    }
    thread = {"id": occasion.user.wa_id, "messages": [message]}
    chunk = {"metadata": {"phase": 1, "chunk_order": 1, "progress": 55}, "threads": [thread]}
    return occasion.about_number(history=[chunk])


def _echoes(occasion: Occasion) -> dict[str, Any]:
    echo = {
        "from": occasion.number.display_phone_number,
        "to": occasion.user.wa_id,
        "to_user_id": occasion.user.user_id,
        "id": ids.outbound_message_id(occasion.random, occasion.user.user_id),
        "timestamp": str(occasion.now_s),
    }
    text = {"type": "text", "text": {"body": "Sent from the phone itself"}}
    original = {"original_message_id": ids.outbound_message_id(occasion.random, occasion.user.user_id)}
    changes = {
        "edit": {"type": "edit", "edit": {**original, "message": text}},
        "revoke": {"type": "revoke", "revoke": original},
    }
    return occasion.about_user(message_echoes=[{**echo, **changes.get(occasion.event or "", text)}])


def _app_state(occasion: Occasion) -> dict[str, Any]:
    contact = {"full_name": occasion.user.name, "first_name": "Test", "phone_number": occasion.user.wa_id}
    entry = {"type": "contact", "contact": contact, "action": occasion.event or "add"}
    return occasion.about_number(state_sync=[{**entry, "metadata": {"timestamp": str(occasion.now_s)}}])


def _calls(occasion: Occasion) -> dict[str, Any]:
    event = occasion.event or "connect"
    call: dict[str, Any] = {"id": f"wacid.{occasion.random.getrandbits(120):030X}", "timestamp": str(occasion.now_s)}
    if event.isupper():
        status = {**call, "type": "call", "status": event, "recipient_id": occasion.user.wa_id}
        return occasion.about_user(statuses=[status])
    call |= {
        "from": occasion.user.wa_id,
        "to": occasion.number.display_phone_number,
        "event": event,
        "direction": "USER_INITIATED",
    }
    return occasion.about_user(calls=[{**call, **_CALLS.get(event, {})}])


_CALLS: dict[str, dict[str, Any]] = {
    "connect": {"session": {"sdp_type": "offer", "sdp": "v=0\r\no=- 3 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"}},
    "terminate": {"status": "COMPLETED", "start_time": "1767225600", "end_time": "1767225720", "duration": 120},
}


def _groups(kind: str, **also: Any) -> Sample:
    def built(occasion: Occasion) -> dict[str, Any]:
        group = {"timestamp": str(occasion.now_s), "group_id": _GROUP, "type": occasion.event or kind}
        request_id = f"{occasion.random.getrandbits(128):032X}"
        return occasion.about_number(groups=[{**group, "request_id": request_id, **also}])

    return built


def _participants(occasion: Occasion) -> dict[str, Any]:
    participant = {"input": occasion.user.wa_id, "wa_id": occasion.user.wa_id}
    member = "removed_participants" if "remove" in (occasion.event or "") else "added_participants"
    return _groups("group_participants_add", **{member: [participant]})(occasion)


def _payments(occasion: Occasion) -> dict[str, Any]:
    return {
        "configuration_name": "razorpay",
        "provider_name": "razorpay",
        "provider_mid": "acc_GP4lfNA0iIMn5B",
        "status": occasion.event or "Needs Testing",
        "created_timestamp": occasion.now_s - 60,
        "updated_timestamp": occasion.now_s,
    }


def _automatic(occasion: Occasion) -> dict[str, Any]:
    event = {
        "id": ids.inbound_message_id(occasion.random, occasion.user.user_id),
        "event_name": occasion.event or "LeadSubmitted",
        "timestamp": occasion.now_s,
        "ctwa_clid": f"Aff-{occasion.random.getrandbits(96):024x}",
    }
    return occasion.about_user(automatic_events=[event])


def _standby(occasion: Occasion) -> dict[str, Any]:
    message = {
        "from": occasion.user.wa_id,
        "from_user_id": occasion.user.user_id,
        "id": ids.inbound_message_id(occasion.random, occasion.user.user_id),
        "timestamp": str(occasion.now_s),
        "type": "text",
        "text": {"body": "To whoever is in charge"},
    }
    return occasion.about_number(standby={"contacts": [occasion.user.contact], "messages": [message]})


def _handover(occasion: Occasion) -> dict[str, Any]:
    roles = {"previous_owner_role": "partner_app", "new_owner_role": "meta_business_agent"}
    return occasion.about_number(
        sender={"phone_number": occasion.user.wa_id, "user_id": occasion.user.user_id},
        recipient={"phone_number_id": occasion.number.id},
        timestamp=str(occasion.now_s),
        **{occasion.event or "control_passed": roles},
    )


def _settings(occasion: Occasion) -> dict[str, Any]:
    calling = {"status": "ENABLED", "call_icon_visibility": "DEFAULT"}
    settings = {"phone_number_id": occasion.number.id, "calling": calling}
    return occasion.about_number(
        timestamp=str(occasion.now_s), type="phone_number_settings", phone_number_settings=settings
    )


def _business_status(occasion: Occasion) -> dict[str, Any]:
    return {"business_id": occasion.moment.business_id, "event": occasion.event or "VERIFIED"}


def _user_id(occasion: Occasion) -> dict[str, Any]:
    new = f"US.{occasion.random.randrange(10**17):017d}"
    update = {
        **({} if occasion.user.wa_id is None else {"wa_id": occasion.user.wa_id}),
        "user_id": {"previous": occasion.user.user_id, "current": new},
        "detail": "The user's id has changed",
        "timestamp": occasion.now_s,
    }
    return occasion.about_user(user_id_update=[update])


def _username(occasion: Occasion) -> dict[str, Any]:
    return {
        "display_phone_number": occasion.number.display_phone_number,
        "username": "simulated.business",
        "status": occasion.event or "approved",
    }


SAMPLES: MappingProxyType[str, Sample] = MappingProxyType(
    {
        "account_alerts": _account_alerts,
        "account_review_update": lambda occasion: {"decision": occasion.event or "APPROVED"},
        "account_settings_update": _settings,
        "account_update": _account_update,
        "automatic_events": _automatic,
        "business_capability_update": _fixed(
            max_daily_conversations_per_business="TIER_100K", max_phone_numbers_per_business=25
        ),
        "business_status_update": _business_status,
        "business_username_update": _username,
        "calls": _calls,
        "flows": _fixed(
            "FLOW_STATUS_CHANGE",
            message="Flow Webhook 3 changed status from DRAFT to PUBLISHED",
            flow_id="6627390910605886",
            old_status="DRAFT",
            new_status="PUBLISHED",
        ),
        "group_lifecycle_update": _groups("group_create", subject="Simulated group", description="Of a simulator"),
        "group_participants_update": _participants,
        "group_settings_update": _groups(
            "group_settings_update", group_subject={"text": "Grüße", "update_successful": True}
        ),
        "group_status_update": _groups("group_suspend"),
        "history": _history,
        "message_echoes": _echoes,
        "message_template_components_update": _of_template(
            message_template_title="Order", message_template_element="Hi {{1}}! Your order {{2}} is on its way."
        ),
        "message_template_quality_update": _of_template(previous_quality_score="GREEN", new_quality_score="YELLOW"),
        "message_template_status_update": _template_status,
        "messaging_handovers": _handover,
        "partner_solutions": _fixed("SOLUTION_CREATED", solution_id="774485461512159", solution_status="INITIATED"),
        "payment_configuration_update": _payments,
        "phone_number_name_update": _name,
        "phone_number_quality_update": _quality,
        "security": _security,
        "smb_app_state_sync": _app_state,
        "smb_message_echoes": _echoes,
        "standby": _standby,
        "template_category_update": _of_template(previous_category="MARKETING", new_category="UTILITY"),
        "tracking_events": _fixed("MESSAGE_TRACKED"),
        "user_id_update": _user_id,
        "user_preferences": user_preferences,
    }
)
# These say nothing of a time in ``entry`` (Meta, webhook references, 2026-03): they are about one number's users.
WITHOUT_TIME = frozenset(
    ("user_preferences", "history", "smb_message_echoes", "message_echoes", "smb_app_state_sync", "calls", "standby")
)


def sample(field: str, occasion: Occasion) -> dict[str, Any]:
    """The value for ``field``; an unknown one has nothing but the event."""
    built = SAMPLES.get(field)
    if built is not None:
        found: dict[str, Any] = _without_nulls(built(occasion))
        return found
    return {} if occasion.event is None else {"event": occasion.event}


def _without_nulls(value: Any) -> Any:
    """A phone that is not shown is absent, not null (Meta, business-scoped user ids page, 2026-03)."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def someone(random: Random, users: int) -> User:
    """One of the population."""
    return inbound.user(random.randrange(users))
