"""Anybody may connect: what a connection may take up before the application hears of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from connector.ingress import http_protocol
from connector.ingress.http_protocol import BoundedHttp

WAIT_S = 5.0  # less than the time for a head, so that each bound is seen by itself
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body and says hello."""
    del scope
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The port of a server with the bounded protocol."""
    config = uvicorn.Config(app, http=BoundedHttp, ws="none", lifespan="off", log_config=None, access_log=False)
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: BoundedHttp(config=config, server_state=state, app_state={}), "127.0.0.1")
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in list(state.connections):
        connection.transport.abort()
    await server.wait_closed()


async def talk(port: int, *parts: bytes) -> bytes:
    """Send these bytes and read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), WAIT_S)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_requests_on_one_connection_are_served(port: int) -> None:
    """Within the bounds it is uvicorn's own protocol, keep-alive included."""
    answer = await talk(port, REQUEST, REQUEST, REQUEST.replace(b"host", b"connection: close\r\nhost"))
    assert answer.count(b"hello") == 3


async def test_a_large_body_is_no_large_head(port: int) -> None:
    """The bound is on request line and headers."""
    size = http_protocol.HEAD_BYTES_MAX * 4
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % size
    assert b"hello" in await talk(port, head, b"x" * size)


@pytest.mark.parametrize("endless", [b"GET /", b"GET / HTTP/1.1\r\nx-endless: "])
async def test_a_head_that_never_ends_is_cut_off(port: int, endless: bytes) -> None:
    """An endless request line or header is closed at the bound, not when memory ends."""
    assert b"hello" not in await talk(port, endless, *[b"x" * 1024] * 200)


async def test_many_small_headers_are_cut_off(port: int) -> None:
    """The bound is on all headers together."""
    assert b"hello" not in await talk(port, b"GET / HTTP/1.1\r\n", *[b"x-a: b\r\n" * 500] * 100)


@pytest.mark.parametrize("endless", [b"x-endless: y\r\n", b"x-endless: " + b"y" * 1024, b"1;a=b\r\nx\r\n", b""])
async def test_what_surrounds_a_body_is_bounded_too(port: int, endless: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trailers, one that does not end included, and chunks of a byte count by what they take up on the way."""
    monkeypatch.setattr(http_protocol, "BODY_BYTES_MAX", 256 * 1024)
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = b"" if endless.startswith(b"1;") else b"0\r\n"
    flood = [endless * (1 + 64 * 1024 // (len(endless) or 1))] * 64 if endless else [b"\r\n"]
    assert (b"hello" in await talk(port, head, chunks, *flood)) == (not endless)


@pytest.mark.parametrize("sent", [b"content-length: 5\r\n\r\nab", b"transfer-encoding: chunked\r\n\r\n5\r\nab"])
async def test_a_body_that_does_not_come_is_cut_off(port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a body, and nothing more: a sender who is gone without a word."""
    monkeypatch.setattr(http_protocol, "BODY_TIMEOUT_S", 0.05)
    assert await talk(port, b"POST / HTTP/1.1\r\nhost: x\r\n" + sent) == b""


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost:", REQUEST + b"GET /"])
async def test_a_head_that_does_not_come_is_cut_off(port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that says nothing, or stops in the middle of a head, is closed when the time is over."""
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT_S", 0.05)
    answer = await talk(port, sent)
    assert answer.count(b"hello") == sent.count(REQUEST)


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01 no HTTP", b"GET / HTTP/1.1\r\nconnection: close, upgrade\r\nupgrade: h2c\r\n\r\n"]
)
async def test_knocking_writes_no_log(port: int, sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody can send what is no request of ours, as often as he likes."""
    await talk(port, sent)
    assert caplog.records == []


async def test_connections_are_bounded(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is closed; when another ends there is room again."""
    monkeypatch.setattr(http_protocol, "CONNECTIONS_MAX", 1)
    _, first = await asyncio.open_connection("127.0.0.1", port)
    first.write(REQUEST)
    await first.drain()
    assert await talk(port, REQUEST) == b""
    first.close()
    await first.wait_closed()
    deadline = asyncio.get_running_loop().time() + WAIT_S
    closing = REQUEST.replace(b"host", b"connection: close\r\nhost")
    while b"hello" not in await talk(port, closing):
        assert asyncio.get_running_loop().time() < deadline
