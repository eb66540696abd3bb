"""Seeded worlds, one after the other: a crowd, a queue or a trickle of commands, answered by chance."""

from collections.abc import Iterable
from typing import Final

from tests.delivery.checkers import ALL
from tests.delivery.world import Checker, Violation, World, populate

COMMANDS: Final = 100
SECONDS: Final = (3.0, 20.0, 90.0)
"""Within which they come; the seed says which."""


def simulate(seed: int, *, rebalances: int, checkers: Iterable[type[Checker]] = ALL) -> None:
    """One world from its start until nothing is left to do.

    Raises:
        Violation: a checker objects.
    """
    world = World(seed, [checker() for checker in checkers])
    populate(world, COMMANDS, SECONDS[seed % len(SECONDS)], rebalances=rebalances)
    world.end()


def objections_by_seed(seeds: Iterable[int], *, rebalances: int) -> dict[int, str]:
    """The worlds that a checker objects to, and its words."""
    found: dict[int, str] = {}
    for seed in seeds:
        try:
            simulate(seed, rebalances=rebalances)
        except Violation as violation:
            found[seed] = str(violation)
    return found
