"""Serve a simulator on a socket, inside the running event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

from connector.clock import Clock, SystemClock
from connector.simulator import admin
from connector.simulator.app import Simulator
from connector.simulator.settings import Level, Settings

SHUTDOWN_S = 2


class RunningSimulator:
    """A simulator that is being served; its figures can be asked for without HTTP.

    Attributes:
        base_url: ``http://host:port``, to be used in place of ``https://graph.facebook.com``.
        simulator: the application.
    """

    def __init__(self, simulator: Simulator, base_url: str) -> None:
        self.simulator = simulator
        self.base_url = base_url

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

    async def set_webhook(self, url: str | None, verify_token: str | None = None) -> None:
        """Send webhooks to ``url`` from now on, after Meta's handshake when a token is given.

        Raises:
            RequestError: the URL did not pass the handshake.
        """
        await admin.set_webhook(self.simulator, admin.WebhookChange(url=url, verify_token=verify_token))


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to its host and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self.listening.set()


@contextlib.asynccontextmanager
async def running(
    settings: Settings | None = None, *, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None
) -> AsyncIterator[RunningSimulator]:
    """Serve a simulator in the running event loop until the block is left.

    Args:
        settings: the simulator's; defaults throughout when missing.
        host: address to listen on.
        port: 0 for any free one.
        clock: the simulator's time.

    Raises:
        OSError: the address is taken or not ours.
    """
    simulator = Simulator(settings or Settings(), clock or SystemClock())
    listener = socket.create_server((host, port), backlog=2048)
    config = uvicorn.Config(
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
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await simulator.start()
        await server.listening.wait()
        yield RunningSimulator(simulator, f"http://{host}:{listener.getsockname()[1]}")
    finally:
        simulator.held.let_go()
        server.should_exit = True
        await serving
        await simulator.close()
        listener.close()
