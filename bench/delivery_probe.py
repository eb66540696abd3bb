"""How unsteady the way to a receiver is: requests that carry the time at which they left, beside the load."""

import contextlib
import json
import socket
from collections.abc import Iterable
from threading import Event, Thread
from typing import Final
from urllib.parse import urlsplit

from bench.delivery_stage import CLOCK, Send
from tests.integration.system import ACCESS_TOKEN

NUMBER: Final = "100000000000001"
RATE: Final = 90_000
"""Of the probe's own number: never reached."""
EVERY_S: Final = 0.05
_ANSWER_S: Final = 10.0
_CONNECTIONS: Final = 16
"""Used in turn: the next request does not wait for the answer to the one before."""


class Probe:
    """Sends until :meth:`stop`; the receiver's ledger then tells how long each was on its way."""

    def __init__(self, base_url: str) -> None:
        address = urlsplit(base_url)
        self._address = (address.hostname or "", address.port or 0)
        self._stopped = Event()
        self._left_s: dict[str, float] = {}
        self._thread = Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopped.set()
        self._thread.join(_ANSWER_S)

    def delays_s(self, sends: Iterable[Send]) -> list[float]:
        """Seconds on the way, of each."""
        return [send.at_s - self._left_s[send.command] for send in sends if send.command in self._left_s]

    def _run(self) -> None:
        with contextlib.ExitStack() as stack:
            connections = [
                stack.enter_context(socket.create_connection(self._address, _ANSWER_S)) for _ in range(_CONNECTIONS)
            ]
            while not self._stopped.wait(EVERY_S):
                connection = connections[len(self._left_s) % _CONNECTIONS]
                if len(self._left_s) >= _CONNECTIONS:
                    connection.recv(65_536)
                name = f"probe-{len(self._left_s)}"
                request = _request(name, f"1777{len(self._left_s):07d}")
                self._left_s[name] = CLOCK.monotonic()
                connection.sendall(request)


def _request(name: str, recipient: str) -> bytes:
    body = json.dumps({
        "messaging_product": "whatsapp", "to": recipient, "type": "text", "text": {"body": "?"},
        "biz_opaque_callback_data": name,
    }).encode()  # fmt: skip
    head = (
        f"POST /v26.0/{NUMBER}/messages HTTP/1.1\r\nHost: receiver\r\nAuthorization: Bearer {ACCESS_TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
