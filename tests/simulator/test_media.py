"""The media store in virtual time: what it takes, how long it keeps it, what its URLs are good for."""

import base64
import hashlib
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from connector.simulator import media_kinds
from connector.simulator.errors import Refusal
from connector.simulator.media import DOWNLOAD_PATH, MediaStore
from connector.simulator.media_kinds import MB, SAMPLES
from connector.simulator.multipart import Part
from connector.simulator.settings import MediaSettings

DAY_MS = 86_400_000


def store(**settings: Any) -> MediaStore:
    """An empty store."""
    return MediaStore(MediaSettings(**settings), Random(7))  # noqa: S311 - repeatable on purpose


def form(content: bytes = b"%PDF-1.4", mime_type: str | None = "application/pdf", **fields: bytes) -> dict[str, Part]:
    """An upload."""
    given = {"messaging_product": b"whatsapp", "type": b"application/pdf", **fields}
    parts = {name: Part(None, None, value) for name, value in given.items() if value}
    return {"file": Part("a.pdf", mime_type, content), **parts}


def upload(kept: MediaStore, number: str = "1", now_ms: int = 0, **also: Any) -> str:
    """Upload, which must succeed."""
    found = kept.upload(number, form(**also), now_ms)
    assert isinstance(found, str)
    return found


def refusal(found: object) -> tuple[int, str]:
    """Code and words of a refusal."""
    assert isinstance(found, Refusal)
    return found.code, found.message or found.details


def test_an_upload_is_told_about() -> None:
    """Its type, size, SHA-256 in hex and a URL."""
    kept = store()
    medium = kept.find(upload(kept), 0)
    assert medium is not None
    told = kept.read(medium, None, "http://localhost:8900", 0)
    assert isinstance(told, dict)
    assert told.pop("url").startswith(f"http://localhost:8900{DOWNLOAD_PATH}?")
    assert told == {
        "messaging_product": "whatsapp",
        "mime_type": "application/pdf",
        "sha256": hashlib.sha256(b"%PDF-1.4").hexdigest(),
        "file_size": 8,
        "id": medium.id,
    }


@pytest.mark.parametrize("missing", ["messaging_product", "type", "file"])
def test_each_field_is_required(missing: str) -> None:
    """The answer names it, code 100."""
    given = {name: part for name, part in form().items() if name != missing}
    code, words = refusal(store().upload("1", given, 0))
    assert (code, missing in words) == (100, True)


def test_the_product_must_be_whatsapp() -> None:
    """Nothing else."""
    assert refusal(store().upload("1", form(messaging_product=b"telegram"), 0))[0] == 100


@pytest.mark.parametrize("mime_type", ["application/octet-stream", "image/gif", "audio/wav", ""])
def test_a_type_that_is_not_supported_is_code_100(mime_type: str) -> None:
    """The part's own type decides; the answer lists those supported."""
    code, words = refusal(store().upload("1", form(mime_type=mime_type or None, type=b"image/gif"), 0))
    assert code == 100
    assert "audio/ogg" in words
    assert (mime_type or "image/gif") in words


def test_the_field_decides_when_the_part_has_no_type() -> None:
    """As some clients send none."""
    kept = store()
    medium = kept.find(upload(kept, mime_type=None, type=b"Text/Plain"), 0)
    assert medium is not None
    assert medium.mime_type == "text/plain"


@pytest.mark.parametrize(
    ("mime_type", "most"),
    [("image/jpeg", 5 * MB), ("audio/ogg", 16 * MB), ("video/mp4", 16 * MB), ("image/webp", 100 * 1024)],
)
def test_sizes_are_limited_by_type(mime_type: str, most: int) -> None:
    """Up to the figure, and not empty."""
    assert media_kinds.refused(mime_type, bytes(most)) is None
    for content in (bytes(most + 1), b""):
        found = media_kinds.refused(mime_type, content)
        assert found is not None
        assert found.code == 131053


def test_an_animated_sticker_may_be_larger() -> None:
    """500 KB, told by the flag in its header."""
    animated = b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02" + bytes(500 * 1024 - 21)
    assert media_kinds.refused("image/webp", animated) is None
    assert media_kinds.refused("image/webp", animated + b"x") is not None


@pytest.mark.parametrize("mime_type", list(SAMPLES))
def test_samples_would_be_taken_as_uploads(mime_type: str) -> None:
    """They are of a supported type and size."""
    assert media_kinds.refused(mime_type, SAMPLES[mime_type]) is None


