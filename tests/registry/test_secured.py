"""Credentials and certificates reach both clients: Kafka by librdkafka's own names, the registry by its section."""

import hashlib
import hmac
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.system import APP_SECRET, Process, System
from tests.registry.confluent import register
from tests.registry.secured import PASSWORD, SASL_PASSWORD, USER, SecuredKafka, make_authority, secured_registry

BODY = (Path(__file__).parents[2] / "examples" / "webhook.json").read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the certificates and the secrets."""
    folder = tmp_path_factory.mktemp("secured")
    make_authority(folder)
    (folder / "sasl").write_text(f"{SASL_PASSWORD}\n")
    (folder / "basic").write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def registry_url(folder: Path, schema_registry: str) -> Iterator[str]:
    """The session's registry, behind TLS and basic authentication."""
    with secured_registry(folder, schema_registry) as url:
        yield url


@pytest.fixture(scope="module")
def kafka(folder: Path, kafka_jars: Path) -> Iterator[SecuredKafka]:
    """A broker that asks for SASL over TLS."""
    del kafka_jars
    kafka = SecuredKafka(folder)
    kafka.broker.start()
    yield kafka
    kafka.broker.stop()


@pytest.fixture
def system(tmp_path: Path, kafka: SecuredKafka, folder: Path, registry_url: str, topic_prefix: str) -> System:
    """An installation that reaches both with secrets from files."""
    system = System(tmp_path, kafka.broker.bootstrap, topic_prefix)
    system.create_topics()
    system.values["kafka"] = {
        "common": {
            "bootstrap.servers": kafka.secured_bootstrap,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "PLAIN",
            "sasl.username": USER,
            "ssl.ca.location": str(folder / "ca.pem"),
        },
        "secret_files": {"sasl.password": str(folder / "sasl")},
    }
    system.values["schema_registry"] = {
        "url": registry_url,
        "basic_auth_file": str(folder / "basic"),
        "ca_file": str(folder / "ca.pem"),
    }
    return system


def post_webhook(system: System) -> httpx.Response:
    """A signed webhook."""
    signature = hmac.new(APP_SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}
    return httpx.post(system.webhook_url, content=BODY, headers=headers)


def secrets_in(process: Process) -> list[str]:
    """Which secrets a role has written to its log."""
    text = process.log.read_text()
    return [secret for secret in (PASSWORD, SASL_PASSWORD) if secret in text]


def test_both_roles_work_over_tls_with_sasl_and_basic_authentication(system: System, registry_url: str) -> None:
    """Registering, starting and writing; no secret is in a log."""
    register(system, registry_url)
    with system.running("ingress") as ingress, system.running("delivery") as delivery:
        for process in (ingress, delivery):
            process.wait_ready()
        assert post_webhook(system).status_code == 200
        for process in (ingress, delivery):
            assert process.terminate() == 0
            assert secrets_in(process) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"basic_auth_file": None}, "Unauthorized .*401"),
        ({"ca_file": None}, "CERTIFICATE_VERIFY_FAILED"),
    ],
    ids=["no credentials", "an authority that is not the system's"],
)
def test_a_registry_that_lets_nobody_in_is_told(system: System, change: dict[str, Any], reason: str) -> None:
    """Readiness says why, and the role goes on trying: either can be mended without it."""
    system.values["schema_registry"] |= change
    with system.running("ingress") as process:
        found = ""
        while not found.startswith("https:"):
            found = process.wait_until("/readyz", 503)["checks"]["schema_registry"]["reason"]
        assert process.get("/livez")[0] == 200
    assert re.search(reason, found)


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [("basic_auth_file", "no colon", "{username}:{password}"), ("ca_file", "nothing of the sort", "cannot be used")],
)
def test_files_that_hold_something_else_end_the_role(system: System, file: str, content: str, told: str) -> None:
    """Exit code 2 and the section: no registry can be reached with these."""
    path = system.folder / "other"
    path.write_text(content)
    system.values["schema_registry"][file] = str(path)
    with system.running("ingress") as process:
        assert process.popen.wait(30) == 2
        text = process.log.read_text()
    assert "schema_registry" in text
    assert told in text
    assert "Traceback" not in text
    assert content not in text
