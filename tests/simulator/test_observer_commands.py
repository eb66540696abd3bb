"""Which command a request belongs to, and sums that stay exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.records.envelope import Envelope, seal
from connector.simulator.observer_commands import Commands, PatternError, identifier

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_by_default_the_whole_data_is_the_command() -> None:
    """No data, no command."""
    identify = identifier("whole")
    assert (identify("order-4711"), identify(None)) == ("order-4711", None)


@given(
    installation=st.text(min_size=1, max_size=32),
    command=st.text(min_size=1, max_size=100),
    attempt=st.integers(1, 999_999_999),
    traceparent=st.sampled_from([None, TRACE]),
    data=st.none() | st.text(max_size=300),
)
def test_the_connectors_envelope_is_read_from_its_documented_form(
    installation: str, command: str, attempt: int, traceparent: str | None, data: str | None
) -> None:
    """Whatever the connector seals, the simulator's own reading finds the command in it."""
    sealed = seal(Envelope(installation, command, attempt, traceparent, data))
    assert identifier("wkc1")(sealed) == command


@pytest.mark.parametrize(
    "foreign",
    ["", "order-4711", "wkc1:", "wkc1:1,1,1,0,-:ab!", "wkc1:1,1,1,0:ab", "wkc1:1,0,1,0,-:a", "wkc1:1,1,1,-,-:ab"],
)
def test_what_is_no_envelope_is_a_command_as_it_stands(foreign: str) -> None:
    """Nothing that was sent is left out of the sums."""
    assert identifier("wkc1")(foreign) == foreign


def test_a_regular_expression() -> None:
    """Its first group, or the whole match; what does not match belongs to no command."""
    assert identifier(r"order=(\d+)")("v1;order=4711;x") == "4711"
    assert identifier(r"\d+")("order 4711") == "4711"
    assert identifier(r"\d+")("none") is None
    assert identifier(r"\d+")(None) is None


def test_an_expression_that_is_none_is_refused() -> None:
    """With what is wrong."""
    with pytest.raises(PatternError, match="unterminated"):
        identifier("(")


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 0, 130429, -1])), max_size=60))
def test_sums_agree_with_counting(sends: list[tuple[int, int]]) -> None:
    """Commands seen, accepted, accepted more than once, and acceptances beyond the first of each."""
    commands = Commands(100)
    for command, code in sends:
        commands.add(str(command), code)
    accepted = [command for command, code in sends if code == 0]
    assert commands.summary() == {
        "seen": len({command for command, _ in sends}),
        "accepted": len(set(accepted)),
        "accepted_more_than_once": len({command for command in accepted if accepted.count(command) > 1}),
        "surplus_acceptances": len(accepted) - len(set(accepted)),
        "forgotten": 0,
        "requests_of_no_command": 0,
    }


def test_commands_are_forgotten_beyond_a_bound_and_the_sums_say_so() -> None:
    """The oldest first; what was counted stays counted."""
    commands = Commands(2)
    for command in ("a", "a", "b", "c", "d"):
        commands.add(command, 0)
    commands.add(None, 0)
    summary = commands.summary()
    assert (summary["seen"], summary["forgotten"], summary["accepted_more_than_once"]) == (4, 2, 1)
    assert summary["requests_of_no_command"] == 1
    assert [listed["command"] for listed in commands.listing(start=0, limit=9)] == ["c", "d"]


def test_commands_are_listed_by_number_of_acceptances() -> None:
    """Sent twice, or never; page by page; with the code of the latest request."""
    commands = Commands(10)
    for command, code in [("a", 0), ("a", 0), ("b", 130429), ("b", 0), ("c", 131026)]:
        commands.add(command, code)
    twice = commands.listing(start=0, limit=9, accepted_min=2)
    assert twice == [{"command": "a", "requests": 2, "accepted": 2, "last_code": 0}]
    never = commands.listing(start=0, limit=9, accepted_max=0)
    assert never == [{"command": "c", "requests": 1, "accepted": 0, "last_code": 131026}]
    assert [listed["command"] for listed in commands.listing(start=1, limit=1)] == ["b"]
