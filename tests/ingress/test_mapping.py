"""Facts of one webhook to records."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from connector.ingress import account_mapping
from connector.ingress.events import Arrival, Event, EventTopic, Reject
from connector.ingress.mapping import STATUS_RANKS, map_facts
from connector.records.codec import Codec
from connector.records.envelope import Envelope, seal
from connector.records.keys import slot_of
from connector.whatsapp.facts import Malformed
from connector.whatsapp.notification import parse_notification

CODEC = Codec()
NUMBER, WABA, USER, BSUID = "106540352242922", "102290129340398", "16505551234", "US.13491208655302741918"
METADATA = {"display_phone_number": "15550783881", "phone_number_id": NUMBER}
ARRIVAL = Arrival(received_at=1_800_000_000_000, replica="ingress-0", installation="default", slots=24)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def mapped(*changes: dict[str, Any], arrival: Arrival = ARRIVAL, **entry: Any) -> list[Event]:
    """The records of one notification, as they are read back from Avro."""
    notification = {"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": changes, **entry}]}
    events = map_facts(parse_notification(json.dumps(notification, ensure_ascii=False).encode()), arrival)
    return [readback(found) for event in events if isinstance(event, Event) for found in (event, *event.signals)]


def readback(event: Event) -> Event:
    """The event with its record as a consumer sees it."""
    return structs.replace(event, record=CODEC.decode(event.schema, CODEC.encode(event.schema, event.record)))


def messages_change(**value: Any) -> dict[str, Any]:
    """A change of the field ``messages``."""
    return {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": METADATA, **value}}


def message(**members: Any) -> dict[str, Any]:
    """A message with its common members."""
    return {"from": USER, "id": "wamid.1", "timestamp": "1749416383", **members}


def status(word: str = "sent", **members: Any) -> dict[str, Any]:
    """A status with its common members."""
    return {"id": "wamid.1", "status": word, "timestamp": "1749416383", "recipient_id": USER, **members}


def inbound(item: dict[str, Any], **value: Any) -> Event:
    """The one event of one message."""
    (event,) = mapped(messages_change(messages=[item], **value))
    assert (event.topic, event.schema) == ("inbound_messages", "InboundMessage")
    return event


def status_events(item: dict[str, Any], arrival: Arrival = ARRIVAL, **value: Any) -> tuple[Event, list[Event]]:
    """The event of one status, and its signals."""
    event, *signals = mapped(messages_change(statuses=[item], **value), arrival=arrival)
    assert (event.topic, event.schema) == ("message_statuses", "MessageStatus")
    assert {signal.topic for signal in signals} <= {"number_signals"}
    return event, signals


def given_fields(record: Any) -> Any:
    """What is set: without nulls, empty lists and false flags."""
    if isinstance(record, dict):
        return {name: given_fields(value) for name, value in record.items() if value not in (None, [], False)}
    return [given_fields(item) for item in record] if isinstance(record, list) else record


def test_a_message_says_who_wrote_when_to_which_number() -> None:
    """The envelope fields come from the message, its contact, its change and its entry."""
    contact = {
        "profile": {"name": "Ana", "username": "@ana"},
        "wa_id": USER,
        "user_id": BSUID,
        "identity_key_hash": "h",
    }
    event = inbound(message(type="text", text={"body": "Hi"}, group_id="G1"), contacts=[contact])
    assert given_fields(event.record) == {
        "event_id": event.event_id,
        "received_at": ARRIVAL.received_at,
        "waba_id": WABA,
        "phone_number_id": NUMBER,
        "display_phone_number": "15550783881",
        "message_id": "wamid.1",
        "sent_at": 1749416383000,
        "sender": {
            "wa_id": USER,
            "user_id": BSUID,
            "username": "@ana",
            "profile_name": "Ana",
            "identity_key_hash": "h",
        },
        "group_id": "G1",
        "type": "text",
        "text": {"body": "Hi"},
        "raw": json.dumps(message(type="text", text={"body": "Hi"}, group_id="G1")),
    }
    assert (event.key, event.partition, event.source) == (f"{NUMBER}:{BSUID}", -1, f"/whatsapp/{WABA}")
    assert event.path == "entry[0].changes[0].value.messages[0]"


MEDIA = {"id": "M1", "mime_type": "image/jpeg", "sha256": "abc=", "url": "https://media"}
CARD = {
    "name": {"formatted_name": "Ana Gil", "first_name": "Ana"},
    "birthday": "1990-01-01",
    "phones": [{"phone": "+1 650", "wa_id": "1650", "type": "CELL"}],
    "emails": [{"email": "ana@example.com", "type": "HOME"}],
    "addresses": [{"city": "Lima", "zip": "15001"}],
    "urls": [{"url": "https://example.com"}],
    "org": {"company": "Example"},
    "vcard": "BEGIN:VCARD",
}
PLACE = {"latitude": 37.5, "longitude": -122.25, "name": "Cafe", "address": "101 Forest Ave", "url": "https://cafe"}
KINDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("text", {"text": {"body": "Hi"}}, {"text": {"body": "Hi"}}),
    ("image", {"image": {**MEDIA, "caption": "c"}}, {"media": {**MEDIA, "caption": "c"}}),
    ("video", {"video": MEDIA}, {"media": MEDIA}),
    ("audio", {"audio": {**MEDIA, "voice": True}}, {"media": {**MEDIA, "voice": True}}),
    ("voice", {"voice": MEDIA}, {"media": MEDIA}),
    ("voice", {"audio": MEDIA}, {"media": MEDIA}),
    ("audio", {"voice": MEDIA}, {"media": MEDIA}),
    ("document", {"document": {**MEDIA, "filename": "f.pdf"}}, {"media": {**MEDIA, "filename": "f.pdf"}}),
    ("sticker", {"sticker": {**MEDIA, "animated": True}}, {"media": {**MEDIA, "animated": True}}),
    ("location", {"location": PLACE}, {"location": PLACE}),
    ("contacts", {"contacts": [CARD]}, {"contacts": [CARD]}),
    ("reaction", {"reaction": {"message_id": "w", "emoji": "👍"}}, {"reaction": {"message_id": "w", "emoji": "👍"}}),
    ("reaction", {"reaction": {"message_id": "w", "emoji": ""}}, {"reaction": {"message_id": "w"}}),
    ("button", {"button": {"payload": "p", "text": "t"}}, {"button": {"payload": "p", "text": "t"}}),
    (
        "interactive",
        {"interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "t", "description": "d"}}},
        {"interactive_reply": {"type": "list_reply", "id": "1", "title": "t", "description": "d"}},
    ),
    (
        "interactive",
        {"interactive": {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{}"}}},
        {"interactive_reply": {"type": "nfm_reply", "name": "flow", "body": "Sent", "response_json": "{}"}},
    ),
    (
        "interactive",
        {"interactive": {"type": "nfm_reply", "nfm_reply": {"name": "address_message", "response_json": {"a": ["ä"]}}}},
        {"interactive_reply": {"type": "nfm_reply", "name": "address_message", "response_json": '{"a": ["ä"]}'}},
    ),
    (
        "interactive",
        {"interactive": {"button_reply": {"id": "1", "title": "t"}}},
        {"interactive_reply": {"type": "button_reply", "id": "1", "title": "t"}},
    ),
    (
        "interactive",
        {
            "interactive": {
                "type": "call_permission_reply",
                "call_permission_reply": {
                    "response": "accept",
                    "response_source": "user_action",
                    "expiration_timestamp": 1753186982,
                },
            }
        },
        {
            "interactive_reply": {
                "type": "call_permission_reply",
                "response": "accept",
                "response_source": "user_action",
                "expires_at": 1753186982000,
            }
        },
    ),
    (
        "order",
        {"order": {"catalog_id": "C", "text": "please", "product_items": [
            {"product_retailer_id": "P", "quantity": "2", "item_price": 30, "currency": "USD"}]}},
        {"order": {"catalog_id": "C", "text": "please", "product_items": [
            {"product_retailer_id": "P", "quantity": 2, "item_price": 30.0, "currency": "USD"}]}},
    ),
    (
        "system",
        {"system": {"type": "user_changed_number", "body": "b", "new_wa_id": "1219"}},
        {"system": {"type": "user_changed_number", "body": "b", "wa_id": "1219"}},
    ),
    (
        "system",
        {"system": {"type": "customer_identity_changed"}, "identity": {"hash": "xyz"}},
        {"system": {"type": "customer_identity_changed", "identity": "xyz"}},
    ),
    ("revoke", {"revoke": {"original_message_id": "w"}}, {"revoke": {"original_message_id": "w"}}),
    ("unsupported", {"unsupported": {"type": "poll"}}, {"unsupported": {"type": "poll"}}),
    ("unsupported", {}, {"unsupported": {}}),
    ("unknown", {}, {"unsupported": {}}),
    ("ephemeral", {}, {"unsupported": {}}),
    ("request_welcome", {}, {}),
    ("ad", {"referral": {"source_id": "7"}}, {"referral": {"source_id": "7"}}),
    ("kind_of_next_year", {"kind_of_next_year": {"a": 1}}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "members", "expected"), KINDS)
def test_each_kind_has_its_typed_content(kind: str, members: dict[str, Any], expected: dict[str, Any]) -> None:
    """The field of the kind is set and no other; a kind unknown here flows with its raw text alone."""
    record = given_fields(inbound(message(type=kind, **members)).record)
    common = {"event_id", "received_at", "waba_id", "phone_number_id", "display_phone_number", "message_id", "sent_at"}
    assert {name: value for name, value in record.items() if name not in common | {"sender", "raw"}} == {
        "type": kind,
        **expected,
    }


def test_an_edit_carries_the_new_content_and_its_exact_text() -> None:
    """The changed message is typed as far as it can be, and kept as it was sent."""
    new = {"type": "image", "image": MEDIA, "context": {"id": "M0"}}
    edit = inbound(message(type="edit", edit={"original_message_id": "w", "message": new})).record["edit"]
    assert given_fields(edit) == {
        "original_message_id": "w",
        "type": "image",
        "media": MEDIA,
        "message_json": json.dumps(new),
    }


EXACT = '{"a":1e400, "b":1.0,"c":12345678901234567890123,"d":"\\u00e4\\/"}'


def test_an_answer_sent_as_an_object_is_kept_to_the_byte() -> None:
    """Read and written again, a number beyond all bounds would be no JSON any more, and 1.0 another text."""
    change = messages_change(messages=[message(type="interactive", interactive={"nfm_reply": {"response_json": "X"}})])
    notification = {"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [change]}]}
    body = json.dumps(notification).replace('"X"', EXACT).encode()
    (event,) = map_facts(parse_notification(body), ARRIVAL)
    assert isinstance(event, Event)
    assert event.record["interactive_reply"]["response_json"] == EXACT


def test_context_referral_and_errors_stand_beside_any_kind() -> None:
    """A reply, the ad it came from, and why content is missing."""
    context = {"from": "1", "id": "w", "forwarded": True, "referred_product": {"catalog_id": "C"}}
    referral = {"source_url": "u", "source_type": "ad", "ctwa_clid": "x", "welcome_message": {"text": "Hello"}}
    errors = [{"code": 131051, "title": "t", "error_data": {"details": "d"}}, {"code": "1", "error_data": "older form"}]
    record = inbound(message(type="unsupported", context=context, referral=referral, errors=errors)).record
    assert given_fields(record["context"]) == context
    assert given_fields(record["referral"]) == {**referral, "welcome_message": "Hello"}
    assert given_fields(record["errors"]) == [
        {"code": 131051, "title": "t", "details": "d"},
        {"code": 1, "details": "older form"},
    ]


@pytest.mark.parametrize(
    ("sender", "contact", "user"),
    [
        ({"from": USER}, {}, USER),
        ({"from": USER, "from_user_id": BSUID}, {}, BSUID),
        ({"from": USER}, {"wa_id": USER, "user_id": BSUID}, BSUID),
        ({"from": None, "from_user_id": BSUID}, {}, BSUID),
        ({"from": None, "group_id": "G1"}, {}, "G1"),
        ({"from": None}, {}, ""),
    ],
)
def test_a_conversation_is_keyed_by_the_business_scoped_id_first(
    sender: dict[str, Any], contact: dict[str, Any], user: str
) -> None:
    """Phone numbers may be hidden; the key falls back from business-scoped id to phone to group."""
    assert inbound(message(**sender), contacts=[contact]).key == f"{NUMBER}:{user}"


def test_keys_can_hide_the_user() -> None:
    """With a secret the user in the key is an HMAC: the same for messages and statuses of one person."""
    secret = Arrival(ARRIVAL.received_at, "r", "default", 24, key_secret=b"secret")
    change = messages_change(messages=[message()], statuses=[status()])
    keys = {event.key for event in mapped(change, arrival=secret)}
    assert len(keys) == 1
    assert USER not in (keys.pop() or "")


def test_a_redelivered_fact_keeps_its_id_and_a_ghost_has_another() -> None:
    """The same message has the same id; the content that comes later under the id of an unavailable one does not."""
    first, again = inbound(message(type="text")), inbound(message(type="text", extra=1))
    ghost = inbound(message(type="unsupported", errors=[{"code": 131060}]))
    assert first.event_id == again.event_id != ghost.event_id
    assert first.record["event_id"] == first.event_id


@pytest.mark.parametrize("timestamp", ["soon", None, "", -1, 1e99, [], "9" * 30])
def test_a_time_that_cannot_be_read_is_the_time_of_arrival(timestamp: Any) -> None:
    """A message is not lost for its timestamp, nor is a status, whose id does not depend on when it came."""
    assert inbound(message(timestamp=timestamp)).record["sent_at"] == ARRIVAL.received_at
    event, _ = status_events(status(timestamp=timestamp))
    later = Arrival(ARRIVAL.received_at + 1, "r", "default", 24)
    assert event.record["occurred_at"] == ARRIVAL.received_at
    assert status_events(status(timestamp=timestamp), later)[0].event_id == event.event_id


def test_a_status_says_what_happened_to_whom() -> None:
    """The typed status, with the older pricing conversation and foreign callback data untouched."""
    item = status(
        "delivered",
        recipient_user_id=BSUID,
        recipient_parent_user_id="US.ENT.1",
        conversation={"id": "c", "origin": {"type": "service"}, "expiration_timestamp": "1698339900"},
        pricing={"billable": True, "pricing_model": "CBP", "category": "service", "type": "regular"},
        biz_opaque_callback_data="theirs",
    )
    event, signals = status_events(item, contacts=[{"profile": {"name": "Ana"}, "wa_id": USER}])
    assert given_fields(event.record) == {
        "event_id": event.event_id,
        "received_at": ARRIVAL.received_at,
        "waba_id": WABA,
        "phone_number_id": NUMBER,
        "display_phone_number": "15550783881",
        "message_id": "wamid.1",
        "status": "delivered",
        "status_rank": STATUS_RANKS["delivered"],
        "occurred_at": 1749416383000,
        "recipient": {"wa_id": USER, "user_id": BSUID, "parent_user_id": "US.ENT.1", "profile_name": "Ana"},
        "conversation": {"id": "c", "origin_type": "service", "expires_at": 1698339900000},
        "pricing": {"billable": True, "pricing_model": "CBP", "category": "service", "type": "regular"},
        "opaque_data": "theirs",
        "raw": json.dumps(item),
    }
    assert event.key == f"{NUMBER}:{BSUID}"
    assert signals == []


def test_a_group_status_is_about_a_participant() -> None:
    """The group is told apart from the person, whose key orders the status."""
    item = status(
        "read", recipient_id="G1", recipient_type="group", recipient_participant_id=USER,
        recipient_participant_user_id=BSUID, recipient_participant_parent_user_id="US.ENT.1",
    )  # fmt: skip
    event, _ = status_events(item)
    assert given_fields(event.record["recipient"]) == {
        "group_id": "G1",
        "participant_wa_id": USER,
        "participant_user_id": BSUID,
        "parent_user_id": "US.ENT.1",
    }
    assert event.key == f"{NUMBER}:{BSUID}"
    other, _ = status_events({**item, "recipient_participant_user_id": "US.2"})
    assert other.event_id != event.event_id


def test_ranks_order_the_life_of_a_message() -> None:
    """The highest rank seen is the state of the message, whatever the order of arrival; unknown words have none."""
    order = ["sent", "failed", "delivered", "read", "played", "deleted"]
    ranks = [status_events(status(word))[0].record["status_rank"] for word in order]
    assert ranks == sorted(set(ranks))
    assert ranks[0] > 0
    assert [status_events(status(word))[0].record["status_rank"] for word in ("in_orbit", "warning")] == [0, 0]
    assert status_events(status("failed", type="payment"))[0].record["status_rank"] == 0
    assert status_events(status("failed", type="message"))[0].record["status_rank"] == STATUS_RANKS["failed"]


def sealed(installation: str = "default", opaque: str | None = "mine") -> str:
    """Callback data as the delivery side writes it."""
    return seal(Envelope(installation, "order-4711", 2, TRACE, opaque))


def test_our_envelope_joins_a_status_to_its_command() -> None:
    """Command, trace and the caller's own data come back out of Meta's callback data."""
    event, _ = status_events(status("read", biz_opaque_callback_data=sealed()))
    assert (event.record["command_id"], event.record["opaque_data"]) == ("order-4711", "mine")
    assert event.record["traceparent"] == event.traceparent == TRACE


def test_the_envelope_of_another_installation_passes_untouched() -> None:
    """Two installations on one account do not take each other's statuses for their own."""
    foreign = sealed("staging")
    event, signals = status_events(status(biz_opaque_callback_data=foreign))
    assert (event.record["command_id"], event.record["opaque_data"], signals) == (None, foreign, [])


