"""``connector demo`` as a newcomer runs it, without a terminal."""

import re
import signal
import subprocess
import sys
import time

import httpx
import pytest
import structlog

from connector.cli import run
from connector.demo import tally
from connector.demo.tally import Check, Tally
from tests.integration.system import clean_environment

COMMAND = [sys.executable, "-m", "connector", "demo", "--commands", "200"]


def test_demo_ends_with_0_and_all_totals_equal() -> None:
    """Plain lines, a summary whose totals agree, nothing on stderr, exit code 0."""
    done = subprocess.run(  # noqa: S603 - our own command
        COMMAND, capture_output=True, text=True, timeout=90, check=False, env=clean_environment()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "accepted by the Cloud API = accepted outcomes: 200 = 200" in done.stdout
    assert "accepted = status 'delivered' joined by command id: 200 = 200" in done.stdout
    assert "FAIL" not in done.stdout
    assert "not proven" in done.stdout


def test_demo_ends_with_1_when_totals_disagree(monkeypatch: pytest.MonkeyPatch) -> None:
    """A total that is off by one is printed as FAIL and is the exit code."""
    honest = Tally.checks

    def off_by_one(self: Tally, **totals: int) -> list[Check]:
        return honest(self, **{**totals, "sent": totals["sent"] + 1})

    monkeypatch.setattr(tally.Tally, "checks", off_by_one)
    try:
        assert run(["demo", "--commands", "20"]) == 1
    finally:
        structlog.reset_defaults()


def test_keep_stays_and_takes_a_command_by_curl() -> None:
    """With --keep the printed address takes a command, its outcome appears, and Ctrl-C ends it with 0."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*COMMAND, "--keep"], stdout=subprocess.PIPE, text=True, env=clean_environment()
    )
    assert process.stdout is not None
    try:
        printed = ""
        while "/commands" not in printed:
            line = process.stdout.readline()
            assert line, printed
            printed += line
        (url,) = re.findall(r"http://127\.0\.0\.1:\d+/commands", printed)
        body = {"command_id": "mine-1", "phone_number_id": "106540352242925", "to": "+16505550100", "type": "text",
                "text": {"body": "Hello"}}  # fmt: skip
        assert httpx.post(url, json=body).status_code == 202
        deadline = time.monotonic() + 30  # noqa: TID251 - a real process needs real time
        while "mine-1  wamid." not in printed and time.monotonic() < deadline:  # noqa: TID251 - see above
            printed += process.stdout.readline()
        assert "ACCEPTED  mine-1  wamid." in printed
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
