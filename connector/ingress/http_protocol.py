"""SHELL. uvicorn's HTTP protocol with bounds that uvicorn lacks (seen with 0.54): anybody may connect.

Without them a header that never ends takes memory without end, and a connection that sends nothing takes a descriptor
for ever. The body has its bounds in the application.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Request line and headers. Meta's are about 1 KiB, proxies add some; nginx takes 32 KiB.
HEAD_BYTES_MAX: Final = 32 * 1024
# From the connection, or the first byte of a further request, to the end of the headers.
HEAD_TIMEOUT_S: Final = 10.0
# Each costs a descriptor and some KiB. Meta opens tens of them at 1,000 webhooks a second.
CONNECTIONS_MAX: Final = 4096


class BoundedHttp(HttpToolsProtocol):
    """HTTP/1.1 for the open internet; for ``uvicorn.Config(http=...)``."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or close it when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.close()
        else:
            self._head_begins()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._head_ends()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and close a connection whose head has become too long."""
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._head_begins()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._head_ends()
        super().on_headers_complete()

    def _head_begins(self) -> None:
        self._head_ends()
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _head_ends(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
