"""Access tokens: what each opens, until when, and what is told about it."""

import pytest

from connector.simulator.errors import Refusal
from connector.simulator.settings import TokenSettings
from connector.simulator.tokens import MANAGEMENT, MESSAGING, TOKENS_MAX, Token, Tokens


def tokens(**bounds: object) -> Tokens:
    """One token without bounds, and one with these."""
    return Tokens(["free"], [TokenSettings(token="bound", **bounds)], 1_000_000)  # type: ignore[arg-type]


def refusal(found: Token | Refusal | None) -> tuple[int, int | None, int]:
    """Code, subcode and HTTP status of a refusal."""
    assert isinstance(found, Refusal)
    return found.code, found.subcode, found.http_status


@pytest.mark.parametrize("header", [b"Bearer free", b"bearer bound"])
def test_a_known_token_is_found(header: bytes) -> None:
    """In the Authorization header, whatever the case of the scheme."""
    assert isinstance(tokens().authorize(header, 0), Token)


@pytest.mark.parametrize("header", [None, b"", b"Bearer other", b"Bearer", b"Basic free", b"free"])
def test_anything_else_is_code_190_without_a_subcode(header: bytes | None) -> None:
    """HTTP 401."""
    assert refusal(tokens().authorize(header, 0)) == (190, None, 401)


def test_an_expired_token_is_subcode_463() -> None:
    """At its time, and when it is switched to be."""
    timed = tokens(valid_for_s=60)
    assert isinstance(timed.authorize(b"Bearer bound", 1_059_999), Token)
    assert refusal(timed.authorize(b"Bearer bound", 1_060_000)) == (190, 463, 401)
    assert refusal(tokens(state="expired").authorize(b"Bearer bound", 0)) == (190, 463, 401)


def test_an_invalidated_token_is_subcode_467() -> None:
    """As after its owner logged out."""
    assert refusal(tokens(state="invalid").authorize(b"Bearer bound", 0)) == (190, 467, 401)


def test_a_token_without_the_permission_is_code_10() -> None:
    """HTTP 403, whichever number it is for."""
    token = Token(TokenSettings(token="x", scopes=(MANAGEMENT,)), 0)
    assert refusal(token.lacks(MESSAGING, number_id="1")) == (10, None, 403)
    assert token.lacks(MANAGEMENT) is None
    assert token.lacks(MESSAGING, MANAGEMENT) is None


def test_a_token_for_other_numbers_is_code_200() -> None:
    """The asset is not assigned to it."""
    token = Token(TokenSettings(token="x", numbers=("1",)), 0)
    assert refusal(token.lacks(MESSAGING, number_id="2")) == (200, None, 403)
    assert token.lacks(MESSAGING, number_id="1") is None


def test_what_is_told_about_a_good_token() -> None:
    """Validity, expiry in seconds, permissions and what they are for."""
    data = tokens(valid_for_s=60, numbers=("7", "1")).described("bound", 1_000_000)["data"]
    assert (data["is_valid"], data["expires_at"], data["issued_at"]) == (True, 1060, 1000)
    assert data["scopes"] == [MESSAGING, MANAGEMENT]
    assert data["granular_scopes"][0] == {"scope": MESSAGING, "target_ids": ["1", "7"]}


def test_a_token_that_never_expires_says_zero() -> None:
    """As Graph does."""
    assert tokens().described("free", 5_000)["data"]["expires_at"] == 0


def test_what_is_told_about_a_bad_token() -> None:
    """Why it is not valid; nothing about one that was never issued but that."""
    expired = tokens(state="expired").described("bound", 0)["data"]
    assert (expired["is_valid"], expired["error"]["subcode"], expired["scopes"]) == (False, 463, [])
    unknown = tokens().described("other", 0)["data"]
    assert (unknown["is_valid"], unknown["error"]["code"]) == (False, 190)


def test_tokens_can_be_put_up_to_a_bound() -> None:
    """Replacing one takes no room."""
    many = Tokens([f"t{index}" for index in range(TOKENS_MAX)], [], 0)
    assert many.put(TokenSettings(token="more"), 0) is None
    assert many.put(TokenSettings(token="t0", state="invalid"), 0) is many.find("t0")
    assert refusal(many.authorize(b"Bearer t0", 0)) == (190, 467, 401)
