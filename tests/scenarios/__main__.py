"""``python -m tests.scenarios``: thousands of seeded worlds, and every scenario with some seeds, on all cores.

Exit codes: 0 nobody objects, 1 somebody does; the seed makes the same world again.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from tests.delivery.simulation import objections_by_seed
from tests.scenarios.script import script, scripts
from tests.scenarios.stage import shortcomings

PORTION: Final = 50
"""Seeds that a process takes at a time."""
PLAYS: Final = 100
"""A scenario is as long as so many worlds."""


def main() -> int:
    """Simulate, and tell what was objected to."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="worlds (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: %(default)s)")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    found = []
    with ProcessPoolExecutor() as pool:
        worlds = pool.map(_worlds, [seeds[at : at + PORTION] for at in range(0, len(seeds), PORTION)])
        plays = pool.map(_plays, seeds[::PLAYS])
        for objections in (*worlds, *plays):
            found += objections
    print(*found, f"{len(seeds)} worlds, {len(found)} objections", sep="\n")  # noqa: T201 - the answer
    return 1 if found else 0


def _worlds(seeds: range) -> list[str]:
    return [
        f"world {seed}, {rebalances} rebalances: {words}"
        for rebalances in (0, 3)
        for seed, words in objections_by_seed(seeds, rebalances=rebalances).items()
    ]


def _plays(seed: int) -> list[str]:
    return [f"{path.stem}, seed {seed}: {words}" for path in scripts() for words in shortcomings(script(path), seed)]


if __name__ == "__main__":
    sys.exit(main())
