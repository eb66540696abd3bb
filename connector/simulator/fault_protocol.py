"""Connections that can be broken: uvicorn's HTTP protocol, with the transport at hand and a say at accept."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TRANSPORT = "connector.transport"
# SO_LINGER on, for no time: closing then drops what is unsent and resets the connection.
_NO_LINGER = struct.pack("ii", 1, 0)


def reset(transport: asyncio.Transport) -> None:
    """Break a connection with RST, so that the other side knows of no orderly end."""
    connection = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


class FaultProtocol(HttpToolsProtocol):
    """One connection.

    Args:
        resets: whether the connection that was just accepted on this local port is reset at once.
        arguments: uvicorn's.
    """

    def __init__(self, *, resets: Callable[[int | None], bool], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._resets = resets

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Serve the connection, or reset it."""
        if self._resets(local_port(transport)):
            self.transport = transport
            reset(transport)
            return
        # asyncio sets it on sockets that name their protocol only; without it each answer's body waits for the
        # acknowledgement of its headers, which the other side delays by 40 ms.
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)

    def on_message_begin(self) -> None:
        """Give the application the transport."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] # an extension of ours
        scope[TRANSPORT] = self.transport


def local_port(transport: asyncio.BaseTransport) -> int | None:
    """The port that a connection came in by."""
    name = transport.get_extra_info("sockname")
    return int(name[1]) if isinstance(name, tuple) else None
