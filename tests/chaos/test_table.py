"""The table and the list of what is required."""

import json
from pathlib import Path

from tests.chaos import table
from tests.chaos.table import Report
from tests.chaos.verdicts.every import GUARANTEES
from tests.chaos.verdicts.verdict import EXAMPLES_MAX, Finding, Verdict, judged, not_measured

REQUIRED = Path(__file__).with_name("required.txt")
REPORT = Report(
    seed=42,
    seconds=95.0,
    verdicts=(
        judged("I1", {"bodies": 3}, []),
        judged("D3", {"sent twice": 2}, ["c1: accepted 2 times", "c2: accepted 3 times"]),
        not_measured("D10", "no worker was frozen"),
    ),
    totals={"kill": 2},
    notes=("no network cut: ip is not installed",),
    required=frozenset({"I1"}),
)


def test_text_has_a_line_for_each_guarantee_and_says_how_to_repeat_the_run() -> None:
    """Verdict, figures, counterexamples; what was done, notes, seed."""
    text = table.as_text(REPORT)
    lines = text.splitlines()
    assert lines[1].split(maxsplit=3) == ["I1", "pass", "*", "bodies: 3"]
    assert lines[2].startswith("D3   FAIL")
    assert lines[3].strip() == "! c1: accepted 2 times"
    assert "D10" in lines[5]
    assert "no worker was frozen" in lines[5]
    assert "done to the system: 2 kill" in text
    assert "note: no network cut: ip is not installed" in text
    assert "seed 42, 95 s of load" in text
    assert "REQUIRED" not in text


def test_json_has_the_same() -> None:
    """For programs."""
    document = json.loads(table.as_json(REPORT))
    assert document["seed"] == 42
    assert document["verdicts"]["D3"] == {
        "verdict": "fail",
        "figures": {"sent twice": 2, "faults": 2},
        "examples": ["c1: accepted 2 times", "c2: accepted 3 times"],
    }
    assert document["verdicts"]["D10"]["verdict"] == "not measured"
    assert document["required"] == ["I1"]
    assert document["broken"] == []


def test_required_means_passed() -> None:
    """Failed, not measured and absent all break it, and the table says so, in its own order."""
    report = Report(1, 1.0, REPORT.verdicts, required=frozenset({"I1", "D10", "D3", "D9"}))
    assert report.broken == ("D3", "D9", "D10")
    assert table.as_text(report).endswith("REQUIRED AND NOT PASSED: D3, D9, D10")


def test_a_verdict_shows_the_first_faults_and_counts_all() -> None:
    """Nobody reads a thousand counterexamples."""
    verdict = judged("D1", {}, (f"c{index}" for index in range(1000)))
    assert verdict == Verdict("D1", Finding.FAIL, {"faults": 1000}, tuple(f"c{index}" for index in range(EXAMPLES_MAX)))


def test_the_required_ones_are_guarantees_and_none_is_ever_taken_back() -> None:
    """``required.txt`` only grows: a line that went missing would be a promise broken in silence."""
    required = table.required_in(REQUIRED.read_text())
    assert required <= set(GUARANTEES)
    assert required >= set(EVER_REQUIRED)


EVER_REQUIRED = (
    *("I1", "I2", "I3", "I4", "I5", "I6"),
    *("D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D9", "D10", "D11", "D12", "D13"),
    *("B1", "B2", "B3"),
)
"""What stood there once; lines are added here together with the file's."""


def test_comments_and_empty_lines_name_nothing() -> None:
    """One guarantee a line."""
    assert table.required_in("# these\nI1\n\nD1 # since today\n") == {"I1", "D1"}
