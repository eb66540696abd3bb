"""docs/guarantees.md promises what tests prove."""

import ast
import re

from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
PROMISES = [f"{letter}{number}" for letter, count in (("I", 6), ("D", 13), ("B", 3)) for number in range(1, count + 1)]
SECTIONS = dict(re.findall(r"^### ([IDB]\d+)\. [^\n]+\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
UNPROVEN = "Not proven by a test of its own yet."
MISSING = "ot built yet"


def names_in(path: str) -> set[str]:
    """Names of the tests of a file; none when there is no file."""
    file = ROOT / path
    tree = ast.parse(file.read_text(encoding="utf-8") if file.exists() else "")
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_promise_has_a_section_and_a_row() -> None:
    """None is left out, in the order of the list."""
    assert list(SECTIONS) == PROMISES
    assert re.findall(r"^\| ([IDB]\d+) \|", PAGE, re.MULTILINE) == PROMISES


def test_every_test_that_is_named_exists() -> None:
    """A promise rests on tests that are there."""
    named = TEST.findall(PAGE)
    assert named
    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []


def test_every_promise_says_how_it_is_proven() -> None:
    """By tests, or by the plain word that there are none, or that it is not built."""
    silent = [
        name
        for name, section in SECTIONS.items()
        if not (TEST.search(section) or UNPROVEN in section or MISSING in section)
    ]
    assert silent == []


def test_a_promise_has_all_its_parts() -> None:
    """Promise, mechanism, proof and limit; what is not built says so first."""
    parts = ("**Promise.**", "**How.**", "**Proof.**", "**Limit.**")
    built = {name: section for name, section in SECTIONS.items() if not section.lstrip().startswith("*Not built yet")}
    assert {name: [part for part in parts if part not in section] for name, section in built.items()} == {
        name: [] for name in built
    }


def test_what_is_not_built_is_said_in_the_table_too() -> None:
    """Nobody reads a yes where the section says no."""
    rows = dict(re.findall(r"^\| ([IDB]\d+) \|[^|]+\| ([^|]+) \|", PAGE, re.MULTILINE))
    hidden = [name for name, section in SECTIONS.items() if section.lstrip().startswith("*Not built yet")]
    assert [name for name in hidden if rows[name] != "not built yet"] == []
    assert [name for name, row in rows.items() if row == "not built yet" and name not in hidden] == []
