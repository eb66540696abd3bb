"""Field lists and pages, as Graph has them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.simulator import fields
from connector.simulator.errors import Refusal

URL = "http://localhost/v26.0/1/message_templates"
ROWS = [{"id": str(index)} for index in range(7)]


def page(**query: str) -> dict[str, Any]:
    """A page of seven rows."""
    found = fields.page(ROWS, query, URL)
    assert isinstance(found, dict)
    return found


def ids(found: Mapping[str, Any]) -> str:
    """The ids on a page, run together."""
    return "".join(row["id"] for row in found["data"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("id", ["id"]),
        ("a, b ,c", ["a", "b", "c"]),
        ("health_status{can_send_message,entities{id,errors}},throughput", ["health_status", "throughput"]),
        ("data.limit(5),analytics.start(1).end(2)", ["data", "analytics"]),
        (",,", []),
    ],
)
def test_the_outermost_names_count(text: str, names: list[str]) -> None:
    """Whatever is asked of a field, the whole field is told."""
    assert fields.names(text) == names


def test_a_field_that_does_not_exist_is_named() -> None:
    """Code 100, with the node's type as Graph words it."""
    found = fields.chosen({"name": "x"}, "1", ["name", "nonsense"], "Thing")
    assert isinstance(found, Refusal)
    assert (found.code, found.message) == (
        100,
        "(#100) Tried accessing nonexisting field (nonsense) on node type (Thing)",
    )


def test_the_id_is_always_told() -> None:
    """Asked for or not."""
    assert fields.chosen({"name": "x"}, "1", ["name"], "Thing") == {"name": "x", "id": "1"}
    assert fields.chosen({"name": "x"}, "1", ["id"], "Thing") == {"id": "1"}


def test_pages_go_forward_and_back_by_cursors() -> None:
    """Next after the last row, previous before the first; none beyond the ends."""
    first = page(limit="3")
    assert (ids(first), "previous" in first["paging"]) == ("012", False)
    second = page(limit="3", after=first["paging"]["cursors"]["after"])
    assert ids(second) == "345"
    last = page(limit="3", after=second["paging"]["cursors"]["after"])
    assert (ids(last), "next" in last["paging"]) == ("6", False)
    assert ids(page(limit="3", before=last["paging"]["cursors"]["before"])) == "345"
    assert ids(page(limit="3", before=second["paging"]["cursors"]["before"])) == "012"


def test_links_repeat_the_question_but_for_the_token() -> None:
    """Whoever follows them sends the token again."""
    link = page(limit="3", status="APPROVED", access_token="secret")["paging"]["next"]
    asked = dict(parse_qsl(urlsplit(link).query))
    assert link.startswith(URL + "?")
    assert asked == {"limit": "3", "status": "APPROVED", "after": page(limit="3")["paging"]["cursors"]["after"]}


def test_an_empty_list_has_no_paging() -> None:
    """Just no data."""
    assert fields.page([], {}, URL) == {"data": []}


@pytest.mark.parametrize("cursor", ["x", "!", "YWJj", "\u00e4"])
def test_a_cursor_that_is_none_is_code_131059(cursor: str) -> None:
    """Whichever way it is made up."""
    found = fields.page(ROWS, {"after": cursor}, URL)
    assert isinstance(found, Refusal)
    assert found.code == 131059


@pytest.mark.parametrize("limit", ["many", "", "-1", "\u0663", "9" * 5000])
def test_a_limit_that_is_no_figure_is_code_100(limit: str) -> None:
    """And names the parameter."""
    found = fields.page(ROWS, {"limit": limit}, URL)
    assert isinstance(found, Refusal)
    assert (found.code, "limit" in (found.message or "")) == (100, True)


@given(total=st.integers(0, 60), limit=st.integers(1, 20))
def test_whoever_follows_next_sees_every_row_once(total: int, limit: int) -> None:
    """In order."""
    rows = [{"id": str(index)} for index in range(total)]
    query, seen = {"limit": str(limit)}, list[str]()
    while True:
        found = fields.page(rows, query, URL)
        assert isinstance(found, dict)
        seen += [row["id"] for row in found["data"]]
        if "next" not in found.get("paging", {}):
            break
        query = dict(parse_qsl(urlsplit(found["paging"]["next"]).query))
    assert seen == [row["id"] for row in rows]
