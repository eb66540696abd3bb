"""Style that no linter checks, over all files of the project."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES_MAX = 400
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = ("*.md", "*.py", "*.toml", "*.yaml", "*.yml", "*.json", "*.avsc", "*.tpl", "*.xml", "*.txt")
FOLDERS = ("connector", "tests", "scripts", "bench", "docs", "examples", "helm", "schemas", ".ci")
# Written in two pieces, or this file would be found as well.
MACHINE_PATH = re.compile("/" + r"(work|root|home|Users)/[a-z]")
UNFINISHED = re.compile("TO" + "DO|FIX" + "ME|XX" + "X")


def sources(*folders: str) -> list[Path]:
    """The Python files of these folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def texts() -> Iterator[Path]:
    """All text files of the project."""
    for folder in FOLDERS:
        yield from (path for pattern in TEXTS for path in (ROOT / folder).rglob(pattern))
        yield from (path for path in (ROOT / folder).iterdir() if path.is_file() and not path.suffix)
    yield from (path for pattern in TEXTS for path in ROOT.glob(pattern))
    yield from (ROOT / "Makefile", ROOT / "Dockerfile")


def named(path: Path) -> str:
    """How a file is called in a message."""
    return path.relative_to(ROOT).as_posix()


def found(pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern occurs, as file:line."""
    return [
        f"{named(path)}:{number}: {line.strip()[:80]}"
        for path in texts()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]


def test_files_stay_small() -> None:
    """A file of the package that outgrows 400 lines holds more than one thing."""
    sizes = {named(path): len(path.read_text().splitlines()) for path in sources("connector")}
    assert {name: size for name, size in sizes.items() if size > LINES_MAX} == {}


def test_modules_say_what_they_hold() -> None:
    """No module and no package has a name that could hold anything."""
    parts = {part for path in sources("connector") for part in path.relative_to(ROOT).with_suffix("").parts}
    assert parts & VAGUE_NAMES == set()


def test_no_file_knows_a_machine() -> None:
    """Nothing names a folder of one person's machine."""
    assert found(MACHINE_PATH) == []


def test_nothing_is_left_for_later() -> None:
    """Unfinished work is not in the tree."""
    assert found(UNFINISHED) == []


def test_every_exception_to_a_rule_says_why() -> None:
    """A ``noqa`` names its rules and, behind a dash, its reason."""
    mute = re.compile(r"#\s*no" + r"qa(?!: [A-Z]+[0-9]+(, [A-Z]+[0-9]+)* - \S)")
    assert [hit for hit in found(mute) if ".py:" in hit] == []


def test_every_module_says_what_it_is() -> None:
    """Each module with code in it begins with a docstring."""
    bare = [
        named(path)
        for path in sources("connector", "tests", "bench", "scripts")
        if (tree := ast.parse(path.read_text())).body and ast.get_docstring(tree) is None
    ]
    assert bare == []


def test_tests_read_as_the_specification() -> None:
    """Each test says in a sentence what holds."""
    silent = [
        f"{named(path)}: {node.name}"
        for path in sources("tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if node.name.startswith("test_")
        if not (ast.get_docstring(node) or "").partition("\n")[0].endswith((".", "?", "!"))
    ]
    assert silent == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    """Each relative link of a document names a file or a folder that exists."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", prose)
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_named_files_exist(document: Path) -> None:
    """Each file of ours that a document names in code style exists."""
    paths = re.findall(
        r"`((?:connector|docs|examples|helm|requirements|schemas|scripts|tests)/[\w./-]+)`", document.read_text()
    )
    # In the wheel, schemas and examples lie inside the package.
    missing = [
        path for path in paths if not ((ROOT / path).exists() or (ROOT / path.removeprefix("connector/")).exists())
    ]
    assert missing == []


def test_every_decision_is_in_the_index() -> None:
    """The index of decisions lists each record."""
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    records = (ROOT / "docs" / "adr").glob("[0-9]*.md")
    assert [path.name for path in records if path.name not in index] == []
