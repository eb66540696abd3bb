"""Errors as the Graph API shapes them: the table is data, the bodies are built from it.

Codes and titles: Meta, Cloud API error codes, 2026-09-11. HTTP statuses: the same page, 2025-12 (the newer copy dropped
the column). ``is_transient`` of 17 and 80007: Meta, OpenAPI description v23.0, 2025.
"""

from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

OAUTH = "OAuthException"
GRAPH_METHOD = "GraphMethodException"
INVALID_PARAMETER = 100
HREF = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


class ErrorKind(NamedTuple):
    """What is fixed for one code."""

    title: str
    http: int = 400
    type: str = OAUTH
    transient: bool = False


KINDS: MappingProxyType[int, ErrorKind] = MappingProxyType(
    {
        0: ErrorKind("AuthException", 401),
        1: ErrorKind("API Unknown"),
        2: ErrorKind("API Service", 503, GRAPH_METHOD, transient=True),
        3: ErrorKind("API Method", 500),
        4: ErrorKind("Application request limit reached", 400, transient=True),
        10: ErrorKind("Application does not have permission for this action", 403),
        17: ErrorKind("User request limit reached", 400, transient=True),
        33: ErrorKind("Parameter value is not valid", 400, GRAPH_METHOD),
        100: ErrorKind("Invalid parameter"),
        104: ErrorKind("An access token is required to request this resource.", 401),
        190: ErrorKind("Invalid OAuth access token - Cannot parse access token", 401),
        200: ErrorKind("You do not have the necessary permissions required to send messages", 403),
        368: ErrorKind("Temporarily blocked for policies violations", 403),
        613: ErrorKind("Calls to this api have exceeded the rate limit.", 429),
        2500: ErrorKind("Unknown path components"),
        80007: ErrorKind("Rate limit issues", 400, transient=True),
        80008: ErrorKind("There have been too many calls to this WhatsApp Business account"),
        130403: ErrorKind("Business has blocked this user"),
        130429: ErrorKind("Rate limit hit"),
        130472: ErrorKind("User's number is part of an experiment"),
        130497: ErrorKind("Business account is restricted from messaging users in this country", 403),
        131000: ErrorKind("Something went wrong", 500),
        131005: ErrorKind("Access denied", 403),
        131008: ErrorKind("Required parameter is missing"),
        131009: ErrorKind("Parameter value is not valid"),
        131016: ErrorKind("Service unavailable", 500),
        131021: ErrorKind("Recipient cannot be sender"),
        131026: ErrorKind("Message undeliverable"),
        131030: ErrorKind("Recipient phone number not in allowed list"),
        131031: ErrorKind("Account has been locked", 403),
        131037: ErrorKind("WhatsApp provided number needs display name approval before message can be sent"),
        131042: ErrorKind("Business eligibility payment issue"),
        131045: ErrorKind("Incorrect certificate", 500),
        131047: ErrorKind("Re-engagement message"),
        131048: ErrorKind("Spam rate limit hit"),
        131049: ErrorKind("This message was not delivered to maintain healthy ecosystem engagement"),
        131050: ErrorKind("User has stopped receiving marketing messages from this business"),
        131051: ErrorKind("Unsupported message type"),
        131052: ErrorKind("Media download error"),
        131053: ErrorKind("Media upload error"),
        131055: ErrorKind("Method not allowed"),
        131056: ErrorKind("(Business Account, Consumer Account) pair rate limit hit"),
        131057: ErrorKind("Account in maintenance mode", 500),
        131059: ErrorKind("Invalid cursor"),
        131060: ErrorKind("This message is currently unavailable"),
        131062: ErrorKind("Business-scoped user id is not supported for this message"),
        131063: ErrorKind("Marketing messages are switched off on Cloud API"),
        131064: ErrorKind("Template classification violations"),
        132000: ErrorKind("Number of parameters does not match the expected number of params"),
        132001: ErrorKind("Template name does not exist in the translation", 404),
        132005: ErrorKind("Translated text too long"),
        132007: ErrorKind("Template format character policy violated"),
        132008: ErrorKind("Template parameter value is not valid"),
        132012: ErrorKind("Parameter format does not match format in the created template"),
        132015: ErrorKind("Template is paused"),
        132016: ErrorKind("Template is disabled"),
        132018: ErrorKind("Template validation failed"),
        132068: ErrorKind("Flow is blocked"),
        132069: ErrorKind("Flow is throttled"),
        133004: ErrorKind("Server is temporarily unavailable", 503),
        133006: ErrorKind("Phone number re-verification needed"),
        133010: ErrorKind("Account not registered"),
        134011: ErrorKind("WhatsApp Payments terms of service has not been accepted"),
        134100: ErrorKind("Only marketing messages are supported"),
        134101: ErrorKind("Template is syncing"),
        134102: ErrorKind("Template is unavailable", 500),
        135000: ErrorKind("Generic user error"),
        137000: ErrorKind("Identity key hash mismatch"),
    }
)
_UNLISTED = ErrorKind("Unknown error")


class Refusal(NamedTuple):
    """Why a request is refused.

    Attributes:
        code: what a caller should act on.
        details: one sentence, names the field or the limit; empty leaves ``error_data`` out. Code 100 comes from the
            Graph API's own layer, which says it in ``message`` and has no ``error_data``.
        subcode: as ``error_subcode``.
        message: replaces ``(#code) title``.
        type: replaces the table's.
    """

    code: int
    details: str = ""
    subcode: int | None = None
    message: str | None = None
    type: str | None = None

    @property
    def http_status(self) -> int:
        """The HTTP status that goes with the code."""
        return kind(self.code).http


def kind(code: int) -> ErrorKind:
    """The fixed part of ``code``; a generic one for codes outside the table."""
    return KINDS.get(code, _UNLISTED)


def body(refusal: Refusal, trace_id: str) -> bytes:
    """The JSON body of an error answer, in the Graph API's shape."""
    entry = kind(refusal.code)
    by_graph = refusal.code == INVALID_PARAMETER
    default = refusal.details if by_graph and refusal.details else entry.title
    error: dict[str, Any] = {
        "message": refusal.message or f"(#{refusal.code}) {default}",
        "type": refusal.type or entry.type,
        "code": refusal.code,
    }
    if refusal.subcode is not None:
        error["error_subcode"] = refusal.subcode
    if refusal.details and not by_graph:
        error["error_data"] = {"messaging_product": "whatsapp", "details": refusal.details}
    if entry.transient:
        error["is_transient"] = True
    error["fbtrace_id"] = trace_id
    return msgspec.json.encode({"error": error})


def in_webhook(code: int, details: str = "") -> dict[str, Any]:
    """One member of ``errors[]`` in a status or message; ``message`` repeats ``title`` as Meta's own bodies do."""
    title = kind(code).title
    return {"code": code, "title": title, "message": title, "error_data": {"details": details or title}, "href": HREF}


def unknown_object(method: str, object_id: str) -> Refusal:
    """Code 100 with subcode 33: the id in the path names nothing this token may see."""
    return Refusal(
        100,
        subcode=33,
        type=GRAPH_METHOD,
        message=(
            f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot be loaded due "
            "to missing permissions, or does not support this operation. Please read the Graph API documentation at "
            "https://developers.facebook.com/docs/graph-api"
        ),
    )
