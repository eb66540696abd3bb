"""What an answer to a send means: each row of the error table, answers that no table knows, and hostile ones."""

import json
from collections import Counter
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.whatsapp.error_table import BY_CODE, RULES, ErrorRule, Treatment, rule_for
from connector.whatsapp.response import Answer, AttemptOutcome, GraphError, Kind, maybe_sent, not_sent, read_answer

KINDS: Final = {
    Treatment.RETRY: Kind.TRANSIENT,
    Treatment.RETRY_ONCE: Kind.TRANSIENT,
    Treatment.RETRY_SLOWLY: Kind.TRANSIENT,
    Treatment.PAIR_LIMIT: Kind.THROTTLED,
    Treatment.NUMBER_LIMIT: Kind.THROTTLED,
    Treatment.NUMBER_REST: Kind.THROTTLED,
    Treatment.APP_LIMIT: Kind.THROTTLED,
    Treatment.STOPPED: Kind.THROTTLED,
    Treatment.UNDELIVERABLE: Kind.PERMANENT,
    Treatment.REFUSED: Kind.PERMANENT,
}


def answer(document: Any, status: int = 400, **headers: str) -> Answer:
    """An answer with this document."""
    return Answer(status, json.dumps(document).encode(), headers)


def refusal(code: Any, status: int = 400, **members: Any) -> AttemptOutcome:
    """What Meta's error with these members means."""
    return read_answer(answer({"error": {"message": f"(#{code}) title", "code": code} | members}, status))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.code))
def test_each_code_of_the_table_is_treated_by_the_table(rule: ErrorRule) -> None:
    """Whatever the HTTP status: Meta asks to act on the code, and its own pages disagree about the status."""
    for status in (200, 400, 401, 403, 404, 429, 500, 503):
        result = refusal(rule.code, status)
        assert (result.kind, result.treatment, result.reason) == (KINDS[rule.treatment], rule.treatment, str(rule.code))
        assert result.error is not None
        assert (result.error.code, result.error.http_status) == (rule.code, status)
        assert result.from_meta


def test_no_code_stands_in_two_rows() -> None:
    """One code, one treatment."""
    assert [code for code, rows in Counter(rule.code for rule in RULES).items() if rows > 1] == []


def test_codes_stand_in_their_order() -> None:
    """The table is read by people."""
    assert [rule.code for rule in RULES] == sorted(BY_CODE)


@pytest.mark.parametrize("code", [200, 210, 299])
def test_missing_permissions_are_one_block(code: int) -> None:
    """200 to 299: somebody has to give the permission; the number waits."""
    assert refusal(code).treatment is Treatment.STOPPED


def test_a_number_that_is_gone_is_no_bad_parameter() -> None:
    """100 with subcode 33 stops the number, 100 alone refuses the message."""
    assert refusal(100).treatment is Treatment.REFUSED
    assert refusal(100, error_subcode=33).treatment is Treatment.STOPPED
    assert refusal(100, error_subcode=2494010).treatment is Treatment.REFUSED
    assert rule_for(100, 33) == BY_CODE[33]


@pytest.mark.parametrize(
    ("code", "treatment"),
    [
        (131056, Treatment.PAIR_LIMIT),
        (130429, Treatment.NUMBER_LIMIT),
        (131057, Treatment.NUMBER_REST),
        (4, Treatment.APP_LIMIT),
        (80007, Treatment.APP_LIMIT),
        (190, Treatment.STOPPED),
        (131031, Treatment.STOPPED),
        (803, Treatment.STOPPED),
        (131026, Treatment.UNDELIVERABLE),
        (131050, Treatment.UNDELIVERABLE),
        (131047, Treatment.REFUSED),
        (131000, Treatment.RETRY),
        (133004, Treatment.RETRY),
    ],
)
def test_the_codes_that_matter_most(code: int, treatment: Treatment) -> None:
    """Their treatment is a promise; a change of the table that alters one of these is a mistake."""
    assert refusal(code).treatment is treatment


