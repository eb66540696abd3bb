"""The verdicts, from evidence made by hand."""

import re
from typing import Any

import pytest

from connector.simulator.report import (
    Check,
    Evidence,
    ExpectationError,
    Ordered,
    checks,
    read_expectation,
    sequence_pattern,
)

DIGITS = re.compile(r"(\d+)$")


def accepted(command: str | None, recipient: str = "16505551234", number: str = "1") -> dict[str, Any]:
    """One acceptance."""
    return {"command": command, "number": number, "recipient": recipient, "at_s": 1.5}


def evidence(*acceptances: dict[str, Any], **also: Any) -> Evidence:
    """Evidence of a sender that did nothing wrong but what is given."""
    commands = {"accepted_more_than_once": 0, "forgotten": 0, **also.pop("commands", {})}
    tally = {"number_limit_violations": 0, "pair_violations": 0, **also.pop("tally", {})}
    forgotten = also.pop("acceptances_forgotten", 0)
    lists: dict[str, Any] = dict.fromkeys(
        ("accepted_twice", "never_accepted", "over_number_limit", "over_pair_limit"), ()
    )
    summary = {"commands": commands, "numbers": {"1": tally}, "acceptances_forgotten": forgotten}
    return Evidence(summary=summary, acceptances=acceptances, **{**lists, **also})


def check(name: str, found: list[Check]) -> Check:
    """The verdict of this name."""
    return next(verdict for verdict in found if verdict.name == name)


def asked(*commands: str, lane: str = "") -> list[Ordered]:
    """Commands of one pair, in order."""
    return [Ordered("1", "16505551234", command, lane) for command in commands]


def test_a_sender_that_did_nothing_wrong() -> None:
    """Every check is ok; what nothing was expected of is not checked."""
    seen = evidence(accepted("a"), accepted("b"))
    assert {verdict.result for verdict in checks(seen, expected=asked("a", "b"))} == {"ok"}
    assert [verdict.name for verdict in checks(seen) if verdict.result == "not checked"] == [
        "order",
        "never_sent",
        "unexpected",
    ]


def test_sent_twice() -> None:
    """By the exact sum, with the first as examples."""
    seen = evidence(
        commands={"accepted_more_than_once": 30}, accepted_twice=[{"command": "a", "accepted": 3, "requests": 3}]
    )
    assert check("sent_twice", checks(seen)) == Check("sent_twice", "violated", 30, ["a accepted 3 times"])


def test_over_a_limit() -> None:
    """A request counts even when it was refused; the example says which, to whom and when."""
    seen = evidence(tally={"number_limit_violations": 2, "pair_violations": 1}, over_number_limit=[accepted("a")])
    found = checks(seen)
    assert check("number_limit", found) == Check("number_limit", "violated", 2, ["a by 1 to 16505551234 at 1.500 s"])
    assert check("pair_limit", found).violations == 1


def test_order_by_the_expectation() -> None:
    """A command accepted after a later one of its pair; repeats of earlier ones are no matter of order."""
    seen = evidence(accepted("a"), accepted("c"), accepted("b"), accepted("c"), accepted("d"))
    verdict = check("order", checks(seen, expected=asked("a", "b", "c", "d")))
    assert verdict == Check("order", "violated", 1, ["b after c, by 1 to 16505551234"])


def test_order_holds_within_pair_and_lane() -> None:
    """Between pairs, and between lanes of one pair, there is none."""
    expected = [*asked("a", "b"), *asked("x", "y", lane="other"), Ordered("1", "1650", "p")]
    seen = evidence(accepted("p", "1650"), accepted("x"), accepted("a"), accepted("y"), accepted("b"))
    assert check("order", checks(seen, expected=expected)).result == "ok"


def test_order_by_a_sequence_number() -> None:
    """Found in the id by an expression, compared as a number; ids without one are passed over."""
    seen = evidence(accepted("order-9"), accepted("order-10"), accepted("none"), accepted(None), accepted("order-8"))
    verdict = check("order", checks(seen, sequence=DIGITS))
    assert verdict == Check("order", "violated", 1, ["order-8 after order-10, by 1 to 16505551234"])


def test_never_sent() -> None:
    """What was asked for and not accepted, with what became of it."""
    seen = evidence(
        accepted("a"), never_accepted=[{"command": "b", "last_code": 131026}, {"command": "c", "last_code": -1}]
    )
    verdict = check("never_sent", checks(seen, expected=asked("a", "b", "c", "d")))
    assert verdict.examples == ["b: last refused with 131026", "c: last request had no effect", "d: no request"]


def test_some_refusals_are_all_right() -> None:
    """A sender cannot help it that a recipient is undeliverable."""
    seen = evidence(never_accepted=[{"command": "a", "last_code": 131026}, {"command": "b", "last_code": 130429}])
    verdict = check("never_sent", checks(seen, expected=asked("a", "b"), refused_ok=[131026]))
    assert verdict.examples == ["b: last refused with 130429"]


def test_unexpected() -> None:
    """Sent without being asked for, or to somebody else."""
    seen = evidence(accepted("a", "1650"), accepted("z"), accepted(None))
    verdict = check("unexpected", checks(seen, expected=asked("a")))
    assert verdict.examples == [
        "a by 1 to 1650 at 1.500 s: asked for by 1 to 16505551234",
        "z by 1 to 16505551234 at 1.500 s: nobody asked for it",
        "1 acceptances that belong to no command",
    ]


def test_what_is_forgotten_is_unknown() -> None:
    """The report does not vouch for what the observer no longer has; a violation seen is still one."""
    seen = evidence(accepted("a"), acceptances_forgotten=1, commands={"forgotten": 1})
    found = checks(seen, expected=asked("a", "b"))
    assert [verdict.name for verdict in found if verdict.result == "unknown"] == [
        "sent_twice",
        "order",
        "never_sent",
        "unexpected",
    ]
    broken = evidence(accepted("b"), accepted("a"), acceptances_forgotten=1)
    assert check("order", checks(broken, expected=asked("a", "b"))).result == "violated"


def test_examples_are_bounded_and_counts_are_not() -> None:
    """A report of a broken sender stays readable."""
    verdict = check("never_sent", checks(evidence(), expected=asked(*map(str, range(1000)))))
    assert (verdict.violations, len(verdict.examples)) == (1000, 20)


def test_an_expectation() -> None:
    """NDJSON in the order given to the sender; phones as they are written, unknown members passed over."""
    lines = [
        '{"number": "1", "recipient": "+1 650-555-1234", "command": "a", "at": 5}\n',
        "\n",
        '{"number": "1", "recipient": "US.1", "command": "b", "lane": "crm"}\n',
    ]
    assert read_expectation(lines) == [Ordered("1", "16505551234", "a"), Ordered("1", "US.1", "b", "crm")]


@pytest.mark.parametrize("line", ["[]", "{", '{"number": "1"}', '{"number": 1, "recipient": "1", "command": "a"}', "5"])
def test_an_expectation_that_is_none_is_refused(line: str) -> None:
    """With the number of the line."""
    with pytest.raises(ExpectationError, match="line 2"):
        read_expectation(["\n", line])


def test_a_pattern_that_is_none_is_refused() -> None:
    """With what is wrong."""
    with pytest.raises(ExpectationError, match="unterminated"):
        sequence_pattern("(")
