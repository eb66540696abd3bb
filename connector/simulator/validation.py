"""A request body in, a message to send or the reason of its refusal out.

Source: Meta, send messages and business-scoped user ids pages, 2026-09-11 and 2026-03.
"""

import re
from typing import Any, NamedTuple

import msgspec

from connector.simulator.contents import CONTENTS, GROUP_TYPES
from connector.simulator.errors import Refusal
from connector.simulator.rules import (
    INVALID_PARAMETER,
    INVALID_VALUE,
    IS_REQUIRED,
    MISSING,
    UNSUPPORTED_TYPE,
    Object,
    OneOf,
    Rule,
    Text,
    Violation,
    flag,
)

CALLBACK_DATA_MAX = 512
_NOT_DIGITS = str.maketrans("", "", "+ -()")
_PHONE = re.compile(r"[1-9][0-9]{4,14}")
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_ENVELOPE: dict[str, Rule] = {
    "biz_opaque_callback_data": Text(CALLBACK_DATA_MAX, shortest=0, code=INVALID_PARAMETER),
    "context": Object(required={"message_id": Text()}),
}
_READ = Object(
    required={"message_id": Text(), "status": OneOf(("read",))},
    optional={"typing_indicator": Object(required={"type": OneOf(("text",))})},
)
_MARKETING: dict[str, Rule] = {
    "product_policy": OneOf(("CLOUD_API_FALLBACK", "STRICT"), code=INVALID_PARAMETER),
    "message_activity_sharing": flag,
}
ONLY_MARKETING = 131055


class Recipient(NamedTuple):
    """Who a message goes to.

    Attributes:
        kind: ``phone``, ``group`` or ``user``.
        given: as written in the request.
        id: digits of the phone, or the group id, or the business-scoped user id.
    """

    kind: str
    given: str
    id: str


class Message(NamedTuple):
    """A message that keeps every rule about its form."""

    type: str
    recipient: Recipient
    callback_data: str | None
    content: Any
    reply_to: str | None


class ReadReceipt(NamedTuple):
    """A request that marks an inbound message as read, maybe with a typing indicator."""

    message_id: str
    typing: bool


def read_request(payload: bytes, *, marketing: bool = False) -> Message | ReadReceipt | Refusal:
    """Check one body of ``POST /{number}/messages``, or of ``/marketing_messages``.

    Args:
        payload: the body's bytes.
        marketing: the stricter rules of the marketing endpoint.
    """
    try:
        body = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return Refusal(INVALID_PARAMETER, "The request body is not valid JSON.")
    try:
        return _read(body, marketing=marketing)
    except Violation as violation:
        return Refusal(violation.code, violation.details)


def _read(body: Any, *, marketing: bool) -> Message | ReadReceipt:
    if not isinstance(body, dict):
        raise Violation(INVALID_PARAMETER, "must be a JSON object.")
    if body.get("messaging_product") != "whatsapp":
        reason = "must be whatsapp." if "messaging_product" in body else IS_REQUIRED
        raise Violation(INVALID_PARAMETER, reason, "messaging_product")
    if "status" in body and not marketing:
        _READ(body)
        return ReadReceipt(body["message_id"], typing="typing_indicator" in body)
    recipient = _recipient(body)
    kind = _type(body, recipient, marketing=marketing)
    for name, rule in _ENVELOPE.items():
        if name in body:
            _check(rule, name, body[name])
    if kind not in body:
        raise Violation(MISSING, f"is required for type {kind}.", kind)
    _check(CONTENTS[kind], kind, body[kind])
    if kind == "reaction" and "context" in body:
        raise Violation(INVALID_VALUE, "is not allowed with a reaction.", "context")
    reply_to = body["context"]["message_id"] if "context" in body else None
    return Message(kind, recipient, body.get("biz_opaque_callback_data"), body[kind], reply_to)


def _type(body: dict[str, Any], recipient: Recipient, *, marketing: bool) -> str:
    """The message type; Meta takes a missing one for text."""
    kind = body.get("type", "text")
    if not isinstance(kind, str) or kind not in CONTENTS:
        raise Violation(UNSUPPORTED_TYPE, f"must be one of {{{', '.join(CONTENTS)}}}.", "type")
    if recipient.kind == "group" and kind not in GROUP_TYPES:
        raise Violation(UNSUPPORTED_TYPE, f"{kind} cannot be sent to a group.", "type")
    if kind == "pin" and recipient.kind != "group":
        raise Violation(UNSUPPORTED_TYPE, "pin is for groups only.", "type")
    if marketing:
        _marketing_rules(body, kind, recipient)
    return kind


def _marketing_rules(body: dict[str, Any], kind: str, recipient: Recipient) -> None:
    if kind != "template" or recipient.kind == "group":
        raise Violation(ONLY_MARKETING, "must be template, sent to one person, on this endpoint.", "type")
    for name, rule in _MARKETING.items():
        if name in body:
            _check(rule, name, body[name])


def _recipient(body: dict[str, Any]) -> Recipient:
    """Who the message goes to; ``to`` wins over ``recipient``."""
    kind = body.get("recipient_type", "individual")
    _check(OneOf(("individual", "group"), code=INVALID_PARAMETER), "recipient_type", kind)
    if "to" not in body and "recipient" in body:
        return _user(body["recipient"])
    if "to" not in body:
        raise Violation(INVALID_PARAMETER, IS_REQUIRED, "to")
    given = body["to"]
    _check(Text(256, code=INVALID_PARAMETER), "to", given)
    if kind == "group":
        return Recipient("group", given, given)
    digits = given.translate(_NOT_DIGITS)
    if digits.startswith("00"):
        raise Violation(INVALID_PARAMETER, "must not start with 00.", "to")
    if not _PHONE.fullmatch(digits):
        raise Violation(INVALID_VALUE, "is malformed. Please use the format +1234567890.", "to")
    return Recipient("phone", given, digits)


def _user(given: Any) -> Recipient:
    if not isinstance(given, str) or not _USER_ID.fullmatch(given):
        raise Violation(INVALID_PARAMETER, "must be a business-scoped user id.", "recipient")
    return Recipient("user", given, given)


def _check(rule: Rule, name: str, value: Any) -> None:
    try:
        rule(value)
    except Violation as violation:
        raise violation.inside(name) from None
