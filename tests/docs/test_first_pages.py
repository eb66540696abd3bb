"""What a newcomer is told to write and to type works as it stands."""

import ast
import contextlib
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from connector.config import settle
from connector.records.codec import Codec
from connector.records.commands import parse_command
from tests.docs.documents import DOCUMENTS, ROOT, block, blocks, named
from tests.fixtures.apache_kafka import free_port

README = (ROOT / "README.md").read_text(encoding="utf-8")
GETTING_STARTED = "docs/runbooks/getting-started.md"
JSON_COMMAND = re.compile(r"'(?:\d+\|)?(\{\"command_id\".*?\})'", re.DOTALL)


def test_the_readme_begins_with_the_two_commands() -> None:
    """Before anything else one can see it work."""
    shown = block("README.md", "sh")
    assert "make demo" in shown
    assert "make test" in shown


@pytest.mark.parametrize("page", ["README.md", GETTING_STARTED])
def test_configurations_that_are_shown_are_good(page: str) -> None:
    """Copied, they load."""
    settle(yaml.safe_load(block(page, "yaml")), [])


@pytest.mark.parametrize("page", ["README.md", GETTING_STARTED])
def test_commands_for_kafka_that_are_shown_are_commands(page: str) -> None:
    """Copied, they are sent."""
    found = JSON_COMMAND.findall((ROOT / page).read_text(encoding="utf-8"))
    assert found
    for text in found:
        assert parse_command(text.encode(), Codec()).command_id


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_python_that_is_shown_compiles(document: Path) -> None:
    """Blocks marked as Python are Python."""
    for shown in blocks(document.read_text(encoding="utf-8")):
        if shown.language == "python":
            compile(shown.code, named(document), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_changelog_has_this_version() -> None:
    """With a date once it is released, and only the headings of Keep a Changelog under it."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.search(rf"^## \[{re.escape(version)}\] - (Unreleased|\d{{4}}-\d\d-\d\d)$", text, re.MULTILINE)
    allowed = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Known limits"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= allowed


def test_getting_started_works_as_it_stands(tmp_path: Path, kafka_bootstrap: str, topic_prefix: str) -> None:
    """Its files written, its shell blocks typed one after another: messages are sent, and everything is on Kafka."""
    text = (ROOT / GETTING_STARTED).read_text(encoding="utf-8")
    for port in ("8080", "8900", "9090", "9091"):
        text = re.sub(rf"\b{port}\b", str(free_port()), text)
    text = text.replace("127.0.0.1:29092", kafka_bootstrap).replace('"whatsapp.', f'"{topic_prefix}whatsapp.')
    found = blocks(text)
    send, read = (shown.code for shown in found if shown.language == "python")
    for name, content in (
        ("connector.yaml", next(shown.code for shown in found if shown.language == "yaml")),
        ("send.py", send),
        ("read.py", read),
        ("typed.sh", "\n".join(["set -e", *(shown.code for shown in found if shown.language == "sh")])),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
    shown = typed(tmp_path, {"CONNECTOR_TOPICS__PREFIX": topic_prefix})
    for command_id in ("hello-0", "hello-1", "hello-2"):
        assert re.search(rf"DeliveryOutcome .*'ACCEPTED'.*'{command_id}'", shown)
        assert re.search(rf"MessageStatus .*'sent'.*'{command_id}'", shown)
    assert re.search(r"InboundMessage .*'Does it come in another color\?'", shown)


def typed(folder: Path, variables: dict[str, str]) -> str:
    """What ``typed.sh`` prints; everything it has started is over afterwards."""
    terminal = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}  # noqa: TID251 - what a person's terminal has
    path = f"{Path(sys.executable).parent}{os.pathsep}{terminal['PATH']}"
    with subprocess.Popen(
        ["/bin/bash", "typed.sh"],
        cwd=folder,
        env={**terminal, **variables, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as bash:
        try:
            printed, _ = bash.communicate(timeout=120)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(bash.pid, signal.SIGKILL)
    logs = "\n".join(log.read_text(encoding="utf-8") for log in folder.glob("*.log"))
    assert bash.returncode == 0, f"{printed}\n{logs}"
    return printed
