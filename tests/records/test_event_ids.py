"""Event ids: the same fact has the same id, another fact another."""

from connector.records.event_ids import account_event_id, message_event_id, outcome_event_id, status_event_id


def test_ids_stay_what_they_are() -> None:
    """Consumers keep ids for days: a release must not change them. SHA-256 of the parts, each behind its length."""
    assert message_event_id("106", "wamid.A", "text") == "message-73fe3caa9b6fff5b14593f7788bc6631"
    assert (
        status_event_id("106", "wamid.A", "sent", "49", 1_700_000_000_000) == "status-9f9635de05eb6b591ef03f24ca73cd36"
    )
    assert account_event_id("W", "security", {"event": "PIN_CHANGED"}, 1) == "account-8f66e2ed55130a5fc50c80e07054c7de"
    assert outcome_event_id("commands", 3, 42) == "outcome-commands/3/42"


def test_a_redelivered_message_has_the_same_id() -> None:
    """All kinds of content are one class: a message id has one content."""
    assert message_event_id("106", "wamid.A", "text") == message_event_id("106", "wamid.A", "text")
    assert message_event_id("106", "wamid.A", "text") == message_event_id("106", "wamid.A", "image")


def test_the_content_that_follows_an_unsupported_message_is_another_fact() -> None:
    """131060: first `unsupported`, later the content, under one message id; edits and revocations are their own too."""
    ids = [message_event_id("106", "wamid.A", type_) for type_ in ("text", "unsupported", "edit", "revoke")]
    assert len(set(ids)) == 4
    assert message_event_id("106", "wamid.A", "unknown") == ids[1]


def test_the_same_message_id_at_another_number_is_another_fact() -> None:
    """Ids are scoped by the business number; parts do not run into each other."""
    assert message_event_id("106", "wamid.A", "text") != message_event_id("107", "wamid.A", "text")
    assert message_event_id("10", "6wamid.A", "text") != message_event_id("106", "wamid.A", "text")


def test_each_step_of_each_recipient_is_a_status_of_its_own() -> None:
    """Status, recipient and time tell statuses of one message apart."""
    one = ("106", "wamid.A", "delivered", "49", 1)
    others = [
        ("106", "wamid.A", "read", "49", 1),
        ("106", "wamid.A", "delivered", "48", 1),
        ("106", "wamid.A", "delivered", None, 1),
        ("106", "wamid.A", "delivered", "49", 2),
        ("106", "wamid.B", "delivered", "49", 1),
    ]
    ids = {status_event_id(*parts) for parts in [one, *others]}
    assert len(ids) == 6
    assert status_event_id(*one) in ids


def test_the_order_of_members_does_not_make_another_account_event() -> None:
    """The change is taken in canonical form."""
    assert account_event_id("W", "f", {"a": 1, "b": [1, 2]}) == account_event_id("W", "f", {"b": [1, 2], "a": 1})
    assert account_event_id("W", "f", {"a": 1}) != account_event_id("W", "f", {"a": 2})
    assert account_event_id("W", "f", {"a": 1}) != account_event_id("W", "g", {"a": 1})


def test_a_change_that_recurs_word_for_word_is_a_new_event_by_its_time() -> None:
    """A PIN changed twice is two facts."""
    change = {"event": "PIN_CHANGED"}
    assert account_event_id("W", "security", change, 1) != account_event_id("W", "security", change, 2)


def test_ids_are_made_of_whatever_meta_sends() -> None:
    """Half a surrogate pair in a message id or a change breaks nothing."""
    assert message_event_id("106", "\ud83d", "text").startswith("message-")
    assert account_event_id("W", "f", {"a": "\ud83d"}).startswith("account-")
