"""Verdicts about delivery: each passes a clean ledger and finds the violation that is planted in it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.ledgers import Command, CommandKind, DeadLetter, Disturbance, Outcome, Request, Source, Storm
from tests.chaos.verdicts import delivery
from tests.chaos.verdicts.verdict import Finding, Verdict

Judge = Callable[[Storm], Verdict]

CRM = "t.crm"
NUMBER = "100"
SECOND_MS = 1000


def command(
    index: int, *, recipient: str = "", kind: CommandKind = CommandKind.PLAIN, end_ms: int | None = None
) -> Command:
    """The command at offset ``index``."""
    return Command(
        id=f"c{index}",
        source=Source(CRM, 0, index),
        number=NUMBER,
        recipient=recipient or f"1650{index}",
        kind=kind,
        value=b"value %d" % index,
        headers=(("x", b"1"),),
        timestamp_ms=index,
        expires_at_ms=end_ms,
    )


def acceptance(of: Command, at_s: float, message_id: str = "") -> Request:
    """It was accepted then."""
    return Request(at_s, int(at_s * 1000), of.number, of.recipient, of.id, 0, message_id or f"wamid.{of.id}")


def settled(of: Command, outcome: str = "ACCEPTED", class_: str = "", at_ms: int = 0) -> Outcome:
    """Its outcome."""
    message_id = f"wamid.{of.id}" if outcome == "ACCEPTED" else ""
    return Outcome(of.source, of.id, outcome, class_, 1, message_id, at_ms)


def letter(of: Command, class_: bytes = b"refused") -> DeadLetter:
    """Its dead letter, as it should be."""
    headers = (*of.headers, ("wa.dlq.class", class_), ("wa.dlq.code", b"131047"))
    return DeadLetter("dlq.t.crm", of.source, of.value, of.number.encode(), headers, of.timestamp_ms)


COMMANDS = tuple(command(index) for index in range(10))
CLEAN = Storm(
    commands=COMMANDS,
    requests=tuple(acceptance(one, 0.1 * index) for index, one in enumerate(COMMANDS)),
    limits={NUMBER: 20},
    outcomes=tuple(settled(one) for one in COMMANDS),
    committed={(CRM, 0): 10},
)


@pytest.mark.parametrize("judge", [delivery.d1, delivery.d2, delivery.d3, delivery.d5])
def test_a_clean_run_passes(judge: Judge) -> None:
    """Everything sent once, settled once, in time."""
    assert judge(CLEAN).finding is Finding.PASS


@pytest.mark.parametrize(
    "judge",
    [
        delivery.d1, delivery.d2, delivery.d3, delivery.d4, delivery.d5, delivery.d9, delivery.d10, delivery.d11,
    ],
)  # fmt: skip
def test_what_was_not_seen_is_not_measured(judge: Judge) -> None:
    """An empty ledger proves nothing."""
    assert judge(Storm()).finding is Finding.NOT_MEASURED


def test_d1_finds_a_lost_command() -> None:
    """No outcome, and the group's offsets are beyond it."""
    verdict = delivery.d1(replace(CLEAN, outcomes=CLEAN.outcomes[1:]))
    assert verdict.finding is Finding.FAIL
    assert verdict.figures["lost"] == 1
    assert verdict.examples == ("c0 at t.crm/0/0: lost",)


def test_d1_tells_stuck_from_lost() -> None:
    """No outcome, but the offsets have not passed it: it did not get its turn in time."""
    verdict = delivery.d1(replace(CLEAN, outcomes=CLEAN.outcomes[:9], committed={(CRM, 0): 9}))
    assert verdict.finding is Finding.FAIL
    assert (verdict.figures["lost"], verdict.figures["not settled in time"]) == (0, 1)


def test_d1_lets_a_pair_wait_that_was_sent_away() -> None:
    """131056 asks for waits of minutes; the command is still there."""
    last = COMMANDS[9]
    away = replace(acceptance(last, 5.0), code=131056, message_id="")
    storm = replace(CLEAN, outcomes=CLEAN.outcomes[:9], committed={(CRM, 0): 9}, requests=(*CLEAN.requests[:9], away))
    verdict = delivery.d1(storm)
    assert verdict.finding is Finding.PASS
    assert verdict.figures["waiting for their pair"] == 1


def test_d1_lets_what_nobody_knows_of_wait_for_ten_minutes() -> None:
    """An open attempt is looked for in the receipts; after that time it should have been decided on."""
    last = COMMANDS[9]
    begun = replace(CLEAN, outcomes=CLEAN.outcomes[:9], committed={(CRM, 0): 9}, open_attempts={last.source: 1_000_000})
    waiting = delivery.d1(replace(begun, ended_ms=1_600_000))
    assert waiting.finding is Finding.PASS
    assert waiting.figures["waiting for a receipt"] == 1
    assert delivery.d1(replace(begun, ended_ms=1_700_000)).figures["not settled in time"] == 1


