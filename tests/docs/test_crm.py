"""The page for CRM developers works as it stands: console, Python and Java, against both roles at work."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connector.records.codec import Codec
from connector.records.commands import parse_command
from tests.docs.documents import ROOT, block, blocks
from tests.fixtures.installation import Installation
from tests.fixtures.java_process import fetched
from tests.fixtures.tools import ToolUnavailable, or_skip
from tests.integration.system import clean_environment

PAGE = "docs/crm.md"
LANGUAGES = {"python", "java", "sh"}
TIMEOUT_S = 120


@pytest.fixture
def folder(tmp_path: Path, installation: Installation) -> Path:
    """Where a developer works: the files of the page, for the topics of the installation."""
    prefix = installation.system.settings.topic_names.prefix
    text = (ROOT / PAGE).read_text(encoding="utf-8").replace('"whatsapp.', f'"{prefix}whatsapp.')
    found = [shown for shown in blocks(text) if shown.language in LANGUAGES]
    files = {
        "crm.py": next(shown.code for shown in found if shown.language == "python"),
        "Crm.java": next(shown.code for shown in found if shown.language == "java"),
        "typed.sh": "\n".join(["set -e", *(shown.code for shown in found if shown.language == "sh")]),
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def done(folder: Path, *words: str, config: Path | None = None) -> str:
    """What a program says that ends well."""
    environment = clean_environment() | ({"CONNECTOR_CONFIG": str(config)} if config else {})
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    ended = subprocess.run(  # noqa: S603 - the page's own words
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert ended.returncode == 0, ended
    return ended.stdout


def test_the_console_examples_send_follow_and_forecast(folder: Path, installation: Installation) -> None:
    """Typed one after another: a message is delivered, a campaign is checked, forecast and sent."""
    shown = done(folder, "/bin/bash", "typed.sh", config=installation.config)
    assert re.search(r"order-4711 .*ACCEPTED +(delivered|read)", shown)
    assert "2 good commands" in shown
    result = json.loads((folder / "result.json").read_text())
    assert [row["outcome"] for row in result["commands"]] == ["ACCEPTED", "ACCEPTED"]


def test_the_python_example_waits_until_all_are_delivered(folder: Path, installation: Installation) -> None:
    """Its own process, with nothing but the address of Kafka."""
    shown = done(folder, sys.executable, "crm.py", installation.system.bootstrap)
    assert "delivered: ['python-0', 'python-1', 'python-2']" in shown


def test_the_java_example_follows_its_command_to_the_phone(folder: Path, installation: Installation) -> None:
    """Compiled and run with the very libraries of the page."""
    (folder / "pom.xml").write_text(block(PAGE, "xml"), encoding="utf-8")
    digest = hashlib.sha256(block(PAGE, "xml").encode()).hexdigest()[:12]
    jars = or_skip(lambda: fetched(f"crm-{digest}", folder / "pom.xml", "copy-dependencies"))
    java = or_skip(compiler)
    shown = done(
        folder, str(java), "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*", "Crm.java", installation.system.bootstrap,
        str(ROOT / "schemas"),
    )  # fmt: skip
    # Its outcome is committed a moment later than it is sent: the statuses may have overtaken it.
    assert re.search(r"java-1 (delivered|read)", shown)


def compiler() -> Path:
    """A Java that runs source files.

    Raises:
        ToolUnavailable: there is none, or none with a compiler.
    """
    found = shutil.which("java") if shutil.which("javac") else None
    if found is None:
        message = "no Java with a compiler (a JDK, 17 or newer)"
        raise ToolUnavailable(message)
    return Path(found)


def test_every_json_command_of_the_page_is_one() -> None:
    """Copied, they are sent."""
    lines = re.findall(r'^\{"command_id".*$', (ROOT / PAGE).read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        assert parse_command(line.encode(), Codec()).command_id