@pytest.mark.parametrize("word", ["sent", "failed"])
def test_sent_and_failed_are_receipts(word: str) -> None:
    """A status that proves a send of ours goes to the slot of its number, with the first error."""
    errors = [{"title": "no code"}, {"code": 131026}]
    _, (signal,) = status_events(status(word, biz_opaque_callback_data=sealed(), errors=errors))
    assert given_fields(signal.record) == {
        "kind": "RECEIPT",
        "phone_number_id": NUMBER,
        "waba_id": WABA,
        "replica": "ingress-0",
        "at": ARRIVAL.received_at,
        "command_id": "order-4711",
        "attempt": 2,
        "message_id": "wamid.1",
        "status": word,
        "error_code": 131026,
    }
    assert (signal.key, signal.partition) == (NUMBER, slot_of(NUMBER, ARRIVAL.slots))
    assert signal.traceparent == TRACE


@pytest.mark.parametrize(
    "item",
    [status("delivered", biz_opaque_callback_data=sealed()), status("sent"),
     status("failed", type="payment", biz_opaque_callback_data=sealed())],
)  # fmt: skip
def test_other_statuses_are_no_receipts(item: dict[str, Any]) -> None:
    """Later statuses add nothing, and those of payments or of messages we did not send prove nothing."""
    assert status_events(item)[1] == []


