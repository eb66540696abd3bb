"""Helm and kubectl as the trial on a cluster uses them, and the Kafka and Cloud API beside the cluster."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from connector.clock import SystemClock
from connector.simulator.client import SimulatorClient
from tests.fixtures.apache_kafka import ApacheKafka, free_port

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "whatsapp-kafka-connector"
PATIENCE_S: Final = 180.0
SECRETS: Final = {"verify-token": "verify-token-1", "app-secret": "app-secret-1", "access-token": "access-token-1"}

_CLOCK = SystemClock()


def run(*command: str, text: str | None = None, may_fail: bool = False) -> str:
    """What a program says; its complaint ends the trial."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode and not may_fail:
        message = f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        raise SystemExit(message)
    return done.stdout + (done.stderr if may_fail else "")


def until(what: str, good: Callable[[], bool]) -> None:
    """Ask every second until it is so.

    Raises:
        SystemExit: it is not so after PATIENCE_S.
    """
    deadline = _CLOCK.monotonic() + PATIENCE_S
    while not good():
        if _CLOCK.monotonic() > deadline:
            message = f"not after {PATIENCE_S:g} s: {what}"
            raise SystemExit(message)
        time.sleep(1.0)


@dataclass(frozen=True, slots=True)
class Namespace:
    """One namespace that enforces the restricted standard."""

    name: str
    image: str

    def kubectl(self, *words: str, text: str | None = None, may_fail: bool = False) -> str:
        """One call of kubectl."""
        return run("kubectl", "--namespace", self.name, *words, text=text, may_fail=may_fail)

    def make(self, secrets: dict[str, str]) -> None:
        """The namespace, and the two Secrets that the chart asks for."""
        manifest = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        }
        run("kubectl", "apply", "-f", "-", text=json.dumps(manifest))
        for name, keys in (
            ("whatsapp-webhook", ("verify-token", "app-secret")),
            ("whatsapp-cloud-api", ("access-token",)),
        ):
            data = {key: secrets[key] for key in keys}
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
            self.kubectl("apply", "-f", "-", text=json.dumps(secret))

    def install(self, release: str, values: dict[str, Any], *, wait: bool = True) -> None:
        """The chart, or an upgrade of it; with ``wait`` all is ready when this returns."""
        repository, _, tag = self.image.rpartition(":")
        values = {"image": {"repository": repository, "tag": tag}, "valueFormat": "single-object", **values}
        waiting = ("--wait", "--timeout", f"{PATIENCE_S:g}s") if wait else ()
        run(
            "helm", "upgrade", "--install", release, str(CHART), "--namespace", self.name, "--values", "-", *waiting,
            text=json.dumps(values),
        )  # fmt: skip

    def log_of(self, role: str, release: str) -> str:
        """What all Pods of a role have said."""
        chosen = f"app.kubernetes.io/instance={release},app.kubernetes.io/component={role}"
        return self.kubectl("logs", "--selector", chosen, "--tail=-1", "--prefix", may_fail=True)

    def address_of(self, service: str) -> str:
        """``host:port`` of a Service, as this machine reaches it."""
        spec = json.loads(self.kubectl("get", "service", service, "-o", "json"))["spec"]
        return f"{spec['clusterIP']}:{spec['ports'][0]['port']}"

    def remove(self) -> None:
        """The namespace and all in it."""
        run("kubectl", "delete", "namespace", self.name, "--wait=false", may_fail=True)


@dataclass(frozen=True, slots=True)
class Outside:
    """What stands beside the cluster: ``pods`` are addresses for Pods, ``here`` those for this machine."""

    kafka_here: str
    kafka_pods: str
    cloud_pods: str
    cloud: SimulatorClient


@contextlib.contextmanager
def outside(folder: Path, address: str, name: str, numbers: dict[str, int]) -> Iterator[Outside]:
    """A real Kafka and the simulator, which Pods reach as ``name`` and which listen on ``address``."""
    port, pods_port, cloud_port = free_port(), free_port(), free_port()
    controller = f"127.0.0.1:{free_port()}"
    kafka = ApacheKafka(
        folder / "kafka",
        port,
        properties={
            "listeners": f"PLAINTEXT://127.0.0.1:{port},PODS://{address}:{pods_port},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port},PODS://{name}:{pods_port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PODS:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.quorum.voters": f"1@{controller}",
        },
    )
    for key in ("access-token", "app-secret"):
        (folder / key).write_text(SECRETS[key])
    command = [sys.executable, "-m", "connector", "simulator", "--host", address, "--port", str(cloud_port)]
    command += ["--access-token-file", str(folder / "access-token"), "--app-secret-file", str(folder / "app-secret")]
    for number, mps in numbers.items():
        command += ["--numbers", f"{number}={mps}"]
    kafka.start()
    with (folder / "simulator.log").open("wb") as log:
        simulator = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - our own words
    try:
        with SimulatorClient(
            f"http://{address}:{cloud_port}", SECRETS["access-token"], SECRETS["app-secret"], timeout_s=30.0
        ) as cloud:
            yield Outside(kafka.bootstrap, f"{name}:{pods_port}", f"http://{name}:{cloud_port}", cloud)
    finally:
        simulator.terminate()
        simulator.wait(10)
        kafka.stop()
