"""The ASGI application: routes requests to :class:`~connector.simulator.cloud.Cloud`, and lets webhooks follow."""

import asyncio
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec

from connector.clock import Clock
from connector.simulator import admin, ids, inbound, statuses
from connector.simulator.asgi import Header, Receive, Scope, Send, header, query, read_body, respond
from connector.simulator.cloud import Accepted, Answer, Cloud
from connector.simulator.errors import Refusal, unknown_object
from connector.simulator.fault_gate import FaultGate
from connector.simulator.faults import Faults
from connector.simulator.latency import HeldAnswers, latency
from connector.simulator.numbers import Number
from connector.simulator.observer import Observer
from connector.simulator.scenario import Event
from connector.simulator.scenario_player import Player
from connector.simulator.sender import WebhookSender
from connector.simulator.settings import InboundKind, Settings

UNAUTHORIZED = 401
_VERSION = re.compile(r"v[0-9]{1,3}\.[0-9]")
_JSON = (b"content-type", b"application/json; charset=UTF-8")
_CHALLENGE = (b"www-authenticate", b'OAuth "Facebook Platform" "invalid_token" "Invalid OAuth access token."')


class Simulator:
    """A Cloud API of its own: an ASGI application, and the webhooks that follow from what it accepts.

    Args:
        settings: everything that can be chosen.
        clock: the simulator's own time; limits and observer go by it.
        random: source of ids and latencies; seeded by ``settings.seed`` when not given.
        scenario: what happens when.
    """

    def __init__(
        self, settings: Settings, clock: Clock, random: Random | None = None, scenario: Sequence[Event] = ()
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._random = random or Random(settings.seed)  # noqa: S311 - figures for a simulation, nothing secret
        self.observer = Observer(
            settings.remembered_max, commands_max=settings.commands_max, command_id=settings.command_id
        )
        self.cloud = Cloud(settings, self._random, self.observer)
        self.sender = WebhookSender(settings.webhooks, settings.app_secret, clock)
        self.held = HeldAnswers()
        self._latency_s = latency(settings.latency, self._random)
        self._arrivals: asyncio.Task[None] | None = None
        self._common_headers = _common_headers(settings)
        self.has_side_door = False
        self._review_doors: Callable[[], None] = lambda: None
        self.faults = Faults(settings.seed)
        self.fault_gate = FaultGate(
            self._serve,
            self.faults,
            self.observer,
            clock,
            self.held,
            refuse=self._refusal,
            knows_number=self.cloud.numbers.__contains__,
        )
        self.scenario = Player(self, scenario)

    async def start(self) -> None:
        """Begin to send webhooks, inbound messages among them when they come by themselves."""
        await self.sender.start()
        if self.settings.inbound.rate > 0:
            self._arrivals = asyncio.create_task(self._arrive())
        self.scenario.start()

    async def close(self) -> None:
        """Stop; webhooks not yet delivered are lost."""
        await self.scenario.close()
        if self._arrivals is not None:
            self._arrivals.cancel()
            await asyncio.gather(self._arrivals, return_exceptions=True)
        await self.sender.close()

    def faults_changed(self) -> None:
        """Let the door follow the faults at once."""
        self._review_doors()

    def open_doors(self, review: Callable[[], None], *, side_door: bool) -> None:
        """Say how the doors are told of faults, and whether there is one that faults leave alone."""
        self._review_doors = review
        self.has_side_door = side_door

    def reset(self) -> None:
        """Forget what was seen; limits and pending webhooks stay."""
        self.observer.reset()
        self.sender.outbox.reset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path: str = scope["path"]
        if path.startswith("/_"):
            status, body = await admin.serve(self, scope["method"], path, query(scope), await read_body(receive))
            await respond(send, status, body, [_JSON])
        elif self.faults.armed:
            await self.fault_gate(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request to the API itself."""
        path: str = scope["path"]
        payload = await read_body(receive)
        answer = await self._graph(scope, path, payload)
        await respond(send, answer.status, answer.body, self._headers(path, answer))

    def _refusal(self, path: str, refusal: Refusal, http_status: int) -> tuple[bytes, list[Header]]:
        answer = self.cloud.refuse(refusal)._replace(status=http_status)
        return answer.body, self._headers(path, answer)

    async def _graph(self, scope: Scope, path: str, payload: bytes | None) -> Answer:
        parts = path.split("/")[1:]
        if parts and _VERSION.fullmatch(parts[0]):
            del parts[0]
        authorization = header(scope, b"authorization")
        match scope["method"], parts:
            case "POST", [number_id, "messages" | "marketing_messages" as edge]:
                return await self._send(number_id, payload, authorization, marketing=edge == "marketing_messages")
        refusal = self.cloud.authorize(authorization)
        if refusal is not None:
            return self.cloud.refuse(refusal)
        match scope["method"], parts:
            case "GET", [number_id] if number_id:
                return self.cloud.read_number(number_id, query(scope).get("fields"))
            case method, [first, *_] if first:
                return self.cloud.refuse(unknown_object(method, "/".join(parts)))
        return self.cloud.refuse(Refusal(2500, message=f"Unknown path components: {path}"))

    async def _send(
        self, number_id: str, payload: bytes | None, authorization: bytes | None, *, marketing: bool
    ) -> Answer:
        """Decide at once, answer later: what is accepted counts, and is followed by statuses, from now on."""
        at_s, wall_ms = self.clock.monotonic(), self.clock.wall_ms()
        answer = self.cloud.send(number_id, payload, authorization, at_s=at_s, wall_ms=wall_ms, marketing=marketing)
        if answer.accepted is not None and self.sender.url is not None:
            self._follow_up(answer.accepted)
        await self.held.hold(self._latency_s())
        return answer

    def _follow_up(self, accepted: Accepted) -> None:
        steps = statuses.plan(self.settings.statuses, self._random, accepted.fails_with)
        self.sender.add(statuses.update(accepted, step) for step in steps)

    def receive_inbound(
        self, number: Number, kind: InboundKind, wa_id: str | None = None, content: dict[str, Any] | None = None
    ) -> str:
        """Let one message come in for ``number`` now: it counts against the limit, and a webhook follows; its id.

        Args:
            number: written to.
            kind: what it is, unless ``content`` says so.
            wa_id: digits of the sender's phone; drawn from the population when missing.
            content: the message's own members.
        """
        now_s, wall_ms = self.clock.monotonic(), self.clock.wall_ms()
        population = self.settings.inbound.users
        sender = inbound.user(self._random.randrange(population)) if wa_id is None else inbound.User(wa_id, "Test User")
        content = inbound.message(self._random, number, kind) if content is None else content
        message_id = ids.inbound_message_id(self._random, sender.wa_id)
        update = inbound.update(number, sender, content, message_id=message_id, now_s=now_s, wall_ms=wall_ms)
        number.window.count(now_s)
        self.observer.add_inbound(number.id, now_s)
        self.sender.add([update])
        return str(update.item["id"])

    async def _arrive(self) -> None:
        """Messages come in independently of each other: exponential gaps."""
        due_s = self.clock.monotonic()
        while True:
            due_s += self._random.expovariate(self.settings.inbound.rate)
            await asyncio.sleep(max(0.0, due_s - self.clock.monotonic()))
            numbers = self.cloud.numbers.all()
            if numbers:
                kind = self._random.choice(self.settings.inbound.kinds)
                self.receive_inbound(self._random.choice(numbers), kind)

    def _headers(self, path: str, answer: Answer) -> list[Header]:
        first = path.split("/", 2)[1]
        version = first if _VERSION.fullmatch(first) else self.settings.version
        trace_id = answer.trace_id.encode()
        headers = [
            *self._common_headers,
            (b"facebook-api-version", version.encode()),
            (b"x-fb-trace-id", trace_id),
            (b"x-fb-request-id", trace_id),
        ]
        if answer.status == UNAUTHORIZED:
            headers.append(_CHALLENGE)
        return headers


def _common_headers(settings: Settings) -> list[Header]:
    """What every answer carries: the usage headers report a quiet app unless told otherwise."""
    usage = {"call_count": settings.usage_percent, "total_cputime": 0, "total_time": 0}
    business = {"type": "whatsapp", **usage, "estimated_time_to_regain_access": 0}
    return [
        _JSON,
        (b"x-fb-rev", b"1029384756"),
        (b"x-app-usage", msgspec.json.encode(usage)),
        (b"x-business-use-case-usage", msgspec.json.encode({settings.business_id: [business]})),
    ]
