"""What is learned of a registry at the start, so that it is not needed afterwards."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connector.kafka.registry import Registry
from connector.records import schemas
from connector.records.codec import Codec
from connector.service.schema_registry import known_texts, records_of_subjects
from tests.integration.system import System
from tests.registry.confluent import NUMBER, register


@pytest.fixture
def registry(schema_registry: str) -> Iterator[Registry]:
    """Our client of the session's registry."""
    with closing(Registry({"url": schema_registry})) as registry:
        yield registry


@pytest.fixture
def subjects(tmp_path: Path, topic_prefix: str) -> dict[str, str]:
    """Record of each subject of an installation."""
    names = System(tmp_path, "127.0.0.1:1", topic_prefix).settings.topic_names
    return records_of_subjects(names, "topic_name")


def not_asked(_id: int) -> str:
    """A registry that is away."""
    pytest.fail("the registry was asked")


def test_the_current_schemas_of_all_records_are_known(
    tmp_path: Path, topic_prefix: str, schema_registry: str, registry: Registry, subjects: dict[str, str]
) -> None:
    """Of every subject, the command topics' too: a command written with it is read without the registry."""
    register(System(tmp_path, "127.0.0.1:1", topic_prefix), schema_registry)
    known = known_texts(registry, subjects)
    assert {(record, text) for (record, _), text in known.items()} >= {
        (record, schemas.schema_text(record)) for record in schemas.names()
    }
    command = {"phone_number_id": NUMBER, "type": "text"}
    for record, id_ in known:
        if record == "OutboundCommand":
            data = Codec({record: id_}).encode(record, command)
            assert Codec({}, not_asked, known).decode(record, data)["phone_number_id"] == NUMBER


def test_what_is_not_registered_is_left_out(registry: Registry, subjects: dict[str, str], topic_prefix: str) -> None:
    """A released schema counts as much as the current one."""
    old = schemas.released("DeliveryControl")[1]
    id_ = registry.register(f"{topic_prefix}whatsapp.delivery-control.v1-value", old, "FULL_TRANSITIVE")
    assert ("DeliveryControl", id_) in known_texts(registry, subjects)
    assert {record for record, _ in known_texts(registry, subjects)} == {"DeliveryControl"}


def test_a_registry_that_went_away_in_between_is_no_fault(subjects: dict[str, str]) -> None:
    """What is not known beforehand is asked for when it is needed."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with closing(Registry({"url": f"http://127.0.0.1:{port}"})) as registry:
        assert known_texts(registry, subjects) == {}
