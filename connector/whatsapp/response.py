"""What Meta's answer to a send means: one closed set of outcomes, each with its reason.

The rule behind *ambiguous*: any answer with a Graph error body says that the message was not accepted; an answer that
no Graph server wrote (a proxy's 502, an unreadable 200) says nothing about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

import msgspec

from connector.whatsapp.error_table import Treatment, rule_for
from connector.whatsapp.usage import regain_access_s

_TEXT_MAX: Final = 1000
"""Characters kept of a title, of details or of an id: enough for Meta's longest, a bound for anybody else's."""

_DIGITS_MAX: Final = 18
_BITS_MAX: Final = 64

_SERVER_FAULT: Final = 500


class Kind(StrEnum):
    """Outcome of one attempt."""

    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    """Not sent because of a limit or a stop; costs no attempt."""
    TRANSIENT = "transient"
    """Not sent, may work later; costs an attempt."""
    PERMANENT = "permanent"
    AMBIGUOUS = "ambiguous"
    """Nobody can know whether it was sent."""


@dataclass(frozen=True, slots=True)
class GraphError:
    """Meta's error object, or what stood in its place.

    ``code`` is Meta's; None when no Graph body came. ``fbtrace_id`` is what Meta's support asks for.
    """

    code: int | None = None
    subcode: int | None = None
    title: str = ""
    details: str = ""
    http_status: int | None = None
    fbtrace_id: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """What one attempt came to.

    ``treatment`` refines THROTTLED, TRANSIENT and PERMANENT; ``retry_after_s`` is what Meta asked for, in seconds.
    """

    kind: Kind
    reason: str
    treatment: Treatment | None = None
    error: GraphError | None = None
    message_id: str | None = None
    message_status: str | None = None
    wa_id: str | None = None
    user_id: str | None = None
    retry_after_s: float | None = None
    regain_access_s: float | None = None
    """What the headers say of the quota of the whole account, in seconds; None while nothing is blocked."""

    @property
    def from_meta(self) -> bool:
        """Whether a Graph server has answered, rather than a proxy or nobody."""
        return self.kind is Kind.ACCEPTED or (self.error is not None and self.error.code is not None)


_KIND_OF: Final[Mapping[Treatment, Kind]] = {
    Treatment.RETRY: Kind.TRANSIENT,
    Treatment.RETRY_ONCE: Kind.TRANSIENT,
    Treatment.RETRY_SLOWLY: Kind.TRANSIENT,
    Treatment.PAIR_LIMIT: Kind.THROTTLED,
    Treatment.NUMBER_LIMIT: Kind.THROTTLED,
    Treatment.NUMBER_REST: Kind.THROTTLED,
    Treatment.APP_LIMIT: Kind.THROTTLED,
    Treatment.STOPPED: Kind.THROTTLED,
    Treatment.UNDELIVERABLE: Kind.PERMANENT,
    Treatment.REFUSED: Kind.PERMANENT,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as bytes: status, header names in lower case, body."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def read_answer(answer: Answer) -> AttemptOutcome:
    """Classify the answer to ``POST /{phone_number_id}/messages``; an unreadable one is classified too, not raised."""
    outcome, regain_s = _read(answer), regain_access_s(answer.headers)
    return outcome if regain_s is None else replace(outcome, regain_access_s=regain_s)


def _read(answer: Answer) -> AttemptOutcome:
    document = _document(answer.body)
    error = document.get("error")
    if isinstance(error, dict) and (code := _integer(error.get("code"))) is not None:
        return _classify_error(answer, error, code)
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's success range
        return _accepted(document)
    return _without_graph_body(answer)


def not_sent(reason: str) -> AttemptOutcome:
    """The request never left: name resolution, connection or TLS failed, or no connection was free."""
    return AttemptOutcome(Kind.TRANSIENT, reason, Treatment.RETRY, GraphError(title=reason))


def withheld(reason: str) -> AttemptOutcome:
    """The request was held back at the last moment, for no fault of its own: it costs no attempt."""
    return AttemptOutcome(Kind.THROTTLED, reason)


def received(message_id: str | None) -> AttemptOutcome:
    """No answer came, but a status that names the attempt: Meta has it."""
    return AttemptOutcome(Kind.ACCEPTED, "receipt", message_id=message_id or None)


def maybe_sent(reason: str) -> AttemptOutcome:
    """The request may have reached Meta, but no answer came."""
    return AttemptOutcome(Kind.AMBIGUOUS, reason, error=GraphError(title=reason))


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _classify_error(answer: Answer, raw: dict[str, Any], code: int) -> AttemptOutcome:
    error = _graph_error(answer.status, raw, code)
    rule = rule_for(code, error.subcode)
    treatment = rule.treatment if rule else _unknown_code(answer.status, raw)
    # A hint of Meta's own: a code that we hold for final, said to be passing, gets one more try.
    if raw.get("is_transient") is True and treatment is Treatment.REFUSED:
        treatment = Treatment.RETRY_ONCE
    reason = str(code) if rule else f"unknown_code_{code}"
    return AttemptOutcome(_KIND_OF[treatment], reason, treatment, error, retry_after_s=_retry_after(answer.headers))


def _unknown_code(status: int, raw: dict[str, Any]) -> Treatment:
    if status >= _SERVER_FAULT or raw.get("is_transient") is True:
        return Treatment.RETRY
    return Treatment.APP_LIMIT if status == 429 else Treatment.RETRY_ONCE  # noqa: PLR2004 - Too Many Requests


def _graph_error(status: int, raw: dict[str, Any], code: int) -> GraphError:
    data = raw.get("error_data")
    details = data.get("details") if isinstance(data, dict) else data
    return GraphError(
        code=code,
        subcode=_integer(raw.get("error_subcode")),
        title=_text(raw.get("message")) or "",
        details=_text(details) or "",
        http_status=status,
        fbtrace_id=_text(raw.get("fbtrace_id")),
    )


def _accepted(document: dict[str, Any]) -> AttemptOutcome:
    message = _first(document.get("messages"))
    message_id = _text(message.get("id"))
    if not message_id:
        return maybe_sent("success_without_message_id")
    contact = _first(document.get("contacts"))
    return AttemptOutcome(
        Kind.ACCEPTED,
        "accepted",
        message_id=message_id,
        message_status=_text(message.get("message_status")),
        wa_id=_text(contact.get("wa_id")),
        user_id=_text(contact.get("user_id")),
    )


def _without_graph_body(answer: Answer) -> AttemptOutcome:
    error = GraphError(title=f"HTTP {answer.status} without a Graph error", http_status=answer.status)
    reason = f"http_{answer.status}"
    if answer.status >= _SERVER_FAULT:
        return AttemptOutcome(Kind.AMBIGUOUS, reason, error=error)
    treatment = Treatment.APP_LIMIT if answer.status == 429 else Treatment.RETRY  # noqa: PLR2004 - Too Many Requests
    return AttemptOutcome(_KIND_OF[treatment], reason, treatment, error, retry_after_s=_retry_after(answer.headers))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    return min(float(value), 3600.0) if value.isascii() and value.isdigit() else None


def _first(value: object) -> dict[str, Any]:
    return value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else {}


def _integer(value: object) -> int | None:
    """A whole number of 64 bits, also as a text: what stands between us and Meta may have quoted it."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < _BITS_MAX:
        return value
    return None


def _text(value: object) -> str | None:
    return value[:_TEXT_MAX] if isinstance(value, str) else None
