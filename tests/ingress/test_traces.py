"""The trace of a webhook, and how a status joins the trace of the command it is about."""

import json
from typing import Any

from opentelemetry.trace import StatusCode

from connector.ingress.events import Event
from connector.ingress.traces import IngressTraces
from connector.kafka.producer import Record
from connector.records.envelope import Envelope, seal
from connector.records.headers import traceparent_in
from connector.telemetry.tracing import parse_traceparent
from tests.ingress.assembly import PATH
from tests.ingress.client import TEXT, Client, notification
from tests.ingress.fakes import TOPICS
from tests.telemetry.recorded import SAMPLED, SPAN, TRACE, UNSAMPLED, Recorded, ids, told

NAMES = {name: getattr(TOPICS, name) for name in TOPICS.__slots__}
WEBHOOK = f"POST {PATH}"
USER = "16505551234"


def client_of(recorded: Recorded) -> Client:
    """An ingress whose traces are kept."""
    return Client(traces=IngressTraces(recorded.spans, PATH, NAMES))


def statuses(*traceparents: str | None) -> bytes:
    """A webhook with a status of a message of ours for each."""
    value = {
        "metadata": {"phone_number_id": "100"},
        "statuses": [
            {
                "id": f"wamid.{number}",
                "status": "sent",
                "timestamp": "1749416383",
                "recipient_id": USER,
                "biz_opaque_callback_data": seal(Envelope("default", f"order-{number}", 1, traceparent)),
            }
            for number, traceparent in enumerate(traceparents)
        ],
    }
    entry = {"id": "W", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def on(client: Client, topic: str) -> list[Record]:
    """The records of a topic."""
    return [record for record in client.producer.records if record.topic == topic]


async def test_a_status_stands_under_the_attempt_it_is_about_and_links_to_its_webhook() -> None:
    """The ingress needs no lookup: the envelope has brought the attempt's context back."""
    recorded = Recorded(ratio=1.0)
    client = client_of(recorded)
    assert (await client.post(statuses(SAMPLED))).status == 200
    webhook, send = recorded.one(WEBHOOK), recorded.one("send statuses")
    assert ids(send)[::2] == (TRACE, SPAN)
    assert ids(webhook)[0] != TRACE
    assert [link.context for link in send.links] == [webhook.context]
    (record,) = on(client, TOPICS.message_statuses)
    assert traceparent_in(record.headers) == f"00-{TRACE}-{ids(send)[1]}-01"
    (event,) = client.producer.on(TOPICS.message_statuses)
    assert event["traceparent"] == SAMPLED
    assert told(send) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "statuses",
        "cloudevents.event_id": event["event_id"],
        "whatsapp.connector.phone_number_id": "100",
        "whatsapp.connector.status": "sent",
    }


async def test_a_status_joins_its_trace_where_the_webhook_is_not_recorded() -> None:
    """The CRM has decided for its command; one that it does not record goes on as it came."""
    recorded = Recorded(ratio=0.0)
    client = client_of(recorded)
    assert (await client.post(statuses(SAMPLED, UNSAMPLED, None))).status == 200
    (send,) = recorded.ended
    assert (ids(send)[0], send.links) == (TRACE, ())
    headers = [traceparent_in(record.headers) for record in on(client, TOPICS.message_statuses)]
    assert headers == [f"00-{TRACE}-{ids(send)[1]}-01", UNSAMPLED, None]


async def test_an_inbound_message_stands_under_its_webhook() -> None:
    """Its event carries the trace on to whoever reads it."""
    recorded = Recorded(ratio=1.0)
    client = client_of(recorded)
    body = notification(TEXT)
    assert (await client.post(body)).status == 200
    webhook, send = recorded.one(WEBHOOK), recorded.one("send inbound")
    assert ids(send)[::2] == ids(webhook)[:2]
    (record,) = on(client, TOPICS.inbound_messages)
    parent = parse_traceparent(traceparent_in(record.headers))
    assert parent is not None
    assert (parent.trace_id, parent.span_id, parent.sampled) == (ids(webhook)[0], ids(send)[1], True)
    assert told(webhook) == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "url.path": PATH,
        "http.route": PATH,
        "http.request.body.size": len(body),
        "http.response.status_code": 200,
    }
    assert webhook.start_time == client.clock.wall_ms() * 1_000_000


async def test_what_kafka_does_not_take_is_an_error_of_both() -> None:
    """The webhook is answered 503; its events say that they were not acknowledged."""
    recorded = Recorded(ratio=1.0)
    client = client_of(recorded)
    assert (await client.post(notification(TEXT))).status == 200
    client.producer.failing = True
    assert (await client.post(notification({**TEXT, "id": "wamid.2"}))).status == 503
    webhooks = [span for span in recorded.ended if span.name == WEBHOOK]
    sends = [span for span in recorded.ended if span.name == "send inbound"]
    assert [told(span)["http.response.status_code"] for span in webhooks] == [200, 503]
    assert [span.status.status_code for span in webhooks] == [StatusCode.UNSET, StatusCode.ERROR]
    assert "error.type" not in told(sends[0])
    assert told(sends[1])["error.type"] == "not_acknowledged"


async def test_what_is_written_again_in_parts_has_a_span_for_each_try() -> None:
    """The first ends as an error, the second as it should."""
    recorded = Recorded(ratio=1.0)
    client = client_of(recorded)
    client.producer.taken = 1024 * 1024
    large = {**TEXT, "id": "wamid.2", "text": {"body": "x" * (1200 * 1024)}}
    assert (await client.post(notification(large))).status == 200
    sends = [told(span).get("error.type") for span in recorded.ended if span.name == "send inbound"]
    assert sends == ["not_acknowledged", None]


def test_a_first_try_that_ends_late_ends_its_own_spans() -> None:
    """Its last record is given up after the second try has begun."""
    recorded = Recorded(ratio=1.0)
    webhook = IngressTraces(recorded.spans, PATH, NAMES).webhook(0, 1, "http")
    event = Event("inbound_messages", "InboundMessage", {}, "id", "source")
    first, second = webhook.publishing([event]), webhook.publishing([event])
    first.published(acknowledged=False)
    assert [told(span)["error.type"] for span in recorded.ended] == ["not_acknowledged"]
    second.published(acknowledged=True)
    assert "error.type" not in told(recorded.ended[1])


async def test_a_stranger_begins_no_trace() -> None:
    """Without Meta's signature nothing is recorded, and a trace of the request's own headers is not believed."""
    recorded = Recorded(ratio=1.0)
    client = client_of(recorded)
    assert (await client.post(notification(TEXT), traceparent=SAMPLED, x_hub_signature_256="sha256=00")).status == 401
    assert recorded.ended == ()
    assert (await client.post(notification(TEXT), traceparent=SAMPLED)).status == 200
    assert ids(recorded.one(WEBHOOK))[0] != TRACE


async def test_nobodys_phone_or_words_are_in_a_trace() -> None:
    """Of a status and of a message."""
    recorded = Recorded(ratio=1.0)
    client = client_of(recorded)
    bodies: list[Any] = [statuses(SAMPLED), notification(TEXT)]
    for body in bodies:
        assert (await client.post(body)).status == 200
    assert len(recorded.ended) == 4
    text = "".join(span.to_json() for span in recorded.ended)
    assert USER not in text
    assert TEXT["text"]["body"] not in text  # type: ignore[index]  # of the object above
