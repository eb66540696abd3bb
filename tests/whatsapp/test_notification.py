"""One webhook POST taken apart into facts."""

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from connector.whatsapp import plain_notification
from connector.whatsapp.facts import (
    ID_CHARACTERS_MAX,
    AccountFact,
    Contact,
    Fact,
    Malformed,
    MessageFact,
    Source,
    StatusFact,
)
from connector.whatsapp.notification import ITEMS_MAX, parse_any, parse_notification

NOT_CARRIED = "members that no fact here can carry"
METADATA = {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
NUMBER = Source("WABA", "106540352242922", "15550783881")


def body(*changes: Any, **entry: Any) -> bytes:
    """One entry with these changes."""
    entries = [{"id": "WABA", "changes": changes, **entry}]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


def messages_change(**value: Any) -> dict[str, Any]:
    """A change of the field ``messages``."""
    return {"value": {"messaging_product": "whatsapp", "metadata": METADATA, **value}, "field": "messages"}


def message(message_id: str = "wamid.1", **members: Any) -> dict[str, Any]:
    """A text message."""
    return {"from": "16505551234", "id": message_id, "timestamp": "1749416383", "type": "text", **members}


def only(facts: list[Fact]) -> Fact:
    """The single fact."""
    assert len(facts) == 1, facts
    return facts[0]


def test_a_message_carries_its_number_its_sender_and_its_text() -> None:
    """The typed part knows account, number, contact and id; the raw part is the message alone."""
    contact = {"profile": {"name": "Ana"}, "wa_id": "16505551234"}
    fact = only(parse_notification(body(messages_change(contacts=[contact], messages=[message()]))))
    assert fact == MessageFact(
        path="entry[0].changes[0].value.messages[0]",
        source=NUMBER,
        contact=Contact(wa_id="16505551234", profile_name="Ana"),
        message_id="wamid.1",
        raw=json.dumps(message()),
        parsed=message(),
    )


def test_a_status_carries_its_recipient() -> None:
    """A status finds its contact by the recipient's business-scoped id when there is no phone number."""
    contact = {"profile": {"name": "Ana", "username": "@ana"}, "user_id": "US.1"}
    status = {"id": "wamid.1", "status": "read", "timestamp": "1", "recipient_user_id": "US.1"}
    fact = only(parse_notification(body(messages_change(contacts=[contact], statuses=[status]))))
    assert isinstance(fact, StatusFact)
    expected = Contact(user_id="US.1", username="@ana", profile_name="Ana")
    assert (fact.contact, fact.message_id, fact.parsed) == (expected, "wamid.1", status)


def test_raw_is_the_text_as_sent() -> None:
    """Numbers keep their digits, escapes and inner spaces stay: nothing is decoded and encoded again."""
    raw = r'{"id":"wamid.1", "a":1.0, "b":1e5, "c":12345678901234567890123, "d":"\u00e4\/", "e":[ ]}'
    sent = body(messages_change(messages=["HERE"])).replace(b'"HERE"', raw.encode())
    fact = only(parse_notification(sent))
    assert isinstance(fact, MessageFact)
    assert fact.raw == raw


def test_half_an_emoji_costs_nothing() -> None:
    """A lone surrogate leaves every item in place: raw keeps the escape, the typed value has U+FFFD."""
    sent = body(messages_change(messages=[message("wamid.1", text={"body": "cut \ud83d"}), message("wamid.2")]))
    first, second = parse_notification(sent)
    assert isinstance(first, MessageFact)
    assert r"cut \ud83d" in first.raw
    assert first.parsed["text"]["body"] == "cut \N{REPLACEMENT CHARACTER}"
    assert isinstance(second, MessageFact)


def test_many_entries_changes_and_items_come_out_in_order() -> None:
    """Order is that of the body, and each fact names its place."""
    entry = {"id": "W", "changes": [messages_change(messages=[message("1"), message("2")], statuses=[{"id": "3"}]),
                                    {"field": "account_update", "value": {"event": "X"}}]}  # fmt: skip
    sent = json.dumps({"object": "whatsapp_business_account", "entry": [entry, entry]}).encode()
    paths = [fact.path for fact in parse_notification(sent)]
    assert paths == [
        f"entry[{number}].changes{rest}"
        for number in (0, 1)
        for rest in ("[0].value.messages[0]", "[0].value.messages[1]", "[0].value.statuses[0]", "[1]")
    ]


def test_the_number_is_resolved_for_each_change() -> None:
    """Two changes of one body may speak of two business numbers."""
    other = messages_change(messages=[message()])
    other["value"]["metadata"] = {"phone_number_id": 42}
    facts = parse_notification(body(messages_change(messages=[message()]), other))
    assert [fact.source.phone_number_id for fact in facts if isinstance(fact, MessageFact)] == ["106540352242922", "42"]


def test_contacts_are_matched_by_id_not_by_place() -> None:
    """The contact of a message is the one with the sender's id, wherever it stands; a sender without one has none."""
    ana = {"profile": {"name": "Ana"}, "wa_id": "1"}
    ben = {"profile": {"name": "Ben"}, "user_id": "US.2"}
    senders = [{"from": "9"}, {"from_user_id": "US.2"}, {"from": "1"}]
    messages = [{"id": f"wamid.{place}", **sender} for place, sender in enumerate(senders)]
    facts = parse_notification(body(messages_change(contacts=[ana, ben], messages=messages)))
    expected = [None, Contact(user_id="US.2", profile_name="Ben"), Contact(wa_id="1", profile_name="Ana")]
    assert [fact.contact for fact in facts if isinstance(fact, MessageFact)] == expected


@pytest.mark.parametrize("contacts", [None, 5, "x", [5, None, {"wa_id": ["1"]}], {"wa_id": "1"}])
def test_odd_contacts_cost_no_message(contacts: Any) -> None:
    """Contacts of any shape are read as far as they can be."""
    fact = only(parse_notification(body(messages_change(contacts=contacts, messages=[message()]))))
    assert isinstance(fact, MessageFact)
    assert fact.contact is None or fact.contact.wa_id is None


@pytest.mark.parametrize("metadata", [None, 5, [], {}, {"phone_number_id": None}, {"phone_number_id": 1.5}])
def test_a_message_without_a_known_number_still_flows(metadata: Any) -> None:
    """Missing or odd metadata leaves the number unknown."""
    change = messages_change(messages=[message()])
    change["value"]["metadata"] = metadata
    fact = only(parse_notification(body(change)))
    assert isinstance(fact, MessageFact)
    assert fact.source.phone_number_id is None


@pytest.mark.parametrize("field", ["account_update", "calls", "history", "a_field_of_next_year", ""])
def test_any_other_field_is_one_account_fact(field: str) -> None:
    """What is not under ``messages`` passes whole: the change as sent, its field, its value and anything beside."""
    change = {"value": {"messages": [message()], "n": 1.0}, "field": field, "new": True}
    fact = only(parse_notification(body(change, time=1751250234)))
    assert isinstance(fact, AccountFact)
    assert fact.raw == json.dumps(change)
    assert (fact.field, fact.value, fact.beside_items) == (field, change["value"], False)
    assert fact.source == Source("WABA", time_s=1751250234)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"metadata": METADATA, "calls": []}, NUMBER),
        ({"display_phone_number": 15550783881, "event": "ONBOARDING"}, Source("WABA", None, "15550783881")),
        ({"phone_number_id": "7"}, Source("WABA", "7")),
        ("text", Source("WABA")),
        (None, Source("WABA")),
    ],
)
def test_an_account_fact_knows_the_number_it_names(value: Any, expected: Source) -> None:
    """The number comes from ``metadata`` or from the value itself, when either names one."""
    fact = only(parse_notification(body({"field": "f", "value": value})))
    assert isinstance(fact, AccountFact)
    assert fact.source == expected


