"""The documents of the project, and what is in them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "examples", "helm", "schemas", "bench")
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.md"))),
]
_FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+?)\s*$", re.MULTILINE)


class Block(NamedTuple):
    """A block of code: the word behind the three ticks, and what stands between."""

    language: str
    code: str


def named(path: Path) -> str:
    """How a document is called in a message."""
    return path.relative_to(ROOT).as_posix()


def blocks(text: str) -> list[Block]:
    """The blocks of code, in their order."""
    return [Block(*found) for found in _FENCED.findall(text)]


def block(document: str, language: str, place: int = 0) -> str:
    """One block of a document, by its language and its place among those."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return [found.code for found in blocks(text) if found.language == language][place]


def prose(text: str) -> str:
    """The text without its blocks of code."""
    return _FENCED.sub("", text)


def spans(text: str) -> list[str]:
    """What stands in code style within the prose; a span may go over the end of a line."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(text))]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings: lower case, punctuation left out, spaces to hyphens."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(text)))
    return {heading.replace(" ", "-") for heading in plain}
