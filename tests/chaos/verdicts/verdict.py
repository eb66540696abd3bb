"""What a verdict is, and how one is come to. PURE."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

EXAMPLES_MAX: Final = 5


class Finding(StrEnum):
    """The three ways a guarantee can stand."""

    PASS = "pass"
    FAIL = "fail"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found about one guarantee.

    Attributes:
        guarantee: ``I1`` and so on.
        figures: what was counted, by name; a figure that breaks the guarantee is named like its fault.
        examples: the first few faults, one line each.
    """

    guarantee: str
    finding: Finding
    figures: Mapping[str, float | int | str]
    examples: tuple[str, ...] = ()


def not_measured(guarantee: str, why: str) -> Verdict:
    """Nothing was seen that could have broken it."""
    return Verdict(guarantee, Finding.NOT_MEASURED, {"why": why})


def judged(guarantee: str, figures: Mapping[str, float | int | str], faults: Iterable[str]) -> Verdict:
    """Pass when there is no fault."""
    found = list(faults)
    finding = Finding.FAIL if found else Finding.PASS
    shown = tuple(found[:EXAMPLES_MAX])
    return Verdict(guarantee, finding, {**figures, **({"faults": len(found)} if found else {})}, shown)
