"""A masked value prints masked wherever it ends up."""

import base64
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.telemetry.masking import Masked, Phone, Secret, mask, mask_message_ids, mask_phones

PRINTED: list[Callable[[Masked], str]] = [
    str,
    repr,
    "{}".format,
    "{!r:>30}".format,
    lambda value: f"{value}",
    lambda value: "%s %r" % (value, value),  # noqa: UP031 - one of the ways to print
    lambda value: json.dumps({"a": [value]}, default=str),
    lambda value: str({"a": [value]}),
    lambda value: str(ValueError(value)),
]


@pytest.mark.parametrize("printed", PRINTED)
def test_there_is_no_way_to_print_but_reveal(printed: Callable[[Masked], str]) -> None:
    """Formats, containers, JSON and exceptions show stars."""
    assert "16505551" not in printed(Phone("+16505551234"))
    assert "hunter2" not in printed(Secret("hunter2"))
    assert Phone("+16505551234").reveal() == "+16505551234"


def test_a_phone_shows_its_end_and_a_secret_nothing() -> None:
    """Four characters are enough to follow one person in a log."""
    assert str(Phone("+16505551234")) == "***1234"
    assert str(Secret("hunter2")) == "[removed]"


@given(st.text(max_size=40))
def test_a_mask_shows_at_most_four_characters_and_never_most_of_the_value(value: str) -> None:
    """Short values show nothing, and no mask tells how long the value was."""
    shown = mask(value).removeprefix("***")
    assert len(shown) in {0, 4}
    assert 2 * len(shown) <= max(len(value) + 1, 0)


def test_wrapped_values_are_equal_by_type_and_value() -> None:
    """They can be keys of a map."""
    assert {Phone("1"), Phone("1"), Secret("1")} == {Phone("1"), Secret("1")}
    assert Phone("1") != Secret("1")
    assert Phone("1") != "1"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("no user +16505551234 here", "no user ***1234 here"),
        ("a 16505551234, b 491721234567", "a ***1234, b ***4567"),
        ("port 8080, line 123456", "port 8080, line 123456"),
        ("offset 1234567890123456789", "offset ***6789"),
    ],
)
def test_free_text_loses_runs_of_digits_that_look_like_phones(text: str, masked: str) -> None:
    """7 digits and more, with or without a plus."""
    assert mask_phones(text) == masked


def message_id(phone: str) -> str:
    """An id as Meta makes them: a phone, and behind it the message's own digits."""
    inner = b"\x1c\x18" + bytes([len(phone)]) + phone.encode() + b"\x15\x02\x00\x11\x18\x125F425A74F1303AB92A\x00"
    return "wamid." + base64.b64encode(inner).decode()


@given(st.integers(10**6, 10**15 - 1).map(str))
def test_the_phone_inside_a_message_id_is_not_shown(phone: str) -> None:
    """Message ids are base64 and hold the person's phone in clear; their end tells messages apart."""
    whole = message_id(phone)
    shown = mask_message_ids(f"sent {whole} twice")
    assert shown == f"sent wamid.***{whole[-8:]} twice"
    assert phone[-4:].encode() not in base64.b64decode(whole[-8:])


@pytest.mark.parametrize("text", ["wamid.", "wamid.MTY1MDU1NTEyMzQ=", "wamid." + "A" * 31])
def test_a_message_id_too_short_to_be_cut_is_hidden_whole(text: str) -> None:
    """Its end might be the phone's."""
    assert mask_message_ids(text) == "wamid.***"
