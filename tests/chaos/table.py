"""The table of a run: one line for each guarantee, then what a reader has to know. PURE."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.verdicts.verdict import Finding, Verdict

MARKS: Final[Mapping[Finding, str]] = {Finding.PASS: "pass", Finding.FAIL: "FAIL", Finding.NOT_MEASURED: "-"}


@dataclass(frozen=True)
class Report:
    """Everything that is told about a run.

    Attributes:
        seed: makes the same plan and the same load again.
        verdicts: in the order of the table.
        totals: what was done to the system, by kind.
        notes: what was left out, and why.
        required: guarantees that have to pass.
    """

    seed: int
    seconds: float
    verdicts: tuple[Verdict, ...]
    totals: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()

    @property
    def broken(self) -> tuple[str, ...]:
        """Required guarantees that did not pass."""
        passed = {verdict.guarantee for verdict in self.verdicts if verdict.finding is Finding.PASS}
        return tuple(sorted(self.required - passed, key=rank))


def rank(guarantee: str) -> tuple[str, int]:
    """Order of the table: I, D, B, each by number."""
    return {"I": "0", "D": "1", "B": "2"}.get(guarantee[:1], "3"), int(guarantee[1:] or 0)


def required_in(text: str) -> frozenset[str]:
    """The guarantees that a file names, one a line; ``#`` begins a comment."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return frozenset(line for line in lines if line)


def as_text(report: Report) -> str:
    """For people."""
    rows = [
        (v.guarantee, MARKS[v.finding] + ("" if v.guarantee not in report.required else " *"), _figures(v))
        for v in report.verdicts
    ]
    widths = [max(len(row[column]) for row in [*rows, ("", "verdict", "")]) for column in (0, 1)]
    lines = [f"{'':{widths[0]}}  {'verdict':{widths[1]}}  figures"]
    for verdict, row in zip(report.verdicts, rows, strict=True):
        lines.append(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}")
        indent = " " * (widths[0] + widths[1] + 4)
        lines += [f"{indent}! {example}" for example in verdict.examples]
    lines.append("")
    lines.append(f"done to the system: {_listed(f'{count} {kind}' for kind, count in report.totals.items())}")
    lines += [f"note: {note}" for note in report.notes]
    lines.append(f"seed {report.seed}, {report.seconds:g} s of load; * is required")
    if report.broken:
        lines.append(f"REQUIRED AND NOT PASSED: {', '.join(report.broken)}")
    return "\n".join(lines)


def as_json(report: Report) -> str:
    """For programs."""
    document: dict[str, Any] = {
        "seed": report.seed,
        "seconds": report.seconds,
        "verdicts": {
            v.guarantee: {"verdict": v.finding.value, "figures": dict(v.figures), "examples": list(v.examples)}
            for v in report.verdicts
        },
        "done": dict(report.totals),
        "notes": list(report.notes),
        "required": sorted(report.required, key=rank),
        "broken": list(report.broken),
    }
    return json.dumps(document, indent=2)


def _figures(verdict: Verdict) -> str:
    return _listed(f"{name}: {value}" for name, value in verdict.figures.items())


def _listed(parts: Iterable[str]) -> str:
    found: Sequence[str] = list(parts)
    return ", ".join(found) or "nothing"
