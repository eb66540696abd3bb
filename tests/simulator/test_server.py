"""The served API, asked with a real client: the shapes that Meta documents."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from connector.simulator import webhooks
from connector.simulator.asgi import RequestError
from connector.simulator.server import RunningSimulator, running
from connector.simulator.settings import from_mapping
from tests.simulator.receiver import receiving

NUMBER = "106540352242922"
FAST = {"sent_ms": 1, "delivered_ms": 2, "read_ms": 3, "delivered": 1, "read": 1}


@pytest.fixture
async def served() -> AsyncIterator[RunningSimulator]:
    """A simulator with one number and quick statuses."""
    async with running(from_mapping({"numbers": [{"id": NUMBER}], "statuses": FAST, "seed": 7})) as simulator:
        yield simulator


@pytest.fixture
async def client(served: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the right token."""
    headers = {"Authorization": f"Bearer {served.access_token}"}
    async with httpx.AsyncClient(base_url=served.base_url, headers=headers) as found:
        yield found


def text(to: str = "+16505551234", **also: Any) -> dict[str, Any]:
    """A text message."""
    return {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "Grüße"}, **also}


async def eventually(satisfied: Callable[[], bool]) -> None:
    """Wait for what the simulator will have counted in a moment; fails when it takes too long."""
    async with asyncio.timeout(20):
        while not satisfied():  # noqa: ASYNC110 - the sums are plain figures, nothing to be notified by
            await asyncio.sleep(0.01)


async def test_a_send(client: httpx.AsyncClient) -> None:
    """200 with contacts and messages, and the headers that Graph sends."""
    response = await client.post(f"/v25.0/{NUMBER}/messages", json=text())
    assert response.status_code == 200
    assert set(response.json()) == {"messaging_product", "contacts", "messages"}
    assert response.headers["content-type"] == "application/json; charset=UTF-8"
    assert response.headers["facebook-api-version"] == "v25.0"
    assert response.headers["x-fb-trace-id"]
    usage = json.loads(response.headers["x-business-use-case-usage"])
    assert [entry["type"] for entries in usage.values() for entry in entries] == ["whatsapp"]
    assert set(json.loads(response.headers["x-app-usage"])) == {"call_count", "total_cputime", "total_time"}


async def test_a_version_may_be_left_out(client: httpx.AsyncClient) -> None:
    """Then the default one answers."""
    response = await client.post(f"/{NUMBER}/messages", json=text())
    assert (response.status_code, response.headers["facebook-api-version"]) == (200, "v26.0")


async def test_a_wrong_token(served: RunningSimulator) -> None:
    """401 in the Graph's shape, with the header that names the scheme."""
    async with httpx.AsyncClient(base_url=served.base_url, headers={"Authorization": "Bearer x"}) as stranger:
        for path in (f"/v26.0/{NUMBER}/messages", f"/v26.0/{NUMBER}"):
            method = "POST" if path.endswith("messages") else "GET"
            response = await stranger.request(method, path, json=text() if method == "POST" else None)
            assert response.status_code == 401
            assert response.json()["error"]["code"] == 190
            assert response.json()["error"]["fbtrace_id"] == response.headers["x-fb-trace-id"]
            assert "invalid_token" in response.headers["www-authenticate"]


