"""What receipts prove, and what their silence proves."""

from typing import Final

import pytest

from connector.delivery.receipts import (
    BEAT_MAX_MS,
    LATER_MAX,
    LOOK_UP_MS,
    PROOFS,
    READ_MS,
    REPLICA_KEPT_MS,
    UNPROVEN_MS,
    Command,
    Receipts,
    Silence,
)

SLOT: Final = 3
NUMBER: Final = "100"
LOST: Final = Command(NUMBER, "lost")
BEAT_MS: Final = 5000
BEGUN_MS: Final = 1_000_000
"""When the attempt began that is looked for."""
SILENT: Final = [(SLOT, LOST, Silence.SILENT)]
UNPROVEN: Final = [(SLOT, LOST, Silence.UNPROVEN)]
ENOUGH_MS: Final = BEGUN_MS + LOOK_UP_MS + BEAT_MS


def looking(*, since_ms: int = BEGUN_MS) -> Receipts:
    """One attempt is looked for."""
    receipts = Receipts()
    receipts.look_up(LOST, SLOT, BEGUN_MS, since_ms)
    return receipts


def beats(receipts: Receipts, begin_ms: int, end_ms: int, replica: str = "r1", slot: int = SLOT) -> None:
    """A replica of the ingress is alive from then to then."""
    for at_ms in range(begin_ms, end_ms + 1, BEAT_MS):
        receipts.heartbeat(slot, replica, at_ms)


def prove(receipts: Receipts, count: int = PROOFS, *, number: str = NUMBER, at_ms: int = BEGUN_MS + 1) -> None:
    """So many later attempts begin, and their receipts come."""
    for each in range(count):
        receipts.started(Command(number, f"later {each}"), 1, at_ms)
        receipts.receipt(Command(number, f"later {each}"), 1)


def alive() -> Receipts:
    """One attempt is looked for, and receipts are alive all the time."""
    receipts = looking()
    prove(receipts)
    beats(receipts, BEGUN_MS - BEAT_MS, ENOUGH_MS)
    return receipts


def test_living_receipts_that_are_silent_prove_that_it_did_not_arrive() -> None:
    """A minute after it began, not before; told until somebody has dealt with it."""
    receipts = alive()
    assert receipts.judged(BEGUN_MS + LOOK_UP_MS - 1) == []
    assert receipts.judged(BEGUN_MS + LOOK_UP_MS) == SILENT
    assert receipts.judged(BEGUN_MS + LOOK_UP_MS) == SILENT
    receipts.resolved(LOST)
    assert (receipts.judged(BEGUN_MS + UNPROVEN_MS), len(receipts)) == ([], 0)


def test_one_receipt_may_be_luck() -> None:
    """Three of later attempts are asked for."""
    receipts = looking()
    beats(receipts, BEGUN_MS - BEAT_MS, ENOUGH_MS)
    prove(receipts, PROOFS - 1)
    assert receipts.judged(ENOUGH_MS) == []
    prove(receipts, 1)
    assert receipts.judged(ENOUGH_MS) == SILENT


@pytest.mark.parametrize("at_ms", [BEGUN_MS - 1, BEGUN_MS])
def test_receipts_of_earlier_attempts_prove_nothing(at_ms: int) -> None:
    """They may have been on their way before receipts died."""
    receipts = looking()
    beats(receipts, BEGUN_MS - BEAT_MS, ENOUGH_MS)
    prove(receipts, at_ms=at_ms)
    assert receipts.judged(ENOUGH_MS) == []


def test_receipts_of_another_number_prove_nothing() -> None:
    """Subscriptions are a matter of the business account: one number's webhooks may come, and another's not."""
    receipts = looking()
    receipts.look_up(Command("200", "other"), SLOT, BEGUN_MS, BEGUN_MS)
    beats(receipts, BEGUN_MS - BEAT_MS, ENOUGH_MS)
    prove(receipts, number="200")
    assert receipts.judged(ENOUGH_MS) == [(SLOT, Command("200", "other"), Silence.SILENT)]


