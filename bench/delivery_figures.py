"""Figures from what a receiver saw. PURE: times are seconds on one clock, rates messages a second."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.delivery_stage import Send


@dataclass(frozen=True, slots=True)
class Check:
    """One demand and whether it was met."""

    words: str
    held: bool


@dataclass
class Result:
    """What one case has to say.

    Attributes:
        case: its name.
        figures: rows of the table, by their label.
        checks: the verdict.
    """

    case: str
    figures: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    def require(self, words: str, holds: bool) -> None:  # noqa: FBT001 - reads like assert
        """Note a demand."""
        self.checks.append(Check(words, holds))


def times_by_number(sends: Iterable[Send]) -> dict[str, list[float]]:
    """When each number's messages arrived, ascending."""
    found: dict[str, list[float]] = defaultdict(list)
    for send in sends:
        found[send.number].append(send.at_s)
    return {number: sorted(times) for number, times in found.items()}


def rate_within(times: Sequence[float], start_s: float, end_s: float) -> float:
    """Messages a second from ``start_s`` to ``end_s``."""
    return sum(start_s < time <= end_s for time in times) / (end_s - start_s)


def fullest_second(times: Sequence[float]) -> int:
    """The most messages in any window ``(t - 1 s, t]``; ``times`` ascend."""
    fullest = first = 0
    for index, time in enumerate(times):
        while times[first] <= time - 1.0:
            first += 1
        fullest = max(fullest, index - first + 1)
    return fullest


def quantile(values: Iterable[float], share: float) -> float:
    """The value that ``share`` of them do not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def unsteadiness_s(times: Sequence[float], limit: int) -> list[float]:
    """How far each message and the one ``limit`` behind it are from their usual distance.

    What the way to the receiver, and the sender, add and take away: the guard of the limit has to cover it.
    """
    spans = [later - earlier for earlier, later in zip(times, times[limit:], strict=False)]
    usual = quantile(spans, 0.5)
    return [abs(span - usual) for span in spans]


def out_of_order(sends: Iterable[Send], position: Mapping[str, int]) -> int:
    """Messages to one recipient that arrived behind a later one; ``position`` of a command in its partition."""
    last: dict[tuple[str, str], int] = {}
    found = 0
    for send in sends:
        pair, at = (send.number, send.recipient), position[send.command]
        found += at < last.get(pair, -1)
        last[pair] = max(at, last.get(pair, -1))
    return found
