"""The connector's roles as real processes, on a real broker, for tests."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from connector.config import Settings, settle
from connector.kafka.topics import TopicAdmin, TopicSpec
from connector.records.topic_plan import planned
from tests.fixtures.apache_kafka import free_port
from tests.fixtures.mortal import run_mortal

APP_SECRET = "app-secret"
VERIFY_TOKEN = "verify-token"
ACCESS_TOKEN = "access-token"
SLOTS = 6


class System:
    """A configuration, its topics, and the processes started with it."""

    def __init__(self, folder: Path, bootstrap: str, prefix: str, changes: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.bootstrap = bootstrap
        self.admin_ports = {"ingress": free_port(), "delivery": free_port()}
        self.ingress_port = free_port()
        for name, secret in {"app": APP_SECRET, "verify": VERIFY_TOKEN, "access": ACCESS_TOKEN}.items():
            (folder / name).write_text(secret)
        self.values: dict[str, Any] = {
            "kafka": {"common": {"bootstrap.servers": bootstrap}},
            "topics": {"prefix": prefix},
            "ingress": {
                "host": "127.0.0.1",
                "port": self.ingress_port,
                "verify_token_file": str(folder / "verify"),
                "app_secret_files": [str(folder / "app")],
            },
            "cloud_api": {"base_url": "http://127.0.0.1:1", "access_token_file": str(folder / "access")},
            "delivery": {"session_timeout_s": 12},
            "admin": {"host": "127.0.0.1"},
            **(changes or {}),
        }

    @property
    def settings(self) -> Settings:
        """The configuration as the processes read it."""
        return settle(self.values, [])

    @property
    def webhook_url(self) -> str:
        """Where the ingress takes webhooks."""
        return f"http://127.0.0.1:{self.ingress_port}/webhook"

    def use_cloud_api(self, base_url: str) -> None:
        """Send to this address."""
        self.values["cloud_api"]["base_url"] = base_url

    def create_topics(self, slots: int = SLOTS) -> None:
        """All topics of the installation."""
        names = self.settings.topic_names
        topics = planned(
            events=(names.inbound_messages, names.message_statuses, names.account_events),
            rejects=names.webhook_rejects,
            commands=names.commands,
            dead_letters=[names.dead_letters_of(topic) for topic in names.commands],
            rerouted=names.rerouted_commands,
            outcomes=names.delivery_outcomes,
            attempts=names.delivery_attempts,
            state=names.delivery_state,
            signals=names.number_signals,
            control=names.delivery_control,
            slots=slots,
        )
        admin = TopicAdmin({"bootstrap.servers": self.bootstrap})
        admin.create([TopicSpec(topic.name, topic.partitions, topic.config) for topic in topics], 1)

    @contextlib.contextmanager
    def running(self, role: str, *, admin_port: int | None = None) -> Iterator["Process"]:
        """One role as a process; killed at the end if the test has not stopped it."""
        process = Process(self, role, admin_port or self.admin_ports[role])
        try:
            yield process
        finally:
            process.kill()


class Process:
    """``connector ROLE`` with its admin port."""

    def __init__(self, system: System, role: str, admin_port: int) -> None:
        self.admin_url = f"http://127.0.0.1:{admin_port}"
        values = {**system.values, "admin": {**system.values["admin"], "port": admin_port}}
        config = system.folder / f"{role}-{admin_port}.yaml"
        config.write_text(json.dumps(values))
        self.log = system.folder / f"{role}-{admin_port}.log"
        with self.log.open("wb") as log:
            self.popen = run_mortal(
                [sys.executable, "-m", "connector", role, "--config", str(config)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
            )

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON of a path of the admin port; status 0 while it does not listen."""
        try:
            answer = httpx.get(self.admin_url + path, timeout=5)
        except httpx.TransportError:
            return 0, {}
        return answer.status_code, answer.json()

    def wait_until(self, path: str, status: int, timeout_s: float = 30.0) -> dict[str, Any]:
        """The JSON of a path once it answers with ``status``."""
        deadline = time.monotonic() + timeout_s  # noqa: TID251 - real processes need real time
        while True:
            found, content = self.get(path)
            if found == status:
                return content
            if self.popen.poll() is not None or time.monotonic() > deadline:  # noqa: TID251 - see above
                message = f"{path} answers {found}, not {status}: {content}\n{self.log.read_text()}"
                raise AssertionError(message)
            time.sleep(0.05)

    def wait_ready(self) -> None:
        """Until ``/readyz`` says so."""
        self.wait_until("/readyz", 200)

    def terminate(self, timeout_s: float = 30.0) -> int:
        """SIGTERM; the exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(timeout_s)

    def kill(self) -> None:
        """End it, however it is."""
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of the connector."""
    return {key: value for key, value in os.environ.items() if not key.startswith("CONNECTOR_")}  # noqa: TID251 - see above


def read_committed(bootstrap: str, topics: list[str], enough: "Enough", timeout_s: float = 60.0) -> list[Message]:
    """Committed records of these topics from their beginning, until ``enough`` of them or the time is over."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "isolation.level": "read_committed"})
    found: list[Message] = []
    try:
        consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_BEGINNING)
                for topic in topics
                for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions
            ]
        )
        deadline = time.monotonic() + timeout_s  # noqa: TID251 - a real broker needs real time
        while not enough(found) and time.monotonic() < deadline:  # noqa: TID251 - see above
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                found.append(message)
    finally:
        consumer.close()
    return found


class Enough:
    """So many records."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __call__(self, found: list[Message]) -> bool:
        """Whether there are."""
        return len(found) >= self._count
