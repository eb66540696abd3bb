"""Requests to the Cloud API. A failure is tagged *not sent* or *maybe sent*: what a retry may do depends on it.

The tag does not come from the type of the error: the transport maps a connection that was reset after the request left
to the same ``httpx.ConnectTimeout`` as one that was never made (httpx-aiohttp 0.2, measured). It comes from the body:
a request whose body was never asked for by the transport cannot have reached Meta whole.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from typing import Final, Self

import aiohttp
import httpx
import msgspec
from httpx_aiohttp import AiohttpTransport

from connector.whatsapp.response import Answer, AttemptOutcome, maybe_sent, not_sent, read_answer, withheld
from connector.whatsapp.usage import USAGE_HEADER

ANSWER_MAX: Final = 1 << 20
"""Bytes of an answer that are read: Meta's have a few hundred."""

KEEP_ALIVE_S: Final = 30.0
"""An idle connection is closed by us before a server does it: a reset at the moment of a send would be ambiguous."""

_HEADERS_READ: Final = ("retry-after", USAGE_HEADER)

_PLAIN: Final = {"Accept-Encoding": "identity"}
"""The library beneath would ask for encodings that httpx cannot undo (zstd, where Python has it); an answer that nobody
can read is ambiguous. Answers are too small to gain anything."""


class GraphClient:
    """A pool of connections to one base URL; ``timeout_s`` bounds a whole exchange, waiting for a connection included.

    Requests are handed to httpx's transport directly: its client layer (cookies, redirects, authentication, none of
    them used here) would cost more than the request itself.
    """

    def __init__(self, base_url: str, version: str, timeout_s: float, connections_max: int) -> None:
        self._prefix = f"{base_url.rstrip('/')}/{version}"
        self._timeout_s = timeout_s
        self._transport = AiohttpTransport(client=lambda: _session(connections_max, timeout_s))

    async def __aenter__(self) -> Self:
        """Connections are made when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def send(
        self, phone_number_id: str, access_token: str, body: bytes, before_write: Callable[[], None]
    ) -> AttemptOutcome:
        """``POST /{phone_number_id}/messages``. Never raises for what the network or Meta does.

        ``before_write`` is called as the last act before the body is handed to the connection.
        """
        content = _Body(body, before_write)
        request = httpx.Request(
            "POST",
            f"{self._prefix}/{phone_number_id}/messages",
            headers={
                "Authorization": f"Bearer {access_token}",
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **_PLAIN,
            },
            stream=content,
        )
        try:
            return read_answer(await self._exchange(request))
        except Exception as error:  # noqa: BLE001 - see above: the type tells nothing, and garbage raises any
            if content.withheld:
                return withheld(_reason(error))
            reason = _reason(error)
            return maybe_sent(reason) if content.asked_for else not_sent(reason)

    async def level(self, phone_number_id: str, access_token: str) -> str | None:
        """``throughput.level`` of a number; None when the API does not tell it."""
        request = httpx.Request(
            "GET",
            f"{self._prefix}/{phone_number_id}?fields=throughput",
            headers={"Authorization": f"Bearer {access_token}", **_PLAIN},
        )
        try:
            answer = await self._exchange(request)
            return _level(msgspec.json.decode(answer.body))
        except Exception:  # noqa: BLE001 - the transport lets errors of the library beneath it through
            return None

    async def health(self, phone_number_id: str, access_token: str) -> str | None:
        """``can_send_message`` of a number: AVAILABLE, LIMITED or BLOCKED; None when the API does not tell it."""
        request = httpx.Request(
            "GET",
            f"{self._prefix}/{phone_number_id}?fields=health_status",
            headers={"Authorization": f"Bearer {access_token}", **_PLAIN},
        )
        try:
            answer = await self._exchange(request)
            return _health(msgspec.json.decode(answer.body))
        except Exception:  # noqa: BLE001 - the transport lets errors of the library beneath it through
            return None

    async def _exchange(self, request: httpx.Request) -> Answer:
        async with asyncio.timeout(self._timeout_s):
            response = await self._transport.handle_async_request(request)
            try:
                body = await _read(response)
            finally:
                await response.aclose()
        headers = {name: value for name in _HEADERS_READ if (value := response.headers.get(name))}
        return Answer(response.status_code, body, headers)


def _session(connections_max: int, timeout_s: float) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=connections_max,
        keepalive_timeout=KEEP_ALIVE_S,
        ssl=httpx.create_ssl_context(),
        socket_factory=lambda address: _socket(address, timeout_s),
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def _socket(address: aiohttp.AddrInfoType, timeout_s: float) -> socket.socket:
    """A connection that is given up takes its unsent bytes with it.

    Otherwise the kernel goes on sending them: a request that was cut off by the network arrived seconds after its
    timeout, when it had long been decided what to do about it (seen with a cut of 12 s).
    """
    family, type_, protocol, *_ = address
    made = socket.socket(family, type_, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if sys.platform == "linux":
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(timeout_s * 1000))
    return made


class _Body(httpx.AsyncByteStream):
    """A body that knows whether it was asked for."""

    def __init__(self, content: bytes, before_write: Callable[[], None]) -> None:
        self._content = content
        self._before_write = before_write
        self.asked_for = False
        self.withheld = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            self._before_write()
        except BaseException:
            self.withheld = True
            raise
        self.asked_for = True
        yield self._content


async def _read(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > ANSWER_MAX:
            message = "the answer is too long"
            raise httpx.RemoteProtocolError(message)
    return body


def _reason(error: BaseException) -> str:
    """The name of the error underneath: the transport's own names blur what happened."""
    if isinstance(error, TimeoutError):  # our own; what is underneath is how it was brought about
        return TimeoutError.__name__
    return type(error.__cause__ or error).__name__


def _health(document: object) -> str | None:
    status = document.get("health_status") if isinstance(document, dict) else None
    word = status.get("can_send_message") if isinstance(status, dict) else None
    return word if isinstance(word, str) else None


def _level(document: object) -> str | None:
    throughput = document.get("throughput") if isinstance(document, dict) else None
    level = throughput.get("level") if isinstance(throughput, dict) else None
    return level if isinstance(level, str) else None
