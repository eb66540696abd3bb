"""What a body becomes, and what is counted on the way."""

import asyncio
import json

from connector.ingress.tally import Tally
from connector.kafka.producer import RecordTooLargeError
from connector.telemetry.setup import Pipeline
from tests.ingress.client import TEXT, Client, notification
from tests.ingress.fakes import TOPICS


async def test_a_record_that_is_too_large_for_the_topic_is_not_refused_for_ever() -> None:
    """The topic takes less than the client: what is too large is set aside in parts, the rest flows."""
    client = Client()
    client.producer.taken = 1024 * 1024
    large = {**TEXT, "id": "wamid.2", "text": {"body": "x" * (1200 * 1024)}}
    assert (await client.post(notification(TEXT, large))).status == 200
    (group,) = client.producer.groups
    assert [record.topic for record in group] == [TOPICS.inbound_messages, *[TOPICS.webhook_rejects] * 2]
    assert json.loads(b"".join(record.value or b"" for record in group[1:])) == large
    assert (await client.post(notification({**large, "id": "wamid.3"}))).status == 200


async def test_all_that_are_refused_for_their_size_together_are_set_aside() -> None:
    """The first of them shrinks what is written; to the others too that is a reason to try again, not to give up."""
    client = Client()
    assert (await client.post(notification())).status == 200
    client.producer.silent = True
    large = [{**TEXT, "id": name, "text": {"body": "x" * (1200 * 1024)}} for name in ("wamid.2", "wamid.3")]
    answers = [asyncio.create_task(client.post(notification(message))) for message in large]
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(client.producer.groups) == 1 + len(large)
    client.producer.silent = False
    client.producer.fail(RecordTooLargeError("planted"))
    assert [(await answer).status for answer in answers] == [200, 200]
    assert [record.topic for record in client.producer.records[3:]] == [TOPICS.webhook_rejects] * 4


async def test_numbers_are_known_by_what_meta_displays() -> None:
    """An account event that displays a number gets its id from a webhook that told both, or from the configuration."""
    client = Client(numbers={"+1 555-078-3882": "configured"})
    change = {"field": "security", "value": {"display_phone_number": "15550783881", "event": "PIN_CHANGED"}}

    async def posted(displayed: str) -> str | None:
        change["value"]["display_phone_number"] = displayed  # type: ignore[index]  # of the object above
        entry = {"id": "W", "changes": [change]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        assert (await client.post(body)).status == 200
        found: str | None = client.producer.on(TOPICS.account_events)[-1]["phone_number_id"]
        return found

    assert await posted("15550783881") is None
    assert await posted("15550783882") == "configured"
    metadata = {"phone_number_id": "100", "display_phone_number": "15550783881"}
    value = {"metadata": metadata, "messages": [TEXT]}
    entry = {"id": "W", "changes": [{"field": "messages", "value": value}]}
    await client.post(json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode())
    assert await posted("+1 555 078 3881") == "100"


async def test_everything_not_wholly_typed_is_counted_by_reason() -> None:
    """Nothing is set aside, dropped or left to its raw text without a count."""
    client = Client()
    kinds = [{**TEXT, "id": "1", "type": "of_next_year"}, {**TEXT, "id": "2", "text": "no object"}, 5]
    await client.post(notification(*kinds))
    status = {"id": "3", "status": "in_orbit", "timestamp": "1"}
    value = {"metadata": {"phone_number_id": "100"}, "statuses": [status]}
    changes = [
        {"field": "messages", "value": value},
        {"field": "of_next_year", "value": {"a": 1}},
        {"field": "calls", "value": {"calls": 5}},
    ]
    for entry in ([{"id": "W", "changes": changes}], []):
        await client.post(json.dumps({"object": "whatsapp_business_account", "entry": entry}).encode())
    assert client.tally.untyped == {
        "message_kind": 1,
        "message_content": 1,
        "status": 1,
        "account_field": 1,
        "account_content": 1,
        "nothing_told": 1,
    }
    assert client.tally.rejects == {"not an object": 1}
    assert client.tally.items == {"InboundMessage": 2, "reject": 1, "MessageStatus": 1, "AccountEvent": 2}


async def test_what_could_not_go_as_it_was_is_counted_once_it_has_gone() -> None:
    """A body that Kafka does not take comes again and again; its items are one each all the same."""
    client = Client()
    body = notification({**TEXT, "text": {"body": "x" * 4_100_000}})
    client.producer.failing = True
    assert (await client.post(body)).status == 503
    assert client.tally.untyped == {}
    client.producer.failing = False
    assert (await client.post(body)).status == 200
    assert client.tally.untyped == {"size": 1}
    client.producer.taken = 1024 * 1024
    assert (await client.post(notification({**TEXT, "text": {"body": "x" * 1_200_000}}))).status == 200
    assert client.tally.untyped == {"size": 1}
    assert client.tally.rejects == {"larger than Kafka takes": 1}


async def test_what_kafka_takes_after_the_answer_is_counted_too() -> None:
    """The webhook was refused for being late, and what comes again is a repeat of what lies on Kafka by then."""
    client = Client()
    await client.signals.tick()
    client.producer.silent = True
    client.producer.published.clear()
    body = notification({**TEXT, "text": {"body": "x" * 4_100_000}})
    answering = asyncio.create_task(client.post(body))
    await client.producer.published.wait()
    await client.wait(0.91)
    assert (await answering).status == 503
    assert client.tally.untyped == {}
    client.producer.acknowledge()
    client.producer.silent = False
    assert (await client.post(body)).status == 200
    assert client.tally.untyped == {"size": 1}


async def test_counts_reach_the_metrics_when_they_are_handed_over() -> None:
    """Each goes to its instrument, once."""
    pipeline = Pipeline("ingress", "0")
    tally = Tally(pipeline.metrics)
    tally.items["InboundMessage"] += 2
    tally.untyped["status"] += 1
    tally.rejects["not JSON"] += 1
    tally.refusals["busy"] += 3
    tally.sent["topic"] += 4
    tally.repeats += 5
    tally.in_flight_bytes += 600
    for _ in range(2):
        tally.hand_over()
    text = pipeline.prometheus_text().decode()
    pipeline.close()
    for line in (
        'whatsapp_connector_webhook_items_total{kind="InboundMessage"} 2.0',
        'whatsapp_connector_webhook_untyped_total{reason="status"} 1.0',
        'whatsapp_connector_webhook_rejects_total{reason="not JSON"} 1.0',
        'whatsapp_connector_webhook_refusals_total{reason="busy"} 3.0',
        'messaging_client_sent_messages_total{topic="topic"} 4.0',
        "whatsapp_connector_webhook_repeats_total 5.0",
        "whatsapp_connector_ingress_in_flight_bytes 600.0",
    ):
        assert line in text
