"""A stand-in for the Cloud API that takes as little CPU as it can: limits and ledger of the simulator, no checks.

It reads the simulator's settings and answers the questions to its observer that the bench asks, so that either can
stand behind a base URL. Only texts with recipient and callback data are understood.
"""

import asyncio
import gc
import sys
from pathlib import Path
from typing import Final, cast

import msgspec
import uvloop

from connector.clock import SystemClock
from connector.simulator import observer_queries
from connector.simulator.numbers import Number
from connector.simulator.observer import Observed, Observer
from connector.simulator.settings import Settings, from_mapping, mapping_from_file

HOST: Final = "127.0.0.1"
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_OVER_NUMBER: Final = 130429
_OVER_PAIR: Final = 131056


class _Message(msgspec.Struct):
    to: str
    biz_opaque_callback_data: str | None = None


class Receiver:
    """Numbers with their limits, and everything that was asked of them."""

    def __init__(self, settings: Settings) -> None:
        self.clock = SystemClock()
        self.latency_s = settings.latency.median_ms / 1000
        self._observer = Observer(
            settings.remembered_max, commands_max=settings.commands_max, command_id=settings.command_id
        )
        self._numbers = {number.id: Number(number) for number in settings.numbers}
        self._message = msgspec.json.Decoder(_Message)
        self._sent = 0

    def send(self, number_id: str, body: bytes, at_s: float) -> bytes:
        """Decide about one message, as the simulator does: what is refused leaves no mark in either limit."""
        number, message = self._numbers[number_id], self._message.decode(body)
        recipient = message.to.removeprefix("+")
        over_number = not number.window.has_room(at_s)
        over_pair = number.pairs.free_at(recipient, at_s) > at_s
        code = _OVER_NUMBER if over_number else _OVER_PAIR if over_pair else 0
        self._sent += 1
        message_id = None if code else f"wamid.{self._sent}"
        if not code:
            number.window.count(at_s)
            number.pairs.count(recipient, at_s)
        self._observer.add(
            Observed(
                at_s, self.clock.wall_ms(), number_id, recipient, "text", message.biz_opaque_callback_data,
                400 if code else 200, code, message_id, over_number, over_pair,
            )
        )  # fmt: skip
        return _refused(code) if code else _accepted(recipient, str(message_id))

    def tell(self, path: str) -> bytes:
        """The answer to a question."""
        if path == "/_observer/summary":
            return _answer(200, msgspec.json.encode(self._observer.summary()))
        if path == "/_observer/acceptances":
            return _answer(200, observer_queries.ledger(self._observer))
        number = self._numbers[path.rpartition("?")[0].rpartition("/")[2]]
        return _answer(200, msgspec.json.encode({**number.fields(), "id": number.id}))


class _Connection(asyncio.Protocol):
    """One keep-alive connection: requests with a length, one at a time."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        at_s = self._receiver.clock.monotonic()
        self._read += data
        while True:
            head, end, rest = self._read.partition(_HEAD_END)
            length = _content_length(head)
            if not end or len(rest) < length:
                return
            self._read = rest[length:]
            method, path, _ = head.split(b" ", 2)
            if method == b"GET":
                self._transport.write(self._receiver.tell(path.decode()))
                continue
            number_id = path.rsplit(b"/", 2)[1].decode()
            answer = self._receiver.send(number_id, rest[:length], at_s)
            self._loop.call_later(self._receiver.latency_s, self._transport.write, answer)


def _content_length(head: bytes) -> int:
    found = head.lower().partition(_LENGTH)[2]
    return int(found.partition(b"\r\n")[0]) if found else 0


def _answer(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        status, len(body), body,
    )  # fmt: skip


def _accepted(recipient: str, message_id: str) -> bytes:
    return _answer(
        200,
        b'{"messaging_product":"whatsapp","contacts":[{"input":"%b","wa_id":"%b"}],"messages":[{"id":"%b"}]}'
        % (recipient.encode(), recipient.encode(), message_id.encode()),
    )


def _refused(code: int) -> bytes:
    error = {"message": f"(#{code}) over a limit", "type": "OAuthException", "code": code, "fbtrace_id": "bench"}
    return _answer(400, msgspec.json.encode({"error": error}))


async def main(settings: Settings, port: int) -> None:
    """Serve until the process is ended."""
    receiver = Receiver(settings)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(receiver), HOST, port)
    # Nothing here makes cycles; a collection would be a pause that Meta does not make.
    gc.collect()
    gc.freeze()
    gc.disable()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(from_mapping(mapping_from_file(Path(sys.argv[1]))), int(sys.argv[2])))
