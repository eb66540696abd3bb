"""Verdicts of the probes and about secrets: each passes a clean ledger and finds what is planted in it."""

from dataclasses import replace

import pytest

from tests.chaos import leaks
from tests.chaos.ledgers import Leak, Outcome, Request, Source, Stop, Storm
from tests.chaos.probe_ledgers import Backlog, Held, History, Priority, Restart, Run, Startup, Throttled
from tests.chaos.verdicts import probes, secrecy
from tests.chaos.verdicts.every import GUARANTEES, verdicts
from tests.chaos.verdicts.verdict import Finding


def request(name: str, at_ms: int = 0, code: int = 0) -> Request:
    """One request for a command."""
    return Request(at_ms / 1000, at_ms, "100", "1650", name, code, "" if code else f"wamid.{name}")


def outcome(name: str, word: str = "ACCEPTED", class_: str = "") -> Outcome:
    """How a command ended."""
    return Outcome(Source("t", 0, 0), name, word, class_)


def throttled(refusals: int, ended: tuple[Outcome, ...]) -> Throttled:
    """One command, a budget of 2 failures, so many refusals."""
    requests = tuple(request("a", code=130429) for _ in range(refusals))
    return Throttled(2, ("a",), (*requests, request("a")), ended)


def test_d6_wants_more_refusals_than_the_budget_has() -> None:
    """Fewer prove nothing; as many, and sent all the same, do."""
    assert probes.d6(throttled(1, (outcome("a"),))).finding is Finding.NOT_MEASURED
    assert probes.d6(throttled(2, (outcome("a"),))).finding is Finding.PASS


def test_d6_finds_a_budget_used_up_by_throttling() -> None:
    """Given up, or never settled."""
    given_up = outcome("a", "DEAD_LETTERED", "attempts_exhausted")
    assert probes.d6(throttled(3, (given_up,))).examples == (
        "a: refused 3 times, then DEAD_LETTERED attempts_exhausted",
    )
    assert probes.d6(throttled(3, ())).examples == ("a: refused 3 times, then no outcome",)


HELD = Held(
    window=100, queued=300, neighbour=100, neighbour_sent=100, neighbour_s=2.0, neighbour_allowed_s=12.0,
    resumed=300, resumed_s=30.0, resumed_allowed_s=60.0,
)  # fmt: skip


def test_d7_finds_a_neighbour_that_had_to_wait() -> None:
    """The healthy number sent too little beside the stopped one."""
    assert probes.d7(HELD).finding is Finding.PASS
    verdict = probes.d7(replace(HELD, neighbour_sent=3, neighbour_s=None))
    assert verdict.examples == ("the neighbour sent 3 of 100 within 12 s beside the stopped number",)


def test_d7_finds_a_number_that_does_not_come_back() -> None:
    """Mended, and still not sending."""
    assert probes.d7(replace(HELD, resumed=0, resumed_s=None)).finding is Finding.FAIL


def test_d7_wants_more_than_a_window() -> None:
    """With fewer commands nothing had to be left in the log."""
    assert probes.d7(replace(HELD, queued=100)).finding is Finding.NOT_MEASURED


def priority(*, crm_until_ms: int = 4000, beside: int = 40, sent: int = 240) -> Priority:
    """A backlog of 1000, 240 commands of the CRM at 1 s, a number of 80 messages a second that keeps a tenth."""
    marketing = [f"m{index}" for index in range(1000)]
    crm = [f"c{index}" for index in range(240)]
    step = (crm_until_ms - 1000) / max(1, sent - 1)
    requests = [
        *(request(name, 1000 + int(index * step)) for index, name in enumerate(crm[:sent])),
        *(request(name, 1000 + index) for index, name in enumerate(marketing[:beside])),
        *(request(name, crm_until_ms + 1 + index) for index, name in enumerate(marketing[beside:])),
    ]
    return Priority(frozenset(marketing), frozenset(crm), 1000, 80, 0.1, tuple(requests))


def test_d8_wants_crm_first_and_a_share_for_marketing() -> None:
    """At full speed 240 commands take 3.3 s beside a tenth of marketing."""
    assert probes.d8(priority()).finding is Finding.PASS


def test_d8_finds_crm_behind_the_backlog() -> None:
    """It took as long as if it had waited for its turn."""
    assert probes.d8(priority(crm_until_ms=15_000, beside=900)).examples == (
        "the CRM's commands took 14.0 s behind the backlog",
    )


def test_d8_finds_marketing_starved_and_crm_missing() -> None:
    """Nothing for marketing meanwhile; or not all of the CRM's sent."""
    assert probes.d8(priority(beside=3)).examples == ("marketing got 3 of 243 sends",)
    assert probes.d8(priority(sent=200)).finding is Finding.FAIL


def test_d8_needs_a_backlog() -> None:
    """When everything of marketing was sent before, nobody was overtaken."""
    seen = priority()
    early = tuple(replace(r, wall_ms=500) if r.command in seen.marketing else r for r in seen.requests)
    assert probes.d8(replace(seen, requests=early)).finding is Finding.NOT_MEASURED


BACKLOG = Backlog(
    commands=25_000,
    command_bytes=2200,
    window_commands=2000,
    read_ahead_kib=8192,
    idle_kib=100_000,
    peak_kib=140_000,
    read=4000,
)


