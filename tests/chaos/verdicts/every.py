"""All verdicts of a run, in the order of the table. PURE."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from tests.chaos.ledgers import Storm
from tests.chaos.probe_ledgers import Run
from tests.chaos.verdicts import delivery, ingress, probes, secrecy
from tests.chaos.verdicts.verdict import Verdict, not_measured

NOT_RUN: Final = "this part of the run was left out"
Ledger = TypeVar("Ledger")


def _of(guarantee: str, judge: Callable[[Ledger], Verdict], ledger: Ledger | None) -> Verdict:
    return not_measured(guarantee, NOT_RUN) if ledger is None else judge(ledger)


ON_STORM: Final[Mapping[str, Callable[[Storm], Verdict]]] = {
    "I1": ingress.i1,
    "I2": ingress.i2,
    "I3": ingress.i3,
    "I4": ingress.i4,
    "I5": ingress.i5,
    "I6": ingress.i6,
    "D1": delivery.d1,
    "D2": delivery.d2,
    "D3": delivery.d3,
    "D4": delivery.d4,
    "D5": delivery.d5,
    "D9": delivery.d9,
    "D10": delivery.d10,
    "D11": delivery.d11,
    "B2": secrecy.b2,
}

ON_PROBES: Final[Mapping[str, Callable[[Run], Verdict]]] = {
    "D6": lambda run: _of("D6", probes.d6, run.throttled),
    "D7": lambda run: _of("D7", probes.d7, run.held),
    "D8": lambda run: _of("D8", probes.d8, run.priority),
    "D12": lambda run: _of("D12", probes.d12, run.backlog),
    "D13": lambda run: _of("D13", probes.d13, run.history),
    "B1": lambda run: probes.b1(run.stops),
    "B3": lambda run: probes.b3(run.startups),
}

GUARANTEES: Final = tuple(sorted((*ON_STORM, *ON_PROBES), key=lambda name: ("IDB".index(name[0]), int(name[1:]))))
"""Every guarantee there is a verdict for."""


def verdicts(run: Run, only: frozenset[str] = frozenset(GUARANTEES)) -> tuple[Verdict, ...]:
    """One for each guarantee asked for."""
    return tuple(_verdict(name, run) for name in GUARANTEES if name in only)


def _verdict(name: str, run: Run) -> Verdict:
    if name in ON_STORM:
        return _of(name, ON_STORM[name], run.storm)
    return ON_PROBES[name](run)