@pytest.mark.parametrize(
    "value",
    [
        {"errors": [{"code": 130429}]},
        {"metadata": METADATA, "contacts": []},
        {"metadata": METADATA, "messages": [], "statuses": None, "message_echoes": [{"id": "1"}]},
        {"metadata": METADATA, "user_actions": 5},
        {},
        [],
        None,
        "text",
    ],
)
def test_messages_without_items_is_an_account_fact(value: Any) -> None:
    """A change of ``messages`` that has neither messages nor statuses passes whole, such as errors of an app."""
    change = {"field": "messages", "value": value}
    fact = only(parse_notification(body(change)))
    assert isinstance(fact, AccountFact)
    assert (fact.raw, fact.value, fact.beside_items) == (json.dumps(change), value, False)


def test_what_stands_beside_messages_is_kept() -> None:
    """Errors and unknown members beside messages become one account fact more, which does not repeat the messages."""
    errors = [{"code": 131000, "n": "NUMBER"}]
    change = messages_change(messages=[message()], errors=errors) | {"new": {"a": 1}}
    first, rest = parse_notification(body(change).replace(b'"NUMBER"', b"1.0"))
    assert isinstance(first, MessageFact)
    assert isinstance(rest, AccountFact)
    expected = copy.deepcopy(change)
    del expected["value"]["messages"]
    assert json.loads(rest.raw.replace("1.0", '"NUMBER"')) == expected
    assert (rest.path, rest.field, rest.source, rest.beside_items) == ("entry[0].changes[0]", "messages", NUMBER, True)


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_empty_neighbours_are_nothing_to_keep(nothing: Any) -> None:
    """An empty member beside messages makes no fact."""
    assert isinstance(
        only(parse_notification(body(messages_change(messages=[message()], errors=nothing)))), MessageFact
    )


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("5", "not an object"),
        ("null", "not an object"),
        ("[]", "not an object"),
        ("{}", "id: missing"),
        ('{"id":""}', "id: missing"),
        ('{"id":true}', "id: missing"),
        ('{"id":["wamid.1"]}', "id: missing"),
        ('{"id":01}', "not JSON"),
        ('{"id":"\xff"}', "not UTF-8"),
        ('{"id":' + "[" * 5000 + "]" * 5000 + "}", "nested too deeply"),
    ],
)
@pytest.mark.parametrize("name", ["messages", "statuses"])
def test_a_malformed_item_costs_no_other(item: str, reason: str, name: str) -> None:
    """It comes out with its place, the reason and its bytes; the items around it flow."""
    raw = item.encode("latin-1")
    sent = body(messages_change(**{name: [message("a"), "HERE", message("b")]})).replace(b'"HERE"', raw)
    before, bad, after = parse_notification(sent)
    assert bad == Malformed(f"entry[0].changes[0].value.{name}[1]", reason, raw, "WABA")
    assert [fact.message_id for fact in (before, after) if isinstance(fact, MessageFact | StatusFact)] == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "path", "reason"),
    [
        (5, "", "not an object"),
        ({"value": {}}, "", "field: not a name"),
        ({"value": {}, "field": 5}, "", "field: not a name"),
        ({"value": {}, "field": "x" * 257}, "", "field: not a name"),
        (messages_change(messages=5), ".value.messages", "not an array"),
        (messages_change(statuses={"id": "1"}), ".value.statuses", "not an array"),
    ],
)
def test_a_malformed_change_costs_no_other(change: Any, path: str, reason: str) -> None:
    """The same one and two levels up."""
    sent = body(messages_change(messages=[message("a")]), change, messages_change(messages=[message("b")]))
    before, bad, after = parse_notification(sent)
    assert isinstance(bad, Malformed)
    assert (bad.path, bad.reason) == (f"entry[0].changes[1]{path}", reason)
    assert isinstance(before, MessageFact)
    assert isinstance(after, MessageFact)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [(5, "not an object"), ({"id": "1"}, "changes: not an array"), ({"changes": {}}, "changes: not an array")],
)
def test_a_malformed_entry_costs_no_other(entry: Any, reason: str) -> None:
    """The same at the top: an entry of another shape is kept whole."""
    entries = [entry, {"id": "WABA", "changes": [messages_change(messages=[message()])]}]
    bad, good = parse_notification(json.dumps({"entry": entries}).encode())
    assert bad == Malformed("entry[0]", reason, json.dumps(entry).encode())
    assert isinstance(good, MessageFact)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "not an object"),
        (b"[]", "not an object"),
        (b"not json", "not an object"),
        (b'{"object":"whatsapp_business_account"', "not JSON"),
        (b'{"object":"whatsapp_business_account"}', "entry: not an array"),
        (b'{"object":"whatsapp_business_account","entry":{}}', "entry: not an array"),
        (b'{"object":"page","entry":[]}', "object: not whatsapp_business_account"),
        (b'{"object":5,"entry":[]}', "object: not whatsapp_business_account"),
    ],
)
def test_a_body_that_is_no_notification_is_kept_whole(sent: bytes, reason: str) -> None:
    """Another product's webhook, or no JSON at all, is one malformed whole."""
    assert parse_notification(sent) == [Malformed("", reason, sent)]