def test_one_receipt_is_one_proof() -> None:
    """However often it comes, and a receipt of an attempt that nobody has begun is none."""
    receipts = looking()
    beats(receipts, BEGUN_MS - BEAT_MS, ENOUGH_MS)
    receipts.started(Command(NUMBER, "later"), 1, BEGUN_MS + 1)
    for _ in range(PROOFS):
        receipts.receipt(Command(NUMBER, "later"), 1)
        receipts.receipt(Command(NUMBER, "later"), 2)
        receipts.receipt(Command(NUMBER, "nobody's"), 1)
    assert receipts.judged(ENOUGH_MS) == []


def test_without_a_proof_somebody_decides_after_ten_minutes() -> None:
    """Nobody heard anything: dead receipts say nothing."""
    receipts = looking()
    assert receipts.judged(BEGUN_MS + UNPROVEN_MS - 1) == []
    assert receipts.judged(BEGUN_MS + UNPROVEN_MS) == UNPROVEN


def test_whoever_takes_over_an_old_attempt_reads_first_what_was_heard_meanwhile() -> None:
    """All workers were away for an hour: the receipt lies in the log, and is not there in the first second."""
    taken_ms = BEGUN_MS + 3_600_000
    receipts = looking(since_ms=taken_ms)
    assert receipts.judged(taken_ms + READ_MS - 1) == []
    assert receipts.judged(taken_ms + READ_MS) == UNPROVEN


def test_a_heartbeat_has_to_come_from_beyond_the_time_in_question() -> None:
    """Until then the receipt may be on its way."""
    receipts = looking()
    prove(receipts)
    beats(receipts, BEGUN_MS - BEAT_MS, BEGUN_MS + LOOK_UP_MS - BEAT_MS)
    assert receipts.judged(ENOUGH_MS) == []
    receipts.heartbeat(SLOT, "r1", BEGUN_MS + LOOK_UP_MS)
    assert receipts.judged(ENOUGH_MS) == SILENT


def test_each_replica_has_to_have_been_heard() -> None:
    """The receipt may be with the one that lags."""
    receipts = alive()
    receipts.heartbeat(SLOT, "r2", BEGUN_MS - BEAT_MS)
    assert receipts.judged(ENOUGH_MS) == []
    beats(receipts, BEGUN_MS, ENOUGH_MS, "r2")
    assert receipts.judged(ENOUGH_MS) == SILENT


def test_heartbeats_of_another_slot_say_nothing() -> None:
    """Each slot has its own order of signals."""
    receipts = looking()
    prove(receipts)
    beats(receipts, BEGUN_MS - BEAT_MS, ENOUGH_MS, slot=SLOT + 1)
    assert receipts.judged(ENOUGH_MS) == []


def test_before_the_first_heartbeat_nobody_may_have_been_there() -> None:
    """The whole ingress was away when the attempt began: its receipt waits at Meta for the next try."""
    receipts = looking()
    prove(receipts)
    beats(receipts, BEGUN_MS + 1, ENOUGH_MS)
    assert receipts.judged(ENOUGH_MS) == []


def test_a_late_heartbeat_is_no_gap_and_a_missing_one_is() -> None:
    """Three of them may be late."""
    for pause_ms, found in ((BEAT_MAX_MS, SILENT), (BEAT_MAX_MS + 1, [])):
        receipts = looking()
        prove(receipts)
        receipts.heartbeat(SLOT, "r1", BEGUN_MS)
        receipts.heartbeat(SLOT, "r1", BEGUN_MS + pause_ms)
        beats(receipts, BEGUN_MS + pause_ms, ENOUGH_MS + BEAT_MS)
        assert receipts.judged(ENOUGH_MS + BEAT_MS) == found


@pytest.mark.parametrize(
    ("end_ms", "found"),
    [
        (BEGUN_MS, SILENT),
        (BEGUN_MS + 1, []),
        (BEGUN_MS + 11_000, []),
        (BEGUN_MS + LOOK_UP_MS + 1, []),
    ],
    ids=["before", "across", "within", "behind: the receipt may have come late"],
)
def test_a_refused_webhook_may_have_been_the_receipt(end_ms: int, found: list[object]) -> None:
    """Meta brings it again at its own pace: only what was refused before the attempt began does not matter."""
    receipts = alive()
    receipts.gap(SLOT, end_ms)
    assert receipts.judged(ENOUGH_MS) == found
    assert receipts.judged(BEGUN_MS + UNPROVEN_MS) == UNPROVEN


