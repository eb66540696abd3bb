"""The documentation names every setting and every switch, and its examples run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml
from click import Group

from connector.cli.simulator import command
from connector.simulator import settings, switch_bodies
from connector.simulator.admin import _SWITCHES
from connector.simulator.field_samples import SAMPLES
from connector.simulator.observer import Observed
from tests.fixtures.apache_kafka import free_port

DOCS = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
STRUCTS: list[Any] = [
    settings.Settings,
    settings.AccountSettings,
    settings.NumberSettings,
    settings.TokenSettings,
    settings.TemplateSettings,
    settings.MediaSettings,
    settings.MarketingSettings,
    settings.UsageSettings,
    settings.RecipientRule,
    settings.LatencySettings,
    settings.StatusSettings,
    settings.WebhookSettings,
    settings.InboundSettings,
]
BODIES: list[Any] = [
    body
    for body in vars(switch_bodies).values()
    if isinstance(body, type) and body.__module__ == switch_bodies.__name__
]


def block(language: str, index: int = 0) -> str:
    """A code block of the page."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    return found[index]


@pytest.mark.parametrize("struct", [*STRUCTS, *BODIES])
def test_every_setting_and_every_member_of_a_switch_is_documented(struct: type[msgspec.Struct]) -> None:
    """What is not in the tables does not exist for users."""
    missing = [field.name for field in msgspec.structs.fields(struct) if f"`{field.name}`" not in DOCS]
    assert missing == []


def test_every_option_is_documented() -> None:
    """So does an option."""
    assert isinstance(command, Group)
    options = [option for parameter in command.params for option in parameter.opts]
    assert [option for option in options if option not in ("-h", "--help") and option not in DOCS] == []


def test_every_switch_is_documented() -> None:
    """By its first part."""
    assert [path for path in _SWITCHES if f"`POST /_admin/{path[0]}" not in DOCS] == []


def test_the_fields_of_a_request_are_documented() -> None:
    """What the observer tells about each."""
    told = [name for name in Observed._fields if not name.startswith("over_")]
    assert [name for name in told if f"`{name}`" not in DOCS] == []


def test_every_inbound_kind_and_every_field_is_documented() -> None:
    """All that can be asked for."""
    names = [*get_args(settings.InboundKind), *SAMPLES]
    assert [name for name in names if f"`{name}`" not in DOCS] == []


def test_the_template_in_the_text_is_one() -> None:
    """It can be pasted into the settings."""
    loaded = settings.from_mapping(yaml.safe_load(block("yaml")))
    assert [template.name for template in loaded.templates] == ["order_confirmation"]


def run(arguments: list[str], folder: Path) -> str:
    """Run a command in a folder with this interpreter's programs in reach; what it prints."""
    programs = str(Path(sys.executable).parent)
    environment = {"PATH": f"{programs}:{os.defpath}", "PYTHONPATH": str(folder), "HOME": str(folder)}
    finished = subprocess.run(  # noqa: S603 - our own documentation
        arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert finished.returncode in (0, 143), finished.stdout + finished.stderr
    return finished.stdout


@pytest.mark.timeout(150)
def test_the_curl_example_runs_as_it_stands(tmp_path: Path) -> None:
    """But for the port, which must be free here."""
    port = str(free_port())
    script = block("bash").replace("8900", port).replace("connector simulator", f"connector simulator --port {port}")
    # A failing line must not leave the simulator behind.
    printed = run(["bash", "-e", "-c", f"trap 'kill $(jobs -p) || true' EXIT\n{script}"], tmp_path)
    assert printed.count('"messages":[{"id":"wamid.') == 2
    assert "(#131047) Re-engagement message" in printed
    assert '"level":"HIGH"' in printed
    assert '"inbound":1' in printed


@pytest.mark.timeout(150)
def test_the_suite_of_another_project_runs_as_it_stands(tmp_path: Path) -> None:
    """With nothing but the package installed."""
    for path, content in {
        "shop/__init__.py": "",
        "shop/notify.py": block("python"),
        "shop/test_notify.py": block("python", 1),
    }.items():
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8")
    printed = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "shop"], tmp_path)
    assert "3 passed" in printed
