"""The chart on a real Kubernetes: both roles as Pods, a real Kafka and the simulator beside the cluster.

usage: python -m tests.cluster --image NAME:TAG --address ADDRESS [--name NAME]

``kubectl`` and ``helm`` on PATH lead to the cluster; its nodes have the image. ADDRESS is one of this machine that Pods
reach, NAME what they call it. Everything is made in namespaces that end with the trial. Not part of the test run: it
takes some minutes and a cluster.
"""

import argparse
import json
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, Producer

from connector.records.codec import Codec
from tests.cluster.kubernetes import SECRETS, Namespace, Outside, outside, run, until

RELEASE: Final = "wa"
NAME: Final = "wa-whatsapp-kafka-connector"
NUMBERS: Final = {f"10654035224292{digit}": 20 for digit in range(4)}
COMMANDS_AT_ONCE: Final = 30
"""Each half second, of 40 that the numbers together may send."""

BATCH: Final = 1000
TOPICS: Final = {
    "whatsapp.delivery-outcomes.v1": "DeliveryOutcome",
    "whatsapp.message-statuses.v1": "MessageStatus",
    "whatsapp.inbound-messages.v1": "InboundMessage",
}


class Records:
    """All that the roles have written, read as far as it goes."""

    def __init__(self, bootstrap: str) -> None:
        self._codec = Codec()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "trial",
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            }
        )
        self._consumer.subscribe(list(TOPICS))
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.sent: set[str] = set()
        self.inbound: set[str] = set()

    def read(self) -> int:
        """Take in whatever has come since the last call; how many outcomes there are by now."""
        more = True
        while more:
            messages = self._consumer.consume(BATCH, timeout=1.0)
            more = len(messages) == BATCH
            for message in messages:
                name = TOPICS.get(message.topic() or "")
                if message.error() is None and name is not None:
                    self._take(name, self._codec.decode(name, message.value() or b""))
        return len(self.outcomes)

    def _take(self, name: str, record: dict[str, Any]) -> None:
        if name == "DeliveryOutcome":
            self.outcomes[record["command_id"], record["outcome"]] += 1
        elif name == "InboundMessage":
            self.inbound.add(record["message_id"])
        elif record["status"] == "sent":
            self.sent.add(record["command_id"])


def values(out: Outside, **more: Any) -> dict[str, Any]:
    """Values of an installation that works."""
    numbers = [{"phone_number_id": number, "throughput_mps": mps} for number, mps in NUMBERS.items()]
    config = {
        "kafka": {"common": {"bootstrap.servers": out.kafka_pods}, "consumer": {"group.protocol": "consumer"}},
        "cloud_api": {"base_url": out.cloud_pods},
        "numbers": numbers,
        "delivery": {"session_timeout_s": 12},
    }
    small = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
    return {
        "config": config | more.pop("config", {}),
        "topics": {"create": "job", "slots": 8, "replication": 1},
        "ingress": {"resources": small, "replicas": more.pop("ingress", 2)},
        "delivery": {"resources": small, "replicas": more.pop("delivery", 2)},
        **more,
    }


class Load(threading.Thread):
    """Commands and inbound messages, some of each twice a second, until it is ended."""

    def __init__(self, out: Outside) -> None:
        super().__init__(daemon=True)
        self._out = out
        self._end = threading.Event()
        self.commands = 0
        self.posted: list[str] = []

    def run(self) -> None:
        """What the thread does."""
        producer = Producer({"bootstrap.servers": self._out.kafka_here, "partitioner": "murmur2_random"})
        while not self._end.wait(0.5):
            for _ in range(COMMANDS_AT_ONCE):
                self._command(producer)
            producer.flush()
            number = list(NUMBERS)[self.commands % len(NUMBERS)]
            sender = f"1650555{len(self.posted):04}"
            self.posted += self._out.cloud.inbound(number, sender=sender, text="Hello")

    def _command(self, producer: Producer) -> None:
        number = list(NUMBERS)[self.commands % len(NUMBERS)]
        command = {"command_id": f"c{self.commands}", "phone_number_id": number, "to": f"+1650{self.commands:07}"}
        body = json.dumps(command | {"type": "text", "text": {"body": "On its way"}})
        producer.produce("whatsapp.outbound-commands.crm.v1", body, key=number)
        self.commands += 1

    def end(self) -> None:
        """Nothing more from here on."""
        self._end.set()
        self.join()


