"""The chart as Helm renders it, and where things are in that."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from connector.config import Role, Settings, load

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "whatsapp-kafka-connector"
SMALLEST = Path(__file__).with_name("smallest.yaml")
FULL = Path(__file__).with_name("full.yaml")
OPERATORS = Path(__file__).with_name("operators.yaml")
RELEASE = "wa"
NAME = "wa-whatsapp-kafka-connector"
RESERVE_S = 5
OLDEST_KUBERNETES, NEWEST_KUBERNETES = "1.30", "1.37"
ROLES: tuple[Role, ...] = ("ingress", "delivery")

Objects = dict[tuple[str, str], dict[str, Any]]


def run(helm: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Helm without looking at the result."""
    return subprocess.run([helm, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - pinned program


def render(helm: Path, values: Path, *settings: str) -> Objects:
    """The chart's objects by kind and name."""
    objects = [item for item in yaml.safe_load_all(_template(helm, values, settings)) if item is not None]
    found = {(item["kind"], item["metadata"]["name"]): item for item in objects}
    assert len(found) == len(objects), "two objects of one name"
    return found


@cache
def _template(helm: Path, values: Path, settings: tuple[str, ...]) -> str:
    chosen = [word for setting in settings for word in ("--set", setting)]
    done = run(helm, "template", RELEASE, str(CHART), "--namespace", "crm", "--values", str(values), *chosen)
    assert done.returncode == 0, done.stderr
    return done.stdout


def pod_of(objects: Objects, role: str) -> dict[str, Any]:
    """The Pod template of a role."""
    template: dict[str, Any] = objects["Deployment", f"{NAME}-{role}"]["spec"]["template"]
    return template


def container_of(objects: Objects, role: str) -> dict[str, Any]:
    """The one container of a role."""
    (container,) = pod_of(objects, role)["spec"]["containers"]
    return dict(container)


def settings_of(objects: Objects, folder: Path) -> Settings:
    """What the connector makes of the ConfigMap."""
    file = folder / "config.yaml"
    file.write_text(objects["ConfigMap", NAME]["data"]["config.yaml"])
    return load(file, {})
