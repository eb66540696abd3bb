"""Which request goes where; what every answer carries."""

import asyncio
import re
from collections.abc import Awaitable, Callable

from connector.clock import Clock
from connector.simulator.asgi import Header, Receive, Scope, header, query, read_body
from connector.simulator.cloud import Answer, Cloud
from connector.simulator.ids import trace_id
from connector.simulator.media import DOWNLOAD_PATH
from connector.simulator.media_kinds import LARGEST
from connector.simulator.nodes import Call, Nodes
from connector.simulator.tokens import Token

UNAUTHORIZED = 401
UPLOAD_MAX_BYTES = LARGEST + 64 * 1024
UPLOADS_AT_ONCE = 2
_VERSION = re.compile(r"v[0-9]{1,3}\.[0-9]")
_JSON = b"application/json; charset=UTF-8"
_CHALLENGE = (b"www-authenticate", b'OAuth "Facebook Platform" "invalid_token" "Invalid OAuth access token."')
_REVISION = (b"x-fb-rev", b"1029384756")

Send = Callable[[str, str, bytes | None, bytes | None], Awaitable[Answer]]


class Routes:
    """The API's paths.

    Args:
        cloud: decides about sends.
        clock: the simulator's time.
        version: told when the path has none.
        public_url: where download URLs lead; by default where the request came in.
        send: answers a send: number id, edge, body, Authorization header.
    """

    def __init__(self, cloud: Cloud, clock: Clock, version: str, public_url: str | None, send: Send) -> None:
        self._cloud = cloud
        self._nodes = Nodes(cloud.business)
        self._clock = clock
        self._version = version
        self._send = send
        self._uploads = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self._public_url = public_url
        self._called_at: str | None = None
        self._asked_at: str | None = None

    @property
    def base_url(self) -> str | None:
        """Where this server is reached, as far as is known: by its settings, else by the first request.

        Requests to the API count before those to observer and switches, which may have a port of their own.
        """
        return self._public_url or self._called_at or self._asked_at

    def seen(self, scope: Scope) -> None:
        """Learn from a request to observer or switches where this server is reached."""
        if self._asked_at is None:
            self._asked_at = _base_url(scope)

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """Answer one request."""
        if self._called_at is None:
            self._called_at = _base_url(scope)
        method, path = scope["method"], scope["path"].split("/")[1:]
        if path and _VERSION.fullmatch(path[0]):
            del path[0]
        match method, path:
            case "POST", [number_id, "messages" | "marketing_messages" as edge]:
                return await self._send(number_id, edge, await read_body(receive), header(scope, b"authorization"))
            case "POST", [_, "media"]:
                return await self._upload(scope, receive, path)
        await read_body(receive)
        call = self._call(scope, path)
        if isinstance(call, Answer):
            return call
        if scope["path"].endswith(DOWNLOAD_PATH):
            return self._download(call)
        return self._cloud.answer(self._nodes.answer(call))

    def _call(self, scope: Scope, path: list[str]) -> Call | Answer:
        """The request with its caller known, or the refusal of a caller who is not."""
        now_s, now_ms = self._clock.monotonic(), self._clock.wall_ms()
        asked = query(scope)
        authorization = header(scope, b"authorization")
        if authorization is None and "access_token" in asked:
            authorization = b"Bearer " + asked["access_token"].encode()
        token = self._cloud.business.tokens.authorize(authorization, now_ms)
        if not isinstance(token, Token):
            return self._cloud.refuse(token)
        over_quota = self._cloud.business.usage.count(now_s)
        if over_quota is not None:
            return self._cloud.refuse(over_quota)
        return Call(scope["method"], path, asked, self._public_url or _base_url(scope), token, now_s, now_ms)

    async def _upload(self, scope: Scope, receive: Receive, path: list[str]) -> Answer:
        """Read the file only for a caller who may upload it, and not many at once."""
        call = self._call(scope, path)
        if isinstance(call, Answer):
            await read_body(receive, 0)
            return call
        async with self._uploads:
            body = await read_body(receive, UPLOAD_MAX_BYTES)
            content_type = (header(scope, b"content-type") or b"").decode("latin-1")
            return self._cloud.answer(self._nodes.upload(call, content_type, body))

    def _download(self, call: Call) -> Answer:
        medium = self._nodes.download(call.token, call.query, call.now_ms)
        found = trace_id(self._cloud.random)
        if medium is None:
            return Answer(404, b"", found, content_type=b"text/plain")
        return Answer(200, medium.content, found, content_type=medium.mime_type.encode())

    def headers(self, path: str, answer: Answer) -> list[Header]:
        """The headers of an answer to a request for ``path``."""
        first = path.split("/", 2)[1]
        version = first if _VERSION.fullmatch(first) else self._version
        trace = answer.trace_id.encode()
        headers = [
            (b"content-type", answer.content_type or _JSON),
            _REVISION,
            *self._cloud.business.usage.headers(self._clock.monotonic()),
            (b"facebook-api-version", version.encode()),
            (b"x-fb-trace-id", trace),
            (b"x-fb-request-id", trace),
        ]
        if answer.status == UNAUTHORIZED:
            headers.append(_CHALLENGE)
        return headers


def _base_url(scope: Scope) -> str:
    """Where a request came in, by its own account."""
    host = header(scope, b"host")
    if host is None:
        server = scope.get("server") or ("127.0.0.1", 80)
        host = f"{server[0]}:{server[1]}".encode()
    return f"{scope.get('scheme', 'http')}://{host.decode('latin-1')}"
