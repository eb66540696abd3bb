"""Verdicts about the ingress: each passes a clean ledger and finds the violation that is planted in it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.ledgers import Event, Fact, FactKind, Posted, Request, Source, Storm
from tests.chaos.verdicts import ingress
from tests.chaos.verdicts.verdict import Finding, Verdict

Judge = Callable[[Storm], Verdict]

INBOUND = "t.inbound"


def message(sequence: int, user: str = "49", raw: str = "") -> Fact:
    """One message of a user."""
    fact_id = f"message/100/wamid.{user}.{sequence}/content"
    return Fact(FactKind.MESSAGE, fact_id, raw or f'{{"n":{sequence}}}', "100", user, sequence)


def broken(raw: str = '"no object"') -> Fact:
    """A malformed item."""
    return Fact(FactKind.MALFORMED, f"malformed/{raw}", raw, "100")


def posted(*facts: Fact, statuses: tuple[int, ...] = (200,), signed: bool = True) -> Posted:
    """One body."""
    return Posted(facts, "i1", signed, statuses)


def event(fact: Fact, offset: int, *, partition: int = 0, event_id: str = "", raw: str | None = None) -> Event:
    """Its record."""
    source = Source(INBOUND, partition, offset)
    return Event(fact.kind, source, event_id or f"event-{fact.id}", fact.id, fact.raw if raw is None else raw, fact.id)


FACTS = tuple(message(sequence) for sequence in range(1, 6))
CLEAN = Storm(
    posted=tuple(posted(fact) for fact in FACTS), events=tuple(event(fact, index) for index, fact in enumerate(FACTS))
)


@pytest.mark.parametrize("judge", [ingress.i1, ingress.i2, ingress.i3, ingress.i4, ingress.i5, ingress.i6])
def test_what_was_not_seen_is_not_measured(judge: Judge) -> None:
    """An empty ledger proves nothing."""
    assert judge(Storm()).finding is Finding.NOT_MEASURED


def test_a_clean_run_passes() -> None:
    """Everything posted is there once, as it was, in order."""
    for judge in (ingress.i1, ingress.i4, ingress.i5):
        assert judge(CLEAN).finding is Finding.PASS


def test_i1_finds_a_lost_fact() -> None:
    """Answered 200, not on Kafka; what was never answered 200 may be lost."""
    lacking = replace(CLEAN, events=CLEAN.events[1:])
    assert ingress.i1(lacking).examples == (f"{FACTS[0].id}: answered 200, not on Kafka",)
    refused = replace(lacking, posted=(posted(FACTS[0], statuses=(503, 0)), *CLEAN.posted[1:]))
    assert ingress.i1(refused).finding is Finding.PASS


def test_i1_counts_a_fact_that_was_taken_at_a_later_try() -> None:
    """503, no answer, then 200: from then on it is promised."""
    storm = replace(CLEAN, posted=(posted(FACTS[0], statuses=(503, 0, 200)),), events=())
    verdict = ingress.i1(storm)
    assert verdict.finding is Finding.FAIL
    assert verdict.figures["answered otherwise first"] == 1


def test_i1_misses_the_sent_status_of_an_accepted_message() -> None:
    """The simulator's webhooks are taken, so each message it accepted has one."""
    accepted = Request(1.0, 1000, "100", "1650", "c1", 0, "wamid.out")
    assert ingress.i1(replace(CLEAN, requests=(accepted,))).figures["statuses lost"] == 1
    status = Event(
        FactKind.STATUS, Source("t.statuses", 0, 0), "e", "status/100/wamid.out/sent", "{}", "wamid.out", "sent"
    )
    assert ingress.i1(replace(CLEAN, requests=(accepted,), events=(*CLEAN.events, status))).finding is Finding.PASS


def test_i1_fails_when_webhooks_never_arrived() -> None:
    """What is still pending when everything else is done has been refused for ever."""
    verdict = ingress.i1(replace(CLEAN, webhooks={"updates": {"delivered": 10, "pending": 3}}))
    assert verdict.examples == ("the simulator's webhooks: 3 pending",)


def test_i2_finds_a_fact_whose_id_changed() -> None:
    """Delivered twice, recorded twice, and not recognisable as one."""
    again = event(FACTS[0], 9)
    assert ingress.i2(replace(CLEAN, events=(*CLEAN.events, again))).finding is Finding.PASS
    other = replace(again, event_id="another")
    verdict = ingress.i2(replace(CLEAN, events=(*CLEAN.events, other)))
    assert verdict.examples == (f"{FACTS[0].id}: 2 event ids",)