def test_a_replica_that_vanishes_takes_with_it_what_it_had() -> None:
    """While it may come back it is waited for; when it is gone its last two minutes are a gap for older attempts.

    For one that begins after them it is as if it had never been.
    """
    receipts = alive()
    receipts.heartbeat(SLOT, "r2", BEGUN_MS - BEAT_MS)
    later = Command(NUMBER, "much later")
    later_ms = BEGUN_MS + REPLICA_KEPT_MS
    receipts.look_up(later, SLOT, later_ms, later_ms)
    prove(receipts, at_ms=later_ms + 1)
    end_ms = later_ms + LOOK_UP_MS + BEAT_MS
    beats(receipts, ENOUGH_MS + BEAT_MS, end_ms)
    assert receipts.judged(end_ms) == [(SLOT, later, Silence.SILENT)]
    assert receipts.judged(BEGUN_MS + UNPROVEN_MS)[0] == UNPROVEN[0]


def test_heartbeats_that_are_heard_twice_change_nothing() -> None:
    """The signals are read again after an interruption."""
    receipts = alive()
    beats(receipts, BEGUN_MS - BEAT_MS, ENOUGH_MS)
    assert receipts.judged(ENOUGH_MS) == SILENT


def test_a_slot_that_goes_takes_its_look_ups_with_it() -> None:
    """And what was heard; those of other slots stay."""
    receipts = alive()
    stays = Command(NUMBER, "stays")
    receipts.look_up(stays, SLOT + 1, BEGUN_MS, BEGUN_MS)
    receipts.drop([SLOT])
    assert len(receipts) == 1
    assert receipts.judged(BEGUN_MS + UNPROVEN_MS) == [(SLOT + 1, stays, Silence.UNPROVEN)]
    receipts.look_up(LOST, SLOT, BEGUN_MS, BEGUN_MS)
    prove(receipts)
    assert receipts.judged(ENOUGH_MS) == []


def test_an_attempt_that_is_made_again_is_looked_for_anew() -> None:
    """What was proven of the one before says nothing about it."""
    receipts = alive()
    receipts.look_up(LOST, SLOT, BEGUN_MS + LOOK_UP_MS, BEGUN_MS + LOOK_UP_MS)
    assert receipts.judged(ENOUGH_MS) == []
    assert receipts.judged(BEGUN_MS + LOOK_UP_MS + UNPROVEN_MS) == UNPROVEN


def test_what_is_noted_is_bounded() -> None:
    """A number at full rate with receipts that are dead; nothing at all while nothing is looked for."""
    receipts = Receipts()
    prove(receipts)
    assert receipts._later == {}
    receipts.look_up(LOST, SLOT, BEGUN_MS, BEGUN_MS)
    for each in range(2 * LATER_MAX):
        receipts.started(Command(NUMBER, f"later {each}"), 1, BEGUN_MS + each)
    assert len(receipts._later[NUMBER]) == LATER_MAX
    beats(receipts, BEGUN_MS, BEGUN_MS + 10 * UNPROVEN_MS, "r1")
    for each in range(0, 10 * UNPROVEN_MS, 20 * BEAT_MS):
        receipts.heartbeat(SLOT, f"r{each}", BEGUN_MS + each)
    beats(receipts, BEGUN_MS + 10 * UNPROVEN_MS, BEGUN_MS + 12 * UNPROVEN_MS, "r1")
    coverage = receipts._coverage[SLOT]
    assert (list(coverage.heard), len(coverage.gaps) < 100) == (["r1"], True)
    receipts.resolved(LOST)
    assert (receipts._later, receipts._look_ups) == ({}, {})


def test_a_fast_number_proves_silence_too() -> None:
    """At 1000 a second the receipts come when a thousand later attempts have begun: their notes are still there."""
    receipts = looking()
    beats(receipts, BEGUN_MS - BEAT_MS, ENOUGH_MS)
    for each in range(10 * LATER_MAX):
        receipts.started(Command(NUMBER, f"later {each}"), 1, BEGUN_MS + 1 + each)
        if each >= 3 * LATER_MAX:
            receipts.receipt(Command(NUMBER, f"later {each - 3 * LATER_MAX}"), 1)
    assert receipts.judged(ENOUGH_MS) == SILENT
