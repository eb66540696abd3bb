"""Measures the hot paths: ``make bench``. Figures are microseconds per item, best of several rounds on one core.

Compare within one run only: ``--against FILE`` prints the ratio to a run saved with ``--save FILE`` on this machine.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import delivery, ingress

ROUNDS = 5
BENCHES: dict[str, Callable[[], int]] = {**ingress.BENCHES, **delivery.BENCHES}


def measure(bench: Callable[[], int]) -> float:
    """Microseconds per item: the best round, because noise only ever adds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        items = bench()
        best = min(best, (time.perf_counter() - begun) / items)
    return best * 1e6


def main() -> None:
    """Run all benches, or those whose names contain a word."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("word", nargs="?", default="", help="only benches whose names contain this")
    parser.add_argument("--save", type=Path, help="write the figures to this file")
    parser.add_argument("--against", type=Path, help="compare with figures saved before")
    options = parser.parse_args()
    before = json.loads(options.against.read_text()) if options.against else {}
    figures = {}
    for name, bench in BENCHES.items():
        if options.word in name:
            figures[name] = measure(bench)
            ratio = f"  x{figures[name] / before[name]:.2f}" if name in before else ""
            print(f"{name:<42} {figures[name]:8.1f} us{ratio}")
    if options.save:
        options.save.write_text(json.dumps(figures, indent=2))
    if not figures:
        sys.exit(f"no bench has {options.word!r} in its name; there are: {', '.join(BENCHES)}")


if __name__ == "__main__":
    main()
