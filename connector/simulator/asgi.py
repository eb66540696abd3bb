"""Reading requests and writing answers in ASGI's terms."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

BODY_MAX_BYTES = 1_000_000


class RequestError(ValueError):
    """A request to the endpoints for tests that makes no sense; the message says why."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """The value of the first header called ``name`` (lower case)."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def query(scope: Scope) -> Mapping[str, str]:
    """The query's parameters; the last of each name."""
    return dict(parse_qsl(scope["query_string"].decode("latin-1")))


async def read_body(receive: Receive, most: int = BODY_MAX_BYTES) -> bytes | None:
    """The whole body, or None when it is over ``most`` bytes; it is read to the end either way."""
    message = await receive()
    parts: list[bytes] = [message.get("body", b"")]
    size = len(parts[0])
    while message.get("more_body", False):
        message = await receive()
        part: bytes = message.get("body", b"")
        size += len(part)
        if size <= most:
            parts.append(part)
        else:
            parts.clear()
    return b"".join(parts) if size <= most else None


async def respond(send: Send, status: int, body: bytes, headers: list[Header]) -> None:
    """Send one whole answer."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
