"""The ingress as a process on a real broker under an open-loop load: ``make bench-ingress``.

One process of the ingress, one broker and this load generator share the machine. First an application that only answers
200 takes the load on the same HTTP server, then the ingress; the CPU of each is told per request. Then come bodies of
1,000 updates, and bodies of 3 MB, one after the other. At the end the records on Kafka are counted.

Exit codes: 0 all targets met, 1 one is not.
"""

import argparse
import contextlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop
from confluent_kafka import Consumer, TopicPartition

from bench import open_loop, webhook_bodies
from bench.delivery_receiver import HOST
from bench.delivery_stage import CLOCK, broker, cpu_s, pause
from bench.open_loop import Result
from tests.fixtures.apache_kafka import free_port
from tests.fixtures.mortal import run_mortal
from tests.integration.system import APP_SECRET, System, clean_environment

CONNECTIONS: Final = 64
SLOTS: Final = 24
WARM_UP_S: Final = 3.0
RATE: Final = 3300.0  # 1,000 messages a second with 30 % replies (Meta, throughput, 2026-09-11)
P50_MS_MAX: Final = 25.0
P99_MS_MAX: Final = 250.0
CPU_RATIO_MAX: Final = 4.0


@dataclass
class Run:
    """One run against one process."""

    name: str
    result: Result
    cpu_s: float

    @property
    def cpu_us(self) -> float:
        """CPU of the process for each request, in microseconds."""
        return self.cpu_s / max(1, self.result.sent) * 1e6

    def row(self) -> dict[str, Any]:
        """The figures."""
        found = self.result
        return {
            "run": self.name,
            "sent": found.sent,
            "rate": round(found.sent / found.duration_s) if found.duration_s else 0,
            "statuses": dict(found.statuses),
            "p50_ms": round(found.quantile_ms(0.5), 2),
            "p99_ms": round(found.quantile_ms(0.99), 2),
            "max_ms": round(found.quantile_ms(1.0), 2),
            "cpu_us": round(self.cpu_us, 1),
        }


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingress_load", description=__doc__)
    parser.add_argument("--rate", type=float, default=RATE, help="webhooks a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each run (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of bodies and arrivals (default: %(default)s)")
    parser.add_argument("--bootstrap", help="an existing broker; without it one is started")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-ingress-") as folder, broker(Path(folder), options.bootstrap) as at:
        system = System(Path(folder), at, f"bench{os.getpid()}.")
        system.create_topics(SLOTS)
        runs = uvloop.run(_measure(system, options))
        published = _records(system)
    return _report(runs, published, options)


async def _measure(system: System, options: argparse.Namespace) -> list[Run]:
    secret = APP_SECRET.encode()
    load = webhook_bodies.requests(int(options.rate * options.seconds), secret, options.seed)
    warm_up = webhook_bodies.requests(int(options.rate * WARM_UP_S), secret, options.seed + 1)
    port = free_port()
    with _process([sys.executable, "-m", "bench.bare_app", str(port)], port) as pid:
        await _at_rate(port, warm_up, options)
        runs = [await _run("bare app", pid, _at_rate(port, load, options))]
    with system.running("ingress") as process:
        process.wait_ready()
        port, pid = system.ingress_port, process.popen.pid
        await _at_rate(port, warm_up, options)
        runs.append(await _run("ingress", pid, _at_rate(port, load, options)))
        for name, large in _large(secret, options.seed).items():
            runs.append(await _run(name, pid, open_loop.one_by_one(HOST, port, large)))
        process.terminate()
    return runs


def _at_rate(port: int, requests: Sequence[bytes], options: argparse.Namespace) -> Awaitable[Result]:
    times = open_loop.poisson(options.rate, len(requests), options.seed)
    return open_loop.run(HOST, port, requests, times, CONNECTIONS)


def _large(secret: bytes, seed: int) -> dict[str, list[bytes]]:
    return {
        "1,000 updates": webhook_bodies.large_requests(20, 1000, secret, seed + 2),
        "1,000 updates, 3 MB": webhook_bodies.large_requests(10, 1000, secret, seed + 3, text_bytes=26_500),
        "one item, 3 MB": webhook_bodies.one_item_requests(10, 3_000_000, secret, seed + 4),
    }


async def _run(name: str, pid: int, load: Awaitable[Result]) -> Run:
    before = cpu_s(pid)
    result = await load
    return Run(name, result, cpu_s(pid) - before)


@contextlib.contextmanager
def _process(command: list[str], port: int) -> Iterator[int]:
    process = run_mortal(command, env=clean_environment())
    try:
        deadline = CLOCK.monotonic() + 30
        while not _listens(port):
            if process.poll() is not None or CLOCK.monotonic() > deadline:
                message = f"{command[2]} does not listen"
                raise RuntimeError(message)
            pause(0.05)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _records(system: System) -> dict[str, int]:
    names = system.settings.topic_names
    consumer = Consumer({"bootstrap.servers": system.bootstrap, "group.id": "bench"})
    found = {}
    for topic in (names.inbound_messages, names.message_statuses, names.account_events, names.webhook_rejects):
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=30)[1] for number in partitions]
        found[topic.removeprefix(names.prefix)] = sum(ends)
    consumer.close()
    return found


def _report(runs: Sequence[Run], published: dict[str, int], options: argparse.Namespace) -> int:
    bare, ingress = runs[0], runs[1]
    ratio = ingress.cpu_us / bare.cpu_us
    checks = {
        "all answered 200": all(set(run.result.statuses) == {"200"} for run in runs),
        f"p50 under {P50_MS_MAX:.0f} ms": ingress.result.quantile_ms(0.5) < P50_MS_MAX,
        f"p99 under {P99_MS_MAX:.0f} ms": ingress.result.quantile_ms(0.99) < P99_MS_MAX,
        f"CPU {ratio:.2f} times the bare app, at most {CPU_RATIO_MAX:.0f}": ratio <= CPU_RATIO_MAX,
    }
    if options.json:
        print(json.dumps({"runs": [run.row() for run in runs], "records": published, "checks": checks}))
    else:
        print(f"{'run':<22}{'sent':>8}{'rate/s':>8}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'CPU us':>9}  answers")
        for run in runs:
            row = run.row()
            print(f"{row['run']:<22}{row['sent']:>8}{row['rate']:>8}{row['p50_ms']:>9}{row['p99_ms']:>9}"
                  f"{row['max_ms']:>9}{row['cpu_us']:>9}  {row['statuses']}")  # fmt: skip
        print("records: " + ", ".join(f"{topic} {count}" for topic, count in published.items()))
        for check, held in checks.items():
            print(f"{'ok  ' if held else 'FAIL'} {check}")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
