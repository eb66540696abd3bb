"""Questions about pairs, seconds and commands, over HTTP."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from connector.simulator.server import running
from connector.simulator.settings import from_mapping

SETTINGS = {"numbers": [{"id": "1", "level": "HIGH"}, {"id": "2", "mps": 2}], "command_id": r"order-\d+"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a simulator with a fast number and a slow one."""
    async with running(from_mapping(SETTINGS)) as served:
        headers = {"Authorization": f"Bearer {served.access_token}"}
        async with httpx.AsyncClient(base_url=served.base_url, headers=headers) as found:
            yield found


async def send(client: httpx.AsyncClient, data: str, to: str = "16505551234", number: str = "1") -> int:
    """Send a text; the HTTP status."""
    body = {"messaging_product": "whatsapp", "to": to, "text": {"body": "x"}, "biz_opaque_callback_data": data}
    return (await client.post(f"/v26.0/{number}/messages", json=body)).status_code


async def ask(client: httpx.AsyncClient, what: str, **query: Any) -> Any:
    """The answer of the observer."""
    return (await client.get(f"/_observer/{what}", params=query)).raise_for_status().json()


async def test_commands(client: httpx.AsyncClient) -> None:
    """Their sends, filtered and one by one."""
    for data in ("order-1 first", "order-1 again", "order-2", "none"):
        await send(client, data)
    listed = await ask(client, "commands", accepted_min=2)
    assert listed["commands"] == [{"command": "order-1", "requests": 2, "accepted": 2, "last_code": 0}]
    assert (listed["seen"], listed["requests_of_no_command"]) == (2, 1)
    one = await ask(client, "commands", command="order-1")
    assert (one["requests"], one["accepted"]) == (2, 2)
    assert [seen["callback_data"] for seen in one["sends"]] == ["order-1 first", "order-1 again"]
    assert await ask(client, "commands", command="order-3") == {
        "requests": 0,
        "accepted": 0,
        "last_code": None,
        "sends": [],
    }


async def test_pairs(client: httpx.AsyncClient) -> None:
    """Acceptances in order, and requests for which the pair had no room."""
    for index in range(46):
        await send(client, f"order-{index}")
    await send(client, "order-99", to="16505550000")
    found = await ask(client, "pairs", recipient="16505551234")
    assert found["of"] == 1
    pair = found["pairs"][0]
    assert (pair["number"], pair["recipient"]) == ("1", "16505551234")
    assert [seen["command"] for seen in pair["acceptances"]] == [f"order-{index}" for index in range(45)]
    assert [(seen["command"], seen["accepted"]) for seen in pair["violations"]] == [("order-45", False)]
    assert (await ask(client, "pairs"))["of"] == 2
    assert (await ask(client, "pairs", start=1))["pairs"][0]["recipient"] == "16505550000"


async def test_seconds(client: httpx.AsyncClient) -> None:
    """The fullest second of each number, and the moments beyond its limit."""
    statuses = [await send(client, f"order-{index}", number="2", to=f"1650555000{index}") for index in range(5)]
    found = (await ask(client, "seconds"))["2"]
    assert (found["limit_now"], found["accepted_max_1s"]) == (2, 2)
    assert found["exceeded"] == statuses.count(400) == len(found["moments"]) >= 1
    assert not any(moment["accepted"] for moment in found["moments"])


async def test_acceptances_one_a_line(client: httpx.AsyncClient) -> None:
    """A ledger to compare with others: also what was accepted without an answer."""
    await client.post("/_admin/faults", json={"kind": "truncate", "count": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        await send(client, "order-1")
    await send(client, "order-2")
    lines = (await client.get("/_observer/acceptances")).text.splitlines()
    told = [json.loads(line) for line in lines]
    assert [(seen["command"], seen["fault"]) for seen in told] == [("order-1", "truncate"), ("order-2", None)]


async def test_requests_by_command_fault_and_acceptance(client: httpx.AsyncClient) -> None:
    """Filters beyond the fields that Meta would know."""
    await client.post("/_admin/faults", json={"kind": "error", "count": 1})
    await send(client, "order-1")
    await send(client, "order-2")
    assert [seen["command"] for seen in (await ask(client, "requests", fault="error"))["requests"]] == ["order-1"]
    assert [seen["command"] for seen in (await ask(client, "requests", accepted="true"))["requests"]] == ["order-2"]
    assert [seen["code"] for seen in (await ask(client, "requests", command="order-1"))["requests"]] == [-1]
    assert (await client.get("/_observer/requests", params={"colour": "red"})).status_code == 400
    assert (await client.get("/_observer/nothing")).status_code == 404


async def test_other_calls(client: httpx.AsyncClient) -> None:
    """Reads and unknown paths are kept apart from sends, with the fault that hit them; observing is no call."""
    await client.get("/v26.0/1?fields=throughput")
    await client.post("/_admin/faults", json={"kind": "reset_before", "count": 1})
    with pytest.raises(httpx.TransportError):
        await client.get("/v26.0/1")
    await client.post("/_admin/faults", json={"kind": "garbage", "count": 1})
    await client.get("/v26.0/4711")
    await send(client, "order-1")
    found = (await ask(client, "calls"))["calls"]
    assert [(call["method"], call["path"], call["http_status"], call["fault"]) for call in found] == [
        ("GET", "/v26.0/1", 200, None),
        ("GET", "/v26.0/1", 0, "reset_before"),
        ("GET", "/v26.0/4711", 200, "garbage"),
    ]
    summary = await ask(client, "summary")
    assert (summary["calls"], summary["requests"]) == ({"GET 0": 1, "GET 200": 2}, 1)


async def test_reset_forgets_commands_and_acceptances(client: httpx.AsyncClient) -> None:
    """The next test starts from nothing."""
    await send(client, "order-1")
    await client.post("/_observer/reset")
    assert (await ask(client, "commands"))["seen"] == 0
    assert (await client.get("/_observer/acceptances")).content == b""
