"""Serve a simulator on a socket, inside the running event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import msgspec
import uvicorn

from connector.clock import Clock, SystemClock
from connector.simulator import admin, fault_endpoints
from connector.simulator.app import Simulator
from connector.simulator.fault_kinds import AnyFault
from connector.simulator.fault_listener import Listener
from connector.simulator.fault_protocol import FaultProtocol, local_port
from connector.simulator.faults import Faults
from connector.simulator.scenario import Event
from connector.simulator.settings import Level, Settings

SHUTDOWN_S = 2


class RunningSimulator:
    """A simulator that is being served; its figures can be asked for without HTTP.

    Attributes:
        base_url: ``http://host:port``, to be used in place of ``https://graph.facebook.com``.
        admin_url: the same, or the port that faults leave alone when there is one.
        simulator: the application.
    """

    def __init__(self, simulator: Simulator, base_url: str, admin_url: str) -> None:
        self.simulator = simulator
        self.base_url = base_url
        self.admin_url = admin_url

    @property
    def access_token(self) -> str:
        """A token that opens every number."""
        return self.simulator.settings.access_tokens[0]

    @property
    def app_secret(self) -> str:
        """The secret that signs the webhooks."""
        return self.simulator.settings.app_secret

    def summary(self) -> dict[str, Any]:
        """What ``GET /_observer/summary`` answers."""
        return self.simulator.observer.summary()

    def requests(self, **filters: str | int) -> list[dict[str, Any]]:
        """Remembered requests in order of arrival; filters are fields of ``observer.Observed``."""
        return self.simulator.observer.requests(filters, limit=self.simulator.settings.remembered_max)

    def webhooks(self) -> dict[str, Any]:
        """What ``GET /_observer/webhooks`` answers."""
        return self.simulator.sender.outbox.summary()

    def reset(self) -> None:
        """Forget what was seen; limits and pending webhooks stay."""
        self.simulator.reset()

    def set_number(self, number_id: str, *, level: Level | None = None, mps: int | None = None) -> None:
        """Create the number if need be, and set its level, its limit or both."""
        admin.set_number(self.simulator, number_id, admin.NumberChange(level=level, mps=mps))

    def inbound(self, number_id: str | None = None, **request: Any) -> list[str]:
        """Let messages come in now; arguments as in :class:`~connector.simulator.admin.InboundRequest`; their ids."""
        return admin.send_inbound(self.simulator, admin.InboundRequest(number=number_id, **request))

    def add_fault(self, kind: str, **members: Any) -> str:
        """Put a fault in force from now on; members as in the body of ``POST /_admin/faults``; its id.

        Raises:
            msgspec.ValidationError: there is no such fault.
            RequestError: it cannot be added.
        """
        return fault_endpoints.add_fault(self.simulator, msgspec.convert({"kind": kind, **members}, AnyFault))

    def faults(self) -> list[dict[str, Any]]:
        """Every fault with what it has done."""
        return self.simulator.faults.listing(self.simulator.clock.monotonic())

    def remove_fault(self, fault_id: str | None = None) -> None:
        """Take back one fault, or all.

        Raises:
            RequestError: there is no such fault.
        """
        fault_endpoints.remove_fault(self.simulator, fault_id)

    async def set_webhook(self, url: str | None, verify_token: str | None = None) -> None:
        """Send webhooks to ``url`` from now on, after Meta's handshake when a token is given.

        Raises:
            RequestError: the URL did not pass the handshake.
        """
        await admin.set_webhook(self.simulator, admin.WebhookChange(url=url, verify_token=verify_token))


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals and listening to its host, and says when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen nowhere; say that protocols may be made."""
        await super().startup(sockets)
        self.serving.set()


class _Served:
    """A simulator's server with its doors: the public one, and one that faults leave alone."""

    def __init__(self, simulator: Simulator, clock: Clock) -> None:
        self._simulator = simulator
        self._clock = clock
        self.server = _Server(_config(simulator))
        self.door = Listener(self._protocol, simulator.faults, clock, self._end_idle)
        self.side_door = Listener(self._protocol, Faults(None), clock, self._end_idle)

    def _protocol(self) -> FaultProtocol:
        server = self.server
        return FaultProtocol(
            resets=self._resets,
            config=server.config,
            server_state=server.server_state,
            app_state=server.lifespan.state,
        )

    def _resets(self, port: int | None) -> bool:
        if port != self.door.port or not self._simulator.faults.resets_connection(self._clock.monotonic()):
            return False
        # That may have been the fault's last one.
        self.door.review()
        return True

    def _end_idle(self) -> None:
        """End the connections of the public door, each after the answer under way."""
        for connection in list(self.server.server_state.connections):
            if local_port(connection.transport) == self.door.port:
                connection.shutdown()

    async def close(self) -> None:
        """Answer what is under way, within its time; then end."""
        self._simulator.held.let_go()
        self._simulator.fault_gate.let_go()
        await self.door.close()
        await self.side_door.close()
        self.server.should_exit = True


def _config(simulator: Simulator) -> uvicorn.Config:
    return uvicorn.Config(
        simulator,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


@contextlib.asynccontextmanager
async def running(
    settings: Settings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    admin_port: int | None = None,
    clock: Clock | None = None,
    scenario: Sequence[Event] = (),
) -> AsyncIterator[RunningSimulator]:
    """Serve a simulator in the running event loop until the block is left.

    Args:
        settings: the simulator's; defaults throughout when missing.
        host: address to listen on.
        port: 0 for any free one.
        admin_port: a second port, 0 for any free one, at which connections are never refused.
        clock: the simulator's time.
        scenario: what happens when, from :mod:`connector.simulator.scenario`.

    Raises:
        OSError: the address is taken or not ours.
    """
    clock = clock or SystemClock()
    simulator = Simulator(settings or Settings(), clock, scenario=scenario)
    served = _Served(simulator, clock)
    serving = asyncio.create_task(served.server.serve(sockets=[]))
    try:
        await served.server.serving.wait()
        await served.door.start(host, port)
        if admin_port is not None:
            await served.side_door.start(host, admin_port)
        simulator.open_doors(served.door.review, side_door=admin_port is not None)
        await simulator.start()
        admin_door = served.door if admin_port is None else served.side_door
        yield RunningSimulator(simulator, f"http://{host}:{served.door.port}", f"http://{host}:{admin_door.port}")
    finally:
        await served.close()
        await serving
        await simulator.close()