def through_both_roles(space: Namespace, out: Outside) -> None:
    """Installed with --wait; commands out and webhooks in, through a rolling update and a scale-out."""
    space.install(RELEASE, values(out))
    say("installed, both roles are ready in a namespace of the restricted standard")
    out.cloud.set_webhook(f"http://{space.address_of(f'{NAME}-ingress')}/webhook", SECRETS["verify-token"])
    records, load = Records(out.kafka_here), Load(out)
    load.start()
    until("the first outcomes", lambda: records.read() > 0)
    space.kubectl("rollout", "restart", f"deployment/{NAME}-ingress", f"deployment/{NAME}-delivery")
    for role in ("ingress", "delivery"):
        space.kubectl("rollout", "status", f"deployment/{NAME}-{role}", "--timeout=180s")
    say(f"rolled both roles under load: {records.read()} outcomes of {load.commands} commands by then")
    space.install(RELEASE, values(out, ingress=3, delivery=3))
    say(f"scaled both roles out under load: {records.read()} outcomes of {load.commands} commands by then")
    load.end()
    until("every outcome, every status, every inbound message", lambda: complete(records, load))
    judge(out, records, load)
    run_helm_test(space)


def complete(records: Records, load: Load) -> bool:
    """Whether all that has to come is there."""
    records.read()
    commands = {command for command, _ in records.outcomes}
    return min(len(commands), len(records.sent)) >= load.commands and records.inbound >= set(load.posted)


def judge(out: Outside, records: Records, load: Load) -> None:
    """The verdict: nothing lost, nothing twice."""
    records.read()
    facts = {
        f"{load.commands} commands, each with one outcome": sum(records.outcomes.values()) == load.commands,
        "all of them ACCEPTED": {outcome for _, outcome in records.outcomes} == {"ACCEPTED"},
        "no command sent twice": not out.cloud.commands(accepted_min=2),
        "every status joined to its command": len(records.sent) == load.commands,
        f"{len(load.posted)} inbound messages, none lost": records.inbound == set(load.posted),
    }
    for fact, good in facts.items():
        say(f"{'ok  ' if good else 'FAIL'}  {fact}")
    if not all(facts.values()):
        sys.exit(1)


def run_helm_test(space: Namespace) -> None:
    """The chart's own test passes."""
    run("helm", "test", RELEASE, "--namespace", space.name)
    say("ok    helm test: the handshake came back, every topic is there")


def what_is_wrong_is_said(image: str, out: Outside) -> None:
    """A wrong broker, a missing topic, a missing Secret and a wrong token: the Pod, or its event, says what to do."""
    nowhere = {"kafka": {"common": {"bootstrap.servers": "nowhere.invalid:9092"}}}
    elsewhere = {"topics": {"prefix": "none."}}
    cases = (
        ("broker", values(out, config=nowhere, topics={"create": "none"}), "delivery", "not ready yet"),
        ("topic", values(out, config=elsewhere, topics={"create": "none"}), "delivery", "run `connector topics apply`"),
        (
            "file",
            values(out, config={"ingress": {"verify_token_file": "/run/secrets/webhook/typo"}}),
            "ingress",
            "verify_token_file",
        ),
    )
    for name, chosen, role, told in cases:
        space = Namespace(f"trial-wrong-{name}", image)
        try:
            space.make(SECRETS)
            space.install(RELEASE, chosen, wait=False)
            until(f"a word on the {name}", lambda s=space, r=role, t=told: t in s.log_of(r, RELEASE))  # type: ignore[misc] # bound now
            (line, *_) = [line for line in space.log_of(role, RELEASE).splitlines() if told in line]
            say(f"ok    wrong {name}: {line[:300]}")
        finally:
            space.remove()
    space = Namespace("trial-wrong-secret", image)
    try:
        space.make(SECRETS)
        space.install(RELEASE, values(out, secrets={"cloudApi": "no-such-secret"}), wait=False)
        until("an event", lambda: 'secret "no-such-secret" not found' in space.kubectl("get", "events"))
        say('ok    wrong Secret: the event says secret "no-such-secret" not found')
    finally:
        space.remove()


def say(text: str) -> None:
    """A line for whoever watches."""
    print(text, flush=True)  # noqa: T201 - the answer of a command


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description="The chart on a real Kubernetes.")
    parser.add_argument("--image", required=True, help="the image, on the nodes already")
    parser.add_argument("--address", required=True, help="an address of this machine that Pods reach")
    parser.add_argument("--name", help="what Pods call this machine; default: the address")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        outside(Path(folder), given.address, given.name or given.address, NUMBERS) as out,
    ):
        space = Namespace("trial", given.image)
        try:
            space.make(SECRETS)
            through_both_roles(space, out)
            what_is_wrong_is_said(given.image, out)
        finally:
            space.remove()


if __name__ == "__main__":
    main()
