"""Stands before the API while faults are in force: decides each request's fate, and carries it out."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from connector.clock import Clock
from connector.simulator.asgi import BODY_MAX_BYTES, Header, Receive, Scope, Send, respond
from connector.simulator.errors import Refusal
from connector.simulator.fault_kinds import (
    AnyFault,
    BlackHole,
    Error,
    Garbage,
    ResetAfter,
    ResetBefore,
    SlowBody,
    Throttle,
    TokenExpired,
    Truncate,
    takes_effect,
)
from connector.simulator.fault_protocol import TRANSPORT, reset
from connector.simulator.faults import Blow, Faults, Target
from connector.simulator.latency import HeldAnswers
from connector.simulator.observer import NO_CODE, UNDER_FAULT, Call, Observed, Observer, UnderFault

EDGES = (["messages"], ["marketing_messages"])
PIECES = 20
# What is kept of a request that no rule has looked at.
RECIPIENT_MAX, TYPE_MAX, CALLBACK_DATA_MAX = 256, 64, 512
GARBAGE = b'\x1f\x8b\x08\x00\xff\xfe{"messages":[{"id":"wamid.\x80\x81'
_HTML: list[Header] = [(b"content-type", b"text/html; charset=UTF-8")]
_EXPIRED = Refusal(190, subcode=463, message="Error validating access token: Session has expired.")
_THROTTLED = {
    130429: Refusal(130429, "Too many messages were sent from this phone number in a short time."),
    131056: Refusal(131056, "Too many messages were sent from this phone number to one recipient in a short time."),
    4: Refusal(4),
    80007: Refusal(80007, "The business account has reached its rate limit."),
}

App = Callable[[Scope, Receive, Send], Awaitable[None]]
# Path, refusal and HTTP status in; body and headers out.
Refuse = Callable[[str, Refusal, int], tuple[bytes, list[Header]]]


class Address(NamedTuple):
    """What a request is for.

    Attributes:
        number: the first part of the path.
        is_send: whether a message is to be sent by it.
    """

    number: str
    is_send: bool


class Sent(NamedTuple):
    """What a body says about itself, as far as it can be read."""

    recipient: str = ""
    type: str = ""
    callback_data: str | None = None


class _Body(msgspec.Struct):
    to: Any = None
    recipient: Any = None
    recipient_type: Any = None
    type: Any = "text"
    status: Any = None
    biz_opaque_callback_data: Any = None


class FaultGate:
    """An ASGI application around another.

    Args:
        app: the API.
        faults: in force.
        observer: told of requests that never get to the API.
        clock: the simulator's time.
        held: answers that wait.
        refuse: shapes a refusal.
        knows_number: whether a number exists.
    """

    def __init__(
        self,
        app: App,
        faults: Faults,
        observer: Observer,
        clock: Clock,
        held: HeldAnswers,
        *,
        refuse: Refuse,
        knows_number: Callable[[str], bool],
    ) -> None:
        self._app = app
        self._faults = faults
        self._observer = observer
        self._clock = clock
        self._held = held
        self._refuse = refuse
        self._knows_number = knows_number
        self._unanswered: set[asyncio.Transport] = set()

    def let_go(self) -> None:
        """Reset the connections that wait for nothing: the server is about to stop."""
        for transport in self._unanswered:
            reset(transport)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or fail it."""
        address = addressed(scope)
        target = Target(scope["method"], address.number)
        blow = self._faults.strike_unread(target, self._clock.monotonic())
        if blow is not None:
            self._record(scope, address, Sent(), blow)
            await _break(scope, receive)
            return
        sent = Sent()
        if address.is_send:
            body, receive = await read_ahead(receive)
            sent = read_sent(body)
            target = target._replace(recipient=sent.recipient)
        blow = self._faults.strike(target, self._clock.monotonic())
        if blow is None:
            await self._app(scope, receive, send)
        elif blow.fault is None or takes_effect(blow.fault):
            await self._spoil(blow, scope, receive, send)
        else:
            self._record(scope, address, sent, blow)
            await self._held.hold(blow.delay_s)
            await self._fail(blow, scope, receive, send)

    def _record(self, scope: Scope, address: Address, sent: Sent, blow: Blow) -> None:
        """Tell the observer of a request that had no effect."""
        http_status, code = _told(blow.fault)
        at_s, wall_ms = self._clock.monotonic(), self._clock.wall_ms()
        if not address.is_send:
            call = Call(at_s, wall_ms, scope["method"], scope["path"], http_status, blow.kind, blow.fault_id)
            self._observer.add_call(call)
            return
        seen = Observed(
            at_s=at_s,
            wall_ms=wall_ms,
            number=address.number[:64],
            recipient=sent.recipient,
            type=sent.type,
            callback_data=sent.callback_data,
            http_status=http_status,
            code=code,
            message_id=None,
            fault=blow.kind,
            fault_id=blow.fault_id,
        )
        self._observer.add(seen, known=self._knows_number(address.number))

    async def _fail(self, blow: Blow, scope: Scope, receive: Receive, send: Send) -> None:
        """End a request that had no effect."""
        fault = blow.fault
        if isinstance(fault, ResetBefore):
            await _break(scope, receive)
        elif isinstance(fault, BlackHole):
            await self._hang(scope, receive)
        elif isinstance(fault, Error) and fault.code is None:
            await respond(send, fault.http_status, _page(fault.http_status), _HTML)
        else:
            http_status, _ = _told(fault)
            body, headers = self._refuse(scope["path"], _refusal(fault), http_status)
            await respond(send, http_status, body, headers)

    async def _spoil(self, blow: Blow, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request take effect, and spoil its answer."""
        fault = blow.fault
        UNDER_FAULT.set(UnderFault(blow.kind, blow.fault_id, _told_anyway(fault)))
        answer = Captured()
        await self._app(scope, receive, answer)
        await self._held.hold(blow.delay_s)
        if isinstance(fault, ResetAfter):
            await _break(scope, receive)
        elif isinstance(fault, BlackHole):
            await self._hang(scope, receive)
        elif isinstance(fault, Garbage):
            await respond(send, 200, GARBAGE, answer.headers_without_length())
        elif isinstance(fault, Truncate):
            await _end_half_way(answer, scope, receive, send)
        elif isinstance(fault, SlowBody):
            await self._trickle(answer, fault.takes_ms / 1000, send)
        else:
            await respond(send, answer.status, answer.body, answer.headers_without_length())

    async def _trickle(self, answer: "Captured", takes_s: float, send: Send) -> None:
        size = max(1, -(-len(answer.body) // PIECES))
        starts = range(0, len(answer.body), size)
        await answer.begin(send)
        for start in starts:
            if start:
                await self._held.hold(takes_s / max(1, len(starts) - 1))
            await send({"type": "http.response.body", "body": answer.body[start : start + size], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _hang(self, scope: Scope, receive: Receive) -> None:
        transport: asyncio.Transport = scope[TRANSPORT]
        self._unanswered.add(transport)
        try:
            await _gone(receive)
        finally:
            self._unanswered.discard(transport)


class Captured:
    """An answer kept back instead of being sent."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[Header] = []
        self._parts: list[bytes] = []

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        """Take one ASGI message."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self._parts.append(message.get("body", b""))

    @property
    def body(self) -> bytes:
        """All of it."""
        return b"".join(self._parts)

    def headers_without_length(self) -> list[Header]:
        """For an answer that says its own."""
        return [(name, value) for name, value in self.headers if name != b"content-length"]

    async def begin(self, send: Send) -> None:
        """Send status and headers, with the length of the whole body."""
        length = (b"content-length", str(len(self.body)).encode())
        headers = [*self.headers_without_length(), length]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})


def read_sent(body: bytes) -> Sent:
    """Who a body is for and whose it is; what cannot be read is left empty, what is too long is cut."""
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, RecursionError):
        return Sent()
    given = found.to if found.to is not None else found.recipient
    recipient = given if isinstance(given, str) else ""
    if found.to is not None and found.recipient_type != "group":
        recipient = "".join(filter(str.isdigit, recipient))
    kind = "read" if found.status == "read" else found.type
    data = found.biz_opaque_callback_data
    return Sent(
        recipient[:RECIPIENT_MAX],
        kind[:TYPE_MAX] if isinstance(kind, str) else "",
        data[:CALLBACK_DATA_MAX] if isinstance(data, str) else None,
    )


async def read_ahead(receive: Receive) -> tuple[bytes, Receive]:
    """The body, up to its bound, and a way to receive the same once more, and what follows."""
    messages: deque[MutableMapping[str, Any]] = deque()
    size, more = 0, True
    while more and size <= BODY_MAX_BYTES:
        messages.append(await receive())
        size += len(messages[-1].get("body", b""))
        more = messages[-1].get("more_body", False)
    body = b"".join(message.get("body", b"") for message in messages)

    async def again() -> MutableMapping[str, Any]:
        return messages.popleft() if messages else await receive()

    return body, again


def addressed(scope: Scope) -> Address:
    """What a request is for, told by method and path."""
    parts = scope["path"].split("/")[1:]
    if parts and parts[0].startswith("v") and "." in parts[0]:
        del parts[0]
    number = parts[0] if parts else ""
    return Address(number, scope["method"] == "POST" and parts[1:] in EDGES)


def _refusal(fault: AnyFault | None) -> Refusal:
    if isinstance(fault, Throttle):
        return _THROTTLED[fault.code]
    if isinstance(fault, Error) and fault.code is not None:
        return Refusal(fault.code, fault.details, fault.subcode)
    return _EXPIRED


def _told(fault: AnyFault | None) -> tuple[int, int]:
    """HTTP status and Meta's code in the answer to a request that had no effect; 0 when there is no answer."""
    if isinstance(fault, Error):
        return fault.http_status, NO_CODE if fault.code is None else fault.code
    if isinstance(fault, Throttle | TokenExpired):
        refusal = _refusal(fault)
        return refusal.http_status, refusal.code
    return 0, NO_CODE


def _told_anyway(fault: AnyFault | None) -> int | None:
    """The HTTP status of a spoilt answer, where it is not the true one."""
    if isinstance(fault, ResetAfter | BlackHole):
        return 0
    return 200 if isinstance(fault, Garbage) else None


def _page(http_status: int) -> bytes:
    try:
        phrase = HTTPStatus(http_status).phrase
    except ValueError:
        phrase = "Error"
    title = f"{http_status} {phrase}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\r\n"
    return page.encode()


async def _end_half_way(answer: Captured, scope: Scope, receive: Receive, send: Send) -> None:
    await answer.begin(send)
    half = answer.body[: len(answer.body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    scope[TRANSPORT].close()
    await _gone(receive)


async def _break(scope: Scope, receive: Receive) -> None:
    reset(scope[TRANSPORT])
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait for the end of the connection: the server takes an application that ends earlier for broken."""
    while (await receive())["type"] != "http.disconnect":
        pass
