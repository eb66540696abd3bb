"""Who may talk to the webhook."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.whatsapp.signature import handshake, verify

SECRET = b"test_app_secret"
BODY = b'{"object":"whatsapp_business_account","entry":[]}'
HEADER = "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"


def signed(raw: bytes, secret: bytes) -> str:
    """Sign as Meta does, by another road than the code under test."""
    return "sha256=" + hmac.new(secret, raw, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("raw", "header"),
    [
        (BODY, HEADER),
        (
            b'{"object": "whatsapp_business_account", "entry": []}',
            "sha256=56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a",
        ),
    ],
)
def test_published_vectors(raw: bytes, header: str) -> None:
    """Two published vectors match; they differ only in spaces, so it is the raw bytes that count."""
    assert verify(raw, header, [SECRET])


def test_one_changed_byte_is_refused() -> None:
    """A body that differs by a single space has another signature."""
    assert not verify(BODY + b" ", HEADER, [SECRET])


@pytest.mark.parametrize("position", [0, 1, 2])
def test_any_of_several_secrets_may_match(position: int) -> None:
    """During a rotation, or with several apps, it does not matter which secret signed."""
    secrets = [b"old", b"older", b"oldest"]
    secrets[position] = SECRET
    assert verify(BODY, HEADER, secrets)


def test_every_secret_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first match does not end the search: the time taken tells nothing about which secret it was."""
    compared: list[bytes] = []
    real = hmac.digest

    def spy(key: bytes, msg: bytes, digest: str) -> bytes:
        compared.append(key)
        return real(key, msg, digest)

    monkeypatch.setattr(hmac, "digest", spy)
    assert verify(BODY, HEADER, [SECRET, b"other", b"another"])
    assert compared == [SECRET, b"other", b"another"]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        HEADER.removeprefix("sha256="),
        HEADER.upper(),
        HEADER[:-1],
        HEADER + "0",
        HEADER + "\n",
        " " + HEADER,
        HEADER.replace("sha256", "sha1"),
        HEADER[:-2] + "  ",
        HEADER[:-1] + "é",
        "sha256=" + "\N{ARABIC-INDIC DIGIT ONE}" * 64,
    ],
)
def test_malformed_headers_are_refused(header: str | None) -> None:
    """Anything but the documented form is a wrong signature, never an error."""
    assert not verify(BODY, header, [SECRET])


@pytest.mark.parametrize("secrets", [[], [b""], [b"", b"wrong"]])
def test_no_secret_lets_nobody_in(secrets: list[bytes]) -> None:
    """Without a secret nothing matches, also not a signature made with an empty one."""
    assert not verify(BODY, signed(BODY, b""), secrets)


@given(raw=st.binary(max_size=2000), secret=st.binary(min_size=1, max_size=64), header=st.text(max_size=80))
def test_only_the_true_signature_matches(raw: bytes, secret: bytes, header: str) -> None:
    """For any body and secret the true signature matches, and arbitrary text never raises and does not match."""
    assert verify(raw, signed(raw, secret), [secret])
    assert not verify(raw, header, [secret])


TOKEN = b"verify-me"
QUERY = {"hub.mode": "subscribe", "hub.verify_token": "verify-me", "hub.challenge": "1158201444"}


def test_handshake_returns_the_challenge_as_text() -> None:
    """The challenge goes back as it came: it is text, whatever it looks like."""
    assert handshake(QUERY | {"hub.challenge": "0012"}, [b"other", TOKEN]) == "0012"


@pytest.mark.parametrize(
    "change",
    [
        {"hub.mode": "unsubscribe"},
        {"hub.verify_token": "verify-m"},
        {"hub.verify_token": ""},
        {"hub.verify_token": "vérify\ud83d"},
        {"hub.challenge": ""},
        {"hub.challenge": "1\n2"},
        {"hub.challenge": "<script>"},
        {"hub.challenge": "1" * 257},
    ],
)
def test_handshake_refuses(change: dict[str, str]) -> None:
    """A wrong mode or token, or a challenge that is not a short plain word, gets no echo."""
    assert handshake(QUERY | change, [TOKEN]) is None


@pytest.mark.parametrize("missing", sorted(QUERY))
def test_handshake_needs_all_three(missing: str) -> None:
    """Each of the three parameters is needed."""
    assert handshake({name: value for name, value in QUERY.items() if name != missing}, [TOKEN]) is None


def test_handshake_with_no_token_configured_lets_nobody_in() -> None:
    """An empty token in the query does not match an empty token file."""
    assert handshake(QUERY | {"hub.verify_token": ""}, [b""]) is None
