"""What is demanded of the ledger: what it adds to an idle send, and how soon a slot works again after a kill."""

import argparse
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from confluent_kafka import Message, Producer

from bench.delivery_figures import Result, quantile
from bench.delivery_stage import CLOCK, READY_WITHIN_S, Place, Stage, pause
from connector.records.codec import Codec
from connector.records.types import DeliveryAttempt
from tests.chaos.commands import numbers_of_slots
from tests.chaos.processes import Node

IDLE: Final = 300
IDLE_EVERY_S: Final = 0.05
UNSETTLED: Final = 100_000
OLD_ATTEMPTS: Final = 300_000
OLD_MS: Final = 6 * 86_400_000
POINTED_AFTER_S: Final = 65.0
"""The worker moves its pointer into the attempts once a minute."""
TAKEOVER_S: Final = 10.0
TAKEN_WITHIN_S: Final = 120.0
MEDIAN_MS: Final = 5.0
TAIL_MS: Final = 25.0


def latency(place: Place, options: argparse.Namespace) -> Result:
    """Single commands for an idle worker: from produced to on the wire, beside an acknowledgement of that broker."""
    result = Result("latency")
    number = numbers_of_slots([0], 6)[0]
    stage = Stage(place, {number: 1000}, 6)
    produced: dict[str, float] = {}
    acknowledged: dict[str, float] = {}
    producer = Producer(
        {"bootstrap.servers": place.bootstrap, "linger.ms": 0, "partitioner": "murmur2_random", "acks": "all",
         "enable.idempotence": True, "log_level": 0}
    )  # fmt: skip

    def send(name: str) -> None:
        def on_delivery(_: Any, __: Message) -> None:
            acknowledged[name] = CLOCK.monotonic()

        value = {"command_id": name, "phone_number_id": number, "to": f"+1650{len(produced):08d}", "type": "text"}
        produced[name] = CLOCK.monotonic()
        text = {**value, "text": {"body": "On its way"}}
        producer.produce(stage.topics[0], json.dumps(text).encode(), number, on_delivery=on_delivery)
        while name not in acknowledged:
            producer.poll(0.05)

    try:
        stage.open()
        stage.start_workers(1)
        for index in range((options.count or IDLE) + 20):
            send(f"c{index}")
            pause(IDLE_EVERY_S)
        stage.until("all are sent", lambda: stage.accepted([number]) == len(produced), READY_WITHIN_S)
        arrived = {found.command: found.at_s for found in stage.sends()}
    finally:
        stage.close()
    measured = list(produced)[20:]  # without the first ones: connections are made
    acks = [(acknowledged[name] - produced[name]) * 1000 for name in measured]
    waits = [(arrived[name] - produced[name]) * 1000 for name in measured]
    result.figures |= {
        "commands": len(measured),
        "acknowledged, ms (p50, p99)": [round(quantile(acks, share), 2) for share in (0.5, 0.99)],
        "on the wire, ms (p50, p99)": [round(quantile(waits, share), 2) for share in (0.5, 0.99)],
    }
    result.require("p50 within an acknowledgement and 5 ms", quantile(waits, 0.5) <= quantile(acks, 0.5) + MEDIAN_MS)
    result.require("p99 within an acknowledgement and 25 ms", quantile(waits, 0.99) <= quantile(acks, 0.99) + TAIL_MS)
    return result


def takeover(place: Place, options: argparse.Namespace) -> Result:
    """A slot with 100,000 unsettled commands and days of attempts: its worker is killed, and another one starts."""
    result = Result("takeover")
    count = options.count or UNSETTLED
    number = numbers_of_slots([0], 1)[0]
    stage = Stage(place, {number: 20}, 1, {"session_timeout_s": 10})
    try:
        stage.open()
        old = _write_old_attempts(stage, number, OLD_ATTEMPTS * count // UNSETTLED)
        stage.produce(stage.topics[0], ((number, f"1650{n:08d}", f"c{n}") for n in range(count)))
        stage.flush()
        stage.start_workers(1)
        first = stage.workers[0]
        stage.until("the first worker sends", lambda: stage.accepted([number]) > 0, TAKEN_WITHIN_S)
        pause(POINTED_AFTER_S)
        first.kill()
        killed_s = CLOCK.wall_ms() / 1000
        sent = stage.accepted([number])
        stage.start_workers(1)
        second = stage.workers[1]
        stage.until("the second worker sends", lambda: stage.accepted([number]) > sent, TAKEN_WITHIN_S)
        assigned, read, started = (_first(second, event) for event in ("assigned", "past_read", "slot_started"))
    finally:
        stage.close()
    result.figures |= {
        "unsettled commands": count - sent,
        "attempts of days ago": old,
        "from the kill to the assignment (detection), s": round(_seconds(assigned) - killed_s, 2),
        "from the assignment to ready, s": round(_seconds(started) - _seconds(assigned), 2),
        "records read": read.get("records", 0),
        "bytes read": read.get("bytes", 0),
        "open attempts": started.get("open", 0),
    }
    ready_s = _seconds(started) - _seconds(assigned)
    result.require("ready in under 10 s from the assignment", ready_s < TAKEOVER_S)
    return result


def _write_old_attempts(stage: Stage, number: str, count: int) -> int:
    """A held number's last week: attempts that are settled, and that nobody needs any more."""
    topic, codec, wall_ms = stage.system.settings.topic_names.delivery_attempts, Codec(), CLOCK.wall_ms()
    for index in range(count):
        at_ms = wall_ms - OLD_MS + index
        record: DeliveryAttempt = {
            "command_id": f"old-{index}", "attempt": 1, "phase": "ENDED", "result": "throttled",
            "phone_number_id": number, "recipient_digest": f"{index:016x}", "at": at_ms,
            "source": {"topic": "gone", "partition": 0, "offset": index},
        }  # fmt: skip
        stage.put(topic, codec.encode("DeliveryAttempt", record), number, partition=0, timestamp_ms=at_ms)
    stage.flush()
    return count


def _events(node: Node) -> Iterator[dict[str, Any]]:
    for line in node.log.read_text().splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def _first(node: Node, word: str) -> dict[str, Any]:
    return next(line for line in _events(node) if line["event"] == f"delivery.{word}")


def _seconds(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()
