"""Faults as a client meets them, on real sockets, and what the observer says of each."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from connector.simulator.asgi import RequestError
from connector.simulator.fault_gate import GARBAGE, read_sent
from connector.simulator.server import RunningSimulator, running
from connector.simulator.settings import from_mapping
from tests.simulator.receiver import receiving

NUMBER = "106540352242922"
PATH = f"/v26.0/{NUMBER}/messages"


@pytest.fixture
async def served() -> AsyncIterator[RunningSimulator]:
    """A simulator with one number."""
    async with running(from_mapping({"numbers": [{"id": NUMBER}], "seed": 7})) as simulator:
        yield simulator


@pytest.fixture
async def client(served: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the right token and little patience."""
    headers = {"Authorization": f"Bearer {served.access_token}"}
    async with httpx.AsyncClient(base_url=served.base_url, headers=headers, timeout=5) as found:
        yield found


def text(data: str = "order-1", to: str = "+16505551234") -> dict[str, Any]:
    """A text message of one command."""
    body = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "x"}}
    return {**body, "biz_opaque_callback_data": data}


def told(served: RunningSimulator) -> list[tuple[Any, ...]]:
    """What the observer says of each request."""
    names = ("recipient", "command", "http_status", "code", "accepted", "fault")
    return [tuple(seen[name] for name in names) for seen in served.requests()]


async def ended(served: RunningSimulator, client: httpx.AsyncClient, fault: str, **members: Any) -> httpx.HTTPError:
    """Send one message under a fault that leaves no answer; what the client makes of it."""
    served.add_fault(fault, **members)
    with pytest.raises(httpx.HTTPError) as caught:
        await client.post(PATH, json=text())
    return caught.value


async def test_reset_before(served: RunningSimulator, client: httpx.AsyncClient) -> None:
    """Nothing happened, and the observer knows what would have."""
    error = await ended(served, client, "reset_before", count=1)
    assert isinstance(error, httpx.ReadError)
    assert told(served) == [("16505551234", "order-1", 0, -1, False, "reset_before")]
    assert (await client.post(PATH, json=text())).status_code == 200


async def test_reset_before_it_is_read(served: RunningSimulator) -> None:
    """The body is still on its way when the connection is reset; nobody knows for whom it was."""
    served.add_fault("reset_before", read=False)
    host, port = served.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode())
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    assert told(served) == [("", None, 0, -1, False, "reset_before")]