def account(change: dict[str, Any], **entry: Any) -> tuple[Event, list[Event]]:
    """The event of one account change, and its signals."""
    event, *signals = mapped(change, **entry)
    assert (event.topic, event.schema) == ("account_events", "AccountEvent")
    return event, signals


def test_an_account_event_is_keyed_by_its_account() -> None:
    """Any other field is one event with the whole change as its text."""
    change = {"field": "message_template_status_update", "value": {"event": "PAUSED", "message_template_id": 1}}
    event, signals = account(change, time=1751247548)
    assert given_fields(event.record) == {
        "event_id": event.event_id,
        "received_at": ARRIVAL.received_at,
        "waba_id": WABA,
        "field": "message_template_status_update",
        "event": "PAUSED",
        "occurred_at": 1751247548000,
        "template": {"id": "1"},
        "raw": json.dumps(change),
    }
    assert (event.key, signals) == (WABA, [])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"event": "X"}, "X"),
        ({"decision": "APPROVED"}, "APPROVED"),
        ({"alert_info": {"alert_type": "A"}}, "A"),
        (5, None),
    ],
)
def test_an_account_event_names_what_happened(value: Any, expected: str | None) -> None:
    """Meta names it in one of several places."""
    assert account({"field": "f", "value": value})[0].record["event"] == expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (
            "phone_number_quality_update",
            {"event": "THROUGHPUT_UPGRADE"},
            [{"kind": "LEVEL", "level": "THROUGHPUT_UPGRADE"}],
        ),
        ("account_update", {"event": "ACCOUNT_VIOLATION"}, [{"kind": "ACCOUNT", "status": "ACCOUNT_VIOLATION"}]),
        (
            "account_update",
            {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}},
            [{"kind": "ACCOUNT", "status": "REINSTATE"}],
        ),
        (
            "account_update",
            {"event": "RESTRICTION", "restriction_info": [{"restriction_type": "A"}, {"restriction_type": "B"}]},
            [{"kind": "ACCOUNT", "status": "A"}, {"kind": "ACCOUNT", "status": "B"}],
        ),
        ("account_review_update", {"decision": "REJECTED"}, [{"kind": "ACCOUNT", "status": "REJECTED"}]),
        ("account_alerts", {"alert_info": {"alert_type": "A"}}, [{"kind": "ACCOUNT", "status": "A"}]),
        ("account_alerts", {"alert_type": "OLDER"}, [{"kind": "ACCOUNT", "status": "OLDER"}]),
        ("messages", {"errors": [{"code": 130429}]}, [{"kind": "ACCOUNT", "error_code": 130429}]),
        ("calls", {"errors": [{"code": 130429}]}, []),
        ("a_field_of_next_year", {"event": "X"}, []),
    ],
)  # fmt: skip
def test_delivery_hears_of_accounts_and_levels(field: str, value: Any, expected: list[dict[str, Any]]) -> None:
    """Without a number in it, a signal goes to every slot."""
    _, signals = account({"field": field, "value": value})
    common = {"waba_id": WABA, "replica": "ingress-0", "at": ARRIVAL.received_at}
    found = [(given_fields(signal.record), signal.partition, signal.key) for signal in signals]
    assert found == [({**common, **signal}, slot, None) for signal in expected for slot in range(ARRIVAL.slots)]