def test_no_entries_are_no_facts() -> None:
    """An empty notification is understood, and says nothing."""
    assert parse_notification(b'{"object":"whatsapp_business_account","entry":[]}') == []


@given(sent=st.binary(max_size=200))
def test_any_bytes_are_facts_or_malformed(sent: bytes) -> None:
    """Arbitrary bytes never raise, and never vanish."""
    assert parse_notification(sent) == [] or any(isinstance(fact, Malformed) for fact in parse_notification(sent))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "from", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
item_lists = st.lists(
    st.fixed_dictionaries({"id": st.text(min_size=1, max_size=5)}, optional={"x": json_values}) | json_values
)
values = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("metadata", "contacts", "errors", "unknown"), json_values)
    | dict.fromkeys(("messages", "statuses"), item_lists),
)
changes = st.fixed_dictionaries({"field": st.sampled_from(["messages", "messages", "account_update"]), "value": values})
notifications = st.fixed_dictionaries(
    {"entry": st.lists(st.fixed_dictionaries({"id": json_values, "changes": st.lists(changes | json_values)}))}
)


@given(notification=notifications)
def test_every_item_comes_out_exactly_once(notification: dict[str, Any]) -> None:
    """Whatever the types inside, each message, status and other change is one fact or one malformed item, in order."""
    expected: list[str] = []
    for entry_number, entry in enumerate(notification["entry"]):
        expected += [] if entry["changes"] else [f"entry[{entry_number}]"]
        for change_number, change in enumerate(entry["changes"]):
            path = f"entry[{entry_number}].changes[{change_number}]"
            value = change.get("value", {}) if isinstance(change, dict) else {}
            in_messages = isinstance(change, dict) and change.get("field") == "messages"
            items = [
                f"{path}.value.{name}[{number}]"
                for name in ("messages", "statuses")
                for number in range(len(value.get(name) or ()) if in_messages else 0)
            ]
            beside = any(value.get(name) not in (None, [], {}) for name in ("errors", "unknown"))
            expected += items + ([path] if beside and items else []) or [path]
    facts = parse_notification(json.dumps(notification).encode())
    assert [fact.path for fact in facts if not (isinstance(fact, Malformed) and fact.reason == NOT_CARRIED)] == expected


