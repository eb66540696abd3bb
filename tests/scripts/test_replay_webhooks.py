"""The replay script finds what an ingress loses or changes, and nothing else."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from confluent_kafka import Producer
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from connector.clock import SystemClock
from connector.ingress.admission import Limits
from connector.ingress.http_protocol import BoundedHttp
from connector.ingress.publisher import EventTopics
from connector.kafka.producer import Record, RecordProducer
from connector.records.codec import Codec
from connector.records.schemas import schema_text
from scripts import replay_webhooks
from scripts.replay_webhooks import Decoder, Item, Report, compare, frozen, items_of, parse, why_not_webhook
from tests.ingress.assembly import PATH, Secrets, assemble

SECRET = b"app-secret"
METADATA = {"display_phone_number": "15550783881", "phone_number_id": "100"}
TEXT = {
    "from": "1650",
    "id": "wamid.text",
    "timestamp": "1749416383",
    "type": "text",
    "text": {"body": "Hi \U0001f600"},
}
STATUS = {
    "id": "wamid.status",
    "status": "sent",
    "timestamp": 1749416383,
    "recipient_id": "1650",
    "pricing": {"rate": 1.5},
}


def body(*changes: Any, waba_id: str = "W") -> str:
    """A webhook body."""
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": waba_id, "changes": changes}]})


def messages_change(**value: Any) -> dict[str, Any]:
    """A change of the field ``messages``."""
    return {"field": "messages", "value": {"metadata": METADATA, **value}}


BODIES = {
    "message.json": body(messages_change(messages=[TEXT, {**TEXT, "id": "wamid.2"}])),
    "deep/status.json": body(messages_change(statuses=[STATUS], errors=[{"code": 1}]), waba_id="V"),
    "account.json": body({"field": "account_update", "value": {"event": "X", "metadata": METADATA}}),
    "errors.json": body(messages_change(errors=[{"code": 130429}])),
    "numbers.json": body(messages_change(messages=[{"id": 7, "a": "NUMBERS"}])).replace(
        '"NUMBERS"', "[1.0, 1e5, 12345678901234567890123, 1e999, -0]"
    ),
    "half-emoji.json": body(messages_change(messages=[{"id": "wamid.half", "text": {"body": "HALF"}}])).replace(
        "HALF", "\\ud83d"
    ),
    "calls.json": body(
        {
            "field": "calls",
            "value": {"metadata": METADATA, "calls": [{"id": "c1"}, 5, {"id": "c2"}], "errors": [{"code": 1}]},
        }
    ),
    "history.json": body(
        {
            "field": "history",
            "value": {
                "metadata": METADATA,
                "history": [
                    {"metadata": {"phase": 0}, "threads": [{"id": "1", "messages": [TEXT, STATUS]}, {"id": "2"}]},
                    {"errors": [{"code": 2593109}]},
                ],
            },
        }
    ),
    "standby.json": body(
        {
            "field": "standby",
            "value": {
                "metadata": METADATA,
                "standby": {"messages": [TEXT], "statuses": [STATUS], "message_echoes": [{"id": "e", "message": {}}]},
            },
        }
    ),
    "malformed.json": body(messages_change(messages=[5, {"type": "text"}])),
    "byte-order-mark.json": "\N{ZERO WIDTH NO-BREAK SPACE}" + body(messages_change(messages=[{"id": "wamid.bom"}])),
}
OTHERS = {
    "list.json": "[]",
    "send.json": '{"messaging_product":"whatsapp","to":"1650"}',
    "page.json": '{"object":"page","entry":[]}',
    "broken.json": "{",
    "not-a-number.json": body(messages_change(messages=[{"id": "1", "a": float("nan")}])),
}
EXPECTED = {"messages": 6, "statuses": 2, "changes": 10, "rejects": 3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with bodies of all shapes, and files that are none."""
    found = tmp_path / "bodies"
    for name, text in {**BODIES, **OTHERS, "notes.txt": "no"}.items():
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_text(text, encoding="utf-8")
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    return found


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What the ingress logs does not mix with what the script prints."""
    with capture_logs():
        yield


@pytest.fixture
def cluster(mock_cluster: str) -> str:
    """A broker that has the topics."""
    maker = Producer({"bootstrap.servers": mock_cluster})
    for name, _ in replay_webhooks.TOPICS.values():
        maker.list_topics(name, timeout=10)
    return mock_cluster


class TamperingProducer(RecordProducer):
    """A producer that loses or changes records on their way."""

    def __init__(self, bootstrap: str, tamper: Callable[[Record], Record | None]) -> None:
        super().__init__({"bootstrap.servers": bootstrap}, delivery_timeout_s=20.0)
        self._tamper = tamper

    def publish(
        self,
        records: Sequence[Record],
        settled: Callable[[bool], None] | None = None,
        on_record: Callable[[Any], None] | None = None,
    ) -> asyncio.Future[None]:
        """Only what is left of them."""
        left = [found for record in records if (found := self._tamper(record)) is not None]
        return super().publish(left, settled, on_record)


@asynccontextmanager
async def ingress(
    bootstrap: str, tamper: Callable[[Record], Record | None] = lambda record: record
) -> AsyncIterator[str]:
    """A running ingress: its address."""
    producer = TamperingProducer(bootstrap, tamper)
    await producer.start()
    names = {kind: name for kind, (name, _) in replay_webhooks.TOPICS.items()}
    topics = EventTopics(names["messages"], names["statuses"], names["changes"], "signals", names["rejects"])
    limits = Limits(answer_s=20.0)
    app = assemble(producer, topics, SystemClock(), Secrets(SECRET), limits=limits, timeout_s=20.0).app
    config = uvicorn.Config(app, http=BoundedHttp, ws="none", lifespan="off", log_config=None, access_log=False)
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: BoundedHttp(config=config, server_state=state, app_state={}), "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{PATH}"
    finally:
        server.close()
        await server.wait_closed()
        await producer.close(5.0)


async def replay(folder: Path, url: str, bootstrap: str, *more: str) -> int:
    """Run the script; its exit code."""
    secret = str(folder.parent / "secret")
    argv = [str(folder), "--url", url, "--app-secret-file", secret, "--bootstrap-servers", bootstrap, *more]
    return await asyncio.to_thread(replay_webhooks.main, argv)


async def test_everything_arrives(folder: Path, cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All items of all bodies are found unchanged; files that are no webhook bodies are named with the reason."""
    async with ingress(cluster) as url:
        assert await replay(folder, url, cluster, "--output", "json", "--repeat", "3", "--concurrency", "2") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] is True
    assert (report["posted"], report["answered_200"]) == (3 * len(BODIES), 3 * len(BODIES))
    assert report["expected"] == {kind: 3 * count for kind, count in EXPECTED.items()}
    # Repeats are dropped, save what nobody understands.
    assert report["found"] == {**EXPECTED, "rejects": 3 * EXPECTED["rejects"]}
    assert set(report["skipped"]) == set(OTHERS)
    assert (report["missing"], report["different"], report["unexpected"]) == ([], [], [])


