"""The page on faults names every kind and member, and its examples work."""

import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from click import Group

from connector.cli.simulator import command
from connector.simulator import scenario
from connector.simulator.fault_kinds import AnyFault, Fault
from connector.simulator.observer_endpoints import QUESTIONS
from connector.simulator.report import Evidence, checks, read_expectation

PAGE = (Path(__file__).parents[2] / "docs" / "simulator-faults.md").read_text(encoding="utf-8")
KINDS: tuple[type[Fault], ...] = get_args(AnyFault)


def example(language: str) -> str:
    """The page's example in a language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_is_documented(kind: type[Fault]) -> None:
    """Its name and each of its members."""
    names = {str(kind.__struct_config__.tag), *(field.name for field in msgspec.structs.fields(kind))}
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_the_scenario_is_one(tmp_path: Path) -> None:
    """It can be copied into a file and played."""
    file = tmp_path / "scenario.yaml"
    file.write_text(example("yaml"), encoding="utf-8")
    assert len(scenario.from_file(file)) == PAGE.count("- at: ")


def test_the_expectation_is_one() -> None:
    """Its line can be read."""
    (ordered,) = read_expectation([example("json")])
    assert ordered.recipient == "16505551234"


def test_the_fault_in_the_first_minute_is_one() -> None:
    """It can be copied to a terminal."""
    found = re.search(r"-d '(\{.*\})'", PAGE)
    assert found is not None
    assert isinstance(msgspec.convert(json.loads(found[1]), AnyFault), Fault)


def test_every_check_and_question_is_documented() -> None:
    """Nothing that the report or the observer says is left unexplained."""
    evidence = Evidence(
        summary={"commands": {"accepted_more_than_once": 0, "forgotten": 0}, "numbers": {}, "acceptances_forgotten": 0},
        acceptances=(),
        accepted_twice=(),
        never_accepted=(),
        over_number_limit=(),
        over_pair_limit=(),
    )
    assert [check.name for check in checks(evidence) if f"`{check.name}`" not in PAGE] == []
    assert [name for name in QUESTIONS if name != "webhooks" and f"/_observer/{name}" not in PAGE] == []


def test_every_option_of_the_report_is_documented() -> None:
    """With how to use it."""
    assert isinstance(command, Group)
    options = [option for parameter in command.commands["report"].params for option in parameter.opts]
    assert [option for option in options if option not in PAGE] == []
