"""Posts damaged webhooks at an ingress without its server and its Kafka, by the million: ``make fuzz``.

A body that breaks a promise is written to tests/fuzz/corpus, from where the tests try it again for ever. Exit codes: 0
all promises held, 1 one did not.
"""

import argparse
import multiprocessing
import sys
import time

from connector.telemetry import logs
from tests.fuzz.campaign import run_chunk

CHUNK = 2000


def main() -> int:
    """Try many."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many bodies (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="what they are drawn from (default: %(default)s)")
    parser.add_argument(
        "--jobs", type=int, default=multiprocessing.cpu_count(), help="processes (default: %(default)s)"
    )
    options = parser.parse_args()
    begun = time.perf_counter()
    chunks = [(options.seed, begin, min(CHUNK, options.count - begin)) for begin in range(0, options.count, CHUNK)]
    broken: list[str] = []
    with multiprocessing.get_context("spawn").Pool(options.jobs, logs.configure, ("json", "error")) as pool:
        for done, found in enumerate(pool.imap_unordered(run_chunk, chunks), start=1):
            broken += found
            for line in found:
                print(line)  # noqa: T201 - the answer of a command
            if done % 50 == 0:
                print(f"{done * CHUNK} bodies, {len(broken)} broke a promise", flush=True)  # noqa: T201 - see above
    seconds = time.perf_counter() - begun
    print(f"{options.count} bodies, seed {options.seed}, {seconds:.0f} s: {len(broken)} broke a promise")  # noqa: T201 - see above
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