async def test_what_was_there_before_is_not_counted(folder: Path, cluster: str) -> None:
    """A second run reads from where the topics ended."""
    async with ingress(cluster) as url:
        assert await replay(folder, url, cluster) == 0
    for extra in ("deep/status.json", "account.json"):
        (folder / extra).unlink()
    async with ingress(cluster) as url:
        assert await replay(folder, url, cluster) == 0


async def test_a_lost_record_is_missing(folder: Path, cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An ingress that answers 200 and loses a status is found out."""
    lost = replay_webhooks.TOPICS["statuses"][0]
    async with ingress(cluster, lambda record: None if record.topic == lost else record) as url:
        assert await replay(folder, url, cluster) == 1
    out = capsys.readouterr().out
    assert "missing: 2\n  statuses: wamid.status\n  statuses: wamid.status" in out
    assert "FAILED" in out


async def test_a_rewritten_number_is_different(folder: Path, cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An ingress that parses and prints again turns 1e5 into 100000.0, and is found out."""

    def rewrite(record: Record) -> Record:
        # One digit for another, so that the lengths inside the Avro value stay true.
        return record._replace(value=(record.value or b"").replace(b"1e5", b"1E5"))

    async with ingress(cluster, rewrite) as url:
        assert await replay(folder, url, cluster) == 1
    assert "different: 1\n  messages: 7" in capsys.readouterr().out


async def test_refused_posts_fail(folder: Path, cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With a wrong secret nothing is answered with 200, and nothing is expected."""
    (folder.parent / "secret").write_bytes(b"wrong")
    async with ingress(cluster) as url:
        assert await replay(folder, url, cluster, "--output", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["refused"] == dict.fromkeys(BODIES, "401")
    assert (report["answered_200"], report["expected"]) == (0, {})


async def test_nothing_to_post_is_a_failure(tmp_path: Path, cluster: str) -> None:
    """An empty folder proves nothing."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "secret").write_bytes(SECRET)
    assert await replay(tmp_path / "empty", "http://127.0.0.1:1/", cluster) == 1


@pytest.mark.parametrize("argv", [[], ["nowhere"], ["--help"]])
def test_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage is exit code 2; the help tells what is posted and what is checked."""
    required = ["--url", "u", "--app-secret-file", "f", "--bootstrap-servers", "b"] if argv else []
    with pytest.raises(SystemExit) as exited:
        replay_webhooks.main([*argv, *required])
    assert exited.value.code == (0 if "--help" in argv else 2)
    assert "usage" in "".join(capsys.readouterr())


class Registry(BaseHTTPRequestHandler):
    """A schema registry that knows one schema."""

    def do_GET(self) -> None:
        """The schema with id 7."""
        known = self.path == "/schemas/ids/7"
        answer = json.dumps({"schema": schema_text("AccountEvent")}).encode()
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing."""


RECORD = {"event_id": "1", "received_at": 1, "waba_id": "W", "field": "f", "raw": "{}"}


def test_values_in_the_registry_format_are_read(tmp_path: Path) -> None:
    """With a registry the schema comes from there; without one such a value is refused."""
    value = Codec(ids={"AccountEvent": 7}).encode("AccountEvent", RECORD)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        decoder = Decoder(tmp_path, f"http://127.0.0.1:{server.server_port}")
        assert [decoder.decode(value)["waba_id"] for _ in range(2)] == ["W", "W"]
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(ValueError, match="no schema"):
        Decoder(tmp_path, None).decode(value)


@pytest.mark.parametrize("value", [b"", b"{}", b"\xc3\x01" + bytes(8)])
def test_values_of_no_known_schema_are_refused(value: bytes, tmp_path: Path) -> None:
    """Nothing is guessed from bytes of another kind."""
    with pytest.raises(ValueError, match="no schema"):
        Decoder(tmp_path, None).decode(value)


def item(label: str, text: str = "{}", kind: str = "messages") -> Item:
    """An item with an id."""
    return Item(kind, "W", "100", frozen({**parse(text), "id": label}))


def compared(expected: list[Item], found: list[Item]) -> tuple[list[str], list[str], list[str], bool]:
    """The verdicts."""
    report = Report(posted=1)
    compare(expected, found, report)
    return report.missing, report.different, report.unexpected, report.passed


def test_verdicts() -> None:
    """Once or more is enough; each kind of deviation has its own name."""
    assert compared([item("a")], [item("a")] * 2) == ([], [], [], True)
    assert compared([item("a")], []) == (["messages: a"], [], [], False)
    assert compared([item("a", '{"n":1}')], [item("a", '{"n":1.0}')]) == ([], ["messages: a"], [], False)
    assert compared([], [item("a")]) == ([], [], ["messages: a"], False)
    moved = item("a")._replace(phone_number_id="200")
    assert compared([item("a")], [moved]) == ([], ["messages: a"], [], False)
    assert compared([item("a")], [item("a", kind="rejects")])[0] == ["messages: a"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "1.0"), ("1", '"1"'), ("true", "1"), ("null", "false"), ("[1,2]", "[2,1]"), ("{}", "[]"), ('""', "null")],
)
def test_what_differs_as_text_differs(one: str, other: str) -> None:
    """Values are equal only when their JSON says the same in the same words."""
    assert frozen(parse(one)) != frozen(parse(other))
    assert frozen(parse(f'{{"a":1,"b":{one}}}')) == frozen(parse(f'{{ "b" : {one}, "a": 1 }}'))


@pytest.mark.parametrize("text", ["[]", "5", '{"object":"page","entry":[]}', '{"object":"whatsapp_business_account"}'])
def test_other_shapes_are_named(text: str) -> None:
    """What is no webhook body is told with the reason."""
    assert why_not_webhook(json.loads(text))


def test_what_cannot_be_an_item_is_expected_among_the_rejects() -> None:
    """At each level the smallest part that cannot be read is set aside, and its neighbours are expected."""
    changes = [5, {"field": 5}, messages_change(messages=5), messages_change(messages=[{}, TEXT])]
    entries = [5, {"id": "W"}, {"id": "W", "changes": changes}]
    kinds = [found.kind for found in items_of(parse(json.dumps({"entry": entries})))]
    assert kinds == ["rejects"] * 6 + ["messages"]
