"""Requests against real sockets that do all that servers and networks do.

One rule stands above all others: what the server has received whole is never called *not sent*.
"""

import asyncio
import gzip
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.delivery.graph_client import ANSWER_MAX, GraphClient
from connector.whatsapp.error_table import Treatment
from connector.whatsapp.response import AttemptOutcome, Kind
from tests.delivery.making import NUMBER

BODY: Final = b'{"messaging_product":"whatsapp"}'
TIMEOUT_S: Final = 1.0
OK: Final = b'{"messaging_product":"whatsapp","contacts":[{"wa_id":"1"}],"messages":[{"id":"wamid.1"}]}'
REFUSED: Final = json.dumps({"error": {"code": 131026, "message": "title"}}).encode()

Behaviour = Callable[["Server", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server on a free port that behaves as it is told, and keeps the requests that it has received whole."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.url = ""
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.arrived = asyncio.Event()
        self.ending = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody has connected."""
        self.tasks.add(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            await self.behaviour(self, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def request(self, reader: asyncio.StreamReader) -> None:
        """Read one request to its end."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[16:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: "))
        body = await reader.readexactly(length)
        self.heads.append(head)
        self.bodies.append(body)
        self.arrived.set()


@asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[Server]:
    """Such a server, running."""
    server = Server(behaviour)
    listener = await asyncio.start_server(server.connect, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        server.ending.set()
        await asyncio.gather(*server.tasks)


def client_of(url: str, *, connections_max: int = 10, timeout_s: float = TIMEOUT_S) -> GraphClient:
    """A client of this server."""
    return GraphClient(url, "v26.0", timeout_s, connections_max)


async def send(client: GraphClient, body: bytes = BODY) -> AttemptOutcome:
    """One message."""
    return await client.send(NUMBER, "token", body, lambda: None)


async def sent_to(behaviour: Behaviour) -> tuple[AttemptOutcome, Server]:
    """What one message to such a server comes to."""
    async with serving(behaviour) as server, client_of(server.url) as client:
        return await send(client), server


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An answer with a length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answering(*answers: bytes) -> Behaviour:
    """Read a request, answer it, and so on; then close the connection."""

    async def behaviour(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await server.request(reader)
            writer.write(answer)
            await writer.drain()

    return behaviour


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST instead of FIN."""
    plug: socket.socket = writer.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang(server: Server, _: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Read nothing and say nothing."""
    await server.ending.wait()


async def read_and_hang(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the request and never answer."""
    await server.request(reader)
    await hang(server, reader, writer)


async def read_and_close(server: Server, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take the request and close."""
    await server.request(reader)


async def read_and_reset(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take the request and reset."""
    await server.request(reader)
    reset(writer)


async def drip(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin the answer, and go on slower than anybody waits."""
    await server.request(reader)
    writer.write(http(OK)[:-10])
    await hang(server, reader, writer)


async def answer_without_end(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Write on and on."""
    await server.request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(65_536))
        await writer.drain()


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (read_and_hang, "TimeoutError"),
        (read_and_close, "ServerDisconnectedError"),
        (read_and_reset, "ClientOSError"),
        (drip, "TimeoutError"),
        (answer_without_end, "RemoteProtocolError"),
        (answering(http(OK)[:-10]), "ClientPayloadError"),
        (answering(http(REFUSED, "400 Bad Request")[:-10]), "ClientPayloadError"),
        (answering(http(OK)[:20]), None),
        (answering(b"hello, world\r\n\r\n"), None),
        (answering(b"\x16\x03\x01\x00\xff\x00\r\n\r\n"), None),
        (answering(b"HTTP/1.1 200 \xff\xfe\r\nContent-Length: 0\r\n\r\n"), None),
        (answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), None),
        (answering(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"), None),
        (answering(http(b"x" * (ANSWER_MAX + 1))), "RemoteProtocolError"),
        (answering(http(b"not what it says", "200 OK", "Content-Encoding: gzip")), None),
        (answering(http(b"<html>it works</html>")), "success_without_message_id"),
        (answering(http(b"")), "success_without_message_id"),
        (answering(http(b'{"messages":[]}')), "success_without_message_id"),
        (answering(http(b"<html>bad gateway</html>", "502 Bad Gateway")), "http_502"),
        (answering(http(b"", "504 Gateway Timeout")), "http_504"),
        (answering(http(b'{"error":"down"}', "500 Internal Server Error")), "http_500"),
    ],
)
async def test_what_may_have_arrived_is_ambiguous(behaviour: Behaviour, reason: str | None) -> None:
    """The server has the whole request, and no answer that can be read says what became of it."""
    result, server = await sent_to(behaviour)
    assert server.bodies == [BODY]
    assert result.kind is Kind.AMBIGUOUS
    assert reason in (None, result.reason)


@pytest.mark.parametrize(
    ("answer", "kind", "treatment"),
    [
        (http(OK), Kind.ACCEPTED, None),
        (http(OK, "200 OK", "Content-Type: text/html"), Kind.ACCEPTED, None),
        (http(gzip.compress(OK), "200 OK", "Content-Encoding: gzip"), Kind.ACCEPTED, None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n59\r\n" + OK + b"\r\n0\r\n\r\n", Kind.ACCEPTED, None),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + http(OK), Kind.ACCEPTED, None),
        (http(REFUSED, "400 Bad Request"), Kind.PERMANENT, Treatment.UNDELIVERABLE),
        (http(REFUSED, "500 Internal Server Error"), Kind.PERMANENT, Treatment.UNDELIVERABLE),
        (http(b"slow down", "429 Too Many Requests", "Retry-After: 7"), Kind.THROTTLED, Treatment.APP_LIMIT),
        (http(b"no such page", "404 Not Found"), Kind.TRANSIENT, Treatment.RETRY),
        (http(b"", "302 Found", "Location: http://127.0.0.1:1/"), Kind.TRANSIENT, Treatment.RETRY),
    ],
)
async def test_an_answer_is_read(answer: bytes, kind: Kind, treatment: Treatment | None) -> None:
    """Whatever it comes in; a redirect is not followed, for it would take the token along."""
    result, server = await sent_to(answering(answer))
    assert server.bodies == [BODY]
    assert (result.kind, result.treatment) == (kind, treatment)
    assert result.retry_after_s == (7.0 if b"Retry-After" in answer else None)


async def close_at_once(_: Server, __: asyncio.StreamReader, ___: asyncio.StreamWriter) -> None:
    """Accept and close, before anything is read."""


async def reset_at_once(_: Server, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept and reset."""
    reset(writer)


@pytest.mark.parametrize("behaviour", [close_at_once, reset_at_once])
async def test_a_connection_lost_before_it_is_read_is_no_success(behaviour: Behaviour) -> None:
    """Nobody can tell whether the bytes were on their way by then: not sent or ambiguous, both may be said."""
    result, server = await sent_to(behaviour)
    assert server.bodies == []
    assert result.kind in {Kind.TRANSIENT, Kind.AMBIGUOUS}


def nobody_listens() -> str:
    """The address of a port that was free a moment ago."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{plug.getsockname()[1]}"


@pytest.mark.parametrize("address", [nobody_listens, lambda: "http://connector.invalid"], ids=["refused", "unknown"])
async def test_what_never_left_is_not_sent(address: Callable[[], str]) -> None:
    """The connection is refused, or the name unknown: it costs an attempt, and nobody has to wonder."""
    written = []
    async with client_of(address()) as client:
        result = await client.send(NUMBER, "token", BODY, lambda: written.append(True))
    assert (result.kind, result.treatment, written) == (Kind.TRANSIENT, Treatment.RETRY, [])


async def test_a_failed_handshake_is_not_sent() -> None:
    """TLS is asked of a server that does not speak it."""
    async with serving(close_at_once) as server, client_of(server.url.replace("http:", "https:")) as client:
        assert (await send(client)).kind is Kind.TRANSIENT


async def test_a_connection_that_nobody_takes_up_is_not_sent() -> None:
    """The server's queue is full, as behind a firewall that drops: the time is over while it connects."""
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):
            filler.settimeout(0)
            filler.connect_ex(deaf.getsockname())
        async with client_of(f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout_s=0.2) as client:
            result = await send(client)
    assert (result.kind, result.reason) == (Kind.TRANSIENT, "TimeoutError")


@pytest.mark.parametrize("ending", ["reset", "hang"])
async def test_a_message_that_was_cut_off_while_it_was_written_is_ambiguous(ending: str) -> None:
    """Too large for the buffers between: it is known that something has left, and not how much was taken for whole."""

    async def behaviour(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(1000)
        if ending == "reset":
            reset(writer)
        else:
            await hang(server, reader, writer)

    async with serving(behaviour) as server, client_of(server.url) as client:
        result = await send(client, bytes(16 * 1024 * 1024))
    assert (result.kind, server.bodies) == (Kind.AMBIGUOUS, [])


async def test_a_request_that_got_no_connection_is_not_sent() -> None:
    """All connections hang: the one that waits for a free one has not left."""
    async with serving(read_and_hang) as server, client_of(server.url, connections_max=1, timeout_s=30.0) as client:
        first = asyncio.create_task(send(client))
        await server.arrived.wait()
        client._timeout_s = 0.05
        second = await send(client)
        first.cancel()
    assert second.kind is Kind.TRANSIENT
    assert server.bodies == [BODY]


async def test_connections_are_used_again() -> None:
    """Twenty messages, one after another, need one connection."""
    async with serving(answering(*[http(OK)] * 20)) as server, client_of(server.url) as client:
        results = [await send(client) for _ in range(20)]
    assert {result.kind for result in results} == {Kind.ACCEPTED}
    assert (server.connections, len(server.bodies)) == (1, 20)


@pytest.mark.parametrize("ending", ["close", "reset"])
@pytest.mark.parametrize("turns", range(4))
async def test_a_connection_that_the_server_has_closed_repeats_nothing(ending: str, turns: int) -> None:
    """However far the news of it has come by then, each message arrives once at most.

    Above all the transport does not send a message again by itself.
    """

    async def once(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(http(OK))
        await writer.drain()
        if ending == "reset":
            reset(writer)

    async with serving(once) as server, client_of(server.url) as client:
        assert (await send(client, b"1")).kind is Kind.ACCEPTED
        for _ in range(turns):
            await asyncio.sleep(0)
        second = await send(client, b"2")
        third = await send(client, b"3")
    for body, result in ((b"2", second), (b"3", third)):
        assert server.bodies.count(body) == (result.kind is Kind.ACCEPTED)
        assert result.kind in {Kind.ACCEPTED, Kind.TRANSIENT, Kind.AMBIGUOUS}


async def test_a_second_request_on_a_connection_that_dies_is_ambiguous() -> None:
    """The server took it and closed: it is not sent again by anybody but by our own policy."""

    async def behaviour(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(http(OK))
        await server.request(reader)
        reset(writer)

    async with serving(behaviour) as server, client_of(server.url) as client:
        assert (await send(client, b"1")).kind is Kind.ACCEPTED
        assert (await send(client, b"2")).kind is Kind.AMBIGUOUS
    assert server.bodies == [b"1", b"2"]
    assert server.connections == 1


async def test_the_caller_hears_when_the_bytes_go_out() -> None:
    """Once, behind the connection and before the body."""
    written: list[int] = []
    async with serving(answering(http(OK))) as server, client_of(server.url) as client:
        await client.send(NUMBER, "token", BODY, lambda: written.append(len(server.bodies)))
    assert written == [0]


async def test_a_request_is_what_meta_asks_for() -> None:
    """Path, token, type and length; an answer in plain bytes is asked for, since nobody could undo each encoding."""
    _, server = await sent_to(answering(http(OK)))
    first, *lines = server.heads[0].decode().lower().split("\r\n")
    assert first == f"post /v26.0/{NUMBER}/messages http/1.1"
    assert {
        "authorization: bearer token",
        "content-type: application/json",
        f"content-length: {len(BODY)}",
        "accept-encoding: identity",
    } <= set(lines)
    assert "transfer-encoding: chunked" not in lines


async def test_a_large_message_goes_out_whole() -> None:
    """More than fits into the buffers of a connection."""
    body = bytes(4 * 1024 * 1024)
    async with serving(answering(http(OK))) as server, client_of(server.url, timeout_s=10.0) as client:
        assert (await send(client, body)).kind is Kind.ACCEPTED
    assert server.bodies == [body]


async def test_what_is_ended_from_outside_is_told_so() -> None:
    """A cancelled attempt is no result."""
    async with serving(read_and_hang) as server, client_of(server.url) as client:
        task = asyncio.create_task(send(client))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


REQUEST_SIZE: Final = 260
"""About as many bytes as the request has; the server reads up to so many before it does something else."""


@settings(max_examples=40)
@given(
    reads=st.integers(0, 2 * REQUEST_SIZE),
    answer=st.one_of(
        st.sampled_from([b"", http(OK), http(REFUSED, "400 Bad Request"), http(b"", "500 Oops"), b"\r\n"]),
        st.binary(max_size=60),
    ),
    keeps=st.floats(0.0, 1.0),
    ending=st.sampled_from(["close", "reset", "hang"]),
)
def test_whatever_a_server_does_received_is_not_called_not_sent(
    reads: int, answer: bytes, keeps: float, ending: str
) -> None:
    """It reads some of the request, says some of an answer, and closes, resets or falls silent."""
    received = []

    async def behaviour(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        while len(data) < reads and not data.endswith(BODY) and (more := await reader.read(reads - len(data))):
            data += more
        received.append(data.endswith(BODY))
        writer.write(answer[: round(keeps * len(answer))])
        await writer.drain()
        if ending == "hang":
            await hang(server, reader, writer)
        if ending == "reset":
            reset(writer)

    async def run() -> AttemptOutcome:
        async with serving(behaviour) as server, client_of(server.url, timeout_s=0.03) as client:
            return await send(client)

    result = asyncio.run(run())
    if any(received):
        refused = result.error is not None and result.error.http_status is not None
        assert result.kind in {Kind.ACCEPTED, Kind.AMBIGUOUS} or refused
    else:
        assert result.kind is not Kind.ACCEPTED or answer == http(OK)


LEVELS: Final = [
    (http(b'{"throughput":{"level":"HIGH"},"id":"1"}'), "HIGH"),
    (http(b'{"throughput":{"level":"NEW_WORD"}}'), "NEW_WORD"),
    (http(b'{"throughput":{"level":7}}'), None),
    (http(b'{"throughput":"HIGH"}'), None),
    (http(b"[]"), None),
    (http(b"<html>"), None),
    (http(b"[" * 100_000), None),
    (http(REFUSED, "400 Bad Request"), None),
    (b"hello, world\r\n\r\n", None),
]


@pytest.mark.parametrize(("answer", "level"), LEVELS)
async def test_the_level_of_a_number_is_read_or_unknown(answer: bytes, level: str | None) -> None:
    """Whatever comes instead of it, nothing is raised: it is asked for again later."""

    async def behaviour(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()

    async with serving(behaviour) as server, client_of(server.url) as client:
        assert await client.level(NUMBER, "token") == level
    assert server.heads[0].startswith(f"GET /v26.0/{NUMBER}?fields=throughput ".encode())


async def test_the_level_of_a_number_is_unknown_without_a_server() -> None:
    """Nobody listens."""
    async with client_of(nobody_listens()) as client:
        assert await client.level(NUMBER, "token") is None