def beside(fact: Fact) -> Any:
    """What goes along with a fact."""
    assert not isinstance(fact, Malformed)
    return None if fact.beside is None else json.loads(fact.beside)


def test_unknown_members_of_the_envelope_go_along_with_the_first_fact() -> None:
    """Of the body, the entry, the metadata; and contacts that belong to nobody here: nothing is dropped."""
    stranger = {"wa_id": "9", "profile": {"name": "Cy"}}
    change = messages_change(messages=[message("a"), message("b")], contacts=[stranger])
    change["value"]["metadata"] = {**METADATA, "verified": True}
    sent = json.loads(body(change, uid="7"))
    first, second = parse_notification(json.dumps({**sent, "version": 2}).encode())
    assert beside(first) == {
        "notification": {"version": 2},
        "entry": {"uid": "7"},
        "metadata": {**METADATA, "verified": True},
        "contacts": [stranger],
    }
    assert beside(second) is None


@pytest.mark.parametrize("size", [10_000, 3_000_000])
def test_large_members_of_the_envelope_are_set_aside(size: int) -> None:
    """They fit into no header; the facts flow without them."""
    sent = body(messages_change(messages=[message()]), extra="x" * size)
    fact, bad = parse_notification(sent)
    assert isinstance(fact, MessageFact)
    assert bad == Malformed(
        "entry[0]", NOT_CARRIED, json.dumps({"entry": {"extra": "x" * size}}, separators=(",", ":")).encode()
    )


def test_a_contact_with_unknown_members_keeps_its_text() -> None:
    """What Meta adds to contacts reaches the record of the person it is about."""
    contact = {"wa_id": "16505551234", "profile": {"name": "Ana"}, "country": "US"}
    fact = only(parse_notification(body(messages_change(contacts=[contact], messages=[message()]))))
    assert isinstance(fact, MessageFact)
    assert fact.contact == Contact(wa_id="16505551234", profile_name="Ana", raw=json.dumps(contact))


