"""Outbound commands: from the bytes of a record to what is to be sent.

A command is Avro (an ``OutboundCommand``) or JSON, told by the first byte. A JSON command is the body one would POST to
``/messages`` plus the fields of the envelope in the same object. Checked here is only what the connector relies on; the
rest is Meta's to refuse, and members unknown here are passed on to it.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from connector.records import command_fields, command_json
from connector.records.codec import Codec, Undecodable
from connector.records.command_avro import document_of
from connector.records.command_fields import InvalidCommand
from connector.records.envelope import COMMAND_ID_MAX, OPAQUE_DATA_MAX

__all__ = ["Command", "InvalidCommand", "Undecodable", "canonical_body", "parse_command", "payload_digest"]

OnAmbiguous: TypeAlias = Literal["RESEND", "DEAD_LETTER", "DEFAULT"]

_OPAQUE = "biz_opaque_callback_data"
# Made once: ``json.dumps`` makes an encoder for each call that has options.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Command:
    """One message to be sent.

    Attributes:
        command_id: Identity within the phone number, 1 to 100 characters; None: the caller takes the place in Kafka.
        phone_number_id: Business phone number to send from, digits.
        body: What is POSTed to Meta, ``messaging_product`` included, ``biz_opaque_callback_data`` not.
        to: Phone or group; as given.
        recipient: Business-scoped user id. When ``to`` is there too, Meta goes by ``to``.
        type: Kind, as Meta names it.
        opaque_data: The caller's own data, 300 characters at most.
        not_before_ms: Send no earlier; milliseconds since the epoch.
        expires_at_ms: Send no later; milliseconds since the epoch.
        on_ambiguous: What to do when nobody can know whether it was sent.
        source: System that asks.
        created_at_ms: When the command was made; milliseconds since the epoch.
    """

    command_id: str | None
    phone_number_id: str
    body: dict[str, Any]
    to: str | None
    recipient: str | None
    type: str
    opaque_data: str | None
    not_before_ms: int | None
    expires_at_ms: int | None
    on_ambiguous: OnAmbiguous
    source: str | None
    created_at_ms: int | None


def parse_command(value: bytes | None, codec: Codec) -> Command:
    """The command in the value of a record.

    Raises:
        Undecodable: The bytes are neither Avro nor JSON that can be read.
        InvalidCommand: They are, but no command.
    """
    if not value:
        message = "the record has no value"
        raise Undecodable(message)
    if value.startswith(b"{"):
        return _command(command_json.value_of(value))  # an object: it starts with a brace
    return _command(document_of(codec.decode("OutboundCommand", value)))


def canonical_body(body: dict[str, Any]) -> bytes:
    """A body as compact JSON in UTF-8, members sorted: one text for one content.

    Numbers keep their value, whatever their size: it may be POSTed as it is.

    Raises:
        ValueError: A number is infinite or none, or a text is no Unicode.
    """
    return _canonical(body).encode("utf-8")


def payload_digest(command: Command) -> str:
    """SHA-256, in hex, of the canonical body with the caller's own data in it."""
    body = command.body if command.opaque_data is None else {**command.body, _OPAQUE: command.opaque_data}
    return hashlib.sha256(canonical_body(body)).hexdigest()


def _command(document: dict[str, Any]) -> Command:
    """Takes the fields of the envelope out of the document; what is left is Meta's."""
    body = {name: value for name, value in document.items() if value is not None}
    type_, to, recipient = command_fields.addressing(body)
    command = Command(
        command_id=command_fields.text(body.pop("command_id", None), "command_id", 1, COMMAND_ID_MAX),
        phone_number_id=command_fields.phone_number_id(body.pop("phone_number_id", None)),
        body=body,
        to=to,
        recipient=recipient,
        type=type_,
        opaque_data=command_fields.text(body.pop(_OPAQUE, None), _OPAQUE, 0, OPAQUE_DATA_MAX),
        not_before_ms=command_fields.time_ms(body.pop("not_before", None), "not_before"),
        expires_at_ms=command_fields.time_ms(body.pop("expires_at", None), "expires_at"),
        on_ambiguous=command_fields.on_ambiguous(body.pop("on_ambiguous", None)),
        source=command_fields.text(body.pop("source", None), "source", 1, command_fields.SOURCE_MAX),
        created_at_ms=command_fields.time_ms(body.pop("created_at", None), "created_at"),
    )
    body |= {"messaging_product": "whatsapp", "type": type_}
    return command
