"""connector completion: the shell knows commands and options."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import pytest

import connector.cli
from connector.cli import run
from tests.cli.told import Told
from tests.fixtures.tools import or_skip, program

Typed = Callable[..., Told]
BIN = Path(sys.executable).parent
EXPECTED = {
    "connector de": "deadletters",
    "connector deadletters re": "redrive",
    "connector send --dr": "--dry-run",
}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(typed: Typed, shell: str) -> None:
    """It names the command, and asks it for what may follow."""
    told = typed("completion", shell)
    assert told.code == 0
    assert f"_CONNECTOR_COMPLETE={shell}_complete" in told.out


def test_bash_completes_commands_groups_and_options(tmp_path: Path) -> None:
    """The very script, sourced by bash."""
    bash = or_skip(partial(program, "bash"))
    script = tmp_path / "completion"
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}  # noqa: TID251 - a person's shell
    with script.open("wb") as file:
        subprocess.run(["connector", "completion", "bash"], stdout=file, env=environment, check=True)  # noqa: S607 - ours
    for words, expected in EXPECTED.items():
        typed_in = (
            f"source {script}; COMP_WORDS=({words}); COMP_CWORD={len(words.split()) - 1};"
            "_connector_completion connector; echo ${COMPREPLY[@]}"
        )
        done = subprocess.run([bash, "-c", typed_in], capture_output=True, text=True, env=environment, check=True)  # noqa: S603 - ours
        assert expected in done.stdout.split(), done


def test_an_unknown_shell_is_exit_code_2(typed: Typed) -> None:
    """With the ones there are."""
    told = typed("completion", "tcsh")
    assert (told.code, "bash" in told.err) == (2, True)


OPERATIONS = (
    ["send"], ["watch"], ["forecast"], ["doctor"], ["completion"], ["topics", "plan"], ["topics", "apply"],
    ["deadletters"], ["deadletters", "list"], ["deadletters", "show"], ["deadletters", "redrive"],
)  # fmt: skip


@pytest.mark.parametrize("words", OPERATIONS, ids=" ".join)
def test_the_help_of_each_operation_has_an_example_that_is_one(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its words are commands and options that exist."""
    assert run([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    examples = [line.split() for line in shown.splitlines() if line.startswith(f"    connector {' '.join(words)} ")]
    assert examples
    command: click.Command = connector.cli.connector
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    if isinstance(command, click.Group):
        return
    known = {option for parameter in command.params for option in parameter.opts}
    used = {word for example in examples for word in example if word.startswith("--")}
    assert used <= known
