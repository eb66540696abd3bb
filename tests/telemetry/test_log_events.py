"""The catalogue of log lines says what the code writes, no more and no less."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from connector.telemetry.log_events import CATALOGUE

PACKAGE = Path(__file__).parents[2] / "connector"
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
LISTED = {event.event: event for events in CATALOGUE.values() for event in events}


class Line(NamedTuple):
    """A call of a logger; ``open`` when some of its fields are computed."""

    place: str
    event: object
    level: str
    fields: frozenset[str]
    open: bool


def lines() -> Iterator[Line]:
    """All calls of loggers in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            logger = ast.unparse(node.func.value)
            if logger in {"log", "self._log"} and node.func.attr in LEVELS:
                names = frozenset(keyword.arg for keyword in node.keywords if keyword.arg is not None)
                event = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
                place = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                yield Line(place, event, LEVELS[node.func.attr], names, len(names) < len(node.keywords))


def test_every_line_is_in_the_catalogue_as_it_is_written() -> None:
    """With its level and its fields; those that are computed are in the catalogue at least."""
    wrong = [
        line.place
        for line in lines()
        if not isinstance(line.event, str)
        or (listed := LISTED.get(line.event)) is None
        or line.level != listed.level
        or not (line.fields <= set(listed.fields) if line.open else line.fields == set(listed.fields))
    ]
    assert wrong == []


def test_every_event_of_the_catalogue_is_written_somewhere() -> None:
    """What nobody writes any more is not documented, and nothing twice."""
    assert set(LISTED) == {line.event for line in lines()}
    assert len(LISTED) == sum(map(len, CATALOGUE.values()))