def test_d1_follows_a_forwarded_command() -> None:
    """Its origin's offset is committed; what counts is the place it was forwarded to."""
    place = Source("t.rerouted", 3, 7)
    storm = replace(CLEAN, outcomes=CLEAN.outcomes[1:], rerouted={COMMANDS[0].source: place})
    assert delivery.d1(storm).figures["lost"] == 0
    passed = replace(storm, committed={**CLEAN.committed, ("t.rerouted", 3): 8})
    assert delivery.d1(passed).figures["lost"] == 1


def test_d1_finds_a_deferred_command_at_its_numbers_cursor() -> None:
    """Left in the log on purpose: the offsets have passed it, the cursor has not."""
    storm = replace(CLEAN, outcomes=CLEAN.outcomes[:8], cursors={(NUMBER, CRM): 8})
    verdict = delivery.d1(storm)
    assert (verdict.figures["lost"], verdict.figures["not settled in time"]) == (0, 2)
    assert delivery.d1(replace(storm, cursors={(NUMBER, CRM): 9})).figures["lost"] == 1


def test_d2_finds_a_second_outcome() -> None:
    """One source, two committed outcomes."""
    verdict = delivery.d2(replace(CLEAN, outcomes=(*CLEAN.outcomes, CLEAN.outcomes[3])))
    assert verdict.finding is Finding.FAIL
    assert verdict.examples == ("t.crm/0/3: 2 outcomes",)


def test_d2_finds_an_outcome_of_nothing() -> None:
    """No command was written there."""
    stray = replace(CLEAN.outcomes[0], source=Source(CRM, 0, 99))
    verdict = delivery.d2(replace(CLEAN, outcomes=(*CLEAN.outcomes, stray)))
    assert verdict.figures["outcomes of nothing"] == 1
    assert verdict.finding is Finding.FAIL
    # A record that Kafka took without telling the driver would look the same.
    assert delivery.d2(replace(CLEAN, outcomes=(*CLEAN.outcomes, stray), not_acknowledged=1)).finding is Finding.PASS


def test_d2_finds_an_acceptance_that_nobody_gave() -> None:
    """The outcome names a message id that the simulator never gave out."""
    verdict = delivery.d2(replace(CLEAN, outcomes=(replace(CLEAN.outcomes[0], message_id="x"), *CLEAN.outcomes[1:])))
    assert verdict.finding is Finding.FAIL
    assert verdict.figures["untrue"] == 1


def test_d3_counts_second_sends_by_cause() -> None:
    """To blame is the disturbance that struck before the first send could be settled, not the one that came later."""
    first, other = COMMANDS[0], COMMANDS[1]
    storm = replace(
        CLEAN,
        requests=(acceptance(first, 1.0), acceptance(other, 7.9), acceptance(first, 20.0), acceptance(other, 20.0)),
        disturbances=(
            Disturbance("kill", "w1", 2000, 2000),
            Disturbance("pause", "w2", 8000, 8500),
            Disturbance("broker kill", "broker", 15000, 19000),
        ),
    )
    verdict = delivery.d3(storm)
    assert verdict.finding is Finding.FAIL
    assert (verdict.figures["sent twice"], verdict.figures["after kill"], verdict.figures["after pause"]) == (2, 1, 1)


def test_d3_blames_a_reset_before_any_disturbance() -> None:
    """Its answer was lost on purpose: that is why it was sent again."""
    lost = replace(CLEAN.requests[0], fault="reset_after")
    storm = replace(
        CLEAN,
        requests=(lost, *CLEAN.requests[1:], acceptance(COMMANDS[0], 5.0)),
        disturbances=(Disturbance("kill", "w1", 2000, 2000),),
    )
    verdict = delivery.d3(storm)
    assert verdict.figures["after reset_after"] == 1
    assert verdict.figures["answers reset"] == 1


def test_d3_finds_an_outcome_that_denies_a_send() -> None:
    """Accepted by the API, then settled as expired; given up as ambiguous is an honest answer."""
    denied = replace(CLEAN, outcomes=(settled(COMMANDS[0], "EXPIRED"), *CLEAN.outcomes[1:]))
    assert delivery.d3(denied).finding is Finding.FAIL
    honest = replace(CLEAN, outcomes=(settled(COMMANDS[0], "DEAD_LETTERED", "ambiguous"), *CLEAN.outcomes[1:]))
    assert delivery.d3(honest).finding is Finding.PASS