def test_d12_finds_memory_that_grows_with_the_backlog() -> None:
    """Beyond what the client reads ahead and the windows hold."""
    assert probes.d12(BACKLOG).finding is Finding.PASS
    assert probes.d12(replace(BACKLOG, peak_kib=180_000)).finding is Finding.FAIL
    assert probes.d12(replace(BACKLOG, commands=10_000)).finding is Finding.NOT_MEASURED


WAITS = Restart("stop", new=10, sent_again=0, sent_new=0, exit_code=2)
GOES_ON = Restart("from_outcomes", new=10, sent_again=0, sent_new=10, exit_code=None)


def test_d13_wants_a_stop_and_only_what_is_new() -> None:
    """By itself nothing is sent; from the outcomes exactly the new commands."""
    assert probes.d13(History(40, (WAITS, GOES_ON))).finding is Finding.PASS


@pytest.mark.parametrize(
    ("restart", "fault"),
    [
        (replace(WAITS, sent_again=40), "stop: 40 of 40 settled commands were sent again"),
        (replace(GOES_ON, sent_again=2), "from_outcomes: 2 of 40 settled commands were sent again"),
        (replace(GOES_ON, sent_new=0), "from_outcomes: 0 new commands were sent, not 10"),
        (replace(WAITS, sent_new=1), "stop: 1 new commands were sent, not 0"),
    ],
)
def test_d13_finds_a_mass_resend(restart: Restart, fault: str) -> None:
    """Settled commands that were sent again, or new ones that were not."""
    assert probes.d13(History(40, (restart,))).examples == (fault,)


def test_d13_needs_history() -> None:
    """When nothing was settled before, there is nothing to repeat."""
    assert probes.d13(History(0, ())).finding is Finding.NOT_MEASURED


def test_b1_finds_a_wrong_exit_a_slow_one_and_a_hanging_one() -> None:
    """0, within the grace period."""
    good = Stop("w1", 0, 3.0, 17.0)
    assert probes.b1((good,)).finding is Finding.PASS
    assert probes.b1((good, replace(good, exit_code=1))).examples == ("w1: exit 1",)
    assert probes.b1((replace(good, seconds=17.5),)).examples == ("w1: 17.5 s, 17 s are allowed",)
    assert probes.b1((replace(good, exit_code=None, seconds=60.0),)).examples == ("w1: had to be killed",)
    assert probes.b1(()).finding is Finding.NOT_MEASURED


def test_b3_finds_another_exit_code_a_fault_not_told_and_a_traceback() -> None:
    """2, and every fault by its key."""
    good = Startup("ingress", 2, ("a", "b"), ("a", "b"), traceback=False)
    assert probes.b3((good,)).finding is Finding.PASS
    assert probes.b3((replace(good, exit_code=1),)).examples == ("ingress: exit 1",)
    assert probes.b3((replace(good, told=("a",)),)).examples == ("ingress: b is not named",)
    assert probes.b3((replace(good, traceback=True),)).examples == ("ingress: a traceback",)
    assert probes.b3(()).finding is Finding.NOT_MEASURED


def test_b2_finds_leaks_and_says_where() -> None:
    """Counted by what and where; nothing searched proves nothing."""
    searched = Storm(leaks=(), searched={"logs": 3})
    assert secrecy.b2(searched).finding is Finding.PASS
    leak = Leak("app secret", "log of w1")
    assert secrecy.b2(replace(searched, leaks=(leak, leak))).examples == ("app secret in log of w1, 2 times",)
    assert secrecy.b2(Storm()).finding is Finding.NOT_MEASURED


def test_leaks_are_found_in_logs() -> None:
    """Secrets, right signatures, message texts, phones, and ids that stood in refused bodies only."""
    signature = "ab" * 32
    log = f"token=s3cret sha256={signature} text between-us to 16505000123, wamid.lane1.7".encode()
    found = leaks.in_logs({"w1": log}, {"token": "s3cret"}, frozenset({signature}), ["wamid.lane1.7"])
    assert [leak.what for leak in found] == [
        "token", "a computed signature", "private matters", "private matters", "something of a refused body",
    ]  # fmt: skip
    assert {leak.where for leak in found} == {"log of w1"}


def test_harmless_logs_have_no_leaks() -> None:
    """Masked phones, other digests, ids of numbers and messages that were let in."""
    log = b"to ***0123, digest " + b"cd" * 32 + b", phone_number_id 106540352242921"
    assert leaks.in_logs({"w1": log}, {"token": "s3cret"}, frozenset({"ab" * 32}), ["wamid.lane1.7"]) == []


def test_every_guarantee_has_a_verdict_even_when_nothing_ran() -> None:
    """Six of the ingress, thirteen of delivery, three of both; all say that they were not measured."""
    found = verdicts(Run())
    assert [verdict.guarantee for verdict in found] == list(GUARANTEES)
    assert list(GUARANTEES) == [*(f"I{n}" for n in range(1, 7)), *(f"D{n}" for n in range(1, 14)), "B1", "B2", "B3"]
    assert {verdict.finding for verdict in found} == {Finding.NOT_MEASURED}


def test_only_what_is_asked_for_is_judged() -> None:
    """In the order of the table."""
    assert [verdict.guarantee for verdict in verdicts(Run(), frozenset({"D3", "I1"}))] == ["I1", "D3"]
