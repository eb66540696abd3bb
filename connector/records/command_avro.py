"""An Avro ``OutboundCommand`` as the document a JSON command would be."""

import math
from typing import Any

from connector.records import command_json
from connector.records.codec import Undecodable
from connector.records.command_fields import InvalidCommand

_ENVELOPE = (
    "command_id",
    "phone_number_id",
    "not_before",
    "expires_at",
    "on_ambiguous",
    "source",
    "created_at",
)
# These members have the very shape of Meta's.
_AS_THEY_ARE = (
    "to",
    "recipient",
    "recipient_type",
    "type",
    "context",
    "text",
    "image",
    "audio",
    "video",
    "document",
    "sticker",
    "contacts",
    "location",
    "reaction",
)


def document_of(record: dict[str, Any]) -> dict[str, Any]:
    """The body for Meta with the fields of the envelope in it.

    Raises:
        InvalidCommand: A member that holds JSON does not hold it, or a coordinate is no number.
    """
    document = _body(record)
    if record["message_json"] is not None:
        document |= _json(record["message_json"], "message_json", dict)
    # The envelope is the record's, whatever a copied body brings along.
    document |= {name: record[name] for name in _ENVELOPE}
    if record["opaque_data"] is not None:
        document["biz_opaque_callback_data"] = record["opaque_data"]
    return document


def _body(record: dict[str, Any]) -> dict[str, Any]:
    body = {name: _filled(record[name]) for name in _AS_THEY_ARE if record[name] is not None}
    if "location" in body and not all(math.isfinite(record["location"][axis]) for axis in ("latitude", "longitude")):
        raise InvalidCommand(path="location", reason="a coordinate is no number")
    if record["template"] is not None:
        body["template"] = _template(record["template"])
    if record["interactive"] is not None:
        body["interactive"] = _interactive(record["interactive"])
    return body


def _template(record: dict[str, Any]) -> dict[str, Any]:
    language = {"code": record["language_code"], "policy": record["language_policy"]}
    return _present(
        {
            "name": record["name"],
            "language": _present(language),
            "components": _json(record["components_json"], "template.components_json", list),
        }
    )


def _interactive(record: dict[str, Any]) -> dict[str, Any]:
    return _present(
        {
            "type": record["type"],
            "header": _json(record["header_json"], "interactive.header_json", dict),
            "body": _text_part(record["body_text"]),
            "footer": _text_part(record["footer_text"]),
            "action": _json(record["action_json"], "interactive.action_json", dict),
        }
    )


def _text_part(text: str | None) -> dict[str, str] | None:
    return None if text is None else {"text": text}


def _json(text: str | None, path: str, kind: type) -> Any:
    if text is None:
        return None
    try:
        value = command_json.value_of(text)
    except Undecodable as error:
        raise InvalidCommand(path, str(error)) from None
    if not isinstance(value, kind):
        raise InvalidCommand(path, "must be a JSON array" if kind is list else "must be a JSON object")
    return value


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _filled(value: Any) -> Any:
    """A value without what a record must have and JSON leaves out: nulls, and empty arrays."""
    if isinstance(value, dict):
        return {name: _filled(item) for name, item in value.items() if item is not None and item != []}
    if isinstance(value, list):
        return [_filled(item) for item in value]
    return value
