"""Commands, options, targets and variables in the documents exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from connector.cli import connector
from connector.config import ConfigurationError, load
from tests.docs.documents import DOCUMENTS, ROOT, blocks, named, spans

NO_SHELL = {"python", "json", "yaml", "sql"}
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
VARIABLE = re.compile(r"\b(CONNECTOR_[A-Z_]+?__[A-Z_]+)=")


def command_lines(text: str) -> Iterator[list[str]]:
    """The words behind ``connector`` of each call in shell blocks and in code style."""
    shell = [block.code for block in blocks(text) if block.language not in NO_SHELL]
    for code in shell:
        for line in re.split(r"\n|\||&&|;|&", code.replace("\\\n", " ")):
            yield from call_in(line)
    for span in spans(text):
        yield from call_in(span)


def call_in(line: str) -> Iterator[list[str]]:
    """The call in one simple command, if it is one of ours."""
    words = shlex.split(re.sub(r"\d?[<>].*", "", line), comments=True) if "connector" in line else []
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words and words[0].removeprefix(".venv/bin/") == "connector":
        yield words[1:]


def fault(words: list[str]) -> str | None:
    """What is wrong with a call: a command or an option that does not exist, or a word too much."""
    command: click.Command = connector
    context = click.Context(connector)
    rest = list(words)
    arguments = 0
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            option = next((p for p in command.get_params(context) if word in (*p.opts, *p.secondary_opts)), None)
            if option is None:
                return f"no option {word}"
            if isinstance(option, click.Option) and not option.is_flag and rest:
                rest.pop(0)
        elif isinstance(command, click.Group):
            found = command.get_command(context, word)
            if found is None:
                return f"no command {word}"
            command = found
            arguments = sum(isinstance(parameter, click.Argument) for parameter in command.get_params(context))
        elif arguments:
            arguments -= 1
        elif word not in {"…", "..."}:
            return f"takes no {word}"
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_commands_and_options_exist(document: Path) -> None:
    """Whatever a document tells to type is a command, with options it has."""
    found = {shlex.join(words): fault(words) for words in command_lines(document.read_text(encoding="utf-8"))}
    assert {call: what for call, what in found.items() if what} == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_targets_of_make_exist(document: Path) -> None:
    """``make`` something is in the Makefile."""
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    text = document.read_text(encoding="utf-8")
    code = "\n".join([*(block.code for block in blocks(text)), *spans(text)])
    assert [name for name in MAKE.findall(code) if name not in targets] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_variables_name_keys(document: Path) -> None:
    """A variable that sets a key sets one that exists."""
    unknown = []
    for variable in VARIABLE.findall(document.read_text(encoding="utf-8")):
        try:
            load(None, {variable: "[]"})
        except ConfigurationError as error:
            unknown += [str(found) for found in error.faults if "unknown key" in str(found)]
    assert unknown == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`connector topics destroy`", "no command destroy"),
        ("`connector demo --forever`", "no option --forever"),
        ("```sh\nA=1 connector ingress now 2> log &\n```", "takes no now"),
        ("```sh\nconnector topics \\\n  apply --slots 24 # comment\n```", None),
        ("`connector schemas register --url …`", None),
    ],
)
def test_a_call_that_does_not_exist_is_found(text: str, expected: str | None) -> None:
    """The tests above can fail."""
    assert [fault(words) for words in command_lines(text)] == [expected]


def test_there_is_something_to_check() -> None:
    """The newcomers' pages show commands."""
    calls = list(command_lines((ROOT / "README.md").read_text(encoding="utf-8")))
    assert ["topics", "apply", "--slots", "24"] in calls
    assert ["ingress"] in calls
    assert ["delivery"] in calls
