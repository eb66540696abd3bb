"""One trace id from a CRM's request over both roles to *read*, at a collector, with a real Kafka in between."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from confluent_kafka import Producer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from connector.records.headers import traceparent_in
from connector.simulator.pytest_plugin import simulating
from tests.fixtures.installation import NUMBER, simulator_settings
from tests.integration.system import Enough, System, read_committed

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
USER = "16505551234"
STATUSES = {"sent", "delivered", "read"}


class Collector:
    """Takes OTLP over HTTP, and keeps the spans by role."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/v1/traces":
                    outer.take(body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, body: bytes) -> None:
        """One export."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            told = {item.key: item.value.string_value for item in resource.resource.attributes}
            self.spans += [
                (told["whatsapp.connector.role"], span) for scope in resource.scope_spans for span in scope.spans
            ]

    def named(self, role: str, name: str) -> list[Span]:
        """What a role has told of spans of this name."""
        return [span for found, span in self.spans if (found, span.name) == (role, name)]


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Listens on loopback."""
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever)
    thread.start()
    yield collector
    collector.server.shutdown()
    thread.join()
    collector.server.server_close()


def attribute(span: Span, name: str) -> str:
    """The text of an attribute."""
    found: str = next(item.value.string_value for item in span.attributes if item.key == name)
    return found


def test_one_trace_from_the_crm_to_the_last_status(
    tmp_path: Path, kafka_bootstrap: str, topic_prefix: str, collector: Collector
) -> None:
    """The CRM's span, the command, its attempt, the request, and each status under the attempt; records carry it on."""
    changes = {"telemetry": {"otlp_endpoint": collector.url, "trace_ratio": 1.0}}
    system = System(tmp_path, kafka_bootstrap, topic_prefix, changes)
    names = system.settings.topic_names
    with simulating(simulator_settings(system.webhook_url)) as simulator:
        system.use_cloud_api(simulator.base_url)
        system.create_topics()
        with system.running("ingress") as ingress, system.running("delivery") as delivery:
            ingress.wait_ready()
            delivery.wait_ready()
            command = {"phone_number_id": NUMBER, "to": USER, "type": "text", "text": {"body": "Hello"}}
            producer = Producer({"bootstrap.servers": kafka_bootstrap, "partitioner": "murmur2_random"})
            headers: list[tuple[str, str | bytes | None]] = [("traceparent", TRACEPARENT)]
            producer.produce(names.commands[0], json.dumps(command).encode(), NUMBER.encode(), headers=headers)
            producer.flush()
            topics = [names.delivery_outcomes, names.message_statuses]
            records = read_committed(kafka_bootstrap, topics, Enough(1 + len(STATUSES)))
            assert delivery.terminate() == 0
            assert ingress.terminate() == 0

    (process,) = collector.named("delivery", f"process {names.commands[0]}")
    (attempt,) = collector.named("delivery", "attempt")
    (request,) = collector.named("delivery", "POST /{phone_number_id}/messages")
    sends = collector.named("ingress", f"send {names.message_statuses}")
    ours = [process, attempt, request, *sends]
    assert {span.trace_id.hex() for span in ours} == {TRACE}
    assert process.parent_span_id.hex() == CALLER
    assert attempt.parent_span_id == process.span_id
    assert request.parent_span_id == attempt.span_id
    assert {attribute(send, "whatsapp.connector.status") for send in sends} == STATUSES
    assert {send.parent_span_id for send in sends} == {attempt.span_id}
    webhooks = {span.span_id for span in collector.named("ingress", "POST /webhook")}
    assert {link.span_id for send in sends for link in send.links} <= webhooks
    assert all(len(send.links) == 1 for send in sends)

    carried = {traceparent_in(list(dict(record.headers() or []).items())) for record in records}
    spans_of_records = [process, *sends]
    assert carried == {f"00-{TRACE}-{span.span_id.hex()}-01" for span in spans_of_records}
    told = "".join(str(span) for _, span in collector.spans)
    assert USER not in told
    assert "Hello" not in told
    assert simulator.access_token not in told
