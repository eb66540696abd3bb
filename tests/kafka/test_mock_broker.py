"""The embedded broker of the demo serves clients of other processes as a broker would, within its limits."""

import subprocess
import sys

from confluent_kafka.admin import AdminClient

from connector.kafka.mock_broker import PARTITIONS, MockBroker
from connector.kafka.topics import TopicAdmin
from tests.kafka.members import fill, unique
from tests.kafka.test_producer import records_of

FOREIGN = """
import sys
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": sys.argv[1]})
producer.produce(sys.argv[2], b"from another process")
sys.exit(producer.flush(20))
"""


def test_topics_have_as_many_partitions_as_it_says() -> None:
    """Those that were made, and those that came into being."""
    broker = MockBroker()
    broker.create(["made", "made too"])
    counts = TopicAdmin({"bootstrap.servers": broker.bootstrap}).partitions()
    assert counts == {"made": PARTITIONS, "made too": PARTITIONS}
    found = AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics("named", timeout=10)
    assert len(found.topics["named"].partitions) == PARTITIONS


def test_records_come_back() -> None:
    """Of each partition, in order."""
    broker, topic = MockBroker(), unique("topic")
    broker.create([topic])
    written = fill(broker.bootstrap, topic, PARTITIONS, 5)
    found = records_of(broker.bootstrap, topic, len(written))
    assert {(topic, message.partition(), message.offset()) for message in found} == written


def test_other_processes_may_connect() -> None:
    """The demo's roles are such."""
    broker, topic = MockBroker(), unique("topic")
    broker.create([topic])
    command = [sys.executable, "-c", FOREIGN, broker.bootstrap, topic]
    subprocess.run(command, check=True, timeout=60)  # noqa: S603 - our own words
    assert [message.value() for message in records_of(broker.bootstrap, topic, 1)] == [b"from another process"]


def test_two_brokers_have_nothing_in_common() -> None:
    """Each has its own address and its own topics."""
    first, second = MockBroker(), MockBroker()
    first.create(["only here"])
    assert first.bootstrap != second.bootstrap
    assert "only here" not in TopicAdmin({"bootstrap.servers": second.bootstrap}).partitions()
