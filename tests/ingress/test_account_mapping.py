"""Account facts to records: every field that Meta documents has a place of its own."""

import json
from typing import Any

import pytest

from connector.ingress.account_mapping import _READERS
from connector.ingress.events import Arrival, Event
from connector.ingress.mapping import map_facts
from connector.records.codec import Codec
from connector.records.keys import slot_of
from connector.whatsapp.notification import parse_notification

CODEC = Codec()
WABA, NUMBER, DISPLAYED = "102290129340398", "106540352242922", "15550783881"
METADATA = {"display_phone_number": DISPLAYED, "phone_number_id": NUMBER}
AROUND = {"messaging_product": "whatsapp", "metadata": METADATA}
ARRIVAL = Arrival(received_at=1_800_000_000_000, replica="r", installation="default", slots=24)
COMMON = {"event_id", "received_at", "waba_id", "phone_number_id", "display_phone_number", "field", "raw"}
USER, BSUID = "16505551234", "US.13491208655302741918"


def events(field: str, value: Any, arrival: Arrival = ARRIVAL, **entry: Any) -> list[Event]:
    """The records of one change, as a consumer sees them."""
    change = {"field": field, "value": value}
    notification = {"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [change], **entry}]}
    found = map_facts(parse_notification(json.dumps(notification).encode()), arrival)
    assert all(isinstance(event, Event) for event in found)
    return [event for event in found if isinstance(event, Event)]


def told(event: Event) -> dict[str, Any]:
    """What a record says beside what all have: without nulls, empty lists and false flags."""
    record = CODEC.decode(event.schema, CODEC.encode(event.schema, event.record))
    found: dict[str, Any] = given({name: value for name, value in record.items() if name not in COMMON})
    return found


def given(value: Any) -> Any:
    """What is set."""
    if isinstance(value, dict):
        return {name: given(found) for name, found in value.items() if is_set(found)}
    return [given(item) for item in value] if isinstance(value, list) else value


def is_set(value: Any) -> bool:
    """Zero is a value."""
    return value is not None and value is not False and value != []


TEMPLATE = {"message_template_id": 7, "message_template_name": "n", "message_template_language": "en_US"}
TOLD_TEMPLATE = {"id": "7", "name": "n", "language": "en_US"}
SINGLE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "account_update",
        {"event": "ACCOUNT_RESTRICTION", "phone_number": DISPLAYED,
         "restriction_info": [{"restriction_type": "A", "expiration": 1641330498, "remediation": "r"}, 5]},
        {"event": "ACCOUNT_RESTRICTION", "account": {
            "phone_number": DISPLAYED,
            "restrictions": [{"type": "A", "expires_at": 1641330498000, "remediation": "r"}]}},
    ),
    (
        "account_update",
        {"event": "PARTNER_ADDED", "waba_info": {"waba_id": "1", "owner_business_id": 2, "ad_account_linked": "3",
         "partner_app_id": "4", "solution_id": "5", "solution_partner_business_ids": ["6", 7, None]}},
        {"event": "PARTNER_ADDED", "account": {"partner_waba_id": "1", "owner_business_id": "2", "ad_account_id": "3",
         "partner_app_id": "4", "solution_id": "5", "solution_partner_business_ids": ["6", "7"]}},
    ),
    (
        "account_update",
        {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "April 17, 2025"},
         "violation_info": {"violation_type": "ADULT", "remediation": "r"}, "country": "IN",
         "disconnection_info": {"reason": "PRIMARY_INACTIVITY", "initiated_by": "SYSTEM"},
         "partner_client_certification_info": {
             "client_business_id": "9", "status": "APPROVED", "rejection_reasons": ["NONE"]},
         "volume_tier_info": {"tier_update_time": 1743451903, "pricing_category": "UTILITY", "tier": "1:2",
                              "effective_month": "2025-11", "region": "India"},
         "auth_international_rate_eligibility": {
             "start_time": 1, "exception_countries": [{"country_code": "ID", "start_time": 2}]}},
        {"event": "DISABLED_UPDATE", "account": {
            "ban_state": "DISABLE", "ban_date": "April 17, 2025", "violation_type": "ADULT", "remediation": "r",
            "country": "IN", "disconnection_reason": "PRIMARY_INACTIVITY", "disconnection_initiated_by": "SYSTEM",
            "certification_business_id": "9", "certification_status": "APPROVED",
            "certification_rejection_reasons": ["NONE"],
            "volume_tier": {"updated_at": 1743451903000, "pricing_category": "UTILITY", "tier": "1:2",
                            "effective_month": "2025-11", "region": "India"},
            "international_rates": {
                "starts_at": 1000, "exceptions": [{"country_code": "ID", "starts_at": 2000}]}}},
    ),
    ("account_review_update", {"decision": "APPROVED"}, {"event": "APPROVED"}),
    (
        "account_alerts",
        {"entity_type": "BUSINESS", "entity_id": 7, "alert_info": {"alert_type": "OBA_APPROVED",
         "alert_severity": "INFORMATIONAL", "alert_status": "NONE", "alert_description": "d"}},
        {"event": "OBA_APPROVED", "alert": {"entity_type": "BUSINESS", "entity_id": "7", "severity": "INFORMATIONAL",
                                            "status": "NONE", "description": "d"}},
    ),
    (
        "account_alerts",
        {"entity_type": "WABA", "entity_id": "7", "alert_type": "OLDER", "alert_severity": "CRITICAL"},
        {"event": "OLDER", "alert": {"entity_type": "WABA", "entity_id": "7", "severity": "CRITICAL"}},
    ),
    (
        "business_capability_update",
        {"max_daily_conversations_per_business": 2000, "max_phone_numbers_per_waba": "25",
         "max_daily_conversation_per_phone": -1, "max_phone_numbers_per_business": 2},
        {"capability": {"max_daily_conversations_per_business": "2000", "max_phone_numbers_per_waba": 25,
                        "max_daily_conversation_per_phone": -1, "max_phone_numbers_per_business": 2}},
    ),
    (
        "phone_number_quality_update",
        {"display_phone_number": DISPLAYED, "event": "THROUGHPUT_UPGRADE", "current_limit": "TIER_UNLIMITED",
         "old_limit": "TIER_1K", "max_daily_conversations_per_business": "TIER_UNLIMITED"},
        {"event": "THROUGHPUT_UPGRADE", "number": {"current_limit": "TIER_UNLIMITED", "old_limit": "TIER_1K",
         "max_daily_conversations_per_business": "TIER_UNLIMITED"}},
    ),
    (
        "phone_number_name_update",
        {"display_phone_number": DISPLAYED, "decision": "REJECTED", "requested_verified_name": "Lucky",
         "rejection_reason": "NAME_NOT_CONSISTENT"},
        {"event": "REJECTED",
         "number": {"requested_verified_name": "Lucky", "rejection_reason": "NAME_NOT_CONSISTENT"}},
    ),
    ("security", {"event": "PIN_RESET_REQUEST", "requester": "8"},
     {"event": "PIN_RESET_REQUEST", "number": {"requester": "8"}}),
    ("business_username_updates", {"display_phone_number": DISPLAYED, "username": "lucky", "status": "reserved"},
     {"event": "reserved", "number": {"username": "lucky"}}),
    (
        "account_settings_update",
        {"type": "phone_number_settings", "timestamp": "1750269342",
         "phone_number_settings": {"phone_number_id": "1", "calling": {"status": "ENABLED"}}},
        {"event": "phone_number_settings", "occurred_at": 1750269342000,
         "number": {"settings_json": '{"phone_number_id": "1", "calling": {"status": "ENABLED"}}'}},
    ),
    (
        "message_template_status_update",
        {**TEMPLATE, "event": "REJECTED", "reason": "INVALID_FORMAT", "message_template_category": "UTILITY",
         "disable_info": {"disable_date": 5}, "other_info": {"title": "FIRST_PAUSE", "description": "d"},
         "rejection_info": {"reason": "r", "recommendation": "q"}},
        {"event": "REJECTED", "template": {
            **TOLD_TEMPLATE, "reason": "INVALID_FORMAT", "category": "UTILITY", "disabled_at": 5000,
            "title": "FIRST_PAUSE", "description": "d", "rejection_reason": "r", "recommendation": "q"}},
    ),
    (
        "message_template_quality_update",
        {**TEMPLATE, "previous_quality_score": "GREEN", "new_quality_score": "RED"},
        {"template": {**TOLD_TEMPLATE, "previous_quality_score": "GREEN", "new_quality_score": "RED"}},
    ),
    (
        "message_template_components_update",
        {**TEMPLATE, "message_template_element": "b", "message_template_title": "h", "message_template_footer": "f",
         "message_template_buttons": [{"message_template_button_type": "URL", "message_template_button_text": "t",
                                       "message_template_button_url": "u"}]},
        {"template": {**TOLD_TEMPLATE, "body_text": "b", "header_text": "h", "footer_text": "f",
                      "buttons": [{"type": "URL", "text": "t", "url": "u"}]}},
    ),
    (
        "template_category_update",
        {**TEMPLATE, "correct_category": "MARKETING", "new_category": "UTILITY", "previous_category": "MARKETING",
         "category_update_timestamp": 9},
        {"template": {**TOLD_TEMPLATE, "correct_category": "MARKETING", "new_category": "UTILITY",
                      "previous_category": "MARKETING", "category_changes_at": 9000}},
    ),
    ("template_correct_category_detection", {**TEMPLATE, "category": "UTILITY", "correct_category": "MARKETING"},
     {"template": {**TOLD_TEMPLATE, "category": "UTILITY", "correct_category": "MARKETING"}}),
    (
        "flows",
        {"event": "ENDPOINT_ERROR_RATE", "flow_id": "6", "threshold": 10, "error_rate": 14.28, "requests_count": 34,
         "alert_state": "ACTIVATED", "p90_latency": 7, "old_status": "DRAFT", "new_status": "PUBLISHED",
         "message": "m", "errors": [{"error_type": "TIMEOUT", "error_rate": 66.6, "error_count": 2}]},
        {"event": "ENDPOINT_ERROR_RATE", "flow": {
            "flow_id": "6", "threshold": 10.0, "error_rate": 14.28, "requests_count": 34, "alert_state": "ACTIVATED",
            "p90_latency_ms": 7.0, "old_status": "DRAFT", "new_status": "PUBLISHED", "message": "m",
            "errors": [{"type": "TIMEOUT", "rate": 66.6, "count": 2}]}},
    ),
    ("partner_solutions", {"event": "SOLUTION_CREATED", "solution_id": "7", "solution_status": "DRAFT"},
     {"event": "SOLUTION_CREATED", "partner_solution": {"solution_id": "7", "status": "DRAFT"}}),
    (
        "payment_configuration_update",
        {"configuration_name": "c", "provider_name": "razorpay", "provider_mid": "acc_1", "status": "Needs Testing",
         "created_timestamp": 1, "updated_timestamp": 2},
        {"event": "Needs Testing", "payment_configuration": {
            "name": "c", "provider_name": "razorpay", "provider_mid": "acc_1", "created_at": 1000,
            "updated_at": 2000}},
    ),
    (
        "messaging_handovers",
        {"type": "control_passed", "timestamp": "1750101000", "sender": {"phone_number": USER},
         "recipient": METADATA, "control_passed": {
            "previous_owner_role": "ai_agent", "new_owner_role": "escalation", "previous_owner_app_id": 106,
            "metadata": "m", "conversation_context": {"type": "summary", "summary": {"text": "s"}}}},
        {"event": "control_passed", "occurred_at": 1750101000000, "user": {"wa_id": USER},
         "handover": {"previous_owner_role": "ai_agent", "new_owner_role": "escalation",
                      "previous_owner_app_id": "106", "metadata": "m"},
         "conversation_context": {"type": "summary", "summary": "s"}},
    ),
    ("messages", {**AROUND, "errors": [{"code": 130429, "title": "t"}]}, {"errors": [{"code": 130429, "title": "t"}]}),
    ("business_status_update", {"event": "X"}, {"event": "X"}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "expected"), SINGLE)
