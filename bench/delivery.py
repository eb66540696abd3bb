"""Delivery's own work for one command: reading and placing it, deciding when it leaves, settling it."""

import json
from collections.abc import Callable
from random import Random

from connector.delivery.command import QueuedCommand, Settle, Source, SourceRecord, TopicPolicy, Verdict
from connector.delivery.dispatcher import Dispatcher
from connector.delivery.intake import Intake, Placement
from connector.delivery.outcomes import Destinations, OutcomeWriter
from connector.delivery.retry import RetryPolicy
from connector.records.codec import Codec
from connector.records.keys import slot_of
from connector.whatsapp.response import AttemptOutcome, Kind

COUNT = 2000
NUMBERS = [f"1065403522429{index:02d}" for index in range(40)]
TOPIC = "commands"
SLOTS = 24
CODEC = Codec()
OUTCOMES = OutcomeWriter(Destinations("outcomes", {TOPIC: "dlq.commands"}, "dlq.commands", "bench"), CODEC)
POLICY = TopicPolicy(TOPIC, burst=True)
INTAKE = Intake(Placement(SLOTS, "rerouted", frozenset({TOPIC, "rerouted"}), {TOPIC: POLICY}, POLICY), OUTCOMES, CODEC)
ACCEPTED = AttemptOutcome(Kind.ACCEPTED, "accepted", message_id="wamid.x")


def _records() -> list[SourceRecord]:
    records = []
    for index in range(COUNT):
        number = NUMBERS[index % len(NUMBERS)]
        value = json.dumps({"command_id": f"c-{index}", "phone_number_id": number, "to": f"+1650{index:07d}",
                            "type": "text", "text": {"body": "On its way"}}).encode()  # fmt: skip
        source = Source(TOPIC, slot_of(number, SLOTS), index)
        records.append(SourceRecord(source, number.encode(), value, (), 1_795_500_000_000))
    return records


RECORDS = _records()


def _take() -> list[QueuedCommand]:
    taken = [INTAKE.take(record, 1, 0.0, 1_795_500_000_000) for record in RECORDS]
    return [command for command in taken if isinstance(command, QueuedCommand)]


def intake() -> int:
    """Records to commands."""
    return len(_take())


def dispatch() -> int:
    """Commands accepted, let go at 80 messages a second and number, and accepted by the API 200 ms later."""
    dispatcher = Dispatcher(RetryPolicy(), Random(1), default_rate=80, in_flight_per_number=1000)
    now, done = 0.0, 0
    flying: list[tuple[float, QueuedCommand]] = []
    for number in NUMBERS:
        dispatcher.set_rate(number, 80, now)
    for queued in _take():
        dispatcher.accept(queued, now)
    while done < COUNT:
        flying.extend((now + 0.2, queued) for queued in dispatcher.due(now).attempts)
        while flying and flying[0][0] <= now:
            dispatcher.on_result(flying.pop(0)[1], ACCEPTED, now)
            done += 1
        now += 0.005
    return COUNT


def settle() -> int:
    """Outcomes to records."""
    effect = Settle(Verdict.ACCEPTED, "accepted", result=ACCEPTED)
    commands = _take()
    for queued in commands:
        OUTCOMES.settle(queued, effect, 1_795_500_000_000)
    return len(commands)


BENCHES: dict[str, Callable[[], int]] = {
    "command read and placed": intake,
    "command read, placed and dispatched": dispatch,
    "command read, placed and settled": settle,
}
