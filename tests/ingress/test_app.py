"""The webhook over HTTP: who is let in, and what each answer promises."""

import asyncio
import gzip
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import structlog
from structlog.testing import capture_logs

from connector.ingress import intake as intake_module
from connector.ingress.admission import Limits
from connector.secrets import SecretFile
from tests.ingress.assembly import PATH
from tests.ingress.client import JSON, SECRET, SENTINEL, TEXT, Client, notification, signed
from tests.ingress.fakes import TOPICS


async def test_a_signed_webhook_is_on_kafka_before_the_200() -> None:
    """The answer waits for the acknowledgement of every record."""
    client = Client()
    client.producer.silent = True
    answering = asyncio.create_task(client.post(notification()))
    await client.producer.published.wait()
    await asyncio.sleep(0)
    assert not answering.done()
    client.producer.acknowledge()
    assert (await answering).status == 200
    assert [message["message_id"] for message in client.producer.on(TOPICS.inbound_messages)] == ["wamid.1"]


async def test_raw_numbers_arrive_with_their_text() -> None:
    """From the wire to Kafka no number is rewritten."""
    message = '{"id":"wamid.1","a":1.0,"b":1e5,"c":12345678901234567890123}'
    client = Client()
    assert (await client.post(notification("HERE").replace(b'"HERE"', message.encode()))).status == 200
    assert client.producer.on(TOPICS.inbound_messages)[0]["raw"] == message


async def test_one_conversation_keeps_its_order() -> None:
    """Webhooks and the messages in them are published in the order in which they came, on one key."""
    client = Client()
    client.producer.silent = True
    bodies = [notification(*({**TEXT, "id": f"{post}.{item}"} for item in range(3))) for post in range(5)]
    answering = []
    for body in bodies:
        client.producer.published.clear()
        answering.append(asyncio.create_task(client.post(body)))
        await client.producer.published.wait()
    client.producer.acknowledge()
    assert {(await answer).status for answer in answering} == {200}
    found = [message["message_id"] for message in client.producer.on(TOPICS.inbound_messages)]
    assert found == [f"{post}.{item}" for post in range(5) for item in range(3)]
    assert len({record.key for record in client.producer.records}) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"x_hub_signature_256": signed(notification(), b"wrong")},
        {"x_hub_signature_256": signed(notification() + b" ")},
        {"x_hub_signature_256": signed(notification()).upper()},
        {"x_hub_signature_256": ""},
        {"x_hub_signature_256": signed(notification(), b"wrong"), "content_type": "text/plain"},
    ],
)
async def test_a_wrong_signature_is_401_whatever_else_is_wrong(headers: dict[str, str]) -> None:
    """Nothing of the body is looked at, published or logged, and the right signature is not told."""
    client = Client()
    with capture_logs() as logs:
        response = await client.post(notification(), **headers)
    assert (response.status, response.body) == (401, b"")
    assert client.producer.groups == []
    assert SENTINEL not in str(logs)
    assert signed(notification()) not in str(logs) + str(response.headers)
    assert await client.gaps() == []


async def test_without_a_signature_the_body_is_not_even_read() -> None:
    """A sender who never ends is answered at once, and the connection is closed."""
    response = await Client().request("POST", headers={"content-type": JSON}, chunks=[], ends=False)
    assert (response.status, response.headers["connection"]) == (401, "close")


async def test_secrets_may_change_while_running() -> None:
    """They are asked for at each request."""
    client = Client()
    client.secrets.now = (b"new",)
    assert (await client.post(notification())).status == 401
    client.secrets.now = (b"new", SECRET)
    assert (await client.post(notification())).status == 200


