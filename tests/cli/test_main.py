"""The command line finds its commands, answers at once and leaves with the right exit code."""

import ast
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from confluent_kafka import KafkaError, KafkaException

import connector.cli
from connector.cli import main, run
from connector.config import ConfigurationError, Fault
from connector.secrets import UnusableSecret

COMMANDS = Path(connector.cli.__file__).parent
HEAVY = ("confluent_kafka", "pydantic", "opentelemetry", "httpx", "uvicorn", "fastavro", "structlog")


def command_raising(error: BaseException) -> click.Command:
    """A command that ends with this error."""

    @click.command()
    def command() -> None:
        raise error

    return command


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], int]:
    """The exit code of a command that ends with an error."""

    def code(error: BaseException) -> int:
        monkeypatch.setattr(connector.cli.Commands, "get_command", lambda *_args: command_raising(error))
        return run(["anything"])

    return code


def test_help_imports_no_client_and_answers_in_an_instant() -> None:
    """People and shells ask for help often; the sources are read, not run."""
    code = (
        f"import sys; from connector.cli import run; run(['--help']); print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        taken.append(time.perf_counter() - began)
        assert done.stdout.splitlines()[-1] == "[]"
    assert min(taken) < 1.0, f"{min(taken):.3f} s; 0.1 s on an idle machine, the limit leaves room for a busy one"


def test_every_module_that_defines_command_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """A new file beside the others is a new command, listed with the first line of its docstring."""
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out
    for path in COMMANDS.glob("*.py"):
        if "\ndef command(" in path.read_text(encoding="utf-8"):
            words = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split()
            assert f"  {path.stem.replace('_', '-')} " in listed
            assert words[0] in listed


def test_every_listed_command_can_be_called_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    """No command breaks while it is imported."""
    names = connector.cli.connector.list_commands(click.Context(connector.cli.connector))
    assert "config" in names
    for name in names:
        assert run([name, "--help"]) == 0, name
        assert capsys.readouterr().out.startswith(f"Usage: connector {name}")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """It is the installed package's."""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("connector, version ")


@pytest.mark.parametrize(
    "args", [["nonsense"], ["--nonsense"], ["config", "nonsense"], ["config", "check", "--role", "x"]]
)
def test_wrong_usage_exits_with_2_and_says_how_to_get_help(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, so that a pipe stays clean."""
    assert run(args) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "--help" in printed.err


def test_a_configuration_error_is_a_list_on_stderr_and_exit_code_2(
    ending: Callable[[BaseException], int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every fault on its line, no traceback."""
    assert ending(ConfigurationError([Fault("a.b", "must be 1"), Fault("c", "is required")])) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "configuration: 2 faults\n  a.b: must be 1\n  c: is required\n")


def test_a_secret_file_that_vanished_is_told_as_configuration(
    ending: Callable[[BaseException], int], capsys: pytest.CaptureFixture[str]
) -> None:
    """It was there when the configuration was checked."""
    assert ending(UnusableSecret(Path("/run/s"), "is empty")) == 2
    assert capsys.readouterr().err == "configuration: /run/s is empty\n"


@pytest.mark.parametrize(
    "words",
    [
        ["topics", "plan"],
        ["numbers", "list"],
        ["numbers", "pause", "1", "--reason", "x"],
        ["watch", "--number", "1"],
        ["send", "--number", "1", "--to", "+16505550000", "--text", "Hi"],
        ["deadletters", "list"],
        ["doctor", "--only", "kafka"],
    ],
    ids=" ".join,
)
def test_a_property_that_kafkas_client_refuses_is_told_as_configuration(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names and values of kafka.common are the client's own: it alone knows them."""
    common = '{"bootstrap.servers": "127.0.0.1:1", "no.such.thing": "1"}'
    monkeypatch.setenv("CONNECTOR_KAFKA__COMMON", common)
    assert run(words) == 2
    told = 'configuration: kafka: No such configuration property: "no.such.thing"\n'
    assert capsys.readouterr().err == told


def test_another_fault_of_kafka_is_no_configuration(ending: Callable[[BaseException], int]) -> None:
    """It keeps its traceback."""
    with pytest.raises(KafkaException):
        ending(KafkaException(KafkaError(KafkaError._TIMED_OUT)))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (click.ClickException("no"), 1),
        (click.UsageError("no"), 2),
        (click.Abort(), 1),
        (KeyboardInterrupt(), 130),
        (click.exceptions.Exit(1), 1),
        (click.exceptions.Exit(0), 0),
    ],
)
def test_each_ending_has_its_exit_code(ending: Callable[[BaseException], int], error: BaseException, code: int) -> None:
    """0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted."""
    assert ending(error) == code


def test_an_unexpected_error_keeps_its_traceback(ending: Callable[[BaseException], int]) -> None:
    """A fault of the program is not dressed up as one of its user."""
    with pytest.raises(ZeroDivisionError):
        ending(ZeroDivisionError())


def test_main_leaves_the_process_with_the_exit_code() -> None:
    """What the shell sees."""
    with pytest.raises(SystemExit) as left:
        main(["nonsense"])
    assert left.value.code == 2
