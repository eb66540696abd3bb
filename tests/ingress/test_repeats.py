"""The same webhook again: dropped, shared, or taken anew."""

import asyncio
import json

from connector.kafka.producer import PublishError
from connector.records.envelope import Envelope, seal
from tests.ingress.client import TEXT, Client, notification
from tests.ingress.fakes import TOPICS


async def test_a_repeat_is_dropped_once_kafka_has_the_first() -> None:
    """The same fact again is answered at once, and not written again."""
    client = Client()
    assert (await client.post(notification())).status == 200
    assert (await client.post(notification(TEXT, {**TEXT, "id": "wamid.2"}))).status == 200
    found = client.producer.on(TOPICS.inbound_messages)
    assert [message["message_id"] for message in found] == ["wamid.1", "wamid.2"]
    assert client.tally.repeats == 1


async def test_a_repeat_during_the_first_shares_its_fate() -> None:
    """Both are answered when Kafka has the one record, and both are refused when it has not."""
    client = Client()
    client.producer.silent = True
    for fails in (True, False):
        client.producer.published.clear()
        answers = [asyncio.create_task(client.post(notification())) for _ in range(3)]
        await client.producer.published.wait()
        await asyncio.sleep(0)
        if fails:
            client.producer.fail(PublishError("planted"))
        else:
            client.producer.acknowledge()
        assert {(await answer).status for answer in answers} == {503 if fails else 200}
    assert len(client.producer.on(TOPICS.inbound_messages)) == 2


async def test_a_repeat_of_what_was_given_up_waits_for_the_same_records() -> None:
    """The first was refused for its age; when its records arrive after all, the next delivery is answered by them."""
    client = Client()
    client.producer.silent = True
    first = asyncio.create_task(client.post(notification()))
    await client.producer.published.wait()
    await client.wait(1.0)
    assert (await first).status == 503
    second = asyncio.create_task(client.post(notification()))
    await asyncio.sleep(0)
    client.producer.acknowledge()
    assert (await second).status == 200
    assert len(client.producer.on(TOPICS.inbound_messages)) == 1


async def test_a_fact_twice_in_one_body_is_one_record() -> None:
    """The second is a repeat of the first, and waits for nothing but it."""
    client = Client()
    assert (await client.post(notification(TEXT, TEXT))).status == 200
    assert len(client.producer.on(TOPICS.inbound_messages)) == 1


async def test_a_ghost_and_its_content_are_two_facts() -> None:
    """The content that comes later under the id of an unavailable message is no repeat (131060)."""
    client = Client()
    ghost = {
        "from": "16505551234",
        "id": "wamid.1",
        "timestamp": "1",
        "type": "unsupported",
        "errors": [{"code": 131060}],
    }
    for message in (ghost, TEXT, ghost, TEXT):
        assert (await client.post(notification(message))).status == 200
    found = client.producer.on(TOPICS.inbound_messages)
    assert [(message["message_id"], message["type"]) for message in found] == [
        ("wamid.1", "unsupported"),
        ("wamid.1", "text"),
    ]


async def test_a_receipt_is_dropped_only_with_a_status_that_kafka_has() -> None:
    """A failed publication loses neither: both are written when the status comes again."""
    client = Client()
    status = {"id": "wamid.1", "status": "sent", "timestamp": "1", "recipient_id": "1650"}
    status["biz_opaque_callback_data"] = seal(Envelope("default", "order-1", 1))
    value = {"metadata": {"phone_number_id": "100"}, "statuses": [status]}
    body = json.dumps(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": "W", "changes": [{"field": "messages", "value": value}]}],
        }
    )
    client.producer.failing = True
    assert (await client.post(body.encode())).status == 503
    client.producer.failing = False
    for _ in range(2):
        assert (await client.post(body.encode())).status == 200
    kinds = [record.topic for record in client.producer.records]
    assert kinds == [TOPICS.number_signals, TOPICS.message_statuses]


async def test_a_window_of_nothing_drops_only_what_is_on_its_way() -> None:
    """Whoever wants every delivery on Kafka switches the memory off."""
    client = Client(window=0)
    for _ in range(2):
        assert (await client.post(notification())).status == 200
    assert len(client.producer.on(TOPICS.inbound_messages)) == 2


async def test_repeats_are_no_inbound_load() -> None:
    """The user wrote once."""
    client = Client()
    for _ in range(3):
        await client.post(notification())
    await client.signals.tick()
    loads = [signal for signal in client.producer.on(TOPICS.number_signals) if signal["kind"] == "INBOUND_LOAD"]
    assert [load["count"] for load in loads] == [1]
