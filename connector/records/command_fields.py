"""The fields of a command that the connector itself relies on, checked one by one."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

SOURCE_MAX = 200
PHONE_NUMBER_ID_MAX = 32
# A phone has 15 digits, a business-scoped user id about 140 characters, a group id some tens.
ADDRESS_MAX = 256
TYPE_MAX = 64

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# Earlier than 2000 is an epoch in seconds, later than 9999 one in microseconds.
_TIME_MIN_MS = 946_684_800_000
_TIME_MAX_MS = 253_402_300_799_999


class InvalidCommand(ValueError):  # noqa: N818 - the name of the dead-letter class it ends in
    """A command that can be read but not sent.

    Attributes:
        path: The member at fault.
        reason: What is wrong with it; never what it holds.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def text(value: Any, path: str, at_least: int, at_most: int) -> str | None:
    """A text, or None when it is left out.

    Raises:
        InvalidCommand: No text, or of the wrong length.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidCommand(path, "must be a string")
    if not at_least <= len(value) <= at_most:
        raise InvalidCommand(path, f"must have {at_least} to {at_most} characters, has {len(value)}")
    return value


def phone_number_id(value: Any) -> str:
    """The business phone number id.

    Raises:
        InvalidCommand: Missing, or not 1 to 32 digits.
    """
    found = text(value, "phone_number_id", 1, PHONE_NUMBER_ID_MAX)
    if found is None:
        raise InvalidCommand(path="phone_number_id", reason="is missing")
    if not (found.isascii() and found.isdigit()):
        raise InvalidCommand(path="phone_number_id", reason="must be digits")
    return found


def time_ms(value: Any, path: str) -> int | None:
    """A point in time as milliseconds since the epoch: given so, or as ISO 8601 with a zone.

    Raises:
        InvalidCommand: Neither, or outside the years 2000 to 9999.
    """
    if value is None:
        return None
    found = _iso_ms(value, path) if isinstance(value, str) else value
    if not isinstance(found, int) or isinstance(found, bool):
        raise InvalidCommand(path, "must be ISO 8601 with a zone, or whole milliseconds since the epoch")
    if not _TIME_MIN_MS <= found <= _TIME_MAX_MS:
        raise InvalidCommand(path, "is outside the years 2000 to 9999; an epoch is in milliseconds")
    return found


def on_ambiguous(value: Any) -> Literal["RESEND", "DEAD_LETTER", "DEFAULT"]:
    """The policy for sends nobody can know about; DEFAULT when it is left out.

    Raises:
        InvalidCommand: Some other word.
    """
    if value is None:
        return "DEFAULT"
    if not isinstance(value, str) or value not in ("RESEND", "DEAD_LETTER", "DEFAULT"):
        raise InvalidCommand(path="on_ambiguous", reason="must be RESEND, DEAD_LETTER or DEFAULT")
    return cast("Literal['RESEND', 'DEAD_LETTER', 'DEFAULT']", value)


def addressing(body: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """Type, ``to`` and ``recipient`` of a body.

    Raises:
        InvalidCommand: It says not what to send, or not to whom.
    """
    if "status" in body and "type" not in body:
        raise InvalidCommand(
            path="status", reason="read receipts and typing indicators are not messages and are not sent from topics"
        )
    # A body without a type is text (Meta, OpenAPI description v23.0, example of a text with a link).
    type_ = text(body.get("type"), "type", 1, TYPE_MAX) or ("text" if "text" in body else None)
    if type_ is None:
        raise InvalidCommand(path="type", reason="is missing")
    if not isinstance(body.get(type_), dict | list):
        path = type_ if type_.isascii() and type_.isidentifier() else "type"
        raise InvalidCommand(path, "the member named by type must be an object or an array")
    to = text(body.get("to"), "to", 1, ADDRESS_MAX)
    recipient = text(body.get("recipient"), "recipient", 1, ADDRESS_MAX)
    if to is None and recipient is None:
        raise InvalidCommand(path="to", reason="is missing, and so is recipient")
    return type_, to, recipient


def _iso_ms(value: str, path: str) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidCommand(path, "is not ISO 8601") from None
    if moment.tzinfo is None:
        raise InvalidCommand(path, "has no zone")
    return (moment - _EPOCH) // _MILLISECOND
