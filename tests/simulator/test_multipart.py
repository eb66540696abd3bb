"""multipart/form-data as clients write it."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.simulator.multipart import PARTS_MAX, MalformedForm, Part, parse

TYPE = 'multipart/form-data; boundary="xyz"'


def body(*parts: bytes) -> bytes:
    """A form of these parts, each with its head."""
    return b"".join(b"--xyz\r\n" + part + b"\r\n" for part in parts) + b"--xyz--\r\n"


FILE = b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8'


def test_fields_and_files() -> None:
    """Each by name, with file name and type where there is one, and the bytes untouched."""
    form = parse(TYPE, body(b'Content-Disposition: form-data; name="type"\r\n\r\nimage/jpeg', FILE))
    assert form == {
        "type": Part(None, None, b"image/jpeg"),
        "file": Part("a.jpg", "image/jpeg", b"\xff\xd8"),
    }


def test_parameters_of_a_type_are_dropped() -> None:
    """And its case."""
    part = b'content-disposition: form-data; name="file"\r\ncontent-type: Audio/OGG; codecs=opus\r\n\r\nx'
    assert parse(TYPE, body(part))["file"].content_type == "audio/ogg"


def test_what_stands_before_the_first_delimiter_is_no_part() -> None:
    """RFC 2046 allows a preamble."""
    assert list(parse(TYPE, b"hello\r\n" + body(FILE))) == ["file"]


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data; boundary=xyz", "Multipart/Form-Data; charset=utf-8; boundary=xyz"]
)
def test_the_boundary_with_and_without_quotes(content_type: str) -> None:
    """Alone or after another parameter."""
    assert list(parse(content_type, body(FILE))) == ["file"]


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", body(FILE)),
        (TYPE, b""),
        (TYPE, b"--other--"),
        (TYPE, body(FILE)[:-10]),
        (TYPE, body(b"Content-Type: image/jpeg\r\n\r\nx")),
        (TYPE, body(b'Content-Disposition: form-data; name="x"')),
        (TYPE, body(*(FILE.replace(b"file", f"f{index}".encode()) for index in range(PARTS_MAX + 1)))),
    ],
)
def test_what_is_no_form_is_refused(content_type: str, content: bytes) -> None:
    """Broken off, without names or boundary, or with too many parts."""
    with pytest.raises(MalformedForm):
        parse(content_type, content)


@given(
    content=st.binary(max_size=300),
    name=st.text("abcXYZ 0189-_.()äöü日本😀'", min_size=1),
)
def test_what_a_client_writes_is_read_back(content: bytes, name: str) -> None:
    """Any bytes, any file name."""
    files = {"file": (name, content, "application/pdf")}
    request = httpx.Request("POST", "http://localhost/", data={"messaging_product": "whatsapp"}, files=files)
    form = parse(request.headers["content-type"], request.read())
    assert form["messaging_product"].content == b"whatsapp"
    assert form["file"] == Part(name, "application/pdf", content)


@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Nothing else happens."""
    try:
        parse(TYPE, content)
    except MalformedForm:
        return
