"""Scenario files: what they may say, what is refused with its line, and that it happens at its time."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from connector.cli.simulator import command
from connector.simulator import scenario
from connector.simulator.admin import NumberChange
from connector.simulator.fault_kinds import Error, Throttle
from connector.simulator.scenario import EndEvent, Event, NumberEvent, SwitchEvent
from connector.simulator.server import running
from connector.simulator.settings import SettingsError, from_mapping
from tests.simulator.test_command import base_url, simulator
from tests.simulator.test_fault_gate import soon, until_open

FILE = """\
# A storm, an upgrade, a crowd.
- at: 10s
  fault: throttle
  code: 130429
  share: 0.5
  numbers: [106540352242922]
  for: 1m
- {at: 2.5m, end: faults}
- at: 500ms
  number: 106540352242922
  level: HIGH
- at: 0
  switch: inbound
  body: {count: 3}
"""


def write(folder: Path, text: str) -> Path:
    """A file with this text."""
    file = folder / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_scenario(tmp_path: Path) -> None:
    """Events in order of time, each with the line where it stands; ids may be written as figures."""
    file = write(tmp_path, FILE)
    number = "106540352242922"
    assert scenario.from_file(file) == (
        Event(0.0, SwitchEvent("inbound", {"count": 3}), f"{file}, line 12"),
        Event(0.5, NumberEvent(number, NumberChange(level="HIGH")), f"{file}, line 9"),
        Event(10.0, Throttle(code=130429, share=0.5, numbers=(number,), for_s=60.0), f"{file}, line 2"),
        Event(150.0, EndEvent(), f"{file}, line 8"),
    )


def test_an_empty_scenario(tmp_path: Path) -> None:
    """Nothing happens."""
    assert scenario.from_file(write(tmp_path, "# later\n")) == ()


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("- fault: error\n", 1, "at: is missing"),
        ("- at: soon\n  fault: error\n", 1, "at: a duration"),
        ("- at: -1\n  fault: error\n", 1, "at: a duration"),
        ("- at: 999999999h\n  fault: error\n", 1, "at: a duration"),
        ("- at: 1s\n  fault: eror\n", 2, "fault: .*eror"),
        ("- at: 1s\n  fault: error\n\n  shar: 0.5\n", 4, "shar: .*unknown"),
        ("- at: 1s\n  fault: error\n  share: 2\n", 3, "share: .*<= 1"),
        ("- at: 1s\n  fault: error\n  for: ever\n", 3, "for: a duration"),
        ("- at: 1s\n  fault: error\n  for_s: 1\n", 3, "for_s: is called for"),
        ("- at: 1s\n  fault: latency\n", 1, ".*takes ms"),
        ("- at: 1s\n  number: x\n", 2, "number: is no"),
        ("- at: 1s\n  number: 1\n  level: LOW\n", 3, "level: .*LOW"),
        ("- at: 1s\n  switch: ../x\n", 2, "switch: a path"),
        ("- at: 1s\n  switch: inbound\n  count: 3\n", 3, "count: is not known"),
        ("- at: 1s\n  end: all\n", 2, "end: only faults"),
        ("- at: 1s\n  at: 2s\n  end: faults\n", 2, "at: stands twice"),
        ("- at: 1s\n", 1, "exactly one of"),
        ("- at: 1s\n  end: faults\n  number: 1\n", 1, "exactly one of"),
        ("- at: 1s\n  end: faults\n- soon\n", 3, "an event is a mapping"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    """The file, the line and the key as it stands there."""
    with pytest.raises(SettingsError, match=rf"scenario\.yaml, line {line}: {reason}"):
        scenario.from_file(write(tmp_path, text))


@pytest.mark.parametrize("text", ["a: 1", "- [", "\0"])
def test_what_is_no_list_of_events_is_refused(tmp_path: Path, text: str) -> None:
    """With the file's name, not with a traceback."""
    with pytest.raises(SettingsError, match=r"scenario\.yaml"):
        scenario.from_file(write(tmp_path, text))