async def test_a_reset_is_a_reset(served: RunningSimulator) -> None:
    """The socket ends with ECONNRESET, not with an orderly end of the stream."""
    served.add_fault("reset_after")
    host, port = served.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_reset_after(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """The ambiguous one: accepted and counted, its statuses follow, and the sender is not told."""
    async with receiving() as receiver:
        await served.set_webhook(receiver.url)
        await ended(served, client, "reset_after", count=1)
        await receiver.until(lambda: len(receiver.items("statuses")) >= 1)
    assert receiver.items("statuses")[0]["biz_opaque_callback_data"] == "order-1"
    assert told(served) == [("16505551234", "order-1", 0, 0, True, "reset_after")]
    assert served.summary()["numbers"][NUMBER]["accepted"] == 1


async def test_errors_in_graphs_shape(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """HTTP status and code as chosen."""
    served.add_fault("error", http_status=503, code=2)
    answer = await client.post(PATH, json=text())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, 2)
    assert answer.json()["error"]["fbtrace_id"] == answer.headers["x-fb-trace-id"]
    assert told(served) == [("16505551234", "order-1", 503, 2, False, "error")]


async def test_errors_of_a_proxy(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """Without a code the body is HTML."""
    served.add_fault("error", http_status=502)
    answer = await client.post(PATH, json=text())
    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")
    assert "502 Bad Gateway" in answer.text
    assert told(served)[0][2:] == (502, -1, False, "error")
    assert served.summary()["numbers"][NUMBER]["without_code"] == 1


@pytest.mark.parametrize("code", [130429, 131056, 4, 80007])
async def test_throttle(client: httpx.AsyncClient, served: RunningSimulator, code: int) -> None:
    """Refused although there is room; no limit is used up."""
    served.add_fault("throttle", code=code)
    answer = await client.post(PATH, json=text())
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    tally = served.summary()["numbers"][NUMBER]
    assert (tally["refused"], tally["faults"], tally["number_limit_violations"]) == ({str(code): 1}, {"throttle": 1}, 0)


async def test_token_expired(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """Reads are refused as well as sends."""
    served.add_fault("token_expired")
    for answer in (await client.post(PATH, json=text()), await client.get(f"/v26.0/{NUMBER}?fields=throughput")):
        assert answer.status_code == 401
        assert (answer.json()["error"]["code"], answer.json()["error"]["error_subcode"]) == (190, 463)
        assert "invalid_token" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("processed", [True, False])
async def test_black_hole(client: httpx.AsyncClient, served: RunningSimulator, processed: bool) -> None:  # noqa: FBT001 - a table
    """The client gives up; whether it was accepted is a setting."""
    client.timeout = httpx.Timeout(5, read=0.3)
    error = await ended(served, client, "black_hole", processed=processed)
    assert isinstance(error, httpx.ReadTimeout)
    await soon(lambda: bool(served.requests()))
    assert told(served)[0][2:] == (0, 0 if processed else -1, processed, "black_hole")


async def test_a_black_hole_does_not_hold_up_the_end(client: httpx.AsyncClient) -> None:
    """The server stops at once, whoever still waits."""
    async with running(from_mapping({"seed": 7})) as served:
        served.add_fault("black_hole")
        waiting = asyncio.create_task(client.post(f"{served.base_url}/1/messages", json=text()))
        async with asyncio.timeout(5):
            while not served.requests():  # noqa: ASYNC110 - the requests are plain figures
                await asyncio.sleep(0.01)
    with pytest.raises(httpx.ReadError):
        await waiting


async def test_slow_body(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """A true answer, in pieces that take their time."""
    served.add_fault("slow_body", takes_ms=400)
    started = time.perf_counter()
    async with client.stream("POST", PATH, json=text()) as answer:
        pieces = [piece async for piece in answer.aiter_raw()]
    assert time.perf_counter() - started >= 0.39
    assert len(pieces) > 1
    assert int(answer.headers["content-length"]) == len(b"".join(pieces))
    assert told(served)[0][2:] == (200, 0, True, "slow_body")


async def test_truncate(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """Half an answer, then the end."""
    error = await ended(served, client, "truncate")
    assert isinstance(error, httpx.RemoteProtocolError)
    assert told(served)[0][2:] == (200, 0, True, "truncate")


async def test_garbage(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """200, and nothing that could be read."""
    served.add_fault("garbage")
    answer = await client.post(PATH, json=text())
    assert (answer.status_code, answer.content) == (200, GARBAGE)
    assert told(served)[0][2:] == (200, 0, True, "garbage")


async def test_latency_comes_on_top(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """The request counts when it arrives; the answer is late."""
    served.add_fault("latency", ms=300)
    started = time.perf_counter()
    answer = await client.post(PATH, json=text())
    assert answer.status_code == 200
    assert time.perf_counter() - started >= 0.3
    assert told(served)[0][2:] == (200, 0, True, "latency")


async def test_faults_find_their_recipient_in_the_body(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """However the number is written."""
    served.add_fault("error", recipients=["16505550000"])
    codes = [(await client.post(PATH, json=text(to=to))).status_code for to in ("+1 650-555-0000", "+16505551234")]
    assert codes == [500, 200]


async def test_a_closed_door(served: RunningSimulator, client: httpx.AsyncClient) -> None:
    """Nobody listens, then as before on the same port; the connection that was open has ended."""
    assert (await client.post(PATH, json=text())).status_code == 200
    served.add_fault("refuse_connections", for_s=3600)
    await refused(served, ConnectionRefusedError)
    with pytest.raises(httpx.ConnectError):
        await client.post(PATH, json=text())
    served.remove_fault()
    await until_open(client)


async def test_a_door_opens_by_itself(served: RunningSimulator, client: httpx.AsyncClient) -> None:
    """When the fault's time is over."""
    served.add_fault("refuse_connections", for_s=0.3)
    await soon(lambda: served.faults()[0]["state"] == "over")
    await until_open(client)


async def test_connections_reset_at_accept(served: RunningSimulator, client: httpx.AsyncClient) -> None:
    """They are taken and broken off before a byte is read."""
    served.add_fault("refuse_connections", mode="reset", count=2)
    for _ in range(2):
        with pytest.raises(httpx.HTTPError):
            await client.post(PATH, json=text())
    assert (await client.post(PATH, json=text())).status_code == 200
    assert told(served) == [("16505551234", "order-1", 200, 0, True, None)]


async def test_nobody_shuts_himself_out(served: RunningSimulator) -> None:
    """A door that is closed for ever needs a second one."""
    with pytest.raises(RequestError, match="for_s"):
        served.add_fault("refuse_connections")
    async with running(admin_port=0) as other:
        assert other.admin_url != other.base_url
        fault_id = other.add_fault("refuse_connections")
        await refused(other, ConnectionRefusedError)
        async with httpx.AsyncClient(base_url=other.admin_url) as admin:
            listed = (await admin.get("/_admin/faults")).json()["faults"]
            assert [(found["id"], found["state"]) for found in listed] == [(fault_id, "active")]
            assert (await admin.delete(f"/_admin/faults/{fault_id}")).json() == {"removed": 1}
        async with httpx.AsyncClient(base_url=other.base_url) as client:
            await until_open(client)


async def test_faults_over_http(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """Added, listed, taken back one by one and all at once; the endpoints themselves are never hit."""
    added = await client.post("/_admin/faults", json={"kind": "error", "count": 1})
    await client.post("/_admin/faults", json={"kind": "throttle", "share": 0})
    await client.post(PATH, json=text())
    listed = (await client.get("/_admin/faults")).json()["faults"]
    assert [(found["kind"], found["state"], found["hits"]) for found in listed] == [
        ("error", "over", 1),
        ("throttle", "active", 0),
    ]
    assert (await client.delete(f"/_admin/faults/{added.json()['id']}")).json() == {"removed": 1}
    assert (await client.delete("/_admin/faults/fault-99")).status_code == 400
    assert (await client.delete("/_admin/faults")).json() == {"removed": 1}
    assert served.faults() == []
    refused_body = await client.post("/_admin/faults", json={"kind": "error", "http_status": 1})
    assert refused_body.status_code == 400
    assert "$.http_status" in refused_body.json()["error"]


async def test_unknown_numbers_do_not_get_sums(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """A fault before the path is looked at leaves no trace by number."""
    served.add_fault("error")
    await client.post("/v26.0/4711/messages", json=text())
    assert served.summary()["to_unknown_numbers"] == 1
    assert "4711" not in served.summary()["numbers"]


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b'{"to": "+1 650", "type": "text"}', ("1650", "text", None)),
        (b'{"to": "abc=", "recipient_type": "group"}', ("abc=", "text", None)),
        (b'{"recipient": "US.1", "biz_opaque_callback_data": "d"}', ("US.1", "text", "d")),
        (b'{"status": "read", "message_id": "wamid.x"}', ("", "read", None)),
        (b'{"to": 5, "type": [], "biz_opaque_callback_data": 1}', ("", "", None)),
        (
            b'{"to": "g%s", "recipient_type": "group", "type": "%s", "biz_opaque_callback_data": "%s"}'
            % ((b"x" * 1000,) * 3),
            ("g" + "x" * 255, "x" * 64, "x" * 512),
        ),
        (b"[]", ("", "", None)),
        (b"{", ("", "", None)),
    ],
)
def test_bodies_are_read_as_far_as_they_go(body: bytes, sent: tuple[Any, ...]) -> None:
    """A request that a fault hits may be wrong in any way."""
    assert tuple(read_sent(body)) == sent


async def refused(served: RunningSimulator, error: type[Exception]) -> None:
    """Wait until a new connection fails so; the door follows the faults in a moment."""
    host, port = served.base_url.removeprefix("http://").split(":")

    def fails() -> bool:
        try:
            socket.create_connection((host, int(port))).close()
        except error:
            return True
        return False

    await soon(fails)


async def until_open(client: httpx.AsyncClient) -> None:
    """Wait until the API answers again."""
    async with asyncio.timeout(10):
        while True:
            try:
                await client.post(PATH, json=text())
            except httpx.HTTPError:
                await asyncio.sleep(0.02)
            else:
                return


async def soon(satisfied: Callable[[], bool]) -> None:
    """Wait for what comes true in a moment."""
    async with asyncio.timeout(10):
        while not satisfied():  # noqa: ASYNC110 - nothing to be notified by
            await asyncio.sleep(0.02)