def test_a_signal_about_one_number_goes_to_its_slot() -> None:
    """When the change names the number, only its owner is told."""
    _, (signal,) = account(messages_change(errors=[{"code": 130429}]))
    assert (signal.key, signal.partition) == (NUMBER, slot_of(NUMBER, ARRIVAL.slots))


def test_delivery_hears_of_so_many_things_at_once_and_no_more() -> None:
    """Each goes to every slot; the record has all of them."""
    restrictions = [{"restriction_type": f"R{number}"} for number in range(1000)]
    value = {"event": "ACCOUNT_RESTRICTION", "restriction_info": restrictions}
    event, signals = account({"field": "account_update", "value": value})
    assert len(signals) == 8 * ARRIVAL.slots
    assert len(event.record["account"]["restrictions"]) == 1000


def test_errors_beside_messages_are_no_account_errors() -> None:
    """They are kept as an event, and stop nobody."""
    events = mapped(messages_change(messages=[message(type="interactive")], errors=[{"code": 131000}]))
    assert [event.topic for event in events] == ["inbound_messages", "account_events"]


def test_records_keep_the_order_of_the_body() -> None:
    """Facts of one conversation are published in the order in which Meta put them."""
    first = messages_change(messages=[message(id="a"), message(id="b")], statuses=[status(id="c")])
    events = mapped(first, messages_change(messages=[message(id="d")]))
    assert [event.record["message_id"] for event in events] == ["a", "b", "c", "d"]


