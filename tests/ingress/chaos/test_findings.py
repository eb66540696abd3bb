"""Findings find what is wrong, and nothing else."""

from dataclasses import replace

import pytest

from tests.ingress.chaos.bodies import Body, BodyLoad
from tests.ingress.chaos.findings import findings, latency
from tests.ingress.chaos.ledgers import Attempt, Posted, Run, Signal

BODY = Body("1", b"", ("m",), ("s", "t"))
REFUSED, TAKEN = Attempt(1000, 1100, 503, 0.1), Attempt(2000, 2050, 200, 0.05)
BEFORE, GAP, AFTER = (
    Signal("HEARTBEAT", "a", 900, 900),
    Signal("GAP", "a", 1050, 1090),
    Signal("HEARTBEAT", "a", 9, 1200),
)
GOOD = Run(
    posted=(Posted(BODY, (REFUSED, TAKEN)),),
    messages=frozenset({"m"}),
    statuses=frozenset({"s", "t"}),
    receipts=frozenset({"s", "t"}),
    signals={0: (BEFORE, GAP, AFTER), 1: (BEFORE, GAP, AFTER)},
)


def faulty(run: Run) -> list[str]:
    """What does not hold."""
    return [finding.what for finding in findings(run) if finding.faults]


def test_a_good_run_has_no_faults() -> None:
    """Refusals that are told as gaps are none."""
    assert faulty(GOOD) == []


@pytest.mark.parametrize(
    ("run", "what"),
    [
        (replace(GOOD, messages=frozenset()), "every body answered 200 is on Kafka completely"),
        (replace(GOOD, statuses=frozenset({"s"})), "every body answered 200 is on Kafka completely"),
        (replace(GOOD, receipts=frozenset({"s"})), "no receipt is missing beside a published status"),
        (replace(GOOD, posted=(Posted(BODY, (REFUSED,)),)), "a client that redelivers is answered 200 in the end"),
    ],
)
def test_what_is_missing_is_found(run: Run, what: str) -> None:
    """A fact, a receipt, an answer."""
    assert faulty(run) == [what]


@pytest.mark.parametrize(
    ("signals", "vouched"),
    [
        ((BEFORE, AFTER), True),
        ((BEFORE, AFTER, GAP), True),
        ((BEFORE, replace(GAP, begin_ms=1, end_ms=2), AFTER), True),
        ((BEFORE, replace(GAP, replica="b"), AFTER), True),
        ((BEFORE, replace(AFTER, replica="b")), False),
        ((BEFORE,), False),
        ((AFTER,), False),
        ((), False),
    ],
)
def test_a_refusal_between_two_signs_of_life_needs_a_gap_before_the_second(
    signals: tuple[Signal, ...], vouched: object
) -> None:
    """Of the same replica, over the refusal; a replica that says nothing more vouches for nothing."""
    expected = ["silence is never vouched for while webhooks are not taken"] if vouched else []
    assert faulty(replace(GOOD, signals={0: signals})) == expected


def test_answers_are_held_to_the_standard_of_meta() -> None:
    """A median of 250 ms, and less than one in a hundred above a second."""
    slow = Posted(BODY, (replace(TAKEN, seconds=1.5),))
    quick = Posted(BODY, (TAKEN,))
    assert not latency(replace(GOOD, posted=(quick,) * 200 + (slow,))).faults
    assert latency(replace(GOOD, posted=(quick,) * 90 + (slow,))).faults
    assert latency(replace(GOOD, posted=(Posted(BODY, (replace(TAKEN, seconds=0.3),)),))).faults


def test_bodies_can_be_drawn_again() -> None:
    """One seed makes one load, whose facts are all told apart."""
    one, other = BodyLoad(1), BodyLoad(1)
    bodies = [one.following() for _ in range(300)]
    assert bodies == [other.following() for _ in range(300)]
    ids = [id_ for body in bodies for id_ in (*body.messages, *body.statuses)]
    assert len(set(ids)) == len(ids) > 1000
    assert all(id_.encode() in body.content for body in bodies for id_ in (*body.messages, *body.statuses))