@pytest.mark.parametrize(
    ("kind", "mime_type", "voice", "fits"),
    [
        ("image", "image/png", False, True),
        ("image", "image/webp", False, False),
        ("sticker", "image/webp", False, True),
        ("document", "image/png", False, True),
        ("audio", "audio/mpeg", False, True),
        ("audio", "audio/mpeg", True, False),
        ("audio", "audio/ogg", True, True),
        ("video", "audio/ogg", False, False),
    ],
)
def test_what_a_message_may_hold(kind: str, mime_type: str, voice: bool, fits: bool) -> None:  # noqa: FBT001 - a table
    """By its type; voice messages are Ogg."""
    assert media_kinds.fits(kind, mime_type, voice=voice) is fits


def test_an_upload_lives_30_days() -> None:
    """Then its id names nothing."""
    kept = store()
    medium_id = upload(kept)
    assert kept.find(medium_id, 30 * DAY_MS - 1) is not None
    assert kept.find(medium_id, 30 * DAY_MS) is None
    assert len(kept) == 0


def test_inbound_media_live_7_days() -> None:
    """They are samples, with a digest that fits, in base64 as webhooks have it."""
    kept = store()
    medium = kept.receive("1", "image/jpeg", 0)
    assert base64.b64decode(medium.digest) == hashlib.sha256(SAMPLES["image/jpeg"]).digest()
    assert kept.find(medium.id, 7 * DAY_MS - 1) is not None
    assert kept.find(medium.id, 7 * DAY_MS) is None


def test_an_id_belongs_to_its_number() -> None:
    """Another may neither send, read nor delete it."""
    kept = store()
    medium_id = upload(kept, "1")
    medium = kept.sendable("1", medium_id, 0)
    assert medium is not None
    assert kept.sendable("2", medium_id, 0) is None
    assert refusal(kept.read(medium, "2", "http://localhost", 0))[0] == 100
    assert refusal(kept.delete(medium_id, "2", 0))[0] == 100
    assert kept.delete(medium_id, "1", 0) == {"success": True}


def test_what_is_deleted_is_gone() -> None:
    """A second time it is code 100, subcode 33."""
    kept = store()
    medium_id = upload(kept)
    assert kept.delete(medium_id, None, 0) == {"success": True}
    again = kept.delete(medium_id, None, 0)
    assert isinstance(again, Refusal)
    assert (again.code, again.subcode) == (100, 33)


def asked(kept: MediaStore, medium_id: str, now_ms: int = 0) -> dict[str, str]:
    """The query of a fresh download URL."""
    return dict(parse_qsl(urlsplit(kept.url(medium_id, "http://localhost", now_ms)).query))


def test_a_url_is_good_for_five_minutes() -> None:
    """Then it is as good as none, and a new one must be asked for."""
    kept = store()
    medium_id = upload(kept)
    query = asked(kept, medium_id)
    found = kept.download(query, 299_999)
    assert found is not None
    assert found.content == b"%PDF-1.4"
    assert kept.download(query, 300_000) is None
    assert kept.download(asked(kept, medium_id, 300_000), 300_000) is not None


@pytest.mark.parametrize("name", ["mid", "ext", "hash"])
def test_a_url_cannot_be_made_up(name: str) -> None:
    """No part of it can be changed or left out."""
    kept = store()
    upload(kept)
    query = asked(kept, upload(kept))
    assert kept.download({**query, name: query[name] + "0"}, 0) is None
    assert kept.download({key: value for key, value in query.items() if key != name}, 0) is None


def test_a_url_of_something_deleted_is_good_for_nothing() -> None:
    """Even within its five minutes."""
    kept = store()
    medium_id = upload(kept)
    query = asked(kept, medium_id)
    kept.delete(medium_id, None, 0)
    assert kept.download(query, 0) is None


def test_the_oldest_go_beyond_the_bounds() -> None:
    """By bytes and by count; samples weigh nothing."""
    by_bytes = store(total_max_bytes=1000)
    ids = [upload(by_bytes, content=bytes(400), mime_type="text/plain") for _ in range(3)]
    by_bytes.receive("1", "image/jpeg", 0)
    assert [by_bytes.find(medium_id, 0) is not None for medium_id in ids] == [False, True, True]
    by_count = store(count_max=2)
    ids = [upload(by_count), by_count.receive("1", "image/jpeg", 0).id, upload(by_count)]
    assert [by_count.find(medium_id, 0) is not None for medium_id in ids] == [False, True, True]
