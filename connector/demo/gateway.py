"""A door for curl: takes one command over HTTP and writes it to the CRM topic. For the demo only."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from connector.kafka.producer import PublishError, Record, RecordProducer

BODY_MAX: Final = 64 * 1024

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class CommandGateway:
    """``POST /commands`` with a JSON command as body."""

    def __init__(self, producer: RecordProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        if scope["path"] != "/commands" or scope["method"] != "POST":
            await _answer(send, 404, "POST /commands")
            return
        body = await _body(receive)
        key = _phone_number_id(body)
        if key is None:
            await _answer(send, 400, "the body is no JSON object with a phone_number_id")
            return
        try:
            await self._producer.publish([Record(self._topic, body, key.encode())])
        except PublishError as error:
            await _answer(send, 503, str(error))
        else:
            await _answer(send, 202, f"written to {self._topic}")


async def _body(receive: Receive) -> bytes:
    body = b""
    while len(body) <= BODY_MAX:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


def _phone_number_id(body: bytes) -> str | None:
    try:
        command = json.loads(body)
    except ValueError:
        return None
    key = command.get("phone_number_id") if isinstance(command, dict) else None
    return key if isinstance(key, str) and len(body) <= BODY_MAX else None


async def _answer(send: Send, status: int, text: str) -> None:
    body = json.dumps({"answer": text}).encode() + b"\n"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
