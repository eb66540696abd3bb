"""Many runs of the protocol: ``python -m tests.simulation --count 2000 --seed 1``; a seed that fails is named."""

import argparse
import logging

import pytest
import structlog

from tests.delivery.world import Violation
from tests.simulation.world import hurried, simulate


def main() -> int:
    """The number of seeds that broke a promise, one at most."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    broken = 0
    with pytest.MonkeyPatch.context() as patch:
        hurried(patch)
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            try:
                simulate(seed)
            except Violation as violation:
                broken += 1
                print(f"seed {seed}: {violation}", flush=True)  # noqa: T201 - what it is for
    print(f"{arguments.count} runs, {broken} broken")  # noqa: T201 - the same
    return min(1, broken)


if __name__ == "__main__":
    raise SystemExit(main())