@pytest.mark.parametrize(
    ("sender", "contact", "matched"),
    [
        ({"from": "+16505551234"}, {"wa_id": "16505551234"}, True),
        ({"from": None, "from_user_id": "US.1"}, {"wa_id": "16505551234"}, True),
        ({"from_user_id": "US.1"}, {"user_id": "US.1", "wa_id": "1"}, True),
        ({"from": "1"}, {"wa_id": "2"}, False),
        ({"from_user_id": "US.1"}, {"user_id": "US.2"}, False),
    ],
)
def test_a_single_contact_belongs_to_a_single_message_unless_they_differ(
    sender: dict[str, Any],
    contact: dict[str, Any],
    matched: bool,  # noqa: FBT001 - one of the cases
) -> None:
    """Two names for one person are joined; two persons are not."""
    fact = only(parse_notification(body(messages_change(contacts=[contact], messages=[message(**sender)]))))
    assert isinstance(fact, MessageFact)
    assert (fact.contact is not None) is matched
    assert beside(fact) == (None if matched else {"contacts": [contact]})


def test_standby_nests_the_usual_arrays_one_level_deeper() -> None:
    """Messages and statuses are facts of their kind, marked; echoes and the rest are account facts."""
    inner = {
        "contacts": [{"wa_id": "16505551234", "profile": {"name": "Ana"}}],
        "messages": [message("a")],
        "statuses": [{"id": "b", "status": "read", "timestamp": "1"}],
        "message_echoes": [{"id": "c", "timestamp": "1", "message": {"to": "1", "type": "text"}}],
    }
    change = {"field": "standby", "value": {"messaging_product": "whatsapp", "metadata": METADATA, "standby": inner}}
    first, second, third = parse_notification(body(change))
    assert isinstance(first, MessageFact)
    assert isinstance(second, StatusFact)
    assert isinstance(third, AccountFact)
    assert (first.standby, second.standby, third.field) == (True, True, "standby")
    assert {fact.source for fact in (first, second, third)} == {NUMBER}
    assert first.contact is not None
    assert (third.array, third.item["id"], third.beside_items) == ("message_echoes", "c", True)
    kept = json.loads(third.raw)
    assert kept["value"]["standby"]["message_echoes"] == inner["message_echoes"]
    assert "messages" not in kept["value"]["standby"]


@pytest.mark.parametrize("value", [{"metadata": METADATA, "standby": {}}, {"standby": 5}, {"messages": [message()]}, 5])
def test_standby_of_another_shape_is_kept(value: Any) -> None:
    """An empty one, one that is none, and one that nests nothing."""
    fact = only(parse_notification(body({"field": "standby", "value": value})))
    assert isinstance(fact, MessageFact | AccountFact)


EVENTS = [
    ("calls", "calls", {"id": "wacid.1", "event": "connect"}),
    ("calls", "statuses", {"id": "wacid.1", "status": "RINGING"}),
    ("smb_message_echoes", "message_echoes", {"id": "wamid.1", "type": "text"}),
    ("smb_app_state_sync", "state_sync", {"type": "contact", "action": "add"}),
    ("user_preferences", "user_preferences", {"value": "stop"}),
    ("group_lifecycle_update", "groups", {"group_id": "G"}),
    ("messages", "user_actions", {"action_type": "click"}),
]


@pytest.mark.parametrize(("field", "array", "event"), EVENTS)
def test_each_event_of_an_array_is_a_fact_of_its_own(field: str, array: str, event: dict[str, Any]) -> None:
    """With what stands around it; a malformed one costs no other."""
    around = {"messaging_product": "whatsapp", "metadata": METADATA}
    events = [{**event, "n": 1}, "HERE", {**event, "n": 2}]
    sent = body({"field": field, "value": {**around, array: events}}).replace(b'"HERE"', b"01")
    first, bad, second = parse_notification(sent)
    assert bad == Malformed(f"entry[0].changes[0].value.{array}[1]", "not an object", b"01", "WABA")
    for fact, number in ((first, 1), (second, 2)):
        assert isinstance(fact, AccountFact)
        narrowed = {"field": field, "value": {**around, array: [{**event, "n": number}]}}
        assert json.loads(fact.raw) == narrowed
        assert (fact.array, fact.item, fact.value) == (array, {**event, "n": number}, narrowed["value"])
        assert fact.source == NUMBER


