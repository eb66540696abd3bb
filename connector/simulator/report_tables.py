"""The report for people: tables for a terminal."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from connector.simulator.report import Check

_COLUMNS = {
    "requests": "requests",
    "accepted": "accepted",
    "inbound": "inbound",
    "accepted_max_1s": "max/s",
    "accepted_mean_per_s": "mean/s",
    "number_limit_violations": "over number limit",
    "pair_violations": "over pair limit",
}
_STYLES = {"ok": "green", "violated": "bold red", "unknown": "bold yellow", "not checked": "dim"}
_EXAMPLES_SHOWN = 3


def report(summary: Mapping[str, Any], webhooks: Mapping[str, Any], checks: Sequence[Check]) -> Group:
    """Everything, one below the other."""
    parts = (_numbers(summary), _results(summary), _verdicts(checks), Text(_commands_line(summary)))
    return Group(*parts, Text(_webhooks_line(webhooks)))


def _numbers(summary: Mapping[str, Any]) -> Table:
    table = Table(title=f"{summary['requests']} requests, {summary['accepted']} accepted", title_justify="left")
    table.add_column("number")
    for title in _COLUMNS.values():
        table.add_column(title, justify="right")
    for number, tally in summary["numbers"].items():
        table.add_row(number, *(str(tally[name]) for name in _COLUMNS))
    return table


def _results(summary: Mapping[str, Any]) -> Table:
    """Requests by result: what was decided, and of those how many had their answer spoilt by a fault."""
    table = Table(title="requests by result", title_justify="left")
    table.add_column("result")
    table.add_column("requests", justify="right")
    for result, count in results(summary["numbers"].values()):
        table.add_row(result, str(count))
    if summary["to_unknown_numbers"]:
        table.add_row("to unknown numbers", str(summary["to_unknown_numbers"]))
    return table


def results(tallies: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Requests by result, over all numbers."""
    sums: Counter[str] = Counter()
    for tally in tallies:
        sums["accepted"] += tally["accepted"]
        sums["read receipts"] += tally["read_receipts"]
        sums["no effect, no code"] += tally["without_code"]
        sums.update({f"refused with {code}": count for code, count in tally["refused"].items()})
        sums.update({f"hit by fault {kind}": count for kind, count in tally["faults"].items()})
    return [(result, count) for result, count in sums.items() if count or result == "accepted"]


def _verdicts(checks: Iterable[Check]) -> Table:
    table = Table(title="checks", title_justify="left")
    table.add_column("check")
    table.add_column("result")
    table.add_column("violations", justify="right")
    table.add_column("examples", overflow="fold")
    for check in checks:
        shown = check.examples[:_EXAMPLES_SHOWN]
        more = ["…"] if check.violations > len(shown) else []
        # Text, not markup: ids come from outside.
        examples = Text("\n".join([*shown, *more]))
        table.add_row(check.name, Text(check.result, _STYLES[check.result]), str(check.violations), examples)
    return table


def _commands_line(summary: Mapping[str, Any]) -> str:
    sums = summary["commands"]
    return f"commands: {sums['seen']} seen, {sums['accepted']} accepted, {sums['forgotten']} forgotten"


def _webhooks_line(webhooks: Mapping[str, Any]) -> str:
    updates = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in webhooks["updates"].items())
    return f"webhook updates: {updates}; {webhooks['posts']['tried']} posts"
