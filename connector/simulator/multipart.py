"""``multipart/form-data`` as uploads of media use it: whole bodies, few parts. PURE.

Source: RFC 7578, and RFC 2046 for the delimiters.
"""

import re
from typing import NamedTuple

PARTS_MAX = 20
_BOUNDARY = re.compile(r'multipart/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(r'[;\s]name="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_FILE_NAME = re.compile(r'[;\s]filename="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


class MalformedForm(ValueError):  # noqa: N818 - a finding about a body, handled as one
    """A body that is no such form; the message says why."""


class Part(NamedTuple):
    """One field of the form.

    Attributes:
        file_name: None for plain fields.
        content_type: the bare type in lower case, without parameters; None when the part names none.
        content: the bytes, untouched.
    """

    file_name: str | None
    content_type: str | None
    content: bytes


def parse(content_type: str, body: bytes) -> dict[str, Part]:
    """The parts of ``body`` by name, the last of each.

    Raises:
        MalformedForm: no boundary, no parts, too many, or one that is broken off.
    """
    found = _BOUNDARY.match(content_type)
    if found is None:
        message = "the request is no multipart/form-data with a boundary"
        raise MalformedForm(message)
    delimiter = b"\r\n--" + (found[1] or found[2]).encode("latin-1")
    # A delimiter's line break belongs to what stands before it; before the first one there may be nothing.
    at = -2 if body.startswith(delimiter[2:]) else body.find(delimiter)
    parts: dict[str, Part] = {}
    while at != -1 and len(parts) <= PARTS_MAX:
        start = at + len(delimiter)
        if body.startswith(b"--", start):
            return parts
        at = body.find(delimiter, start)
        if at != -1:
            name, part = _part(body, start, at)
            parts[name] = part
    message = "the form is broken off, or has too many parts"
    raise MalformedForm(message)


def _part(body: bytes, start: int, end: int) -> tuple[str, Part]:
    head_end = body.find(b"\r\n\r\n", start, end)
    head = body[start : max(start, head_end)].decode("latin-1")
    headers = dict(_header(line) for line in head.split("\r\n") if ":" in line)
    disposition = headers.get("content-disposition", "")
    name = _NAME.search(disposition)
    if name is None:
        message = "a part of the form has no name"
        raise MalformedForm(message)
    file_name = _FILE_NAME.search(disposition)
    kind = headers.get("content-type")
    return name[1], Part(
        file_name=None if file_name is None else file_name[1].encode("latin-1").decode("utf-8", "replace"),
        content_type=None if kind is None else kind.split(";")[0].strip().lower(),
        content=body[head_end + 4 : end],
    )


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()
