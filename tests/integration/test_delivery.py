"""The delivery role as a process, on a real broker, against the simulator's own clock."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message, Producer

from connector.records.codec import Codec
from connector.simulator.client import SimulatorClient
from connector.simulator.settings import LatencySettings, NumberSettings, Settings
from tests.fixtures.apache_kafka import free_port
from tests.integration.system import ACCESS_TOKEN, SLOTS, Enough, System, read_committed

NUMBERS = [f"10654035224292{index}" for index in range(4)]
COMMANDS = 2000


@pytest.fixture
def cloud_api_settings() -> Settings:
    """Four numbers of 80 messages a second that answer in 200 ms."""
    return Settings(
        access_tokens=(ACCESS_TOKEN,),
        numbers=tuple(NumberSettings(id=number, level="STANDARD") for number in NUMBERS),
        latency=LatencySettings(median_ms=200.0),
        seed=1,
    )


@pytest.fixture
def system(tmp_path: Path, kafka_bootstrap: str, topic_prefix: str, cloud_api_simulator: SimulatorClient) -> System:
    """An installation whose Cloud API is the simulator."""
    system = System(tmp_path, kafka_bootstrap, topic_prefix)
    system.use_cloud_api(cloud_api_simulator.base_url)
    system.create_topics()
    return system


def _command(command_id: str, number: str, to: str) -> bytes:
    return json.dumps({
        "command_id": command_id, "phone_number_id": number, "to": to, "type": "text", "text": {"body": "Hello"},
    }).encode()  # fmt: skip


def _producer(bootstrap: str) -> Producer:
    return Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})


def _good() -> list[tuple[str, bytes]]:
    return [
        (number := NUMBERS[index % 4], _command(f"good-{index}", number, f"+1650555{index:04d}"))
        for index in range(COMMANDS)
    ]


def _bad() -> list[tuple[str, bytes]]:
    """A hundred that end as dead letters: undecodable, invalid, refused, undeliverable."""
    bad: list[tuple[str, bytes]] = []
    for index in range(25):
        number = NUMBERS[index % 4]
        bad += [
            (number, b"\xff\x00 neither Avro nor JSON %d" % index),
            (
                number,
                json.dumps({"command_id": f"invalid-{index}", "phone_number_id": number, "type": "text"}).encode(),
            ),
            (number, _command(f"refused-{index}", number, "+9990131047")),
            (number, _command(f"undeliverable-{index}", number, f"+{index + 1}9990131026")),
        ]
    return bad


def _outcomes(records: list[Message], topic: str) -> dict[str, list[dict[str, Any]]]:
    codec = Codec()
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        if record.topic() == topic:
            outcome = codec.decode("DeliveryOutcome", record.value() or b"")
            found.setdefault(outcome["command_id"], []).append(outcome)
    return found


def _rate_after_first_second(requests: list[dict[str, Any]]) -> float:
    times = [float(request["at_s"]) for request in requests]
    late = [at for at in times if at >= times[0] + 1.0]
    return (len(late) - 1) / (late[-1] - late[0])


@pytest.mark.alone
@pytest.mark.timeout(120)
def test_four_numbers_at_full_speed_beside_faulty_commands(
    system: System, cloud_api_simulator: SimulatorClient
) -> None:
    """2,000 commands for 4 numbers of 80/s leave once each, at 95 % of the limit; 100 bad ones delay nobody."""
    names = system.settings.topic_names
    crm, _ = names.commands
    good, bad = _good(), _bad()
    producer = _producer(system.bootstrap)
    for index, (key, value) in enumerate(good):
        producer.produce(crm, value, key)
        if index % 20 == 0:
            bad_key, bad_value = bad[index // 20]
            producer.produce(crm, bad_value, bad_key, headers={"traceparent": "x", "mine": b"\x00"})
    producer.flush()
    with system.running("delivery") as worker:
        topics = [names.delivery_outcomes, names.dead_letters_of(crm)]
        records = read_committed(system.bootstrap, topics, Enough(COMMANDS + 2 * len(bad)), timeout_s=90)
        assert worker.terminate() == 0

    outcomes = _outcomes(records, names.delivery_outcomes)
    assert len(outcomes) == COMMANDS + len(bad)
    assert all(len(repeats) == 1 for repeats in outcomes.values())
    kinds = Counter((found[0]["outcome"], (found[0]["error"] or {}).get("class")) for found in outcomes.values())
    assert kinds == {
        ("ACCEPTED", None): COMMANDS,
        ("DEAD_LETTERED", "undecodable"): 25,
        ("DEAD_LETTERED", "invalid"): 25,
        ("DEAD_LETTERED", "refused"): 25,
        ("DEAD_LETTERED", "undeliverable"): 25,
    }

    summary = cloud_api_simulator.summary()
    for number in NUMBERS:
        seen = summary["numbers"][number]
        accepted = cloud_api_simulator.requests(number=number, code=0)
        rate = _rate_after_first_second(accepted)
        print(f"{number}: {rate:.1f}/s after the first second, sliding maximum {seen['requests_max_1s']}")  # noqa: T201 - the figures of the claim
        assert seen["accepted"] == COMMANDS // 4
        assert seen["number_limit_violations"] == 0
        assert seen["pair_violations"] == 0
        assert rate >= 0.95 * 80

    _check_dead_letters(records, names.dead_letters_of(crm), bad)


def _check_dead_letters(records: list[Message], topic: str, bad: list[tuple[str, bytes]]) -> None:
    letters = [record for record in records if record.topic() == topic]
    assert sorted(letter.value() or b"" for letter in letters) == sorted(value for _, value in bad)
    for letter in letters:
        headers = dict(letter.headers() or [])
        assert headers["mine"] == b"\x00"
        assert headers["wa.dlq.class"] in {b"undecodable", b"invalid", b"refused", b"undeliverable"}
        assert headers["wa.dlq.code"]
        assert headers["wa.dlq.redrive-count"] == b"0"
        if headers["wa.dlq.class"] == b"undeliverable":
            assert headers["wa.dlq.code"] == b"131026"
            assert headers["wa.dlq.http-status"] == b"400"
            assert headers["wa.dlq.fbtrace-id"]


def test_a_stop_and_a_start_lose_and_repeat_nothing(system: System, cloud_api_simulator: SimulatorClient) -> None:
    """SIGTERM in the middle of the work: what left is committed, the rest leaves after the restart, each once."""
    names = system.settings.topic_names
    producer = _producer(system.bootstrap)
    for index in range(400):
        producer.produce(names.commands[0], _command(f"c-{index}", NUMBERS[0], f"+1650556{index:04d}"), NUMBERS[0])
    producer.flush()
    with system.running("delivery") as worker:
        read_committed(system.bootstrap, [names.delivery_outcomes], Enough(100))
        assert worker.terminate() == 0
    sent_before = cloud_api_simulator.summary()["accepted"]
    assert 100 <= sent_before < 400
    with system.running("delivery") as worker:
        records = read_committed(system.bootstrap, [names.delivery_outcomes], Enough(400))
        assert worker.terminate() == 0
    outcomes = _outcomes(records, names.delivery_outcomes)
    assert sorted(outcomes) == sorted(f"c-{index}" for index in range(400))
    assert all(len(repeats) == 1 for repeats in outcomes.values())
    assert cloud_api_simulator.summary()["accepted"] == 400


def test_two_workers_share_the_slots_and_hand_them_over(system: System, cloud_api_simulator: SimulatorClient) -> None:
    """A second worker joins and leaves under load: every command has one outcome and left once."""
    names = system.settings.topic_names
    producer = _producer(system.bootstrap)
    for index in range(1200):
        number = NUMBERS[index % 4]
        producer.produce(names.commands[0], _command(f"c-{index}", number, f"+1650557{index:04d}"), number)
    producer.flush()
    with system.running("delivery") as first, system.running("delivery", admin_port=free_port()) as second:
        first.wait_ready()
        second.wait_ready()
        read_committed(system.bootstrap, [names.delivery_outcomes], Enough(600))
        assert second.terminate() == 0
        records = read_committed(system.bootstrap, [names.delivery_outcomes], Enough(1200))
        assert first.terminate() == 0
    outcomes = _outcomes(records, names.delivery_outcomes)
    assert len(outcomes) == 1200
    assert all(len(repeats) == 1 for repeats in outcomes.values())
    assert cloud_api_simulator.summary()["accepted"] == 1200


def test_a_misplaced_command_is_forwarded_home_once(system: System, cloud_api_simulator: SimulatorClient) -> None:
    """Commands on wrong partitions are sent all the same, and their outcome names the place they were written to."""
    names = system.settings.topic_names
    producer = Producer({"bootstrap.servers": system.bootstrap})
    for partition in range(SLOTS):
        producer.produce(
            names.commands[1], _command(f"m-{partition}", NUMBERS[0], f"+165055800{partition}"), partition=partition
        )
    producer.flush()
    with system.running("delivery") as worker:
        records = read_committed(
            system.bootstrap, [names.delivery_outcomes, names.rerouted_commands], Enough(2 * SLOTS - 1)
        )
        assert worker.terminate() == 0
    outcomes = _outcomes(records, names.delivery_outcomes)
    assert {found[0]["source"]["partition"] for found in outcomes.values()} == set(range(SLOTS))
    assert {found[0]["source"]["topic"] for found in outcomes.values()} == {names.commands[1]}
    rerouted = [record for record in records if record.topic() == names.rerouted_commands]
    assert len(rerouted) == SLOTS - 1
    assert {record.partition() for record in rerouted} == {outcome_partition(records, names.delivery_outcomes)}
    assert cloud_api_simulator.summary()["accepted"] == SLOTS


def outcome_partition(records: list[Message], topic: str) -> int | None:
    """The one partition all outcomes are on."""
    (partition,) = {record.partition() for record in records if record.topic() == topic}
    return partition
