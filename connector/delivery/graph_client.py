"""Requests to the Cloud API. A failure is tagged *not sent* or *maybe sent*: what a retry may do depends on it."""

from collections.abc import Mapping
from typing import Final, Self

import httpx
import msgspec
from httpx_aiohttp import AiohttpTransport

from connector.whatsapp.response import Answer, AttemptOutcome, maybe_sent, not_sent, read_answer

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

KEPT_HEADERS: Final = frozenset({"retry-after"})

ANSWER_MAX: Final = 1 << 20
"""Bytes of an answer that are read: Meta's have a few hundred."""


class GraphClient:
    """A pool of connections to one base URL.

    Requests are handed to httpx's transport directly: its client layer (cookies, redirects, authentication, none of
    them used here) would cost more than the request itself.
    """

    def __init__(self, base_url: str, version: str, timeout_s: float, connections_max: int) -> None:
        self._prefix = f"{base_url.rstrip('/')}/{version}"
        self._timeout = httpx.Timeout(timeout_s).as_dict()
        limits = httpx.Limits(max_connections=connections_max, max_keepalive_connections=connections_max)
        self._transport = AiohttpTransport(limits=limits)

    async def __aenter__(self) -> Self:
        """Connections are made when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def send(self, phone_number_id: str, access_token: str, body: bytes) -> AttemptOutcome:
        """``POST /{phone_number_id}/messages``. Never raises for what the network or Meta does."""
        request = httpx.Request(
            "POST",
            f"{self._prefix}/{phone_number_id}/messages",
            headers={"Authorization": f"Bearer {access_token}", "Content-Type": "application/json"},
            content=body,
            extensions={"timeout": self._timeout},
        )
        try:
            return read_answer(await self._exchange(request))
        except _NOT_SENT as error:
            return not_sent(type(error).__name__)
        except httpx.HTTPError as error:
            return maybe_sent(type(error).__name__)

    async def level(self, phone_number_id: str, access_token: str) -> str | None:
        """``throughput.level`` of a number; None when the API does not tell it."""
        request = httpx.Request(
            "GET",
            f"{self._prefix}/{phone_number_id}?fields=throughput",
            headers={"Authorization": f"Bearer {access_token}"},
            extensions={"timeout": self._timeout},
        )
        try:
            answer = await self._exchange(request)
            return _level(msgspec.json.decode(answer.body))
        except (httpx.HTTPError, msgspec.DecodeError):
            return None

    async def _exchange(self, request: httpx.Request) -> Answer:
        response = await self._transport.handle_async_request(request)
        try:
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_MAX:
                    message = "the answer is too long"
                    raise httpx.RemoteProtocolError(message)
        finally:
            await response.aclose()
        return Answer(response.status_code, body, _kept(response.headers))


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in KEPT_HEADERS}


def _level(document: object) -> str | None:
    throughput = document.get("throughput") if isinstance(document, dict) else None
    level = throughput.get("level") if isinstance(throughput, dict) else None
    return level if isinstance(level, str) else None
