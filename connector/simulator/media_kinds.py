"""Which files the media store takes, for which messages, and small samples of them.

Source: Meta, media pages, 2026-06 and 2026-09-11: types and sizes. The answer to a wrong type lists all of them, as the
answers quoted in public threads do. What Meta answers to a file that is too large is not published: 131053 stands in.
"""

import base64
import zlib
from types import MappingProxyType

from connector.simulator.errors import Refusal

KB = 1024
MB = 1024 * KB
LARGEST = 100 * MB
STATIC_STICKER = 100 * KB
_OFFICE = "application/vnd.openxmlformats-officedocument"
_DOCUMENTS = (
    "text/plain",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    f"{_OFFICE}.wordprocessingml.document",
    f"{_OFFICE}.spreadsheetml.sheet",
    f"{_OFFICE}.presentationml.presentation",
)
_AUDIO = ("audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg", "audio/opus")

SIZES: MappingProxyType[str, int] = MappingProxyType(
    {
        **dict.fromkeys(_AUDIO, 16 * MB),
        **dict.fromkeys(_DOCUMENTS, LARGEST),
        **dict.fromkeys(("image/jpeg", "image/png"), 5 * MB),
        "image/webp": 500 * KB,
        **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * MB),
    }
)
# What a message of each type may hold; documents may be anything.
_FITTING: dict[str, tuple[str, ...]] = {
    "image": ("image/jpeg", "image/png"),
    "audio": _AUDIO,
    "video": ("video/mp4", "video/3gpp"),
    "sticker": ("image/webp",),
    "document": tuple(SIZES),
}


def refused(mime_type: str | None, content: bytes) -> Refusal | None:
    """Why an upload is refused, if so."""
    if mime_type is None or mime_type not in SIZES:
        types = ", ".join(SIZES)
        received = mime_type or "application/octet-stream"
        message = f"(#100) Param file must be a file with one of the following types: {types}. Received file of type"
        return Refusal(100, message=f"{message} '{received[:128]}'.")
    most = STATIC_STICKER if mime_type == "image/webp" and not _animated(content) else SIZES[mime_type]
    if not content or len(content) > most:
        return Refusal(131053, f"The file has {len(content)} bytes; {mime_type} takes from 1 to {most}.")
    return None


def fits(kind: str, mime_type: str, *, voice: bool) -> bool:
    """Whether a message of ``kind`` may hold a file of ``mime_type``; voice messages are Ogg only."""
    return mime_type in _FITTING.get(kind, ()) and not (voice and mime_type != "audio/ogg")


def _animated(webp: bytes) -> bool:
    """Whether the extended header of a WebP file has the animation flag (WebP container specification)."""
    return webp[12:16] == b"VP8X" and len(webp) > 20 and bool(webp[20] & 2)  # noqa: PLR2004 - offsets of that header


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


_PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _png_chunk(b"IHDR", bytes((0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0)))
    + _png_chunk(b"IDAT", zlib.compress(b"\x00\x80\x80\x80"))
    + _png_chunk(b"IEND", b"")
)
_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP" + "/" * 86 + "wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)
_WEBP = base64.b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
SAMPLES: MappingProxyType[str, bytes] = MappingProxyType(
    {
        "image/jpeg": _JPEG,
        "image/png": _PNG,
        "image/webp": _WEBP,
        # The first bytes that tell these apart; nothing in them plays.
        "audio/ogg": b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00",
        "audio/aac": b"\xff\xf1\x50\x80\x00\x1f\xfc",
        "video/mp4": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
        "application/pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
    }
)
