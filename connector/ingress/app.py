"""SHELL. The ASGI application that Meta talks to: the handshake, and the webhook, answered only when Kafka has it."""

import logging
import math
import traceback
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any, Final

import structlog

from connector.clock import Clock
from connector.ingress.admission import Admission, Refusal
from connector.ingress.bodies import Disconnected, Receive, read_body
from connector.ingress.intake import Intake
from connector.ingress.peers import Peers
from connector.ingress.signals import Signals
from connector.ingress.tally import Tally
from connector.ingress.traces import IngressTraces
from connector.kafka.producer import PublishError
from connector.whatsapp.signature import handshake, verify

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Secrets = Callable[[], Sequence[bytes]]

RETRY_AFTER_S: Final = 5
_QUERY_FIELDS_MAX: Final = 16
_TOLD_EVERY_S: Final = 10.0
_JSON: Final = b"application/json"
_UNAVAILABLE: Final = 503


class Answer:
    """An HTTP answer; ``start`` and ``end`` are its two messages of ASGI."""

    __slots__ = ("end", "start", "status")

    def __init__(self, status: int, body: bytes = b"", headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self.status = status
        length = (b"content-length", b"%d" % len(body))
        self.start = {"type": "http.response.start", "status": status, "headers": [length, *headers]}
        self.end = {"type": "http.response.body", "body": body}


_TAKEN: Final = Answer(200)


class IngressApp:
    """The application.

    Args:
        path: Where the webhook is.
        app_secrets: Gives the app secrets of now; any one may match.
        verify_tokens: Gives the verify tokens of now.
        peers: Who may connect at all.
        admission: Lets webhooks in, as long as there is room.
        intake: Takes signed bodies.
        signals: Told of refusals: silence about what was refused proves nothing.
        clock: Times of arrival, and durations.
        tally: Counts refusals, and times requests.
        traces: Follows signed webhooks; None when nobody collects traces.
    """

    def __init__(
        self,
        *,
        path: str,
        app_secrets: Secrets,
        verify_tokens: Secrets,
        peers: Peers,
        admission: Admission,
        intake: Intake,
        signals: Signals,
        clock: Clock,
        tally: Tally,
        traces: IngressTraces | None = None,
    ) -> None:
        self._path = path
        self._app_secrets = app_secrets
        self._verify_tokens = verify_tokens
        self._peers = peers
        self._admission = admission
        self._intake = intake
        self._signals = signals
        self._clock = clock
        self._tally = tally
        self._traces = traces
        self._told_at = -math.inf
        # Bound once: the lazy form of the module looks its configuration up at each line.
        self._log = log.bind()
        self._tells_each = self._log.is_enabled_for(logging.DEBUG)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        if scope["type"] != "http":
            message = f"unexpected ASGI scope: {scope['type']}"
            raise ValueError(message)
        begun = self._clock.monotonic()
        try:
            answer = self._answer(scope) or await self._webhook(scope, receive, begun)
        except Disconnected:
            return
        self._tally.answered(scope["method"], answer.status, self._clock.monotonic() - begun)
        await send(answer.start)
        await send(answer.end)

    def _answer(self, scope: Scope) -> Answer | None:
        """The answer to what is no webhook; None for a webhook."""
        if scope["path"] != self._path:
            return Answer(404)
        if not self._peers.certified(scope):
            return self._refuse(Refusal(403, "client_certificate"), scope, self._clock.wall_ms())
        if scope["method"] == "POST":
            return None
        if scope["method"] == "GET":
            return self._handshake(scope["query_string"])
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

    async def _webhook(self, scope: Scope, receive: Receive, begun: float) -> Answer:
        arrived = self._clock.wall_ms()
        headers, ticket = _Headers(scope["headers"]), None
        if headers.signature is None:
            # Not worth reading: nothing could make it Meta's.
            return self._refuse(Refusal(401, "signature"), scope, arrived)
        try:
            ticket = self._admission.enter(arrived, begun)
            raw = await read_body(receive, headers.content_length, self._admission, ticket)
            self._check(raw, headers)
            if self._traces is None:
                kinds = await self._intake.take(raw, ticket)
            else:
                with self._traces.webhook(arrived, len(raw), scope.get("scheme", "http")) as ticket.trace:
                    kinds = await self._intake.take(raw, ticket)
        except Refusal as refusal:
            return self._refuse(refusal, scope, arrived)
        except PublishError as error:
            self._tell_now_and_then(str(error))
            return self._refuse(Refusal(_UNAVAILABLE, "unavailable"), scope, arrived)
        except Disconnected:
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails, Meta has to send it again and delivery has to know
            # The error's own text may quote the body; its type and place do not.
            place = traceback.extract_tb(error.__traceback__)[-1]
            failure = {"error": type(error).__name__, "place": f"{place.name}:{place.lineno}"}
            log.error("webhook failed", **failure)  # noqa: TRY400 - see above
            return self._refuse(Refusal(_UNAVAILABLE, "unavailable"), scope, arrived)
        finally:
            if ticket is not None:
                self._admission.leave(ticket)
        if self._tells_each:
            self._log.debug("webhook", status=200, duration_ms=self._clock.wall_ms() - arrived, **kinds)
        return _TAKEN

    def _tell_now_and_then(self, error: str) -> None:
        """While Kafka is away each webhook says the same."""
        now = self._clock.monotonic()
        if now - self._told_at >= _TOLD_EVERY_S:
            self._told_at = now
            log.warning("webhooks not acknowledged by Kafka", error=error)

    def _check(self, raw: bytes, headers: "_Headers") -> None:
        if not verify(raw, headers.signature, self._app_secrets()):
            raise Refusal(401, "signature")
        if not headers.plain_json:
            raise Refusal(415, "media_type")

    def _refuse(self, refusal: Refusal, scope: Scope, arrived: int) -> Answer:
        now = self._clock.wall_ms()
        self._tally.refusals[refusal.reason] += 1
        line = {"status": refusal.status, "duration_ms": now - arrived, "reason": refusal.reason}
        self._log.debug("webhook", **line, client=self._peers.client(scope))
        # What was not read of the body must not be taken for the next request.
        headers = [(b"connection", b"close")]
        if refusal.status == _UNAVAILABLE:
            self._signals.refused(arrived, now)
            headers.append((b"retry-after", b"%d" % RETRY_AFTER_S))
        return Answer(refusal.status, headers=headers)


class _Headers:
    """The headers of a webhook that are looked at."""

    __slots__ = ("content_length", "plain_json", "signature")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.content_length: bytes | None = None
        self.signature: str | None = None
        self.plain_json = True
        for name, value in headers:
            if name == b"x-hub-signature-256":
                self.signature = value.decode("latin-1")
            elif name == b"content-length":
                self.content_length = value
            elif name == b"content-type":
                self.plain_json &= value.partition(b";")[0].strip().lower() == _JSON
            elif name == b"content-encoding":
                # Meta sends none (webhook set-up guide, 2026-09-11), and what is inflated has no bound.
                self.plain_json &= value.strip().lower() == b"identity"
