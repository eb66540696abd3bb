"""The media store: uploads and inbound media by id, and download URLs that expire.

Source: Meta, media page, 2026-06 and 2026-09-11: uploads live 30 days, media of inbound messages 7 days, URLs five
minutes; a download needs the token and answers 404 when it fails. An id belongs to the number it was uploaded for.
"""

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlencode

from connector.simulator import ids, media_kinds
from connector.simulator.errors import Refusal, unknown_object
from connector.simulator.multipart import Part
from connector.simulator.settings_business import MediaSettings

DOWNLOAD_PATH = "/whatsapp_business/attachments/"
UPLOAD_LIFE_S = 30 * 86_400
INBOUND_LIFE_S = 7 * 86_400
WRONG_NUMBER = Refusal(100, message="(#100) Param phone_number_id is not a valid whatsapp business phone number id ID")


class Medium(NamedTuple):
    """One file.

    Attributes:
        number_id: it belongs to.
        expires_ms: when it is gone, milliseconds since the Unix epoch.
        weight: bytes that count against the store's bound; nothing for samples, which share their bytes.
    """

    id: str
    number_id: str
    mime_type: str
    content: bytes
    sha256: bytes
    expires_ms: int
    weight: int

    @property
    def digest(self) -> str:
        """The SHA-256 as webhooks have it: base64; the API itself says it in hex."""
        return base64.b64encode(self.sha256).decode()


class MediaStore:
    """The media of all numbers.

    Args:
        settings: bounds and life of URLs.
        random: source of ids, and of the key that download URLs are made with.
    """

    def __init__(self, settings: MediaSettings, random: Random) -> None:
        self._settings = settings
        self._random = random
        self._key = random.randbytes(32)
        self._media: OrderedDict[str, Medium] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._media)

    def upload(self, number_id: str, form: Mapping[str, Part], now_ms: int) -> str | Refusal:
        """Keep what ``POST /{number}/media`` brings; its id."""
        product = form.get("messaging_product")
        if product is None or product.content != b"whatsapp":
            return Refusal(100, "The parameter messaging_product is required and must be whatsapp.")
        file = form.get("file")
        if file is None:
            return Refusal(100, "The parameter file is required.")
        if "type" not in form:
            return Refusal(100, "The parameter type is required.")
        mime_type = file.content_type or form["type"].content[:128].decode("latin-1").lower()
        return media_kinds.refused(mime_type, file.content) or self._keep(
            number_id, mime_type, file.content, now_ms + UPLOAD_LIFE_S * 1000, len(file.content)
        )

    def receive(self, number_id: str, mime_type: str, now_ms: int) -> Medium:
        """Let a sample of ``mime_type`` come in with a message."""
        content = media_kinds.SAMPLES[mime_type]
        return self._media[self._keep(number_id, mime_type, content, now_ms + INBOUND_LIFE_S * 1000, 0)]

    def _keep(self, number_id: str, mime_type: str, content: bytes, expires_ms: int, weight: int) -> str:
        digest = hashlib.sha256(content).digest()
        medium_id = ids.media_id(self._random)
        self._media[medium_id] = Medium(medium_id, number_id, mime_type, content, digest, expires_ms, weight)
        self._bytes += weight
        while len(self._media) > 1 and (
            self._bytes > self._settings.total_max_bytes or len(self._media) > self._settings.count_max
        ):
            self._forget(next(iter(self._media)))
        return medium_id

    def _forget(self, medium_id: str) -> None:
        self._bytes -= self._media.pop(medium_id).weight

    def find(self, medium_id: str, now_ms: int) -> Medium | None:
        """The medium, unless it has expired at ``now_ms``."""
        medium = self._media.get(medium_id)
        if medium is not None and now_ms >= medium.expires_ms:
            self._forget(medium_id)
            return None
        return medium

    def sendable(self, number_id: str, medium_id: str, now_ms: int) -> Medium | None:
        """The medium, when that number may send it."""
        medium = self.find(medium_id, now_ms)
        return medium if medium is not None and medium.number_id == number_id else None

    def read(self, medium: Medium, number_id: str | None, base_url: str, now_ms: int) -> dict[str, Any] | Refusal:
        """The answer to ``GET /{medium}``; with ``number_id`` only when it is the medium's."""
        if number_id is not None and number_id != medium.number_id:
            return WRONG_NUMBER
        return {
            "messaging_product": "whatsapp",
            "url": self.url(medium.id, base_url, now_ms),
            "mime_type": medium.mime_type,
            "sha256": medium.sha256.hex(),
            "file_size": len(medium.content),
            "id": medium.id,
        }

    def delete(self, medium_id: str, number_id: str | None, now_ms: int) -> dict[str, Any] | Refusal:
        """The answer to ``DELETE /{medium}``."""
        medium = self.find(medium_id, now_ms)
        if medium is None:
            return unknown_object("delete", medium_id)
        if number_id is not None and number_id != medium.number_id:
            return WRONG_NUMBER
        self._forget(medium_id)
        return {"success": True}

    def url(self, medium_id: str, base_url: str, now_ms: int) -> str:
        """A download URL that is good from ``now_ms`` until its life is over."""
        until_s = int(now_ms / 1000 + self._settings.url_valid_s)
        query = {"mid": medium_id, "ext": until_s, "hash": self._seal(medium_id, str(until_s))}
        return f"{base_url}{DOWNLOAD_PATH}?{urlencode(query)}"

    def download(self, query: Mapping[str, str], now_ms: int) -> Medium | None:
        """What a download URL names; None when it has expired, is not ours, or the medium is gone."""
        medium_id, until_s = query.get("mid", ""), query.get("ext", "")
        if not hmac.compare_digest(self._seal(medium_id, until_s).encode(), query.get("hash", "").encode()):
            return None
        return self.find(medium_id, now_ms) if now_ms < int(until_s) * 1000 else None

    def _seal(self, medium_id: str, until_s: str) -> str:
        sealed = hmac.new(self._key, f"{medium_id}|{until_s}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(sealed[:16]).decode().rstrip("=")
