"""The delivery at full speed on a real broker, against a receiver that counts as Meta does: ``make bench-delivery``.

``python -m bench.delivery_load CASE``: workers and receiver are processes of their own; the figures come from the
receiver's ledger. CASE is one of

* ``1000``: one number at 1000 messages a second;
* ``80``: four numbers at 80;
* ``60x20``: sixty numbers at 20 in 12 slots through 3 workers;
* ``burst``: 60 messages to one recipient while 10,000 others are served;
* ``stopped``: a million commands of a paused number in front of ten others in one slot, a restart, then resumed;
* ``priority``: commands about customers behind a million of a campaign;
* ``memory``: of a worker with 10,000 and with a million commands queued;
* ``latency``: from a single command to its request, while nothing else is to do;
* ``takeover``: a slot with 100,000 unsettled commands whose worker is killed.

Exit codes: 0 all demands met, 1 one is not, 2 the bench could not do its work.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench import ledger_cases
from bench.delivery_cases import CASES as LIMIT_CASES
from bench.delivery_figures import Result
from bench.delivery_stage import Place, StageError, broker
from tests.fixtures.apache_kafka import KafkaUnavailable

CASES: Final = {**LIMIT_CASES, "latency": ledger_cases.latency, "takeover": ledger_cases.takeover}
SECONDS: Final = 60.0
LATENCY_MS: Final = 200.0


def main() -> int:
    """Measure, print, judge."""
    options = _options()
    lean = options.case in {"1000", "latency"} if options.receiver is None else options.receiver == "lean"
    with tempfile.TemporaryDirectory(prefix="bench-delivery-") as folder:
        try:
            with broker(Path(folder), options.bootstrap) as bootstrap:
                receiver = "lean" if lean else "simulator"
                place = Place(
                    Path(folder), bootstrap, receiver, options.latency_ms, options.seed, dict(options.consumer)
                )
                result = CASES[options.case](place, options)
        except (KafkaUnavailable, StageError) as reason:
            print(reason, file=sys.stderr)
            return 2
    result.figures = {
        "seed": options.seed, "receiver": receiver, "answers after, ms": options.latency_ms,
        "cores": os.cpu_count(), "load average": round(os.getloadavg()[0], 2), **result.figures,
    }  # fmt: skip
    print(_as_json(result) if options.output == "json" else _as_text(result))
    return 0 if all(check.held for check in result.checks) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.delivery_load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each measurement (default: %(default)s)")
    parser.add_argument("--count", type=int, help="commands queued, or others served (default: as above)")
    parser.add_argument("--limit", type=int, help="messages a second of each number (default: as above)")
    parser.add_argument("--numbers", type=int, help="numbers of 60x20 (default: 60)")
    parser.add_argument("--receiver", choices=["lean", "simulator"], help="default: lean for 1000 and latency")
    parser.add_argument("--latency-ms", type=float, default=LATENCY_MS, help="until an answer (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the load and the receiver (default: %(default)s)")
    parser.add_argument("--consumer", type=_setting, action="append", default=[], metavar="NAME=VALUE",
                        help="a setting of the workers' librdkafka consumers; may be repeated")  # fmt: skip
    parser.add_argument("--bootstrap", help="an existing broker; without it one is started")
    parser.add_argument("--output", choices=["text", "json"], default="text", help="default: %(default)s")
    return parser.parse_args()


def _setting(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _as_json(result: Result) -> str:
    checks = {check.words: check.held for check in result.checks}
    return json.dumps({"case": result.case, "figures": result.figures, "checks": checks})


def _as_text(result: Result) -> str:
    width = max(map(len, result.figures))
    rows = [f"{label:<{width}}  {_figure(value)}" for label, value in result.figures.items()]
    verdict = [f"{'ok  ' if check.held else 'FAIL'} {check.words}" for check in result.checks]
    return "\n".join([f"case {result.case}", *rows, *verdict])


def _figure(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{name}: {_figure(part)}" for name, part in value.items())
        case list():
            return " / ".join(_figure(part) for part in value)
        case int():
            return f"{value:,}"
        case _:
            return str(value)


if __name__ == "__main__":
    sys.exit(main())
