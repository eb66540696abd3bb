"""Links lead somewhere, to the heading that they name too."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, anchors, named, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")


def broken(document: Path) -> list[str]:
    """The links of a document that name no file, or no heading in it."""
    text = re.sub(r"`[^`\n]*`", "", prose(document.read_text(encoding="utf-8")))
    return [
        link for link in LINK.findall(text) if not link.startswith(("http", "mailto:")) and not leads(document, link)
    ]


def leads(document: Path, link: str) -> bool:
    """Whether a relative link leads somewhere."""
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    if not target.exists():
        return False
    return not anchor or anchor in anchors(target.read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_to_files_and_headings(document: Path) -> None:
    """A link inside the project names a file that exists and, behind #, a heading of it."""
    assert broken(document) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """A missing file, a missing heading; not what stands in code."""
    page = tmp_path / "page.md"
    page.write_text(
        "# A *first* heading\n[a](page.md#a-first-heading) [b](#none) [c](gone.md)\n```\n[d](gone.md)\n```\n"
    )
    assert broken(page) == ["#none", "gone.md"]