def test_d4_finds_a_pair_out_of_order() -> None:
    """Two messages to one recipient in the order of their offsets; a repeat of the first later on is another matter."""
    first, second = command(0, recipient="1"), command(1, recipient="1")
    ordered = Storm(commands=(first, second), requests=(acceptance(first, 1.0), acceptance(second, 2.0)))
    assert delivery.d4(ordered).finding is Finding.PASS
    repeated = replace(ordered, requests=(*ordered.requests, acceptance(first, 3.0)))
    assert delivery.d4(repeated).finding is Finding.PASS
    turned = replace(ordered, requests=(acceptance(second, 1.0), acceptance(first, 2.0)))
    assert delivery.d4(turned).examples == ("c1 was accepted before c0, to the same recipient",)


def test_d4_keeps_topics_and_numbers_apart() -> None:
    """Order holds within one topic; a misplaced command goes another way."""
    first = command(0, recipient="1")
    marketing = replace(command(1, recipient="1"), source=Source("t.marketing", 0, 1))
    storm = Storm(commands=(first, marketing), requests=(acceptance(marketing, 1.0), acceptance(first, 2.0)))
    assert delivery.d4(storm).finding is Finding.NOT_MEASURED


def at_times(*times_s: float) -> Storm:
    """Requests of the number that has 20 messages a second; refused ones count, for they were sent."""
    return replace(CLEAN, requests=tuple(replace(CLEAN.requests[0], at_s=at_s, code=130429) for at_s in times_s))


def test_d5_finds_too_many_at_once() -> None:
    """Across the boundary of two calendar seconds."""
    verdict = delivery.d5(at_times(*(0.95 + 0.03 * index for index in range(21))))
    assert verdict.examples == (
        "100: 21 in 0.75 s, 20 a second are allowed",
        "100: 1 of 21 requests were more than 20 in a second",
    )
    assert verdict.figures["highest second"] == "21/20"
    assert delivery.d5(at_times(*(0.95 + 0.03 * index for index in range(20)))).finding is Finding.PASS


def test_d5_finds_a_number_that_is_always_a_little_too_fast() -> None:
    """Twenty-one a second, evenly: never many at once, but again and again."""
    verdict = delivery.d5(at_times(*(index / 21 for index in range(2100))))
    assert verdict.finding is Finding.FAIL
    assert len(verdict.examples) == 1


def test_d5_forgives_what_a_busy_machine_pushes_together() -> None:
    """Twenty a second, and once in a hundred seconds one of them comes a little early."""
    times = [index / 19.9 for index in range(2000)]
    times[1000] -= 0.045
    verdict = delivery.d5(at_times(*times))
    assert verdict.finding is Finding.PASS
    assert verdict.figures["highest second"] == "21/20"


def test_d5_finds_a_broken_pair_rule() -> None:
    """As the simulator notes it at its own clock."""
    verdict = delivery.d5(replace(CLEAN, requests=(replace(CLEAN.requests[0], over_pair_limit=True),)))
    assert verdict.finding is Finding.FAIL
    assert verdict.figures["over the pair limit"] == 1


def test_d5_lets_inbound_messages_count_for_nothing() -> None:
    """What comes in cannot be held back: room for it is kept as well as may be, and only told."""
    verdict = delivery.d5(replace(CLEAN, requests=(replace(CLEAN.requests[0], over_number_limit=True),)))
    assert verdict.finding is Finding.PASS
    assert verdict.figures["over with inbound"] == 1


def test_the_window_slides() -> None:
    """Half-open: an event exactly as old as the window is outside."""
    assert delivery.crowds(1.0, [0.0, 0.5, 1.0, 1.4]) == [1, 2, 2, 3]
    assert delivery.crowds(1.0, [0.0, 1.0, 2.0]) == [1, 1, 1]


def expiring(*, sent_at_ms: int | None, outcome: str, kind: CommandKind = CommandKind.EXPIRING) -> Storm:
    """One command whose end is at 10 s."""
    one = command(0, kind=kind, end_ms=10_000)
    requests = () if sent_at_ms is None else (acceptance(one, sent_at_ms / 1000),)
    outcomes = (settled(one, outcome),) if outcome else ()
    return Storm(commands=(one,), requests=requests, outcomes=outcomes)


def test_d9_takes_what_was_sent_in_time_or_says_expired() -> None:
    """Both are right for a command that had time; one that never had any can only expire."""
    assert delivery.d9(expiring(sent_at_ms=9_000, outcome="ACCEPTED")).finding is Finding.PASS
    assert delivery.d9(expiring(sent_at_ms=None, outcome="EXPIRED")).finding is Finding.PASS
    born = expiring(sent_at_ms=None, outcome="ACCEPTED", kind=CommandKind.EXPIRED)
    assert delivery.d9(born).finding is Finding.FAIL