async def test_a_replaced_secret_file_is_in_use_a_second_later(tmp_path: Path) -> None:
    """Without a restart: first both secrets are accepted, as in a rotation, then the new one alone."""
    paths = [tmp_path / "old", tmp_path / "new"]
    for path in paths:
        path.write_bytes(path.name.encode())
    client = Client()
    files = [SecretFile(path, client.clock) for path in paths]

    async def statuses() -> list[int]:
        client.secrets.now = [file.reveal() for file in files]
        return [(await client.post(b"{}", x_hub_signature_256=signed(b"{}", key))).status for key in (b"old", b"new")]

    assert await statuses() == [200, 200]
    (tmp_path / "replacing").write_bytes(b"new")
    (tmp_path / "replacing").rename(paths[0])
    client.clock.now_s += 1.0
    assert await statuses() == [401, 200]


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "Application/JSON"])
async def test_json_is_taken(content_type: str) -> None:
    """Parameters and case of the media type do not matter."""
    assert (await Client().post(notification(), content_type=content_type)).status == 200


async def test_a_missing_media_type_is_taken_for_json() -> None:
    """What is signed by Meta is Meta's."""
    body = notification()
    response = await Client().request("POST", headers={"x-hub-signature-256": signed(body)}, chunks=[body])
    assert response.status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_media_type_is_415(content_type: str) -> None:
    """A signed body of another kind is none of Meta's webhooks."""
    client = Client()
    assert (await client.post(notification(), content_type=content_type)).status == 415
    assert client.producer.groups == []


@pytest.mark.parametrize("body", [b"", b"not json", b"\xff\xfe", b"[]", b'{"object":"page","entry":[]}'])
async def test_a_signed_body_that_nobody_understands_is_kept_and_answered_200(body: bytes) -> None:
    """Meta would send it again for days, and it would be no clearer; it goes whole to the rejects."""
    client = Client()
    assert (await client.post(body)).status == 200
    assert client.producer.on(TOPICS.webhook_rejects) == [body]


async def test_a_malformed_item_costs_no_other() -> None:
    """It goes to the rejects with its place; its neighbours go to their topic."""
    client = Client()
    assert (await client.post(notification({**TEXT, "id": "a"}, 5, {**TEXT, "id": "b"}))).status == 200
    assert [message["message_id"] for message in client.producer.on(TOPICS.inbound_messages)] == ["a", "b"]
    (reject,) = [record for record in client.producer.records if record.topic == TOPICS.webhook_rejects]
    assert reject.value == b"5"
    assert dict(reject.headers)["wa.webhook.path"] == b"entry[0].changes[0].value.messages[1]"


async def test_a_declared_length_over_the_limit_is_413_before_anything_is_read() -> None:
    """The limit holds before the first byte."""
    headers = {"x-hub-signature-256": signed(b""), "content-length": "101"}
    response = await Client(Limits(body_bytes_max=100)).request("POST", headers=headers, chunks=[], ends=False)
    assert (response.status, response.headers["connection"]) == (413, "close")


async def test_a_body_over_the_limit_is_413_without_a_declared_length() -> None:
    """The limit holds while streaming, whatever was declared; the rest is not read."""
    headers = {"x-hub-signature-256": signed(b""), "content-length": "5"}
    chunks = [b"x" * 60, b"x" * 60]
    response = await Client(Limits(body_bytes_max=100)).request("POST", headers=headers, chunks=chunks, ends=False)
    assert response.status == 413


async def test_the_largest_bodies_of_meta_are_taken() -> None:
    """3 MB pass, with a thousand messages."""
    client = Client()
    filler = "x" * 2900
    body = notification(*({**TEXT, "id": f"wamid.{number}", "text": {"body": filler}} for number in range(1000)))
    assert len(body) > 3_000_000
    assert (await client.post(body)).status == 200
    assert len(client.producer.on(TOPICS.inbound_messages)) == 1000


async def test_a_body_that_does_not_arrive_in_time_is_408() -> None:
    """A slow sender holds its place for so long and no longer."""
    client = Client(Limits(body_timeout_s=0.01))
    headers = {"x-hub-signature-256": signed(b""), "content-type": JSON}
    response = await client.request("POST", headers=headers, chunks=[b"{"], ends=False)
    assert (response.status, response.headers["connection"]) == (408, "close")