@pytest.mark.parametrize(("field", "array", "event"), EVENTS)
def test_a_single_event_keeps_its_change_to_the_byte(field: str, array: str, event: dict[str, Any]) -> None:
    """Nothing is put together anew where nothing was taken apart."""
    change = {"value": {"z": 1.0, "metadata": METADATA, array: [event]}, "field": field, "new": True}
    fact = only(parse_notification(body(change)))
    assert isinstance(fact, AccountFact)
    assert (fact.raw, fact.item, fact.array) == (json.dumps(change), event, array)


def test_history_is_taken_apart_message_by_message() -> None:
    """Each with its chunk and its thread; a chunk without threads, and a thread without messages, are facts too."""
    chunk = {"metadata": {"phase": 0}, "threads": [{"id": "1", "messages": [message("a"), message("b")]}, {"id": "2"}]}
    declined = {"errors": [{"code": 2593109}]}
    change = {"field": "history", "value": {"metadata": METADATA, "history": [chunk, declined]}}
    facts = parse_notification(body(change))
    assert [fact.path.partition(".value")[2] for fact in facts] == [
        ".history[0].threads[0].messages[0]",
        ".history[0].threads[0].messages[1]",
        ".history[0].threads[1]",
        ".history[1]",
    ]
    message_b, thread, error = (fact for fact in facts[1:] if isinstance(fact, AccountFact))
    assert json.loads(message_b.raw)["value"]["history"] == [
        {"metadata": {"phase": 0}, "threads": [{"id": "1", "messages": [message("b")]}]}
    ]
    assert [place.get("id") for place in message_b.within] == [None, "1"]
    assert (thread.array, thread.item["id"], error.array, error.item) == ("threads", "2", "history", declined)


def test_what_stands_around_many_events_does_not_multiply() -> None:
    """A large neighbour is kept once, with the first event; metadata goes with each."""
    value = {"metadata": METADATA, "large": "x" * 1_000_000, "calls": [{"id": str(number)} for number in range(1000)]}
    facts = parse_notification(body({"field": "calls", "value": value}))
    assert len(facts) == 1000
    raws = [fact.raw for fact in facts if isinstance(fact, AccountFact)]
    assert sum(map(len, raws)) < 1_500_000
    assert sum("xxxx" in raw for raw in raws) == 1
    assert {fact.source for fact in facts if isinstance(fact, AccountFact)} == {NUMBER}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"recipient": {"phone_number_id": "7", "display_phone_number": "1"}}, Source("WABA", "7", "1")),
        ({"phone_number_settings": {"phone_number_id": "7"}}, Source("WABA", "7")),
        ({"entity_type": "PHONE_NUMBER", "entity_id": 7}, Source("WABA", "7")),
        ({"entity_type": "BUSINESS", "entity_id": 7}, Source("WABA")),
        ({"phone_number": "1555"}, Source("WABA", None, "1555")),
        ({"phone_number_id": None, "metadata": {"phone_number_id": "7"}}, Source("WABA", "7")),
    ],
)
def test_numbers_are_named_in_many_places(value: dict[str, Any], expected: Source) -> None:
    """A handover's recipient, settings, an alert about a number, an account's number."""
    fact = only(parse_notification(body({"field": "f", "value": value})))
    assert isinstance(fact, AccountFact)
    assert fact.source == expected