def test_a_change_that_is_one_event(field: str, value: dict[str, Any], expected: dict[str, Any]) -> None:
    """Its content is in the sub-record of its field, and nothing of it is left to the raw text alone."""
    (event,) = events(field, value)
    assert told(event) == expected
    assert event.record["raw"] == json.dumps({"field": field, "value": value})
    assert event.untyped is None


ARRAYS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "calls", "calls",
        {"id": "wacid.1", "from": USER, "to": DISPLAYED, "event": "connect", "timestamp": "1671644824",
         "direction": "USER_INITIATED", "from_user_id": BSUID, "session": {"sdp_type": "offer", "sdp": "v=0"},
         "cta_payload": "c", "deeplink_payload": "d"},
        {"event": "connect", "occurred_at": 1671644824000, "user": {"user_id": BSUID},
         "call": {"call_id": "wacid.1", "from": USER, "to": DISPLAYED, "direction": "USER_INITIATED",
                  "sdp_type": "offer", "cta_payload": "c", "deeplink_payload": "d"}},
    ),
    (
        "calls", "calls",
        {"id": "wacid.1", "event": "terminate", "status": "COMPLETED", "start_time": "1", "end_time": "3",
         "duration": 2, "biz_opaque_callback_data": "o", "direction": "BUSINESS_INITIATED",
         "call_recording": {"type": "audio", "audio": {"id": "M"}},
         "call_transcript": {"document": {"id": "D"}}},
        {"event": "terminate", "call": {
            "call_id": "wacid.1", "status": "COMPLETED", "started_at": 1000, "ended_at": 3000, "duration_s": 2,
            "opaque_data": "o", "direction": "BUSINESS_INITIATED", "recording": {"id": "M"},
            "transcript": {"id": "D"}}},
    ),
    (
        "calls", "statuses",
        {"id": "wacid.1", "type": "call", "status": "RINGING", "timestamp": "1", "recipient_id": USER,
         "recipient_user_id": BSUID, "biz_opaque_callback_data": "o"},
        {"event": "RINGING", "occurred_at": 1000, "user": {"wa_id": USER, "user_id": BSUID},
         "call": {"call_id": "wacid.1", "status": "RINGING", "to": USER, "opaque_data": "o"}},
    ),
    (
        "user_preferences", "user_preferences",
        {"wa_id": USER, "user_id": BSUID, "parent_user_id": "US.ENT.1", "category": "marketing_messages",
         "value": "stop", "detail": "d", "timestamp": 1731705721, "signup_id": "s"},
        {"event": "stop", "occurred_at": 1731705721000,
         "user": {"wa_id": USER, "user_id": BSUID, "parent_user_id": "US.ENT.1"},
         "preference": {"category": "marketing_messages", "value": "stop", "detail": "d", "signup_id": "s"}},
    ),
    (
        "user_id_update", "user_id_update",
        {"wa_id": USER, "detail": "d", "user_id": {"previous": "US.1", "current": "US.2"}, "timestamp": "1",
         "parent_user_id": {"previous": "US.ENT.1", "current": "US.ENT.2"}},
        {"occurred_at": 1000, "user": {"wa_id": USER, "user_id": "US.2", "parent_user_id": "US.ENT.2"},
         "user_id_change": {"previous": "US.1", "current": "US.2", "parent_previous": "US.ENT.1",
                            "parent_current": "US.ENT.2", "detail": "d"}},
    ),
    (
        "smb_app_state_sync", "state_sync",
        {"type": "contact", "action": "add", "metadata": {"timestamp": "1738346006"},
         "contact": {"full_name": "Ana Gil", "first_name": "Ana", "phone_number": USER, "username": "@ana"}},
        {"event": "add", "occurred_at": 1738346006000,
         "user": {"wa_id": USER, "profile_name": "Ana Gil", "username": "@ana"},
         "contact_sync": {"type": "contact", "full_name": "Ana Gil", "first_name": "Ana", "phone_number": USER}},
    ),
    (
        "automatic_events", "automatic_events",
        {"id": "wamid.1", "event_name": "Purchase", "timestamp": 2, "ctwa_clid": "c",
         "custom_data": {"currency": "USD", "value": 25}},
        {"event": "Purchase", "occurred_at": 2000,
         "automatic_event": {"message_id": "wamid.1", "ctwa_clid": "c", "currency": "USD", "value": 25.0}},
    ),
    (
        "group_participants_update", "groups",
        {"timestamp": "1", "group_id": "G", "type": "group_participants_remove", "request_id": "R",
         "initiated_by": "business", "removed_participants": [{"input": 1650, "wa_id": 1650}],
         "failed_participants": [{"input": "2", "errors": [{"code": 131208}]}]},
        {"event": "group_participants_remove", "occurred_at": 1000,
         "group": {"group_id": "G", "request_id": "R", "initiated_by": "business",
                   "removed_participants": [{"input": "1650", "wa_id": "1650"}],
                   "failed_participants": [{"input": "2", "error_code": 131208}]}},
    ),
    (
        "group_lifecycle_update", "groups",
        {"timestamp": "1", "group_id": "G", "type": "group_create", "subject": "s", "description": "d",
         "invite_link": "i", "join_approval_mode": "auto_approve", "errors": [{"code": 131201}]},
        {"event": "group_create", "occurred_at": 1000, "errors": [{"code": 131201}],
         "group": {"group_id": "G", "subject": "s", "description": "d", "invite_link": "i",
                   "join_approval_mode": "auto_approve"}},
    ),
    (
        "group_settings_update", "groups",
        {"group_id": "G", "type": "group_settings_update", "group_subject": {"text": "s", "update_successful": True},
         "group_description": {"text": "d"}},
        {"event": "group_settings_update", "group": {"group_id": "G", "subject": "s", "description": "d"}},
    ),
    (
        "group_participants_update", "groups",
        {"group_id": "G", "type": "group_join_request_created", "join_request_id": "J", "wa_id": USER,
         "user_id": BSUID, "username": "@ana", "reason": "invite_link"},
        {"event": "group_join_request_created", "user": {"wa_id": USER, "user_id": BSUID, "username": "@ana"},
         "group": {"group_id": "G", "join_request_id": "J", "reason": "invite_link"}},
    ),
    (
        "messages", "user_actions",
        {"action_type": "marketing_messages_link_click", "timestamp": "1", "marketing_messages_link_click_data": {
            "click_component": "cta", "product_id": "p", "click_id": "c", "tracking_token": "t"}},
        {"event": "marketing_messages_link_click", "occurred_at": 1000,
         "user_action": {"click_component": "cta", "product_id": "p", "click_id": "c", "tracking_token": "t"}},
    ),
    (
        "smb_message_echoes", "message_echoes",
        {"from": DISPLAYED, "to": USER, "to_user_id": BSUID, "to_parent_user_id": "US.ENT.1", "id": "wamid.1",
         "timestamp": "1697043223", "type": "image", "image": {"id": "M", "caption": "c"}},
        {"occurred_at": 1697043223000,
         "user": {"wa_id": USER, "user_id": BSUID, "parent_user_id": "US.ENT.1"},
         "message": {"message_id": "wamid.1", "from": DISPLAYED, "to": USER, "to_user_id": BSUID,
                     "to_parent_user_id": "US.ENT.1", "sent_at": 1697043223000, "type": "image",
                     "media": {"id": "M", "caption": "c"}}},
    ),
    (
        "smb_message_echoes", "message_echoes",
        {"from": DISPLAYED, "id": "wamid.2", "timestamp": "1", "type": "edit", "edit": {
            "original_message_id": "wamid.1", "message": {"type": "text", "text": {"body": "b"}}}},
        {"occurred_at": 1000, "message": {
            "message_id": "wamid.2", "from": DISPLAYED, "sent_at": 1000, "type": "edit", "edit": {
                "original_message_id": "wamid.1", "type": "text", "text": {"body": "b"},
                "message_json": '{"type": "text", "text": {"body": "b"}}'}}},
    ),
    (
        "history", "messages",
        {"from": USER, "id": "wamid.1", "timestamp": "1", "type": "image", "image": {"id": "M"}},
        {"occurred_at": 1000, "history": {},
         "message": {"message_id": "wamid.1", "from": USER, "sent_at": 1000, "type": "image", "media": {"id": "M"}}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("field", "array", "item", "expected"), ARRAYS)
def test_a_change_that_holds_an_array_of_events(
    field: str, array: str, item: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Each is a record of its own, with its content, its user and its time."""
    first, second = events(field, {**AROUND, array: [item, {**item, "id": "other"}]})
    assert told(first) == expected
    assert first.untyped is None
    assert first.event_id != second.event_id
    assert json.loads(first.record["raw"]) == {"field": field, "value": {**AROUND, array: [item]}}
    assert (first.record["phone_number_id"], first.key, first.source) == (NUMBER, WABA, f"/whatsapp/{WABA}")


def test_every_documented_field_is_tried_here() -> None:
    """A field that gets a reader gets an example."""
    tried = {field for field, *_ in (*SINGLE, *ARRAYS)}
    aliases = {
        "message_echoes",
        "standby",
        "group_participant_update",
        "group_status_update",
        "business_username_update",
    }
    assert _READERS.keys() - tried == aliases


def test_messages_of_the_history_say_where_they_stand() -> None:
    """Chunk, thread and last status; they are no inbound messages, which somebody might answer."""
    message = {"from": USER, "id": "wamid.1", "timestamp": "1", "type": "text", "text": {"body": "Hi"},
               "history_context": {"status": "READ"}}  # fmt: skip
    sent = {"from": DISPLAYED, "to": USER, "id": "wamid.2", "timestamp": "2", "type": "media_placeholder"}
    thread = {"id": USER, "context": {"user_id": BSUID, "username": "@ana"}, "messages": [message, sent]}
    chunk = {"metadata": {"phase": 0, "chunk_order": 1, "progress": 55}, "threads": [thread]}
    first, second = events("history", {**AROUND, "history": [chunk]})
    place = {"phase": 0, "chunk_order": 1, "progress": 55, "thread_id": USER}
    assert given(first.record["history"]) == {**place, "status": "READ"}
    assert given(second.record["history"]) == place
    assert given(first.record["user"]) == {"wa_id": USER, "user_id": BSUID, "username": "@ana"}
    assert given(second.record["message"])["type"] == "media_placeholder"
    assert (first.untyped, second.untyped, first.topic) == (None, None, "account_events")


def test_a_history_that_is_not_shared_says_why() -> None:
    """The business declined (2593109): an error without messages."""
    (event,) = events("history", {**AROUND, "history": [{"errors": [{"code": 2593109, "title": "t"}]}]})
    assert given(event.record["errors"]) == [{"code": 2593109, "title": "t"}]


def test_an_echo_on_standby_holds_the_body_that_was_sent() -> None:
    """Addressed and typed as in a send; the definition of a template stays in the raw text."""
    sent = {"to": USER, "recipient": BSUID, "type": "template", "template": {"name": "summer_sale"}}
    echo = {"id": "wamid.1", "timestamp": "1750101000", "template": {"status": "APPROVED"}, "message": sent}
    (event,) = events("standby", {**AROUND, "standby": {"message_echoes": [echo]}})
    assert event.record["standby"] is True
    assert given(event.record["user"]) == {"wa_id": USER, "user_id": BSUID}
    assert given(event.record["message"]) == {
        "message_id": "wamid.1",
        "to": USER,
        "to_user_id": BSUID,
        "sent_at": 1750101000000,
        "type": "template",
        "template_name": "summer_sale",
    }


def test_messages_and_statuses_on_standby_are_typed_and_marked() -> None:
    """Whoever only looks on must not answer; as facts they are others than those of the owner."""
    message = {"from": USER, "id": "wamid.1", "timestamp": "1", "type": "text", "text": {"body": "Hi"}}
    status = {"id": "wamid.2", "status": "read", "timestamp": "1", "recipient_id": USER}
    inner = {"messages": [message], "statuses": [status]}
    watched = events("standby", {**AROUND, "standby": inner})
    owned = events("messages", {**AROUND, **inner})
    assert [event.topic for event in watched] == ["inbound_messages", "message_statuses"]
    assert [event.record["standby"] for event in (*watched, *owned)] == [True, True, False, False]
    assert len({event.event_id for event in (*watched, *owned)}) == 4


EXACT = '{"a":1e400, "b":1.0,"c":12345678901234567890123,"d":"\\u00e4\\/"}'
EDIT = {"id": "wamid.1", "type": "edit", "edit": {"message": "X"}}
REPLY = {"id": "wamid.1", "type": "interactive", "interactive": {"nfm_reply": {"response_json": "X"}}}


@pytest.mark.parametrize(
    ("field", "value", "names"),
    [
        ("account_settings_update", {"phone_number_settings": "X"}, ("number", "settings_json")),
        ("smb_message_echoes", {"message_echoes": [EDIT]}, ("message", "edit", "message_json")),
        ("smb_message_echoes", {"message_echoes": [{"id": "1"}, EDIT]}, ("message", "edit", "message_json")),
        (
            "history",
            {"history": [{"threads": [{"id": "1", "messages": [{"id": "1"}, REPLY]}]}]},
            ("message", "interactive_reply", "response_json"),
        ),
        (
            "standby",
            {**AROUND, "standby": {"message_echoes": [{"id": "wamid.1", "message": {**EDIT, "id": "2"}}]}},
            ("message", "edit", "message_json"),
        ),
        ("standby", {"standby": {"message_echoes": [{"id": "1"}, EDIT]}}, ("message", "edit", "message_json")),
        ("standby", {"message_echoes": [EDIT]}, ("message", "edit", "message_json")),
    ],
)  # fmt: skip
def test_json_in_a_field_is_kept_to_the_byte(field: str, value: dict[str, Any], names: tuple[str, ...]) -> None:
    """Read and written again, a number beyond all bounds would be no JSON any more, and 1.0 another text."""
    notification = {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": field, "value": value}]}]}
    *_, event = map_facts(parse_notification(json.dumps(notification).replace('"X"', EXACT).encode()), ARRIVAL)
    assert isinstance(event, Event)
    found: Any = event.record
    for name in names:
        found = found[name]
    assert found == EXACT


def test_a_summary_beside_messages_is_an_event() -> None:
    """A responder who takes over is told what was said; the message itself flows as ever."""
    message = {"from": USER, "id": "wamid.1", "timestamp": "1", "type": "text", "text": {"body": "Hi"}}
    context = {"type": "summary", "summary": {"text": "s"}}
    inbound, event = events("messages", {**AROUND, "messages": [message], "conversation_context": context})
    assert inbound.topic == "inbound_messages"
    assert told(event) == {"conversation_context": {"type": "summary", "summary": "s"}}


def test_an_unknown_field_flows_with_its_text() -> None:
    """A field of next year has its name, its word for what happened and its text, and is counted."""
    (event,) = events("field_of_next_year", {"event": "X", "value": {"a": 1}}, time=1750000000)
    assert told(event) == {"event": "X", "occurred_at": 1750000000000}
    assert event.untyped == "account_field"


@pytest.mark.parametrize("value", [{}, {"calls": 5}, {"calls": []}, None, "text", 5, []])
def test_a_known_field_without_content_is_counted(value: Any) -> None:
    """Nothing that could have a field is there; the text is kept."""
    (event,) = events("calls", value)
    assert event.untyped == "account_content"


def test_events_are_the_same_when_they_come_again() -> None:
    """The id covers the event and not its neighbours; an own time stands in for that of the entry."""
    call = {"id": "wacid.1", "event": "connect", "timestamp": "1"}
    (alone,) = events("calls", {**AROUND, "calls": [call]}, time=1)
    first, _ = events("calls", {**AROUND, "calls": [dict(reversed(call.items())), {"id": "wacid.2"}]}, time=2)
    assert alone.event_id == first.event_id
    (pin,) = events("security", {"event": "PIN_CHANGED"}, time=1)
    (again,) = events("security", {"event": "PIN_CHANGED"}, time=2)
    assert pin.event_id != again.event_id


@pytest.mark.parametrize("name", ["phone_number_id", "display_phone_number"])
@pytest.mark.parametrize(
    ("field", "item"), [("user_preferences", {"value": "stop"}), ("user_id_update", {"wa_id": USER})]
)
def test_one_event_of_two_numbers_is_two_facts(name: str, field: str, item: dict[str, str]) -> None:
    """What a user decides about one number says nothing about another; a number learned later changes no id."""
    of_1, of_2 = ({"metadata": {name: number}, field: [item]} for number in ("1", "2"))
    (first,), (second,) = events(field, of_1), events(field, of_2)
    assert first.event_id != second.event_id
    (known,) = events(field, of_1, Arrival(ARRIVAL.received_at, "r", "default", 24, None, {"1": NUMBER}))
    assert known.event_id == first.event_id


def test_a_signal_goes_to_the_slot_of_a_number_that_meta_only_displays() -> None:
    """The number's owner is told, and nobody else, once its id is known."""
    value = {"display_phone_number": "+1 555-078-3881", "event": "THROUGHPUT_UPGRADE"}
    (unknown,) = events("phone_number_quality_update", value)
    assert [signal.partition for signal in unknown.signals] == list(range(ARRIVAL.slots))
    arrival = Arrival(ARRIVAL.received_at, "r", "default", 24, None, {DISPLAYED: NUMBER})
    (known,) = events("phone_number_quality_update", value, arrival)
    assert known.record["phone_number_id"] == NUMBER
    assert [(signal.key, signal.partition) for signal in known.signals] == [(NUMBER, slot_of(NUMBER, 24))]
