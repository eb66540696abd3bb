"""``connector schemas``: what it prints, asks the registry for, and exits with."""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from connector.cli import run
from connector.records import schemas

TOPICS = {
    "whatsapp.inbound-messages.v1",
    "whatsapp.message-statuses.v1",
    "whatsapp.account-events.v1",
    "whatsapp.outbound-commands.crm.v1",
    "whatsapp.outbound-commands.marketing.v1",
    "whatsapp.outbound-commands.rerouted.v1",
    "whatsapp.delivery-outcomes.v1",
    "whatsapp.delivery-attempts.v1",
    "whatsapp.delivery-state.v1",
    "whatsapp.number-signals.v1",
    "whatsapp.delivery-control.v1",
}


class Registry(ThreadingHTTPServer):
    """As much of a schema registry as registering needs: ids by content, levels by subject, refusals on demand."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.levels: dict[str, str] = {}
        self.registered: dict[str, str] = {}
        self.order: list[str] = []
        self.credentials: set[str | None] = set()
        self.refuses: set[str] = set()
        self.texts: list[str] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        self.order.append(f"{method} {path}")
        parts = path.strip("/").split("/")
        if method == "PUT" and parts[0] == "config":
            self.levels[parts[1]] = body["compatibility"]
            return 200, body
        subject = parts[1]
        if subject in self.refuses:
            return 409, {"error_code": 409, "message": "incompatible: the field colour has no default"}
        self.registered[subject] = body["schema"]
        if body["schema"] not in self.texts:
            self.texts.append(body["schema"])
        return 200, {"id": self.texts.index(body["schema"]) + 1}


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def _answer(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.credentials.add(self.headers["Authorization"])
        status, found = self.server.answer(self.command, self.path.partition("?")[0], body)
        data = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_PUT = do_POST = _answer  # noqa: N815 - the names http.server calls

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry on a port of its own."""
    with Registry() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_check_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and one line for people."""
    assert run(["schemas", "check"]) == 0
    assert capsys.readouterr().out == "9 schemas against 9 released versions: FULL_TRANSITIVE, and all rules kept\n"


def test_check_says_what_breaks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A planted change: exit code 1, and each finding with record and field."""
    planted = json.loads(schemas.schema_text("DeliveryControl"))
    planted["fields"].append({"name": "colour", "doc": "New.", "type": "string"})
    real = schemas.schema_text
    monkeypatch.setattr(schemas, "schema_text", lambda n: json.dumps(planted) if n == "DeliveryControl" else real(n))
    assert run(["schemas", "check"]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first == "DeliveryControl.colour: the current schema cannot read v1: the field has no default"
    assert last == "9 schemas against 9 released versions: 1 findings"
    assert run(["schemas", "check", "--output", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"] == [
        {
            "record": "DeliveryControl",
            "where": "colour",
            "what": "the current schema cannot read v1: the field has no default",
        }
    ]


def test_register_covers_every_topic_that_carries_records(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each subject gets its level first and its schema then; dead letters and rejects have none."""
    assert run(["schemas", "register", "--url", registry.url]) == 0
    assert set(registry.registered) == {f"{topic}-value" for topic in TOPICS}
    assert registry.levels == dict.fromkeys(registry.registered, "FULL_TRANSITIVE")
    assert registry.order[:2] == [
        "PUT /config/whatsapp.inbound-messages.v1-value",
        "POST /subjects/whatsapp.inbound-messages.v1-value/versions",
    ]
    assert registry.registered["whatsapp.outbound-commands.crm.v1-value"] == schemas.schema_text("OutboundCommand")
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "whatsapp.inbound-messages.v1-value: InboundMessage: id 1, FULL_TRANSITIVE"
    assert len(out) == 11


def test_register_puts_the_prefix_before_topics(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """As the configuration would; programs get JSON."""
    assert run(["schemas", "register", "--url", registry.url, "--prefix", "acme.", "--output", "json"]) == 0
    assert set(registry.registered) == {f"acme.{topic}-value" for topic in TOPICS}
    assert json.loads(capsys.readouterr().out)[0] == {
        "subject": "acme.whatsapp.inbound-messages.v1-value",
        "record": "InboundMessage",
        "schema_id": 1,
        "fault": None,
    }


def test_register_tells_a_refusal_and_goes_on(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """One refused subject: exit code 1, the others are registered."""
    registry.refuses.add("whatsapp.account-events.v1-value")
    assert run(["schemas", "register", "--url", registry.url]) == 1
    assert len(registry.registered) == 10
    assert (
        "whatsapp.account-events.v1-value: AccountEvent: HTTP 409: incompatible: the field colour has no default"
        in capsys.readouterr().out
    )


def test_register_takes_topics_registry_and_credentials_from_the_configuration(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing but the flag is needed, and the password is not shown."""
    secret = tmp_path / "auth"
    secret.write_text("user:hunter2\n")
    config = tmp_path / "config.yaml"
    config.write_text(
        json.dumps(
            {
                "kafka": {"common": {"bootstrap.servers": "kafka:9092"}},
                "schema_registry": {"url": registry.url, "basic_auth_file": str(secret)},
                "topics": {"prefix": "acme.", "account_events": "events"},
                "delivery": {"commands": [{"topic": "commands"}]},
            }
        )
    )
    assert run(["schemas", "register", "--topics-from-config", "--config", str(config)]) == 0
    assert {"acme.events-value", "acme.commands-value"} < set(registry.registered)
    assert len(registry.registered) == 10
    assert registry.credentials == {f"Basic {base64.b64encode(b'user:hunter2').decode()}"}
    captured = capsys.readouterr()
    assert "hunter2" not in captured.out + captured.err


def test_register_without_a_registry_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and what to give."""
    assert run(["schemas", "register"]) == 2
    assert "give --url" in capsys.readouterr().err


def test_register_takes_one_source_of_the_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    """The configuration has its own."""
    assert run(["schemas", "register", "--topics-from-config", "--prefix", "x."]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_a_registry_out_of_reach_stops_at_once(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """One message for all subjects, exit code 1."""
    url = registry.url
    registry.server_close()
    assert run(["schemas", "register", "--url", url]) == 1
    assert "whatsapp.inbound-messages.v1-value: " in capsys.readouterr().err
