"""``python -m tests.ingress.chaos``: one ingress under load while its broker and it itself are killed."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Final

from connector.clock import SystemClock
from tests.fixtures.apache_kafka import ApacheKafka, KafkaUnavailable, free_port
from tests.ingress.chaos.findings import findings, latency
from tests.ingress.chaos.stage import Stage, Step

SECONDS: Final = 105.0
STEPS: Final = (
    Step(10, "kill", "broker", 30),
    Step(50, "kill", "ingress"),
    Step(62, "pause", "broker", 5),
    Step(75, "kill", "broker", 3),
    Step(90, "kill", "ingress", 2),
)


def main() -> int:
    """0: everything held; 1: something did not; 2: no broker."""
    parser = argparse.ArgumentParser(prog="python -m tests.ingress.chaos", description=__doc__)
    parser.add_argument("--rate", type=float, default=300.0, help="bodies a second (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="makes the same load again (default: a new one, printed)")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else secrets.randbelow(1_000_000)
    clock = SystemClock()
    begun = clock.monotonic()

    def say(line: str) -> None:
        print(f"{clock.monotonic() - begun:6.1f} {line}", file=sys.stderr, flush=True)  # noqa: T201 - progress

    say(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="ingress-chaos-") as folder:
        broker = ApacheKafka(Path(folder) / "kafka", free_port())
        try:
            broker.start()
        except KafkaUnavailable as reason:
            say(str(reason))
            return 2
        try:
            stage = Stage(Path(folder), broker, "chaos.", say)
            run = asyncio.run(stage.run(seed, rate=options.rate, seconds=SECONDS, steps=STEPS))
        finally:
            broker.kill()
    found = [*findings(run), latency(run)]
    for what, seconds in run.disturbances:
        print(f"          {what}: answered 200 again {seconds:.1f} s after it was back")  # noqa: T201 - the answer
    print(*(finding.line for finding in found), sep="\n")  # noqa: T201 - the answer
    return 1 if any(finding.faults for finding in found) else 0


if __name__ == "__main__":
    sys.exit(main())
