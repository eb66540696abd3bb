"""Metrics reach whoever asks, and a collector that is down harms nobody."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from connector.telemetry.setup import Pipeline


def test_two_pipelines_in_one_process_do_not_meet() -> None:
    """The demo runs both roles; each has its own page."""
    ingress, delivery = Pipeline("ingress", "1"), Pipeline("delivery", "1")
    ingress.metrics.webhook_items.add(3, {"kind": "text"})
    ingress_text, delivery_text = ingress.prometheus_text().decode(), delivery.prometheus_text().decode()
    ingress.close()
    delivery.close()
    assert 'whatsapp_connector_webhook_items_total{kind="text"} 3.0' in ingress_text
    assert "webhook_items" not in delivery_text


def test_the_page_tells_version_role_and_memory() -> None:
    """What every dashboard shows first."""
    pipeline = Pipeline("delivery", "1.2.3")
    pipeline.metrics.reroutes.add(1, {})
    text = pipeline.prometheus_text().decode()
    pipeline.close()
    assert 'service_version="1.2.3"' in text
    assert 'whatsapp_connector_role="delivery"' in text
    assert "process_resident_memory_bytes" in text


@asynccontextmanager
async def collector(received: list[tuple[str, bytes]]) -> AsyncIterator[int]:
    """A collector that notes path and body of each request."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length")
        )
        received.append((head.split()[1], await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_otlp_gets_the_last_values_on_close() -> None:
    """What was counted since the last export is not lost when a process ends."""
    received: list[tuple[str, bytes]] = []
    async with collector(received) as port:
        pipeline = Pipeline("ingress", "1", f"http://127.0.0.1:{port}")
        pipeline.metrics.reroutes.add(7, {})
        await asyncio.to_thread(pipeline.close)
    path, body = received[-1]
    assert path == "/v1/metrics"
    request = ExportMetricsServiceRequest.FromString(body)
    metrics = {metric.name: metric for metric in request.resource_metrics[0].scope_metrics[0].metrics}
    assert metrics["whatsapp.connector.reroutes"].sum.data_points[0].as_int == 7


def test_a_collector_that_is_down_does_not_hinder_closing() -> None:
    """Telemetry is never a reason to fail; closing ends within its budget, or this test does not end in time."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        pipeline = Pipeline("ingress", "1", f"http://127.0.0.1:{taken.getsockname()[1]}")
        pipeline.metrics.reroutes.add(1, {})
        assert b"reroutes" in pipeline.prometheus_text()
        pipeline.close()
