"""``python -m tests.chaos``: the whole system under load and disturbances, then one verdict for each guarantee."""

import argparse
import asyncio
import secrets
import signal
import sys
from pathlib import Path
from typing import Final, NoReturn

from connector.clock import SystemClock
from tests.chaos import table
from tests.chaos.bench import MIXED, Order, run
from tests.chaos.kill_plan import WITHOUT_MERCY
from tests.chaos.site import BenchError
from tests.chaos.verdicts.every import GUARANTEES
from tests.fixtures.apache_kafka import KafkaUnavailable

SECONDS: Final = 95.0
"""Of load: as long as one round of every disturbance takes."""
BACKLOG: Final = 25_000
DRAIN: Final = 60.0


def main() -> int:
    """0: all that is required passed; 1: not; 2: wrong usage, or no broker."""
    arguments = _arguments()
    clock = SystemClock()
    began_s = clock.monotonic()

    def say(line: str) -> None:
        print(f"{clock.monotonic() - began_s:6.1f} {line}", file=sys.stderr, flush=True)  # noqa: T201 - progress

    order = Order(
        seed=arguments.seed if arguments.seed is not None else secrets.randbelow(1_000_000),
        seconds=arguments.seconds,
        backlog=arguments.backlog,
        only=arguments.only,
        required=_required(arguments.require) & arguments.only,
        keep_logs=arguments.keep_logs,
        drain_s=arguments.drain,
        plan=arguments.plan,
        commands=arguments.commands,
        protocol=arguments.group_protocol,
    )
    signal.signal(signal.SIGTERM, _interrupted)
    say(f"seed {order.seed}")
    try:
        report = run(order, say)
    except (KafkaUnavailable, BenchError) as reason:
        say(f"seed {order.seed}: {reason}")
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        say(f"seed {order.seed}: interrupted")
        return 130
    print(table.as_json(report) if arguments.output == "json" else table.as_text(report))  # noqa: T201 - the answer
    return 1 if report.broken else 0


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _required(file: Path | None) -> frozenset[str]:
    return table.required_in(file.read_text()) if file is not None else frozenset()


def _guarantees(text: str) -> frozenset[str]:
    names = frozenset(text.split(","))
    if unknown := names - set(GUARANTEES):
        message = f"no such guarantee: {', '.join(sorted(unknown))}; there are {', '.join(GUARANTEES)}"
        raise argparse.ArgumentTypeError(message)
    return names


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of load in the storm (default: %(default)s)")
    parser.add_argument(
        "--drain", type=float, default=DRAIN, help="seconds for the last command (default: %(default)s)"
    )
    parser.add_argument("--plan", choices=[MIXED, *WITHOUT_MERCY], default=MIXED, help="default: %(default)s")
    parser.add_argument("--group-protocol", choices=["classic", "consumer"], default="classic", help="of the storm")
    parser.add_argument("--commands", type=int, default=20_000, help="of a plan without mercy (default: %(default)s)")
    parser.add_argument("--backlog", type=int, default=BACKLOG, help="commands queued for D12 (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="makes the same plan and load again (default: a new one, printed)")
    parser.add_argument("--require", type=Path, metavar="FILE", help="guarantees that have to pass, one a line")
    parser.add_argument("--output", choices=["text", "json"], default="text", help="default: %(default)s")
    parser.add_argument("--keep-logs", type=Path, metavar="DIR", help="gets the log of every process and the ledgers")
    parser.add_argument(
        "--only", type=_guarantees, default=frozenset(GUARANTEES), metavar="I1,D2,...", help="look at these only"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
