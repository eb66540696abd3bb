"""``connector simulator`` as a process, and its report."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from connector.cli.simulator import command

TEXT = {"messaging_product": "whatsapp", "to": "+16505551234", "type": "text", "text": {"body": "x"}}


@contextmanager
def simulator(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a process, and the line it prints when it serves."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "connector", "simulator", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


def base_url(line: str) -> str:
    """The address in the line."""
    return line.split(" at ", 1)[1].split("/v26.0", 1)[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(number: signal.Signals, tmp_path: Path) -> None:
    """One line says what is served; a signal ends it cleanly, with nothing on the error output."""
    config = tmp_path / "simulator.yaml"
    config.write_text("numbers: [{id: '1', mps: 2}]\n", encoding="utf-8")
    token = tmp_path / "token"
    token.write_text("secret-token\n", encoding="utf-8")
    with simulator("--config", str(config), "--access-token-file", str(token)) as (process, line):
        assert "numbers: 1; webhooks to: nowhere" in line
        assert "secret-token" not in line
        headers = {"Authorization": "Bearer secret-token"}
        sent = httpx.post(f"{base_url(line)}/v26.0/1/messages", headers=headers, json=TEXT)
        assert sent.status_code == 200
        told = CliRunner().invoke(command, ["report", "--url", base_url(line), "--output", "json"])
        assert json.loads(told.output)["numbers"]["1"]["accepted"] == 1
        shown = CliRunner().invoke(command, ["report", "--url", base_url(line)])
        assert "1 requests, 1 accepted" in shown.output
        os.kill(process.pid, number)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")


def test_a_token_is_made_up_and_printed_when_none_is_given() -> None:
    """So that a first try needs no preparation."""
    with simulator("--numbers", "1=HIGH") as (_process, line):
        token = line.split("access token: ", 1)[1].split(";", 1)[0]
        headers = {"Authorization": f"Bearer {token}"}
        number = httpx.get(f"{base_url(line)}/v26.0/1?fields=throughput", headers=headers)
        assert number.json()["throughput"] == {"level": "HIGH"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--numbers", "x"],
        ["--webhook-url", "nowhere"],
        ["--latency-ms", "-1"],
        ["--config", "/nonexistent.yaml"],
        ["--access-token", "a", "--access-token-file", __file__],
    ],
)
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    """And says what is wrong instead of serving."""
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert "Error" in result.output


def test_no_simulator_to_report_on_is_exit_1() -> None:
    """A refused connection is said in one line."""
    result = CliRunner().invoke(command, ["report", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 1
    assert "no simulator at" in result.output
