"""Status webhooks as a receiver gets them (Meta, status webhook reference, 2026-09-11)."""

import hashlib
import hmac
import json
from typing import Any

import httpx

from connector.simulator.server import RunningSimulator
from tests.simulator.receiver import Receiver, receiving

PATH = "/106540352242922/messages"
TEXT = {"messaging_product": "whatsapp", "to": "+16505550123", "type": "text", "text": {"body": "x"}}


async def sent(
    served: RunningSimulator, api: httpx.AsyncClient, receiver: Receiver, count: int, **members: Any
) -> tuple[str, dict[str, dict[str, Any]]]:
    """Send one message; its wamid and so many statuses that followed, by status."""
    await served.set_webhook(receiver.url)
    answer = (await api.post(PATH, json={**TEXT, **members})).raise_for_status().json()
    await receiver.until(lambda: len(receiver.items("statuses")) == count)
    return answer["messages"][0]["id"], {status["status"]: status for status in receiver.items("statuses")}


async def test_the_envelope(served: RunningSimulator, api: httpx.AsyncClient) -> None:
    """Object, entry, changes, metadata of the number; signed over the very bytes."""
    async with receiving() as receiver:
        await sent(served, api, receiver, 3)
    for body, signature in zip(receiver.bodies, receiver.signatures, strict=True):
        digest = hmac.new(served.app_secret.encode(), body, hashlib.sha256).hexdigest()
        assert signature == f"sha256={digest}"
        notification = json.loads(body)
        assert notification.keys() == {"object", "entry"}
        assert notification["object"] == "whatsapp_business_account"
        change = notification["entry"][0]["changes"][0]
        assert change["field"] == "messages"
        assert change["value"].keys() == {"messaging_product", "metadata", "contacts", "statuses"}
        assert change["value"]["metadata"].keys() == {"display_phone_number", "phone_number_id"}
        assert change["value"]["metadata"]["phone_number_id"] == "106540352242922"


async def test_sent_delivered_read(served: RunningSimulator, api: httpx.AsyncClient) -> None:
    """Each names the message, the time in seconds as text, the recipient; what is billed has a price."""
    async with receiving() as receiver:
        wamid, statuses = await sent(served, api, receiver, 3, biz_opaque_callback_data="booking-81")
    assert statuses.keys() == {"sent", "delivered", "read"}
    always = {"id", "status", "timestamp", "recipient_id", "recipient_user_id", "biz_opaque_callback_data"}
    for name, status in statuses.items():
        assert status.keys() - {"pricing"} == always
        assert (status["id"], status["recipient_id"]) == (wamid, "16505550123")
        assert status["biz_opaque_callback_data"] == "booking-81"
        assert status["timestamp"].isdigit()
        assert ("pricing" in status) == (name != "read")
    assert statuses["sent"]["pricing"].keys() == {"billable", "pricing_model", "type", "category"}


async def test_failed(served: RunningSimulator, api: httpx.AsyncClient) -> None:
    """An accepted message that cannot be delivered: the code with title, message, details and a link."""
    async with receiving() as receiver:
        wamid, statuses = await sent(served, api, receiver, 1, to="+9991131026")
    assert statuses.keys() == {"failed"}
    failed = statuses["failed"]
    assert failed["id"] == wamid
    (error,) = failed["errors"]
    assert error.keys() == {"code", "title", "message", "error_data", "href"}
    assert (error["code"], error["title"]) == (131026, "Message undeliverable")
    assert error["error_data"].keys() == {"details"}


async def test_a_user_known_by_id_only(served: RunningSimulator, api: httpx.AsyncClient) -> None:
    """No phone number anywhere."""
    async with receiving() as receiver:
        await served.set_webhook(receiver.url)
        body = {name: value for name, value in TEXT.items() if name != "to"}
        (await api.post(PATH, json={**body, "recipient": "US.1"})).raise_for_status()
        await receiver.until(lambda: len(receiver.items("statuses")) == 3)
    assert {status["recipient_user_id"] for status in receiver.items("statuses")} == {"US.1"}
    assert not any("recipient_id" in status for status in receiver.items("statuses"))


async def test_a_group(served: RunningSimulator, api: httpx.AsyncClient) -> None:
    """The group is the recipient, and one participant is named."""
    async with receiving() as receiver:
        _, statuses = await sent(served, api, receiver, 3, to="Y2FwaQ", recipient_type="group")
    for status in statuses.values():
        assert (status["recipient_id"], status["recipient_type"]) == ("Y2FwaQ", "group")
        assert {"recipient_participant_id", "recipient_participant_user_id"} <= status.keys()