def test_i2_finds_two_facts_with_one_id() -> None:
    """A consumer that drops repeats by id would drop the second fact."""
    shared = (event(FACTS[0], 0, event_id="e"), event(FACTS[0], 1, event_id="e"), event(FACTS[1], 2, event_id="e"))
    assert ingress.i2(replace(CLEAN, events=shared)).examples == ("e: of 2 facts",)


def test_i3_finds_what_a_malformed_item_cost() -> None:
    """The good one beside it is missing, or the bad one was not kept."""
    mixed = posted(FACTS[0], broken())
    kept = Storm(posted=(mixed,), events=(event(FACTS[0], 0),), rejects=(b'"no object"',))
    assert ingress.i3(kept).finding is Finding.PASS
    assert ingress.i3(replace(kept, events=())).figures["lost"] == 1
    assert ingress.i3(replace(kept, rejects=())).figures["not kept"] == 1


@pytest.mark.parametrize(
    ("sent", "kept", "equal"),
    [
        ('{"a":1.10}', '{"a":1.10}', True),
        ('{"a":1.10, "b":2}', '{"b":2,"a":1.10}', True),
        ('{"a":1.10}', '{"a":1.1}', False),
        ('{"a":1e2}', '{"a":100}', False),
        ('{"a":12345678901234567890123}', '{"a":12345678901234567890000}', False),
        ('{"a":1}', '{"a":"1"}', False),
        ('{"a":-0.0}', '{"a":0.0}', False),
        ('{"a":"\\u00e4"}', '{"a":"ä"}', True),
        ('{"a":1,"new":[]}', '{"a":1}', False),
    ],
)
def test_i4_compares_content_and_the_text_of_numbers(sent: str, kept: str, *, equal: bool) -> None:
    """Space and order of members mean nothing; how a number is written, and every member, does."""
    fact = message(1, raw=sent)
    storm = Storm(posted=(posted(fact),), events=(event(fact, 0, raw=kept),))
    assert ingress.i4(storm).finding is (Finding.PASS if equal else Finding.FAIL)


def test_i5_finds_a_conversation_out_of_order() -> None:
    """By first deliveries: a repeat behind later facts is no disorder."""
    again = replace(CLEAN, events=(*CLEAN.events, event(FACTS[0], 9)))
    assert ingress.i5(again).finding is Finding.PASS
    turned = replace(CLEAN, events=(event(FACTS[1], 0), event(FACTS[0], 1)))
    assert ingress.i5(turned).examples == (f"{FACTS[0].id} stands behind {FACTS[1].id}",)


def test_i5_finds_a_conversation_on_two_partitions() -> None:
    """Then there is no order between its facts."""
    torn = replace(CLEAN, events=(event(FACTS[0], 0), event(FACTS[1], 0, partition=1)))
    assert ingress.i5(torn).examples == ("49: on partitions [0, 1]",)


def test_i5_lets_conversations_overtake_each_other() -> None:
    """There is no order between two users."""
    facts = (message(1, "a"), message(1, "b"), message(2, "a"), message(2, "b"))
    order = (facts[1], facts[3], facts[0], facts[2])
    storm = Storm(posted=(posted(*facts),), events=tuple(event(fact, index) for index, fact in enumerate(order)))
    assert ingress.i5(storm).finding is Finding.PASS


def test_i6_wants_401_and_nothing_on_kafka() -> None:
    """No answer is no entry either, as long as there are others."""
    forged = (posted(FACTS[0], statuses=(401,), signed=False), posted(FACTS[1], statuses=(0,), signed=False))
    assert ingress.i6(Storm(posted=forged)).finding is Finding.PASS


def test_i6_finds_a_forged_body_that_got_in() -> None:
    """Answered with anything but 401, written as a record, or kept as a reject."""
    taken = posted(FACTS[0], statuses=(200,), signed=False)
    assert ingress.i6(Storm(posted=(taken,))).examples == ("answered 200",)
    refused = posted(FACTS[0], broken(), statuses=(401,), signed=False)
    written = Storm(posted=(refused,), events=(event(FACTS[0], 0),), rejects=(b'"no object"',))
    assert ingress.i6(written).figures["facts written"] == 2
