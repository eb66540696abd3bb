"""Keys, and the slot a key belongs to."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.records.keys import conversation_key, murmur2, slot_of


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_javas(data: bytes, expected: int) -> None:
    """The vectors of Apache Kafka's own test (UtilsTest)."""
    assert murmur2(data) == expected


@given(st.text(max_size=60), st.integers(1, 1000))
def test_a_slot_is_a_partition(key: str, slots: int) -> None:
    """Every key has one slot, from 0 to slots - 1, the positive hash modulo the count."""
    assert slot_of(key, slots) == (murmur2(key.encode()) & 0x7FFFFFFF) % slots
    assert 0 <= slot_of(key, slots) < slots


def test_a_negative_hash_loses_its_sign_bit_as_in_java() -> None:
    """ToPositive masks; it takes no absolute value."""
    assert slot_of("foobar", 24) == (-790332482 & 0x7FFFFFFF) % 24 == 6


def test_a_key_from_outside_may_hold_anything() -> None:
    """Half a surrogate pair has a slot too."""
    assert 0 <= slot_of("\ud83d", 24) < 24


def test_a_conversation_is_a_number_and_a_user() -> None:
    """The business-scoped user id comes first, then the phone, then the group."""
    assert conversation_key("106", user_id="US.1", wa_id="49", group_id="g") == "106:US.1"
    assert conversation_key("106", wa_id="49", group_id="g") == "106:49"
    assert conversation_key("106", group_id="g") == "106:g"
    assert conversation_key("106", user_id="", wa_id="49") == "106:49"
    assert conversation_key("106") == "106:"


def test_with_a_secret_the_user_is_hidden() -> None:
    """HMAC-SHA256 of the user, hex; the number stays readable."""
    secret = b"0" * 32
    expected = hmac.new(secret, b"US.1", hashlib.sha256).hexdigest()
    assert conversation_key("106", user_id="US.1", wa_id="49", secret=secret) == f"106:{expected}"
    assert conversation_key("106", user_id="US.1", secret=b"1" * 32) != f"106:{expected}"
