"""``?fields=`` as the Graph API reads it, and pages of lists."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from connector.simulator.errors import Refusal

PAGE_DEFAULT = 25
PAGE_MAX = 1_000
_FIGURE = re.compile(r"[0-9]{1,9}")
INVALID_CURSOR = Refusal(131059, "The cursor is not valid.")


def names(text: str) -> list[str]:
    """The outermost names of a field list: ``a,b{c,d},e.limit(2)`` is a, b, e."""
    found = [""]
    depth = 0
    for character in text:
        if character == "," and depth == 0:
            found.append("")
            continue
        depth += (character in "{(") - (character in "})")
        if depth == 0 and character not in "})":
            found[-1] += character
    return [name.split(".")[0].strip() for name in found if name.strip()]


def chosen(node: Mapping[str, Any], node_id: str, wanted: Iterable[str], node_type: str) -> dict[str, Any] | Refusal:
    """The fields of a node asked for, and the id, which Graph always adds."""
    answer: dict[str, Any] = {}
    for name in wanted:
        if name in node:
            answer[name] = node[name]
        elif name != "id":
            what = f"(#100) Tried accessing nonexisting field ({name}) on node type ({node_type})"
            return Refusal(100, message=what)
    return {**answer, "id": node_id}


def page(items: Sequence[dict[str, Any]], query: Mapping[str, str], url: str) -> dict[str, Any] | Refusal:
    """One page of a list, as Graph's cursors go.

    Args:
        items: the whole list, in a stable order.
        query: ``limit``, ``after`` and ``before`` among others.
        url: of the request, without query; ``paging.next`` and ``previous`` repeat the query but for the token.
    """
    limit = query.get("limit", str(PAGE_DEFAULT))
    if not _FIGURE.fullmatch(limit):
        return Refusal(100, message="(#100) Param limit must be an integer")
    try:
        first, end = _span(query, min(max(1, int(limit)), PAGE_MAX), len(items))
    except ValueError:
        return INVALID_CURSOR
    answer: dict[str, Any] = {"data": list(items[first:end])}
    if first < end:
        cursors = {"before": _cursor(first), "after": _cursor(end - 1)}
        paging: dict[str, Any] = {"cursors": cursors}
        if end < len(items):
            paging["next"] = _link(url, query, "after", cursors["after"])
        if first > 0:
            paging["previous"] = _link(url, query, "before", cursors["before"])
        answer["paging"] = paging
    return answer


def _span(query: Mapping[str, str], limit: int, total: int) -> tuple[int, int]:
    if "before" in query:
        end = min(_index(query["before"]), total)
        return max(0, end - limit), end
    first = _index(query["after"]) + 1 if "after" in query else 0
    return first, min(first + limit, total)


def _cursor(index: int) -> str:
    return base64.urlsafe_b64encode(str(index).encode()).decode()


def _index(cursor: str) -> int:
    try:
        return max(0, int(base64.urlsafe_b64decode(cursor)))
    except binascii.Error as error:
        raise ValueError(cursor) from error


def _link(url: str, query: Mapping[str, str], name: str, cursor: str) -> str:
    rest = {key: value for key, value in query.items() if key not in ("after", "before", "access_token")}
    return f"{url}?{urlencode({**rest, name: cursor})}"
