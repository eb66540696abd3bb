"""Stories of a bad day, told in YAML beside this file and played in virtual time."""

from pathlib import Path

import msgspec
import pytest

from tests.scenarios.script import Script, Seen, Sent, Wait, script, scripts
from tests.scenarios.stage import missing, play, shortcomings

SEED = 1


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.stem)
def test_what_must_be_seen_is_seen(path: Path) -> None:
    """No checker objects, and the scenario ends as it says; with more seeds on demand."""
    assert shortcomings(script(path), SEED) == []


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.stem)
def test_a_scenario_looks_at_all_that_it_feeds(path: Path) -> None:
    """What must be seen names each group once."""
    told = script(path)
    assert sorted(seen.of for seen in told.seen) == sorted({feed.group for feed in told.fed})


def test_what_is_not_seen_is_told() -> None:
    """Each demand of a scenario can fail, and then says what was found."""
    simple = {
        "title": "t", "story": "s", "limits": {"100": 6}, "seen": [],
        "fed": [{"group": "orders", "number": "100", "count": 30}],
        "meta": [{"code": 131000, "until": 1.0}],
    }  # fmt: skip
    ledger = play(msgspec.convert(simple, Script), 1)
    demands = Seen(
        of="orders",
        outcomes={"ACCEPTED": 29, "EXPIRED": 1},
        sent=(Sent(until=1.0, at_most=0), Sent(start=100.0, at_least=1)),
        wait=(Wait(at_most=1.0),),
        settled_by=3.0,
        failures_at_most=0,
    )
    told = missing(ledger, demands)
    assert len(told) == 6
    assert told[0] == "orders: outcomes {'ACCEPTED': 30}"
    ledger.taken.update(ledger.fed_at.keys())
    assert missing(ledger, Seen(of="orders", outcomes={"ACCEPTED": 30})) == ["orders: 30 commands accepted twice"]
