"""compose.yaml, read as Compose, Prometheus and the connector read it."""

import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from connector.cli import connector
from connector.config import settle

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def test_every_image_has_a_version() -> None:
    """No image changes by itself."""
    for name, service in SERVICES.items():
        assert re.search(r":(v?\d+\.\d+\.\d+|local)$", service["image"]), name


def test_every_port_is_for_this_machine_only() -> None:
    """Docker opens a port without an address to the whole network."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_mounted_files_exist_and_mounted_configurations_are_given() -> None:
    """Docker makes a folder of a file that is not there."""
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            assert (ROOT / volume.partition(":")[0]).is_file()
        for mounted in service.get("configs", []):
            assert mounted["source"] in COMPOSE["configs"]


def test_the_connector_accepts_its_configuration() -> None:
    """Without a fault, and with the files where its defaults look for them."""
    settings = settle(yaml.safe_load((ROOT / COMPOSE["configs"]["connector"]["file"]).read_text()), [])
    targets = {mounted["target"] for mounted in OURS["ingress"]["configs"]}
    assert {str(settings.ingress.verify_token_file), str(settings.cloud_api.access_token_file)} <= targets
    assert {str(file) for file in settings.ingress.app_secret_files} <= targets


@pytest.mark.parametrize("name", OURS)
def test_each_service_of_ours_runs_a_command_and_may_write_nothing(name: str) -> None:
    """Locked down as in the cluster, for which Compose wants its configurations as files that exist."""
    service = OURS[name]
    for mounted in service["configs"]:
        assert (ROOT / COMPOSE["configs"][mounted["source"]]["file"]).is_file()
    assert service["command"][0] in connector.list_commands(click.Context(connector))
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_prometheus_accepts_its_configuration_with_the_alerts(promtool: Path, tmp_path: Path) -> None:
    """It scrapes both roles and loads the rules that the chart has too."""
    text = COMPOSE["configs"]["prometheus"]["content"]
    (tmp_path / "prometheus.yml").write_text(text)
    rules = ROOT / "helm" / "whatsapp-kafka-connector" / "files" / "alerts.yaml"
    (tmp_path / "alerts.yaml").write_text(rules.read_text())
    done = subprocess.run(  # noqa: S603 - pinned program
        [promtool, "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (scrape,) = yaml.safe_load(text)["scrape_configs"]
    assert scrape["dns_sd_configs"][0]["names"] == ["ingress", "delivery"]
