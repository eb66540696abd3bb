"""``connector simulator report``: text and JSON, exit codes, and what it refuses to be asked."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from connector.cli.simulator import command
from connector.simulator.client import SimulatorClient
from connector.simulator.settings import Settings, from_mapping

NUMBER = "106540352242922"


@pytest.fixture
def cloud_api_settings() -> Settings:
    """One number, and commands told by a part of the callback data."""
    return from_mapping({"numbers": [{"id": NUMBER}], "command_id": r"order-\d+"})


def send(simulator: SimulatorClient, data: str, to: str = "+16505551234") -> httpx.Response:
    """Send a text."""
    body = {"messaging_product": "whatsapp", "to": to, "text": {"body": "x"}, "biz_opaque_callback_data": data}
    headers = {"Authorization": f"Bearer {simulator.access_token}"}
    return httpx.post(f"{simulator.base_url}/v26.0/{NUMBER}/messages", json=body, headers=headers)


def report(simulator: SimulatorClient, *arguments: str) -> Result:
    """Ask for the report."""
    return CliRunner().invoke(command, ["report", "--url", simulator.base_url, *arguments])


def expectation(folder: Path, *commands: str) -> str:
    """A file that expects these of one pair."""
    rows = [{"number": NUMBER, "recipient": "+16505551234", "command": name} for name in commands]
    file = folder / "expected.ndjson"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(file)


def test_all_is_well(cloud_api_simulator: SimulatorClient, tmp_path: Path) -> None:
    """Exit code 0; the text has a table of numbers, of results and of checks."""
    for index in (1, 2):
        send(cloud_api_simulator, f"order-{index}")
    found = report(cloud_api_simulator, "--expect", expectation(tmp_path, "order-1", "order-2"))
    assert found.exit_code == 0
    for words in ("2 requests, 2 accepted", "requests by result", "never_sent", "commands: 2 seen, 2 accepted"):
        assert words in found.output


def test_what_is_violated_is_named(cloud_api_simulator: SimulatorClient, tmp_path: Path) -> None:
    """Exit code 1, in text and in JSON."""
    for data in ("order-2", "order-1", "order-1 again"):
        send(cloud_api_simulator, data)
    arguments = ("--expect", expectation(tmp_path, "order-1", "order-2", "order-3"))
    shown = report(cloud_api_simulator, *arguments)
    assert shown.exit_code == 1
    assert "order-1 accepted 2 times" in shown.output
    told = report(cloud_api_simulator, *arguments, "--output", "json")
    assert told.exit_code == 1
    results = {check["name"]: check["result"] for check in json.loads(told.output)["checks"]}
    assert results == {
        "sent_twice": "violated",
        "number_limit": "ok",
        "pair_limit": "ok",
        "order": "violated",
        "never_sent": "violated",
        "unexpected": "ok",
    }


def test_order_by_a_sequence_number(cloud_api_simulator: SimulatorClient) -> None:
    """Without a list of commands."""
    for data in ("order-2", "order-1"):
        send(cloud_api_simulator, data)
    found = report(cloud_api_simulator, "--sequence", r"\d+$")
    assert found.exit_code == 1
    assert "order-1 after order-2" in found.output


def test_refusals_that_nobody_can_help(cloud_api_simulator: SimulatorClient, tmp_path: Path) -> None:
    """A recipient that cannot be reached is no fault of the sender, if one says so."""
    send(cloud_api_simulator, "order-1", to="+9990131026")
    expected = expectation(tmp_path, "order-1")
    assert report(cloud_api_simulator, "--expect", expected).exit_code == 1
    assert report(cloud_api_simulator, "--expect", expected, "--refused-ok", "131026").exit_code == 0


def test_faults_are_in_the_table_of_results(cloud_api_simulator: SimulatorClient) -> None:
    """What had no effect, and what hit it."""
    cloud_api_simulator.add_fault("error", http_status=502)
    send(cloud_api_simulator, "order-1")
    found = report(cloud_api_simulator)
    assert "hit by fault error" in found.output
    assert "no effect, no code" in found.output


def test_ids_are_shown_as_they_are(cloud_api_simulator: SimulatorClient, tmp_path: Path) -> None:
    """What looks like the terminal library's markup is text."""
    found = report(cloud_api_simulator, "--expect", expectation(tmp_path, "[bold]order-1[/bold]"))
    assert "[bold]order-1[/bold]" in found.output.replace("\n", "").replace("│", "").replace(" ", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sequence", "("], "no regular expression"),
        (["--expect", "{file}"], "line 1"),
        (["--expect", "{file}", "--sequence", "x"], "not both"),
        (["--expect", "/nonexistent"], "does not exist"),
    ],
)
def test_wrong_usage_is_exit_2(
    cloud_api_simulator: SimulatorClient, tmp_path: Path, arguments: list[str], words: str
) -> None:
    """And says what is wrong."""
    file: Any = tmp_path / "expected.ndjson"
    file.write_text("[]\n", encoding="utf-8")
    found = report(cloud_api_simulator, *(argument.format(file=file) for argument in arguments))
    assert found.exit_code == 2
    assert words in found.output
