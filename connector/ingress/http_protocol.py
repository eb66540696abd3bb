"""SHELL. uvicorn's HTTP protocol with bounds that uvicorn lacks (seen with 0.54): anybody may connect.

Without them a header that never ends takes memory without end, and a connection that sends nothing, or half a request,
takes a descriptor for ever.
"""

import asyncio
import logging
from typing import Any, ClassVar, Final

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = structlog.get_logger()

# uvicorn warns of each request that is no HTTP: whoever knocks would write a line of the log each time.
_QUIET: Final = logging.getLogger("uvicorn.error.ingress")
_QUIET.setLevel(logging.ERROR)

# Request line and headers. Meta's are about 1 KiB, proxies add some; nginx takes 32 KiB.
HEAD_BYTES_MAX: Final = 32 * 1024
# From the connection, or the first byte of a further request, to the end of the headers.
HEAD_TIMEOUT_S: Final = 10.0
# Of a body, framing included: chunk sizes and trailers are no part of what the application counts. Twice what it takes.
BODY_BYTES_MAX: Final = 8 * 1024 * 1024
# From the end of the headers to the end of the body. Of a body that has begun the application's own limit comes first,
# and is answered.
BODY_TIMEOUT_S: Final = 15.0
# Each costs a descriptor and some KiB. Meta opens tens of them at 1,000 webhooks a second.
CONNECTIONS_MAX: Final = 4096


class BoundedHttp(HttpToolsProtocol):
    """HTTP/1.1 for the open internet; for ``uvicorn.Config(http=...)``.

    Attributes:
        common_name: Whose certificate a client has to show, on a server that asks for one; None: anybody's.
    """

    common_name: ClassVar[str | None] = None

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.logger = _QUIET
        self._head_bytes = 0
        self._body_bytes = 0
        self._in_head = True
        self._in_body = False
        self._timer: asyncio.TimerHandle | None = None
        self._timed_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection; or close it, when there are too many or it is not the client it should be."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX or not self._is_expected(transport):
            transport.close()
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and close a connection whose head or body has become too long."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
        elif self._in_body:
            self._body_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX or self._body_bytes > BODY_BYTES_MAX:
            self.transport.close()
        # A request that came in one piece, as nearly all do, has needed no timer.
        self._watch()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._head_bytes = self._body_bytes = 0
        self._in_head = True

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._in_head = False
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._in_body = False
        super().on_message_complete()

    def _watch(self) -> None:
        """Time what is under way."""
        if not (self._in_head or self._in_body) or self.transport.is_closing():
            self._stop()
        elif self._timer is None or self._timed_head != self._in_head:
            self._stop()
            self._timed_head = self._in_head
            seconds = HEAD_TIMEOUT_S if self._in_head else BODY_TIMEOUT_S
            self._timer = self.loop.call_later(seconds, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_expected(self, transport: asyncio.Transport) -> bool:
        if self.common_name is None:
            return True
        certificate = (transport.get_extra_info("peercert") or {}).get("subject", ())
        names = [value for part in certificate for name, value in part if name == "commonName"]
        if names != [self.common_name]:
            log.warning("a client showed the certificate of somebody else", common_names=names)
            return False
        return True


def bounded_http(common_name: str | None) -> type[BoundedHttp]:
    """The protocol for a server that lets in only clients whose certificate has this name; None: anybody."""
    return type("BoundedHttp", (BoundedHttp,), {"common_name": common_name})