async def test_a_kafka_that_refuses_it_is_503_with_retry_after() -> None:
    """Meta sends it again later; delivery is told that this replica missed something."""
    client = Client()
    await client.signals.tick()
    client.producer.failing = True
    client.clock.now_s = 2.0
    response = await client.post(notification())
    assert (response.status, response.headers["retry-after"]) == (503, "5")
    assert await client.gaps() == [(2000, 2000)]
    assert (await client.post(notification())).status == 200


async def test_a_kafka_that_is_away_is_told_now_and_then() -> None:
    """One line for all the webhooks of ten seconds, not one for each."""
    client = Client()
    await client.signals.tick()
    client.producer.failing = True
    with capture_logs() as logs:
        for _ in range(30):
            client.clock.now_s += 1.0
            assert (await client.post(notification())).status == 503
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == [
        "webhooks not acknowledged by Kafka"
    ] * 3


async def test_a_kafka_that_is_silent_is_503_before_a_second_is_over() -> None:
    """What is answered 200 is within what Meta allows; the late acknowledgement disturbs nobody."""
    client = Client()
    await client.signals.tick()
    client.producer.silent = True
    client.producer.published.clear()
    answering = asyncio.create_task(client.post(notification()))
    await client.producer.published.wait()
    await client.wait(0.89)
    assert not answering.done()
    await client.wait(0.02)
    response = await answering
    assert (response.status, response.headers["retry-after"]) == (503, "5")
    client.producer.acknowledge()
    assert await client.gaps() == [(0, 910)]


async def test_a_kafka_that_never_said_how_many_slots_there_are_is_503() -> None:
    """Without the number of slots no signal has a place, so nothing is taken."""
    client = Client()
    client.producer.failing = True
    assert (await client.post(notification())).status == 503
    assert client.producer.groups == []


async def test_an_unforeseen_failure_is_503_and_tells_nothing_of_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks, Meta sends it again, delivery knows of the gap, and the log has type and place alone."""

    def break_down(raw: bytes) -> list[Any]:
        raise ValueError(raw)

    client = Client()
    monkeypatch.setattr(intake_module, "parse_notification", break_down)
    with capture_logs() as logs:
        assert (await client.post(notification())).status == 503
    assert SENTINEL not in str(logs)
    assert [(entry["log_level"], entry["error"]) for entry in logs if entry["event"] == "webhook failed"] == [
        ("error", "ValueError")
    ]
    assert await client.gaps() == [(0, 0)]


async def test_more_bytes_in_flight_than_allowed_are_503_at_once() -> None:
    """What all bodies hold together is bounded; when one is answered there is room again."""
    body = notification()
    client = Client(Limits(in_flight_bytes_max=len(body) + 10))
    client.producer.silent = True
    first = asyncio.create_task(client.post(body))
    await client.producer.published.wait()
    assert (await client.post(body)).status == 503
    client.producer.acknowledge()
    assert (await first).status == 200
    client.producer.silent = False
    assert (await client.post(body)).status == 200


async def test_more_requests_in_flight_than_allowed_are_503_at_once() -> None:
    """The same for their number."""
    client = Client(Limits(in_flight_requests_max=2))
    client.producer.silent = True
    waiting = [asyncio.create_task(client.post(notification({**TEXT, "id": str(number)}))) for number in range(2)]
    while len(client.producer.groups) < 2:
        client.producer.published.clear()
        await client.producer.published.wait()
    assert (await client.post(notification())).status == 503
    client.producer.acknowledge()
    assert {(await answer).status for answer in waiting} == {200}
    client.producer.silent = False
    assert (await client.post(notification())).status == 200


async def test_a_sender_who_leaves_frees_its_place() -> None:
    """A connection that breaks in the middle of a body is forgotten, and nobody is answered."""
    client = Client(Limits(in_flight_bytes_max=10_000, in_flight_requests_max=1))
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"x" * 9000, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        pytest.fail(f"answered with {message}")

    headers = [(b"x-hub-signature-256", signed(b"").encode())]
    scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": headers}
    await client.app(scope, receive, send)
    assert (await client.post(notification())).status == 200


async def test_inbound_messages_count_as_load() -> None:
    """Delivery leaves room for them in the number's throughput."""
    client = Client()
    await client.post(notification(TEXT, {**TEXT, "id": "2"}))
    await client.signals.tick()
    loads = [signal for signal in client.producer.on(TOPICS.number_signals) if signal["kind"] == "INBOUND_LOAD"]
    assert [(load["phone_number_id"], load["waba_id"], load["count"]) for load in loads] == [("100", "W", 2)]