texts = st.text(max_size=6)
maybe: st.SearchStrategy[Any] = st.none() | texts | st.integers(0, 99) | st.just([]) | st.just({})
LONGEST = "\u00e4" * ID_CHARACTERS_MAX  # six times as many bytes when it is escaped
names = texts | st.just(LONGEST)
plain_contacts = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "wa_id": st.sampled_from(["1", "2", "+1"]),
            "user_id": st.sampled_from(["US.1", "US.2"]),
            "profile": st.fixed_dictionaries({}, optional={"name": names, "username": names, "new": texts}),
            "new": texts,
        },
    ),
    max_size=3,
)
plain_items = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["a", "b", ""]) | maybe},
        optional={
            "from": st.sampled_from(["1", "2", "+1"]),
            "from_user_id": st.sampled_from(["US.1", "US.2"]),
            "recipient_id": st.sampled_from(["1", "2"]),
            "recipient_user_id": st.just("US.1"),
            "timestamp": maybe,
        },
    ),
    max_size=3,
)
plain_values = st.fixed_dictionaries(
    {"metadata": st.just(METADATA) | st.fixed_dictionaries({}, optional={"phone_number_id": maybe, "new": maybe})},
    optional={
        "messaging_product": texts,
        "contacts": plain_contacts,
        "messages": plain_items,
        "statuses": plain_items,
        "errors": maybe,
    },
)
plain_bodies = st.fixed_dictionaries(
    {
        "object": st.just("whatsapp_business_account"),
        "entry": st.lists(
            st.fixed_dictionaries(
                {
                    "changes": st.lists(
                        st.fixed_dictionaries({"field": st.just("messages"), "value": plain_values}), max_size=2
                    )
                },
                optional={"id": maybe, "time": st.integers(-1, 2**60), "new": maybe},
            ),
            max_size=2,
        ),
    }
)


@given(sent=plain_bodies)
@example(
    json.loads(
        body(
            messages_change(
                messages=[message()],
                contacts=[{"wa_id": "16505551234", "profile": {"name": LONGEST, "username": LONGEST}}],
            )
        )
    )
)
def test_both_roads_lead_to_the_same_facts(sent: dict[str, Any]) -> None:
    """What the quick road takes, it reads as the other does; what it does not know, it leaves alone."""
    raw = json.dumps(sent).encode()
    quick = plain_notification.parse(raw)
    assert quick is None or quick == parse_any(raw)


def test_what_meta_sends_most_takes_the_quick_road() -> None:
    """A status, a message, a batch of both."""
    contact = {"profile": {"name": "Ana"}, "wa_id": "16505551234", "user_id": "US.1"}
    status = {"id": "wamid.1", "status": "sent", "timestamp": "1", "recipient_id": "16505551234"}
    for value in (
        {"statuses": [status]},
        {"contacts": [contact], "statuses": [status]},
        {"contacts": [contact], "messages": [message()]},
        {"contacts": [contact], "messages": [message("a"), message("b")], "statuses": [status]},
    ):
        assert plain_notification.parse(body(messages_change(**value))) is not None


def many(count: int) -> bytes:
    """A body with so many messages in one change."""
    return body(messages_change(messages=[{"id": f"wamid.{number}"} for number in range(count)]))


def test_a_body_with_more_items_than_any_of_metas_is_set_aside_whole() -> None:
    """Twenty times as many as Meta promises are taken one by one; what is beyond would not fit into any queue."""
    assert len(parse_notification(many(ITEMS_MAX))) == ITEMS_MAX
    for found in (many(ITEMS_MAX + 1), json.dumps({"entry": [{}] * (ITEMS_MAX + 1)}).encode()):
        assert only(parse_notification(found)) == Malformed("", "more items than Meta sends", found)


LONG = "1" * (ID_CHARACTERS_MAX + 1)


@pytest.mark.parametrize(
    "change",
    [
        body(messages_change(messages=[message(), message()]), id=LONG),
        body(messages_change(messages=[message(), message()], metadata={**METADATA, "display_phone_number": LONG})),
        body(messages_change(messages=[message(), message()], contacts=[{"wa_id": LONG, "profile": {"name": LONG}}])),
        body(
            messages_change(
                messages=[message(), message()],
                contacts=[{"wa_id": "16505551234", "profile": {"name": "Ana"}, "x": LONG * 8}],
            )
        ),
    ],
    ids=["account", "number", "contact", "unknown member of a contact"],
)
def test_what_goes_with_each_item_is_bounded(change: bytes) -> None:
    """A megabyte in the place of an id is told once, and not with each of a thousand items."""
    facts = parse_notification(change)
    items = [fact for fact in facts if isinstance(fact, MessageFact)]
    assert len(items) == 2
    assert LONG not in repr([structs.replace(fact, beside=None) for fact in items])
    told = [fact.beside or "" for fact in items] + [fact.raw.decode() for fact in facts if isinstance(fact, Malformed)]
    assert sum(LONG in text for text in told) == 1