@pytest.mark.parametrize(
    ("status", "members", "treatment"),
    [
        (400, {}, Treatment.RETRY_ONCE),
        (404, {}, Treatment.RETRY_ONCE),
        (200, {}, Treatment.RETRY_ONCE),
        (429, {}, Treatment.APP_LIMIT),
        (500, {}, Treatment.RETRY),
        (503, {}, Treatment.RETRY),
        (400, {"is_transient": True}, Treatment.RETRY),
        (400, {"is_transient": False}, Treatment.RETRY_ONCE),
        (400, {"is_transient": "true"}, Treatment.RETRY_ONCE),
    ],
)
def test_an_unknown_code_gets_the_benefit_of_the_doubt(status: int, members: dict[str, Any], treatment: Any) -> None:
    """It is tried again, once or more often, by what else the answer says; and named, so that it can be looked for."""
    result = refusal(987654, status, **members)
    assert (result.treatment, result.reason) == (treatment, "unknown_code_987654")


def test_a_final_code_said_to_be_passing_gets_one_more_try() -> None:
    """``is_transient`` is Meta's own hint; it does not overrule what is about the recipient, or about a limit."""
    assert refusal(100, is_transient=True).treatment is Treatment.RETRY_ONCE
    assert refusal(131026, is_transient=True).treatment is Treatment.UNDELIVERABLE
    assert refusal(131056, is_transient=True).treatment is Treatment.PAIR_LIMIT


def test_an_error_is_kept_for_those_who_ask() -> None:
    """Code, subcode, title, details, trace id and HTTP status."""
    result = refusal(
        131030,
        error_subcode=2655007,
        error_data={"messaging_product": "whatsapp", "details": "not in the list"},
        fbtrace_id="AbC",
    )
    assert result.error == GraphError(131030, 2655007, "(#131030) title", "not in the list", 400, "AbC")


def test_details_may_be_a_plain_text() -> None:
    """Both forms come (Meta, OpenAPI description v23.0)."""
    result = refusal(100, error_data="plain")
    assert result.error is not None
    assert result.error.details == "plain"


@pytest.mark.parametrize("code", ["131056", 131056])
def test_a_quoted_code_is_a_code(code: Any) -> None:
    """What stands between us and Meta may turn numbers into texts."""
    result = refusal(code, error_subcode=str(33))
    assert result.treatment is Treatment.PAIR_LIMIT
    assert result.error is not None
    assert (result.error.code, result.error.subcode) == (131056, 33)


@pytest.mark.parametrize("code", [True, 1.5, None, "", "131 056", "\uff11\uff13", [], {}, 10**30, "9" * 400, -(10**30)])
@pytest.mark.parametrize("status", [200, 500])
def test_an_error_without_a_readable_code_says_nothing(code: Any, status: int) -> None:
    """No Graph server answers like that: whether the message was taken stays open."""
    assert refusal(code, status).kind is Kind.AMBIGUOUS


def test_an_error_without_a_code_is_a_refusal_when_the_status_says_so() -> None:
    """A 4xx of whoever it was: the message was not taken, and may be later."""
    result = read_answer(answer({"error": {"message": "who are you?"}}, 403))
    assert (result.kind, result.treatment, result.reason) == (Kind.TRANSIENT, Treatment.RETRY, "http_403")
    assert not result.from_meta


ACCEPTANCE: Final = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "+1 650 555 1234", "wa_id": "16505551234", "user_id": "US.1"}],
    "messages": [{"id": "wamid.1", "message_status": "accepted"}],
}


def test_an_acceptance_is_kept_with_its_ids() -> None:
    """The message's id, its status, and what Meta calls the recipient."""
    result = read_answer(answer(ACCEPTANCE, 200))
    assert result == AttemptOutcome(
        Kind.ACCEPTED,
        "accepted",
        message_id="wamid.1",
        message_status="accepted",
        wa_id="16505551234",
        user_id="US.1",
    )
    assert result.from_meta


@pytest.mark.parametrize("status", ["held_for_quality_assessment", "paused", "a word of tomorrow"])
def test_a_message_that_is_held_is_accepted(status: str) -> None:
    """What becomes of it is told by statuses."""
    result = read_answer(answer({"messages": [{"id": "wamid.1", "message_status": status}]}, 200))
    assert (result.kind, result.message_status) == (Kind.ACCEPTED, status)


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "ok",
        None,
        7,
        {"success": True},
        {"messages": []},
        {"messages": {}},
        {"messages": "wamid.1"},
        {"messages": ["wamid.1"]},
        {"messages": [{}]},
        {"messages": [{"id": ""}]},
        {"messages": [{"id": 7}]},
        {"messages": [None, {"id": "wamid.1"}]},
        {"error": {}},
        {"error": None},
        {"error": "down"},
    ],
)
def test_a_success_without_a_message_id_is_ambiguous(document: Any) -> None:
    """Something took the request; whether it was Meta, and whether it sent, it does not say."""
    assert read_answer(answer(document, 200)).kind is Kind.AMBIGUOUS