def test_events_in_settings_are_named_by_their_place() -> None:
    """Where there are no lines."""
    events: list[Any] = [{"at": 0, "fault": "error"}, {"at": 0, "fault": "error", "share": "x"}]
    assert scenario.from_settings(events[:1]) == (Event(0.0, Error(), "$.scenario[0]"),)
    with pytest.raises(SettingsError, match=r"\$\.scenario\[1\]: share"):
        scenario.from_settings(events)


async def test_settings_bring_a_scenario_along() -> None:
    """Beside the one given to the server; both are played."""
    settings = from_mapping({"scenario": [{"at": 0, "number": "1", "mps": 7}]})
    given = scenario.from_settings([{"at": 0, "number": "2", "mps": 8}])
    async with running(settings, scenario=given) as served:
        await soon(lambda: len(served.simulator.cloud.numbers.all()) == 2)
        assert [number.window.limit for number in served.simulator.cloud.numbers.all()] == [7, 8]


async def test_it_happens() -> None:
    """Each event at its time, and what went wrong is told."""
    events = scenario.from_settings(
        [
            {"at": 0, "fault": "error", "http_status": 503, "code": 2},
            {"at": 0, "number": "1", "level": "HIGH"},
            {"at": 0.05, "switch": "numbers/2", "body": {"mps": 5}},
            {"at": 0.05, "switch": "inbound", "body": {"number": "3"}},
            {"at": 0.3, "end": "faults"},
            {"at": "1h", "fault": "error"},
        ]
    )
    async with running(from_mapping({"numbers": [{"id": "1"}]}), scenario=events) as served:
        async with httpx.AsyncClient(base_url=served.base_url) as client:
            assert (await client.get("/v26.0/1")).status_code == 503
            await soon(lambda: served.faults() == [])
            listing = (await client.get("/_admin/scenario")).json()
        numbers = {number.id: number.window.limit for number in served.simulator.cloud.numbers.all()}
    assert numbers == {"1": 1000, "2": 5}
    results = [event["result"] for event in listing["events"]]
    assert results == ["done", "done", "done", "the number is not known", "done", "waiting"]
    assert listing["elapsed_s"] >= 0.3


async def test_a_scenario_may_close_the_only_door() -> None:
    """For it opens it again itself."""
    events = scenario.from_settings([{"at": 0, "fault": "refuse_connections"}, {"at": 0.2, "end": "faults"}])
    async with running(scenario=events) as served:
        await soon(lambda: served.faults() == [] and served.simulator.scenario.listing()["elapsed_s"] > 0.2)
        async with httpx.AsyncClient(base_url=served.base_url) as client:
            await until_open(client)
        assert [event["result"] for event in served.simulator.scenario.listing()["events"]] == ["done", "done"]


def test_a_scenario_from_the_command_line(tmp_path: Path) -> None:
    """It is played; a closed door leaves the second one open."""
    file = write(tmp_path, "- at: 0\n  fault: refuse_connections\n")
    with simulator("--scenario", str(file), "--admin-port", "0") as (_process, line):
        admin_url = line.split("switches at: ", 1)[1].split(";", 1)[0]
        assert [fault["kind"] for fault in httpx.get(f"{admin_url}/_admin/faults").json()["faults"]] == [
            "refuse_connections"
        ]
        with pytest.raises(httpx.ConnectError):
            httpx.get(base_url(line))


def test_a_scenario_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    """Exit code 2, with the line, before anything is served."""
    file = write(tmp_path, "- at: 0\n  fault: eror\n")
    found = CliRunner().invoke(command, ["--scenario", str(file)])
    assert found.exit_code == 2
    assert "line 2: fault" in " ".join(found.output.split())


def test_scenario_and_commands_in_a_configuration_are_checked_as_well(tmp_path: Path) -> None:
    """Like any other setting."""
    for name, text in (("scenario", "scenario: [{at: 0, fault: eror}]"), ("command_id", "command_id: (")):
        found = CliRunner().invoke(command, ["--config", str(write(tmp_path, text))])
        assert found.exit_code == 2
        assert name in found.output or "regular expression" in found.output
