"""Commands of the command line read what roles write with a registry."""

from contextlib import ExitStack, closing

from connector.config import settle
from connector.kafka.registry import Registry
from connector.operations.reading import reading_codec
from connector.records import schemas
from connector.records.codec import Codec


def test_records_in_the_registrys_format_are_read(schema_registry: str) -> None:
    """The schema is fetched by the id that a record names; single-object encoding is read as well."""
    with closing(Registry({"url": schema_registry})) as registry:
        id_ = registry.register("cli-reading-value", schemas.schema_text("DeliveryControl"), "FULL_TRANSITIVE")
    with ExitStack() as stack:
        codec = reading_codec(settle({"schema_registry": {"url": schema_registry}}, []), stack.callback)
        record = {"scope": "number:1", "actor": "a", "action": "HOLD", "at": 1}
        for written in (Codec({"DeliveryControl": id_}), Codec()):
            assert codec.decode("DeliveryControl", written.encode("DeliveryControl", record))["scope"] == "number:1"