@pytest.mark.parametrize("contacts", [None, [], {}, "x", [None], [{"wa_id": 7}]])
def test_an_acceptance_needs_no_contact(contacts: Any) -> None:
    """The message's id is enough."""
    result = read_answer(answer({"contacts": contacts, "messages": [{"id": "wamid.1"}]}, 200))
    assert (result.kind, result.wa_id) == (Kind.ACCEPTED, None)


@pytest.mark.parametrize(
    ("status", "kind", "treatment"),
    [
        (301, Kind.TRANSIENT, Treatment.RETRY),
        (400, Kind.TRANSIENT, Treatment.RETRY),
        (404, Kind.TRANSIENT, Treatment.RETRY),
        (413, Kind.TRANSIENT, Treatment.RETRY),
        (429, Kind.THROTTLED, Treatment.APP_LIMIT),
        (500, Kind.AMBIGUOUS, None),
        (502, Kind.AMBIGUOUS, None),
        (504, Kind.AMBIGUOUS, None),
        (599, Kind.AMBIGUOUS, None),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"{", b'{"error":"x"}', b"[" * 100_000])
def test_without_a_graph_body_the_status_speaks(status: int, kind: Kind, treatment: Any, body: bytes) -> None:
    """Behind a 5xx the message may have been taken; a 4xx did not take it, and a person may have to mend something."""
    result = read_answer(Answer(status, body))
    assert (result.kind, result.treatment, result.reason) == (kind, treatment, f"http_{status}")
    assert not result.from_meta


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("3600", 3600.0),
        ("999999999999999999999", 3600.0),
        ("9" * 500, 3600.0),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("", None),
    ],
)
def test_what_meta_asks_to_wait_is_bounded(header: str, seconds: float | None) -> None:
    """An hour at most; what is no number of seconds is no wish."""
    assert read_answer(Answer(429, b"", {"retry-after": header})).retry_after_s == seconds
    body = json.dumps({"error": {"code": 4}}).encode()
    assert read_answer(Answer(400, body, {"retry-after": header})).retry_after_s == seconds


def test_texts_are_bounded() -> None:
    """A megabyte in each field becomes a thousand characters."""
    long = "x" * 1_000_000
    error = refusal(100, message=long, error_data={"details": long}, fbtrace_id=long).error
    assert error is not None
    assert [len(text or "") for text in (error.title, error.details, error.fbtrace_id)] == [1000] * 3
    result = read_answer(
        answer({"contacts": [{"wa_id": long}], "messages": [{"id": long, "message_status": long}]}, 200)
    )
    assert [len(text or "") for text in (result.message_id, result.message_status, result.wa_id)] == [1000] * 3


def test_a_request_that_never_left_and_one_that_may_have() -> None:
    """Not sent may be tried again; of the other nobody knows."""
    result = not_sent("ConnectError")
    assert (result.kind, result.treatment, result.reason) == (Kind.TRANSIENT, Treatment.RETRY, "ConnectError")
    result = maybe_sent("TimeoutError")
    assert (result.kind, result.treatment, result.reason) == (Kind.AMBIGUOUS, None, "TimeoutError")
    assert not result.from_meta


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "code": JSON | st.sampled_from(sorted(BY_CODE)),
        "error_subcode": JSON,
        "message": JSON,
        "error_data": JSON | st.fixed_dictionaries({"details": JSON}),
        "fbtrace_id": JSON,
        "is_transient": JSON,
    },
)
DOCUMENTS = JSON | st.fixed_dictionaries({}, optional={"error": MEMBERS | JSON, "messages": JSON, "contacts": JSON})


@given(
    body=st.binary(max_size=80) | DOCUMENTS.map(lambda document: json.dumps(document).encode()),
    status=st.integers(100, 599),
    headers=st.dictionaries(st.just("retry-after"), st.text(max_size=8)),
)
def test_any_answer_is_classified(body: bytes, status: int, headers: dict[str, str]) -> None:
    """Nothing is raised, and what comes out fits into a record."""
    result = read_answer(Answer(status, body, headers))
    assert (result.kind is Kind.ACCEPTED) == (result.message_id is not None)
    assert result.treatment is None or KINDS[result.treatment] is result.kind
    if result.error is not None and result.error.code is not None:
        assert -(2**63) <= result.error.code < 2**63
        assert result.error.title.encode() is not None
