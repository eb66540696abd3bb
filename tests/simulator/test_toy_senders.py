"""The report against senders of known character: the good one passes, each bad habit is found under its name."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from connector.cli.simulator import command
from connector.simulator.report import Ordered
from connector.simulator.server import running
from connector.simulator.settings import from_mapping
from tests.simulator.toy_sender import Habits, ToySender, VirtualClock

NUMBER = "106540352242922"
MPS = 20
# One person gets more than a burst, the others a few each, in between.
COMMANDS = [
    Ordered(NUMBER, "16505551234" if index % 2 else f"1650555000{index % 9}", f"order-{index}") for index in range(120)
]


async def judge(
    tmp_path: Path, habits: Habits, commands: list[Ordered], *faults: dict[str, Any], enforced: bool
) -> tuple[int, dict[str, Any]]:
    """Let a sender loose, then ask for the report: its exit code, and each check by name."""
    settings = from_mapping(
        {"numbers": [{"id": NUMBER, "mps": MPS}], "number_limit": enforced, "pair_limit": enforced, "seed": 7}
    )
    expected = tmp_path / "expected.ndjson"
    expected.write_text("".join(json.dumps(ordered._asdict()) + "\n" for ordered in COMMANDS), encoding="utf-8")
    clock = VirtualClock()
    async with running(settings, clock=clock) as served:
        for fault in faults:
            served.add_fault(**fault)
        headers = {"Authorization": f"Bearer {served.access_token}"}
        async with httpx.AsyncClient(base_url=served.base_url, headers=headers) as client:
            await ToySender(client, clock, MPS, habits).send_all(commands)
        arguments = ["report", "--url", served.base_url, "--expect", str(expected), "--output", "json"]
        result = await asyncio.to_thread(CliRunner().invoke, command, arguments)
    return result.exit_code, {check["name"]: check for check in json.loads(result.output)["checks"]}


def violated(checks: dict[str, Any]) -> set[str]:
    """The names of what does not hold."""
    return {name for name, check in checks.items() if check["result"] != "ok"}


ERRORS: dict[str, Any] = {"kind": "error", "http_status": 503, "code": 2, "share": 0.2, "seed": 7}
STORM: dict[str, Any] = {"kind": "throttle", "share": 0.2, "seed": 8}
LOST: dict[str, Any] = {"kind": "reset_after", "share": 0.1, "seed": 9}


@pytest.mark.parametrize("faults", [[], [ERRORS, STORM]])
async def test_a_correct_sender_passes(tmp_path: Path, faults: list[dict[str, Any]]) -> None:
    """Also when many of its requests fail: it keeps both limits and its order, and leaves nothing out."""
    code, checks = await judge(tmp_path, Habits(), COMMANDS, *faults, enforced=True)
    assert violated(checks) == set()
    assert code == 0


@pytest.mark.parametrize(
    ("name", "habits", "faults"),
    [
        ("sent_twice", Habits(resends_unanswered=True), [LOST]),
        ("number_limit", Habits(keeps_number_limit=False), []),
        ("pair_limit", Habits(keeps_pair_limit=False), []),
        ("order", Habits(retries_in_place=False), [ERRORS]),
        ("never_sent", Habits(gives_up=True), [ERRORS]),
    ],
)
async def test_each_bad_habit_is_found(tmp_path: Path, name: str, habits: Habits, faults: list[dict[str, Any]]) -> None:
    """By its name and by no other, with an example; the limits are watched, not enforced, so that one fault is one."""
    code, checks = await judge(tmp_path, habits, COMMANDS, *faults, enforced=False)
    assert violated(checks) == {name}
    assert checks[name]["violations"] >= 1
    assert "order-" in checks[name]["examples"][0]
    assert code == 1


async def test_a_sender_that_writes_to_the_wrong_person_is_found(tmp_path: Path) -> None:
    """A command accepted for another pair than it was given for."""
    wrong = [*COMMANDS[:-1], COMMANDS[-1]._replace(recipient="16505559999")]
    code, checks = await judge(tmp_path, Habits(), wrong, enforced=True)
    assert violated(checks) == {"unexpected"}
    assert code == 1


async def test_enforced_limits_are_reported_too(tmp_path: Path) -> None:
    """Where the API refuses what is too much, the attempt is still a violation."""
    code, checks = await judge(tmp_path, Habits(keeps_number_limit=False), COMMANDS, enforced=True)
    assert violated(checks) == {"number_limit"}
    assert code == 1