def test_a_contact_that_says_more_than_the_item_is_kept() -> None:
    """A number beside the one that the message names, for the same person."""
    contact = {"profile": {"name": "Ana"}, "wa_id": "551199", "user_id": BSUID}
    record = inbound(message(from_user_id=BSUID), contacts=[contact]).record
    assert (record["sender"]["wa_id"], record["sender"]["profile_name"]) == (USER, "Ana")
    assert json.loads(record["contact_json"]) == contact
    assert inbound(message(from_user_id=BSUID), contacts=[{**contact, "wa_id": USER}]).record["contact_json"] is None


def test_the_contact_of_a_group_status_is_the_participant() -> None:
    """What the status does not say of the person, the contact does."""
    item = status("read", recipient_id="G1", recipient_type="group", recipient_participant_id=USER)
    event, _ = status_events(item, contacts=[{"wa_id": USER, "user_id": BSUID}])
    assert given_fields(event.record["recipient"]) == {
        "group_id": "G1",
        "participant_wa_id": USER,
        "participant_user_id": BSUID,
    }
    assert event.key == f"{NUMBER}:{BSUID}"


def test_a_payment_says_what_was_paid_and_by_whom() -> None:
    """Its words are those of payments, and give no rank among statuses of messages."""
    transaction = {"id": "order_1", "type": "razorpay", "status": "success"}
    payment = {"reference_id": "r", "amount": {"value": 21000, "offset": 100}, "currency": "INR"}
    item = {"id": "wamid.1", "from": USER, "type": "payment", "status": "captured", "timestamp": "1",
            "payment": {**payment, "transaction": transaction}}  # fmt: skip
    event, signals = status_events(item)
    assert given_fields(event.record["payment"]) == {
        "reference_id": "r",
        "amount_value": 21000,
        "amount_offset": 100,
        "currency": "INR",
        "transaction_id": "order_1",
        "transaction_type": "razorpay",
        "transaction_status": "success",
    }
    assert (event.record["recipient"]["wa_id"], event.record["status_rank"], event.untyped) == (USER, 0, None)
    assert signals == []


