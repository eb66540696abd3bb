"""SHELL. The ASGI application that Meta talks to: the handshake, and the webhook, answered only when Kafka has it."""

import traceback
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, NamedTuple

import structlog

from connector.clock import Clock
from connector.ingress.bodies import Bodies, Disconnected, Receive, Refusal
from connector.ingress.intake import Intake
from connector.ingress.signals import Signals
from connector.kafka.producer import PublishError
from connector.telemetry.metrics import Metrics
from connector.whatsapp.signature import handshake, verify

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Secrets = Callable[[], Sequence[bytes]]

RETRY_AFTER_S: Final = 5
_QUERY_FIELDS_MAX: Final = 16
_JSON: Final = "application/json"
_UNAVAILABLE: Final = 503


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[bytes, bytes]] = ()


class IngressApp:
    """The application.

    Args:
        path: Where the webhook is.
        app_secrets: Gives the app secrets of now; any one may match.
        verify_tokens: Gives the verify tokens of now.
        bodies: Reads request bodies.
        intake: Takes signed bodies.
        signals: Told of refusals: silence about what was refused proves nothing.
        clock: Times of arrival, and durations.
        metrics: Counts and times requests.
    """

    def __init__(
        self,
        *,
        path: str,
        app_secrets: Secrets,
        verify_tokens: Secrets,
        bodies: Bodies,
        intake: Intake,
        signals: Signals,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._path = path
        self._app_secrets = app_secrets
        self._verify_tokens = verify_tokens
        self._bodies = bodies
        self._intake = intake
        self._signals = signals
        self._clock = clock
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        if scope["type"] != "http":
            message = f"unexpected ASGI scope: {scope['type']}"
            raise ValueError(message)
        started = self._clock.monotonic()
        try:
            answer = await self._answer(scope, receive)
        except Disconnected:
            return
        duration = self._clock.monotonic() - started
        self._metrics.http_server_duration.record(duration, {"method": scope["method"], "status": answer.status})
        await _send(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["path"] != self._path:
            return Answer(404)
        if scope["method"] == "GET":
            return self._handshake(scope["query_string"])
        if scope["method"] == "POST":
            return await self._webhook(_headers(scope), receive)
        return Answer(405, headers=[(b"allow", b"GET, POST")])

    def _handshake(self, query_string: bytes) -> Answer:
        try:
            query = urllib.parse.parse_qsl(query_string.decode("latin-1"), max_num_fields=_QUERY_FIELDS_MAX)
        except ValueError:
            return Answer(403)
        challenge = handshake(dict(query), self._verify_tokens())
        if challenge is None:
            return Answer(403)
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
        return Answer(200, challenge.encode(), headers)

    async def _webhook(self, headers: Mapping[str, str], receive: Receive) -> Answer:
        arrived = self._clock.wall_ms()
        try:
            kinds = await self._take(headers, receive, arrived)
        except Refusal as refusal:
            return self._refuse(refusal, arrived)
        except PublishError as error:
            log.warning("webhook not acknowledged by Kafka", error=str(error))
            return self._refuse(Refusal(_UNAVAILABLE, "unavailable"), arrived)
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails, Meta has to send it again and delivery has to know
            # The error's own text may quote the body; its type and place do not.
            place = traceback.extract_tb(error.__traceback__)[-1]
            failure = {"error": type(error).__name__, "place": f"{place.name}:{place.lineno}"}
            log.error("webhook failed", **failure)  # noqa: TRY400 - see above
            return self._refuse(Refusal(_UNAVAILABLE, "unavailable"), arrived)
        log.debug("webhook", status=200, duration_ms=self._clock.wall_ms() - arrived, **kinds)
        return Answer(200)

    async def _take(self, headers: Mapping[str, str], receive: Receive, arrived: int) -> Mapping[str, int]:
        signature = headers.get("x-hub-signature-256")
        if signature is None:
            # Not worth reading: nothing could make it Meta's.
            raise Refusal(401, "signature")
        async with self._bodies.reading(receive, headers.get("content-length")) as raw:
            if not verify(raw, signature, self._app_secrets()):
                raise Refusal(401, "signature")
            if headers.get("content-type", _JSON).partition(";")[0].strip().lower() != _JSON:
                raise Refusal(415, "media_type")
            return await self._intake.take(raw, arrived)

    def _refuse(self, refusal: Refusal, arrived: int) -> Answer:
        now = self._clock.wall_ms()
        self._metrics.webhook_refusals.add(1, {"reason": refusal.reason})
        log.debug("webhook", status=refusal.status, duration_ms=now - arrived, reason=refusal.reason)
        # What was not read of the body must not be taken for the next request.
        headers = [(b"connection", b"close")]
        if refusal.status == _UNAVAILABLE:
            self._signals.refused(arrived, now)
            headers.append((b"retry-after", b"%d" % RETRY_AFTER_S))
        return Answer(refusal.status, headers=headers)


def _headers(scope: Scope) -> Mapping[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def _send(send: Send, answer: Answer) -> None:
    headers = [(b"content-length", b"%d" % len(answer.body)), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
