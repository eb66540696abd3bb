"""An HTTP server inside the running event loop, for the ingress and for the admin port."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True, slots=True)
class Tls:
    """How a server shows who it is, and whom it lets in.

    Attributes:
        certificate: PEM file with the server's certificate and those that lead to its authority.
        key: PEM file with its key.
        client_ca: PEM file with the authority of clients; given: no connection without a certificate signed by it.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def check(self) -> None:
        """Read the files, as the server will.

        Raises:
            CannotListenError: one cannot be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
        except (OSError, ValueError) as error:
            files = ", ".join(str(file) for file in (self.certificate, self.key, self.client_ca) if file)
            message = f"no TLS with {files}: {error}"
            raise CannotListenError(message) from None


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
    tls: Tls | None = None,
) -> AsyncIterator[int]:
    """Serve ``app`` until the block is left, then wait up to ``drain_s`` for open requests; gives the port.

    Raises:
        CannotListenError: the address is taken or not ours, or a file of TLS cannot be used.
    """
    if tls is not None:
        tls.check()
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
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
        ssl_ca_certs=str(tls.client_ca) if tls and tls.client_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls and tls.client_ca else ssl.CERT_NONE,
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