@pytest.mark.parametrize("place", [{}, {"group_id": "G1"}])
def test_pricing_may_stand_in_the_conversation(place: dict[str, Any]) -> None:
    """As in Meta's examples of groups, whose group and participant have names of their own."""
    item = status("sent", recipient_id="G1", participant_recipient_id=USER, **place,
                  conversation={"id": "c", "pricing": {"category": "group_utility"}})  # fmt: skip
    event, _ = status_events(item)
    assert event.record["pricing"]["category"] == "group_utility"
    assert event.record["recipient"]["participant_wa_id"] == USER
    assert event.record["recipient"]["group_id"] == place.get("group_id")


def test_malformed_items_are_rejects() -> None:
    """Place, reason and bytes go on as they are."""
    malformed = Malformed("entry[0]", "not an object", b"5", WABA)
    assert map_facts([malformed], ARRIVAL) == [Reject("entry[0]", "not an object", b"5", WABA)]


def test_an_item_that_breaks_its_reader_is_a_reject(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever one item does to the code that maps it, such as exhausting its stack, the others flow."""

    def break_down(*_: object) -> str:
        raise RecursionError

    monkeypatch.setattr(account_mapping, "account_event_id", break_down)
    change = {"field": "f", "value": 1}
    entry = {"id": WABA, "changes": [change, messages_change(messages=[message()])]}
    reject, event = map_facts(parse_notification(json.dumps({"entry": [entry]}).encode()), ARRIVAL)
    raw = json.dumps(change).encode()
    assert reject == Reject("entry[0].changes[0]", "not mapped: RecursionError", raw, WABA)
    assert isinstance(event, Event)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = ("from", "timestamp", "type", "text", "image", "contacts", "interactive", "order", "context", "referral",
           "errors", "status", "recipient_id", "recipient_type", "biz_opaque_callback_data", "conversation", "pricing",
           "event", "ban_info", "restriction_info", "alert_info", "group_id", "edit", "system", "identity")  # fmt: skip
kinds = st.sampled_from([kind for kind, _, _ in KINDS])
items = st.fixed_dictionaries(
    {"id": st.text(min_size=1, max_size=5)},
    optional=dict.fromkeys(MEMBERS, json_values) | {"type": kinds | json_values},
)
fields = st.sampled_from(["messages", "account_update", "account_alerts", "phone_number_quality_update"])


@given(item=items, contacts=json_values, field=fields, name=st.sampled_from(["messages", "statuses"]))
def test_any_types_make_records_that_can_be_encoded(item: dict[str, Any], contacts: Any, field: str, name: str) -> None:
    """No value of a type that nobody expects keeps an item from its topic: it is encoded, and ``raw`` holds it."""
    value = {**item, "contacts": contacts, "metadata": METADATA, name: [item]}
    sent = json.dumps({"entry": [{"id": WABA, "changes": [{"field": field, "value": value}]}]})
    events = map_facts(parse_notification(sent.encode()), ARRIVAL)
    topics = [readback(event).topic for event in events if isinstance(event, Event)]
    assert len(topics) == len(events)
    assert topics[0] == {"messages": "inbound_messages", "statuses": "message_statuses"}[name] or field != "messages"
    assert set(topics) <= set(get_args(EventTopic))
