"""An HTTP server inside the running event loop, for the ingress and for the admin port."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

AsgiApp = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]

BACKLOG: Final = 2048
KEEP_ALIVE_S: Final = 75
"""Longer than the 60 s of common load balancers: the side that closes first loses no request."""


class CannotListenError(Exception):
    """The address is taken or not ours."""


class _Server(uvicorn.Server):
    """Leaves signals to the process and says when it listens."""

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
async def serving(
    app: AsgiApp,
    host: str,
    port: int,
    *,
    drain_s: float,
    concurrency_max: int,
    protocol: type[asyncio.Protocol] = HttpToolsProtocol,
) -> AsyncIterator[int]:
    """Serve ``app`` until the block is left, then wait up to ``drain_s`` for open requests; gives the port.

    Raises:
        CannotListenError: the address is taken or not ours.
    """
    try:
        listener = socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        message = f"cannot listen on {host}:{port} ({error.strerror}); choose another port"
        raise CannotListenError(message) from None
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=concurrency_max,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(drain_s)),
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.listening.wait()
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        listener.close()