async def test_one_debug_line_for_each_webhook_without_its_content() -> None:
    """The line has the answer, the duration and how many items of each kind there were."""
    client = Client()
    with capture_logs() as logs:
        await client.post(notification(TEXT, 5))
        await client.post(notification(), content_type="text/plain")
    assert logs == [
        {"event": "webhook", "log_level": "debug", "status": 200, "duration_ms": 0, "InboundMessage": 1, "reject": 1},
        {
            "event": "webhook",
            "log_level": "debug",
            "status": 415,
            "duration_ms": 0,
            "reason": "media_type",
            "client": "192.0.2.1",
        },
    ]


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "GZIP", ""])
async def test_a_body_in_another_encoding_is_415_and_not_inflated(encoding: str) -> None:
    """Meta sends none; what is inflated has no bound. The signature is over the bytes as they came."""
    client = Client()
    body = gzip.compress(notification())
    assert (await client.post(body, content_encoding=encoding)).status == 415
    assert (await client.post(body, content_encoding=encoding, x_hub_signature_256="sha256=0")).status == 401
    assert (await client.post(notification(), content_encoding="identity")).status == 200
    assert len(client.producer.records) == 1


async def test_more_records_on_their_way_than_allowed_are_503_at_once() -> None:
    """What the client's queue holds is bounded too; one body alone is always taken."""
    client = Client(Limits(in_flight_records_max=3))
    many = notification(*({**TEXT, "id": str(number)} for number in range(10)))
    client.producer.silent = True
    first = asyncio.create_task(client.post(many))
    await client.producer.published.wait()
    assert (await client.post(notification({**TEXT, "id": "a"}))).status == 503
    client.producer.acknowledge()
    assert (await first).status == 200
    client.producer.silent = False
    assert (await client.post(notification({**TEXT, "id": "a"}))).status == 200


QUERY = {"hub.mode": "subscribe", "hub.verify_token": "verify-me", "hub.challenge": "1158201444"}


async def test_the_handshake_echoes_the_challenge() -> None:
    """Meta's GET is answered with the challenge as plain text."""
    response = await Client().request("GET", query=urlencode(QUERY))
    assert (response.status, response.body) == (200, b"1158201444")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "query",
    [
        "",
        urlencode(QUERY | {"hub.verify_token": "wrong"}),
        urlencode(QUERY | {"hub.mode": "x"}),
        "&".join("a=1" for _ in range(100)),
        "hub.mode=subscribe&hub.verify_token=%ff%fe&hub.challenge=1",
    ],
)
async def test_another_get_is_403(query: str) -> None:
    """Whoever does not know the token learns nothing."""
    response = await Client().request("GET", query=query)
    assert (response.status, response.body) == (403, b"")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"])
async def test_other_methods_are_405(method: str) -> None:
    """The answer names those that are allowed."""
    response = await Client().request(method)
    assert (response.status, response.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("path", ["/", "/webhook/", "/webhook/x", "/WEBHOOK", "/metrics"])
async def test_other_paths_are_404(path: str) -> None:
    """There is one path."""
    assert (await Client().request("POST", path)).status == 404


async def test_only_http_is_spoken() -> None:
    """A server that offers websockets or lifespan events is configured wrongly, and hears so."""
    with pytest.raises(ValueError, match="websocket"):
        await Client().app({"type": "websocket"}, asyncio.Event().wait, structlog.get_logger())  # type: ignore[arg-type]
