"""The schema registry: which id a schema has, and which schema an id."""

from collections.abc import Mapping
from typing import Any

import structlog
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

log = structlog.get_logger()

_NOT_FOUND = 404


class RegistryUnavailableError(Exception):
    """The registry did not answer; trying again later makes sense."""


class SchemaNotRegisteredError(Exception):
    """The registry does not know a schema that is to be written; the message says what to run."""


class Registry:
    """Calls block: use it off the event loop. ``config`` has the names of Confluent's client."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._client = SchemaRegistryClient(dict(config))

    def id_of(self, subject: str, schema_text: str) -> int:
        """Id of a schema under its subject.

        Raises:
            SchemaNotRegisteredError: it has none there.
            RegistryUnavailableError: no answer.
        """
        try:
            found = self._client.lookup_schema(subject, Schema(schema_text, "AVRO"))
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                message = f"{subject}: this schema is not registered; run `connector schemas register` first"
                raise SchemaNotRegisteredError(message) from None
            raise RegistryUnavailableError(str(error)) from error
        except Exception as error:  # the client lets its HTTP library's errors through, and which library changes
            raise RegistryUnavailableError(repr(error)) from error
        return int(found.schema_id or 0)

    def schema_of(self, schema_id: int) -> str:
        """Text of the schema with an id.

        Raises:
            LookupError: there is none.
            RegistryUnavailableError: no answer.
        """
        try:
            return str(self._client.get_schema(schema_id).schema_str)
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND:
                message = f"schema id {schema_id} is unknown to the registry"
                raise LookupError(message) from None
            raise RegistryUnavailableError(str(error)) from error
        except Exception as error:  # see id_of
            raise RegistryUnavailableError(repr(error)) from error