def test_d9_finds_a_late_send() -> None:
    """Beyond the slack of a busy machine."""
    verdict = delivery.d9(expiring(sent_at_ms=10_501, outcome="ACCEPTED"))
    assert verdict.examples == ("c0: accepted 501 ms late",)
    assert delivery.d9(expiring(sent_at_ms=10_500, outcome="ACCEPTED")).finding is Finding.PASS


def test_d9_finds_silence_and_a_wrong_word() -> None:
    """No outcome at all, or one that is not about time."""
    assert delivery.d9(expiring(sent_at_ms=None, outcome="")).examples == ("c0: no outcome",)
    assert delivery.d9(expiring(sent_at_ms=None, outcome="DEAD_LETTERED")).finding is Finding.FAIL


def zombie(*first_at_s: float, faulty: bool = False) -> Storm:
    """A worker frozen from 4 s to 16 s, a kill at 30 s; commands sent first at these times, and again at 40 s."""
    requests = tuple(
        replace(acceptance(COMMANDS[index], at_s), fault="reset_after" if faulty else "")
        for index, at_s in enumerate(first_at_s)
    )
    again = tuple(acceptance(COMMANDS[index], 40.0) for index in range(len(first_at_s)))
    disturbances = (Disturbance("pause", "w1", 4000, 16000), Disturbance("kill", "w2", 30000, 30000))
    return replace(CLEAN, requests=(*requests, *again), disturbances=disturbances)


def test_d10_allows_one_command_for_each_disturbance() -> None:
    """A stop between the last check and the write: no more than one can be there."""
    assert delivery.d10(zombie()).finding is Finding.PASS
    assert delivery.d10(zombie(3.9)).finding is Finding.PASS
    verdict = delivery.d10(zombie(3.9, 10.0))
    assert verdict.finding is Finding.FAIL
    assert verdict.figures["sent twice"] == 2


def test_d10_is_not_about_kills_and_resets() -> None:
    """Second sends that others are to blame for are told by D3."""
    assert delivery.d10(zombie(29.0, 29.5, 29.9)).finding is Finding.PASS
    assert delivery.d10(zombie(3.8, 3.9, faulty=True)).finding is Finding.PASS


def test_d10_finds_a_second_settlement() -> None:
    """Committed by the old owner and by the new one."""
    twice = (settled(COMMANDS[0], at_ms=12_000), settled(COMMANDS[0], at_ms=17_000))
    assert delivery.d10(replace(zombie(), outcomes=twice)).finding is Finding.FAIL


BAD = command(0, kind=CommandKind.REFUSED)


def test_d11_wants_one_dead_letter_with_everything() -> None:
    """Class, code, value, key, headers and time."""
    storm = Storm(commands=(BAD,), dead_letters=(letter(BAD),))
    assert delivery.d11(storm).finding is Finding.PASS


def test_d11_lets_a_lost_answer_be_ambiguous() -> None:
    """Refused by the API, but nobody heard it; what never got as far as the API cannot be ambiguous."""
    assert delivery.d11(Storm(commands=(BAD,), dead_letters=(letter(BAD, b"ambiguous"),))).finding is Finding.PASS
    invalid = replace(BAD, kind=CommandKind.INVALID)
    assert delivery.d11(Storm(commands=(invalid,), dead_letters=(letter(BAD, b"ambiguous"),))).finding is Finding.FAIL


@pytest.mark.parametrize(
    ("letters", "fault"),
    [
        ((), "0 dead letters"),
        ((letter(BAD), letter(BAD)), "2 dead letters"),
        ((letter(BAD, b"invalid"),), "class invalid"),
        ((replace(letter(BAD), value=b"other"),), "not the original bytes"),
        ((replace(letter(BAD), key=None),), "not the original bytes"),
        ((replace(letter(BAD), headers=letter(BAD).headers[1:]),), "original headers are missing"),
        ((replace(letter(BAD), headers=letter(BAD).headers[:2]),), "no code"),
        ((replace(letter(BAD), timestamp_ms=9),), "not the original timestamp"),
        ((replace(letter(BAD), origin=None),), "0 dead letters"),
    ],
)
def test_d11_finds_what_is_wrong_with_a_dead_letter(letters: tuple[DeadLetter, ...], fault: str) -> None:
    """Each in words."""
    verdict = delivery.d11(Storm(commands=(BAD,), dead_letters=letters))
    assert verdict.examples == (f"c0: {fault}",)
