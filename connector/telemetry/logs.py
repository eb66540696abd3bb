"""Structured logs: one JSON object a line for machines, or coloured text for people, always on stderr.

Two nets keep people's data out. Values of the types in :mod:`connector.telemetry.masking` print masked by themselves.
Behind them a processor masks known keys of every line and removes the keys that never belong in a log.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, TextIO

import structlog
from opentelemetry import trace
from structlog.typing import Processor

from connector.telemetry.masking import REMOVED, Masked, mask, mask_message_ids, mask_phones

MASKED_KEYS = frozenset(
    {"to", "from", "from_", "wa_id", "recipient", "recipient_id", "user_id", "parent_user_id", "phone"}
)
REMOVED_KEYS = frozenset(
    {
        "access_token",
        "api_key",
        "app_secret",
        "authorization",
        "body",
        "caption",
        "hub.verify_token",
        "password",
        "profile_name",
        "raw",
        "secret",
        "signature",
        "text",
        "token",
        "verify_token",
        "x-hub-signature",
        "x-hub-signature-256",
    }
)
# Text in words of others, which may quote a number.
FREE_TEXT_KEYS = frozenset({"event", "error", "exception", "reason", "command_id"})
_DEPTH_MAX = 6
_NUMBER = re.compile(r"\d+")
QUIET_S = 10.0
KINDS_MAX = 1000

EventDict = MutableMapping[str, Any]


def configure(
    log_format: Literal["json", "console"],
    level: Literal["debug", "info", "warning", "error"],
    stream: TextIO | None = None,
) -> None:
    """Set up structlog, and the standard library's logging for the packages that use it.

    Those packages are heard from warning on, whatever the level: at debug some of them print headers.
    """
    target = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        structlog.processors.StackInfoRenderer(),
        # Rendered as plain text: structured tracebacks and rich ones show local variables, and with them secrets.
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer = _renderer(log_format, target)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shared, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]))


class _NotAgain(logging.Filter):
    """Lets one line of a kind through every few seconds; a kind is a line without its numbers.

    librdkafka tells of each connection that fails, many times a second while the brokers are away.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = _NUMBER.sub("", record.getMessage())
        if record.created - self._told.get(kind, float("-inf")) < QUIET_S:
            return False
        if len(self._told) >= KINDS_MAX:
            self._told.clear()
        self._told[kind] = record.created
        return True


def librdkafka_logger() -> logging.Logger:
    """For the ``logger`` property of Kafka's clients."""
    logger = logging.getLogger("librdkafka")
    if not logger.filters:
        logger.addFilter(_NotAgain())
    return logger


def _renderer(log_format: str, target: TextIO) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(default=str)
    return structlog.dev.ConsoleRenderer(colors=target.isatty())


def _add_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask and remove what must not be read, at any depth; free text loses all that looks like a phone number."""
    return _redacted_map(event, 0)


def _redacted_map(event: Mapping[str, Any], depth: int) -> dict[str, Any]:
    return {key: _redacted(str(key).lower(), value, depth) for key, value in event.items()}


def _redacted(key: str, value: Any, depth: int) -> Any:
    if key in REMOVED_KEYS:
        return REMOVED
    if isinstance(value, Masked):
        return str(value)
    if key in MASKED_KEYS and isinstance(value, str | int):
        return mask(str(value))
    if isinstance(value, str):
        text = mask_message_ids(value)
        return mask_phones(text) if key in FREE_TEXT_KEYS else text
    return _redacted_inside(key, value, depth)


def _redacted_inside(key: str, value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return _redacted_map(value, depth + 1) if depth < _DEPTH_MAX else REMOVED
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(key, item, depth + 1) for item in value] if depth < _DEPTH_MAX else REMOVED
    return value