async def test_throughput(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """The level, as it is set now."""
    path = f"/v26.0/{NUMBER}?fields=throughput"
    assert (await client.get(path)).json() == {"throughput": {"level": "STANDARD"}, "id": NUMBER}
    served.set_number(NUMBER, level="HIGH")
    assert (await client.get(path)).json()["throughput"] == {"level": "HIGH"}


async def test_number_fields(client: httpx.AsyncClient) -> None:
    """Several at once; a usual set when none is named; health for probes."""
    named = (await client.get(f"/v26.0/{NUMBER}?fields=quality_rating,verified_name")).json()
    assert set(named) == {"quality_rating", "verified_name", "id"}
    usual = (await client.get(f"/v26.0/{NUMBER}")).json()
    assert {"display_phone_number", "throughput", "id"} <= set(usual)
    health = (await client.get(f"/v26.0/{NUMBER}?fields=health_status{{can_send_message}}")).json()
    assert health["health_status"]["can_send_message"] == "AVAILABLE"


async def test_what_does_not_exist(client: httpx.AsyncClient) -> None:
    """Unknown numbers, edges and methods are code 100 with subcode 33; no path at all is code 2500."""
    for method, path in [
        ("GET", "/v26.0/4711"),
        ("POST", "/v26.0/4711/messages"),
        ("GET", f"/v26.0/{NUMBER}/messages"),
    ]:
        error = (await client.request(method, path)).json()["error"]
        assert (error["code"], error["error_subcode"]) == (100, 33)
    assert (await client.get("/v26.0")).json()["error"]["code"] == 2500


async def test_bodies_that_are_too_large_are_refused(client: httpx.AsyncClient) -> None:
    """The server reads them to the end and keeps nothing."""
    response = await client.post(f"/v26.0/{NUMBER}/messages", content=b"x" * 1_000_001)
    assert (response.status_code, response.json()["error"]["code"]) == (400, 100)


async def test_the_number_limit_over_http(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """At one message a second, of five at once one is taken."""
    served.set_number(NUMBER, mps=1)
    sends = [client.post(f"/v26.0/{NUMBER}/messages", json=text(f"+1650555000{index}")) for index in range(5)]
    answers = await asyncio.gather(*sends)
    refused = [answer.json()["error"]["code"] for answer in answers if answer.status_code != 200]
    # A slow machine may spread five requests over more than a second; the peak must hold all the same.
    assert set(refused) <= {130429}
    assert served.summary()["numbers"][NUMBER]["accepted_max_1s"] == 1


async def test_answers_take_the_configured_time() -> None:
    """Each request waits for itself: ten at once take as long as one."""
    async with (
        running(from_mapping({"latency": {"median_ms": 200}})) as slow,
        httpx.AsyncClient(base_url=slow.base_url, headers={"Authorization": f"Bearer {slow.access_token}"}) as client,
    ):
        loop = asyncio.get_running_loop()
        started = loop.time()
        await asyncio.gather(*(client.post("/v26.0/1/messages", json=text(f"+1650555000{i}")) for i in range(10)))
        assert 0.2 <= loop.time() - started < 1.5


async def test_statuses_follow_signed(client: httpx.AsyncClient, served: RunningSimulator) -> None:
    """Sent, delivered and read for the wamid of the answer, with the opaque data, under the app secret."""
    async with receiving() as receiver:
        await served.set_webhook(receiver.url, receiver.verify_token)
        answer = await client.post(f"/v26.0/{NUMBER}/messages", json=text(biz_opaque_callback_data="order-4711"))
        await receiver.until(lambda: len(receiver.items("statuses")) == 3)
        assert {status["status"] for status in receiver.items("statuses")} == {"sent", "delivered", "read"}
        assert {status["id"] for status in receiver.items("statuses")} == {answer.json()["messages"][0]["id"]}
        assert {status["biz_opaque_callback_data"] for status in receiver.items("statuses")} == {"order-4711"}
        signed = [webhooks.signature(served.app_secret, body) for body in receiver.bodies]
        assert receiver.signatures == signed


async def test_a_webhook_comes_again_until_it_is_answered_200(served: RunningSimulator) -> None:
    """The same bytes three times after two failures; the sums tell."""
    async with receiving() as receiver:
        receiver.answers = [500, 302]
        await served.set_webhook(receiver.url)
        served.inbound(text="Grüße")
        await receiver.until(lambda: len(receiver.bodies) == 3)
        assert len(set(receiver.bodies)) == 1
        await eventually(lambda: not served.webhooks()["updates"]["pending"])
        assert served.webhooks()["answers"] == {"200": 1, "302": 1, "500": 1}


async def test_a_receiver_that_is_down_is_tried_again(served: RunningSimulator) -> None:
    """A refused connection is a failure like any other, by name."""
    async with receiving() as receiver:
        url = receiver.url
    await served.set_webhook(url)
    served.inbound()
    await eventually(lambda: served.webhooks()["posts"]["tried"] >= 2)
    assert served.webhooks()["answers"].keys() == {"ClientConnectorError"}


async def test_a_callback_that_fails_the_handshake_is_refused(served: RunningSimulator) -> None:
    """Meta asks for the challenge before it sends anything."""
    async with receiving() as receiver:
        with pytest.raises(RequestError):
            await served.set_webhook(receiver.url, "wrong")


async def test_inbound_messages_come_by_themselves() -> None:
    """At the given rate, of the given kinds, counted against the number."""
    async with receiving() as receiver:
        inbound = {"rate": 200, "kinds": ["text", "location"]}
        settings = {"numbers": [{"id": NUMBER}], "inbound": inbound, "webhooks": {"url": receiver.url}, "seed": 7}
        async with running(from_mapping(settings)) as simulator:
            await receiver.until(lambda: len(receiver.items("messages")) >= 40)
            assert simulator.summary()["numbers"][NUMBER]["inbound"] >= 40
    assert {message["type"] for message in receiver.items("messages")} == {"text", "location"}


async def test_several_updates_share_a_post() -> None:
    """A hundred messages at once come in a few POSTs."""
    async with receiving() as receiver:
        packing = {"url": receiver.url, "updates_max": 1000, "gather_ms": 50}
        async with running(from_mapping({"numbers": [{"id": NUMBER}], "webhooks": packing})) as simulator:
            simulator.inbound(count=100)
            await receiver.until(lambda: len(receiver.items("messages")) == 100)
    assert len(receiver.bodies) == 1


async def test_answers_held_back_are_given_when_the_server_stops() -> None:
    """What was accepted is answered, not broken off, however long the latency."""
    async with httpx.AsyncClient() as client:
        async with running(from_mapping({"latency": {"median_ms": 60_000}})) as slow:
            headers = {"Authorization": f"Bearer {slow.access_token}"}
            url = f"{slow.base_url}/v26.0/1/messages"
            sending = asyncio.create_task(client.post(url, json=text(), headers=headers, timeout=30))
            await eventually(lambda: slow.summary()["accepted"] == 1)
        assert (await sending).status_code == 200


async def test_leaving_the_block_frees_the_port() -> None:
    """And a second simulator can take it."""
    async with running() as first:
        port = int(first.base_url.rsplit(":", 1)[1])
    async with running(port=port) as second:
        assert second.base_url == first.base_url


async def test_a_port_in_use_is_an_os_error() -> None:
    """Not a server that nobody reaches."""
    async with running() as first:
        port = int(first.base_url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="in use"):
            async with running(port=port):
                pass
