"""The ASGI application: routes requests to :class:`~connector.simulator.cloud.Cloud`, and lets webhooks follow."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random

from connector.clock import Clock
from connector.simulator import admin, statuses
from connector.simulator.arrivals import Arrivals
from connector.simulator.asgi import Header, Receive, Scope, Send, query, read_body, respond
from connector.simulator.cloud import Accepted, Answer, Cloud
from connector.simulator.errors import Refusal
from connector.simulator.fault_gate import FaultGate, addressed
from connector.simulator.faults import Faults
from connector.simulator.latency import HeldAnswers, latency
from connector.simulator.observer import Call, Observer
from connector.simulator.routes import Routes
from connector.simulator.scenario import Event, from_settings
from connector.simulator.scenario_player import Player
from connector.simulator.sender import WebhookSender
from connector.simulator.settings import Settings

_JSON = (b"content-type", b"application/json; charset=UTF-8")


class Simulator:
    """A Cloud API of its own: an ASGI application, and the webhooks that follow from what it accepts.

    Args:
        settings: everything that can be chosen.
        clock: the simulator's own time; limits and observer go by it.
        random: source of ids and latencies; seeded by ``settings.seed`` when not given.
        scenario: what happens when, beside ``settings.scenario``.

    Raises:
        SettingsError: ``settings.scenario`` is none.
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
        self.cloud = Cloud(settings, self._random, self.observer, clock.wall_ms())
        self.routes = Routes(self.cloud, clock, settings.version, settings.public_url, self._send)
        self.sender = WebhookSender(settings.webhooks, settings.app_secret, clock, self._random)
        self.arrivals = Arrivals(
            settings.inbound,
            self.cloud.business,
            self.observer,
            clock,
            self._random,
            post=self.sender.add,
            base_url=lambda: self.routes.base_url,
        )
        self.held = HeldAnswers()
        self._latency_s = latency(settings.latency, self._random)
        self._arriving: asyncio.Task[None] | None = None
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
        self.scenario = Player(self, [*from_settings(settings.scenario), *scenario])

    async def start(self) -> None:
        """Begin to send webhooks, inbound messages among them when they come by themselves."""
        await self.sender.start()
        if self.settings.inbound.rate > 0:
            self._arriving = asyncio.create_task(self.arrivals.run())
        self.scenario.start()

    async def close(self) -> None:
        """Stop; webhooks not yet delivered are lost."""
        await self.scenario.close()
        if self._arriving is not None:
            self._arriving.cancel()
            await asyncio.gather(self._arriving, return_exceptions=True)
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
            self.routes.seen(scope)
            status, body = await admin.serve(self, scope["method"], path, query(scope), await read_body(receive))
            await respond(send, status, body, [_JSON])
        elif self.faults.armed:
            await self.fault_gate(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request to the API itself."""
        answer = await self.routes.answer(scope, receive)
        if not addressed(scope).is_send:
            at_s, wall_ms = self.clock.monotonic(), self.clock.wall_ms()
            self.observer.add_call(Call(at_s, wall_ms, scope["method"], scope["path"], answer.status))
        await respond(send, answer.status, answer.body, self.routes.headers(scope["path"], answer))

    def _refusal(self, path: str, refusal: Refusal, http_status: int) -> tuple[bytes, list[Header]]:
        answer = self.cloud.refuse(refusal)._replace(status=http_status)
        return answer.body, self.routes.headers(path, answer)

    async def _send(self, number_id: str, edge: str, payload: bytes | None, authorization: bytes | None) -> Answer:
        """Decide at once, answer later: what is accepted counts, and is followed by statuses, from now on."""
        at_s, wall_ms = self.clock.monotonic(), self.clock.wall_ms()
        marketing = edge == "marketing_messages"
        answer = self.cloud.send(number_id, payload, authorization, at_s=at_s, wall_ms=wall_ms, marketing=marketing)
        if answer.accepted is not None and self.sender.url is not None:
            self._follow_up(answer.accepted)
        await self.held.hold(self._latency_s())
        return answer

    def _follow_up(self, accepted: Accepted) -> None:
        in_order = self.sender.settings.order == "strict"
        steps = statuses.plan(self.settings.statuses, self._random, accepted, in_order=in_order)
        self.sender.add([statuses.update(accepted, step) for step in steps])
