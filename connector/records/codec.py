"""Records to bytes and back: Avro's single-object encoding, or the wire format of Confluent's schema registry.

Single-object encoding is ``C3 01``, the CRC-64-AVRO fingerprint of the writer's schema (8 bytes, little-endian) and the
Avro body (Avro 1.12 specification, "Single-object encoding"). The registry's format is ``00``, the schema's id (4
bytes, big-endian) and the body. Both are read, told apart by their first bytes; times are milliseconds both ways.
"""

import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, NamedTuple, cast

from fastavro import schemaless_reader

from connector.records import schemas
from connector.records.encoder import Encode, encoder
from connector.records.writer_schemas import UnsafeSchemaError, fingerprint, parse

_SINGLE_OBJECT = b"\xc3\x01"
_REGISTRY = b"\x00"
_FINGERPRINT_END = 10
_ID_END = 5
# Ids come from outside, and each one that the registry knows is kept: as a parsed schema, or as the reason why it
# cannot be read with. A topic has a handful of writers.
_FETCHED_MAX = 256


class Undecodable(ValueError):  # noqa: N818 - the name of the dead-letter class it ends in
    """These bytes are no record, or no record that can be read here."""


class Unencodable(ValueError):  # noqa: N818 - the counterpart of Undecodable
    """This mapping does not fit the schema."""


class _Reader(NamedTuple):
    """How to read what one writer wrote."""

    writer: Any
    # None when the writer has the current schema: then nothing is to be resolved.
    reader: Any | None


class Codec:
    """Encodes with the current schemas; decodes what any known writer wrote.

    Args:
        ids: Registry id of the current schema of each record that is encoded. Given: the registry's format is written;
            None: single-object encoding.
        fetch: Text of the schema with a registry id. A ``LookupError`` says that there is none; anything else it raises
            is passed on, for a registry out of reach says nothing about the bytes.
        known: Text of a schema by record and registry id, of writers for which nothing is to be fetched.
    """

    def __init__(
        self,
        ids: Mapping[str, int] | None = None,
        fetch: Callable[[int], str] | None = None,
        known: Mapping[tuple[str, int], str] | None = None,
    ) -> None:
        self._fetch = fetch
        self._current = {name: parse(schemas.schema_text(name)) for name in schemas.names()}
        self._encoders = {name: encoder(schema) for name, schema in self._current.items()}
        self._known = {name: self._released(name) for name in schemas.names()}
        self._by_id = {(name, id_): self._reader_of(name, text) for (name, id_), text in (known or {}).items()}
        self._by_id |= {(name, id_): _Reader(self._current[name], None) for name, id_ in (ids or {}).items()}
        self._fetched: dict[tuple[str, int], _Reader | str] = {}
        if ids is None:
            self._prefixes = {name: _SINGLE_OBJECT + fingerprint(schemas.schema_text(name)) for name in schemas.names()}
        else:
            self._prefixes = {name: _REGISTRY + id_.to_bytes(4, "big") for name, id_ in ids.items()}

    def encode(self, name: str, record: Mapping[str, Any]) -> bytes:
        """The bytes of a record.

        Halves of a surrogate pair, which JSON can carry and UTF-8 cannot, become U+FFFD.

        Raises:
            KeyError: There is no record of that name, or no registry id for it.
            Unencodable: The record does not fit its schema.
        """
        prefix, encode = self._prefixes[name], self._encoders[name]
        try:
            try:
                return _encode(prefix, encode, record)
            except UnicodeEncodeError:
                return _encode(prefix, encode, _without_surrogates(record))
        except (ValueError, TypeError, AttributeError, OverflowError, KeyError, struct.error) as error:
            message = f"{name}: {type(error).__name__}"
            raise Unencodable(message) from error

    def decode(self, name: str, data: bytes) -> dict[str, Any]:
        """The record in some bytes, with every field of the current schema.

        Raises:
            Undecodable: The bytes are truncated, have a tail, or are of no known schema or format.
        """
        reader, start = self._reader(name, data)
        body = BytesIO(data)
        body.seek(start)
        try:
            record = schemaless_reader(body, reader.writer, reader.reader)
        except Exception as error:
            # fastavro checks little and raises what its compiled code runs into; hostile bytes find all of it.
            message = f"{name}: {type(error).__name__} in the body"
            raise Undecodable(message) from error
        if body.tell() != len(data):
            message = f"{name}: {len(data) - body.tell()} bytes after the record"
            raise Undecodable(message)
        return cast("dict[str, Any]", record)

    def _reader(self, name: str, data: bytes) -> tuple[_Reader, int]:
        if data.startswith(_SINGLE_OBJECT) and len(data) >= _FINGERPRINT_END:
            return self._reader_by_fingerprint(name, data[2:_FINGERPRINT_END]), _FINGERPRINT_END
        if data.startswith(_REGISTRY) and len(data) >= _ID_END:
            return self._reader_by_id(name, _registry_id(data)), _ID_END
        message = f"{name}: neither single-object encoding nor the registry's format"
        raise Undecodable(message)

    def _reader_by_fingerprint(self, name: str, print_: bytes) -> _Reader:
        try:
            return self._known[name][print_]
        except KeyError:
            message = f"{name}: no schema has the fingerprint {print_.hex()}"
            raise Undecodable(message) from None

    def _reader_by_id(self, name: str, id_: int) -> _Reader:
        found = self._by_id.get((name, id_)) or self._fetched.get((name, id_))
        if found is None:
            found = self._fetch_reader(name, id_)
            if len(self._fetched) >= _FETCHED_MAX:
                self._fetched.clear()
            self._fetched[name, id_] = found
        if isinstance(found, str):
            raise Undecodable(found)
        return found

    def _fetch_reader(self, name: str, id_: int) -> _Reader | str:
        """How to read what was written with a schema, or why that cannot be done; both hold for ever."""
        if self._fetch is None:
            return f"{name}: schema id {id_}, but no schema registry is configured"
        try:
            return self._reader_of(name, self._fetch(id_))
        except LookupError as error:
            message = f"{name}: the schema registry has no schema {id_}"
            raise Undecodable(message) from error
        except UnsafeSchemaError as error:
            return f"{name}: schema {id_}: {error}"

    def _reader_of(self, name: str, text: str) -> _Reader:
        current = self._current[name]
        return _Reader(current, None) if text == schemas.schema_text(name) else _Reader(parse(text), current)

    def _released(self, name: str) -> dict[bytes, _Reader]:
        texts = (*schemas.released(name).values(), schemas.schema_text(name))
        return {fingerprint(text): self._reader_of(name, text) for text in texts}


def _registry_id(data: bytes) -> int:
    return int.from_bytes(data[1:_ID_END], "big")


def _encode(prefix: bytes, encode: Encode, record: Mapping[str, Any]) -> bytes:
    return prefix + b"".join(encode(record))


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {key: _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value
