"""Identifiers in the shapes Meta gives them."""

import base64
import hashlib
from random import Random

APP_ID = "670843887433847"
_OUTBOUND = b"\x15\x02\x00\x11\x18\x12"
_INBOUND = b"\x15\x02\x00\x12\x18\x14"


def outbound_message_id(random: Random, recipient: str) -> str:
    """A wamid for a message to ``recipient``: base64 of a small frame around it and 72 random bits."""
    return _framed(_OUTBOUND, recipient, f"{random.getrandbits(72):018X}")


def inbound_message_id(random: Random, sender: str) -> str:
    """A wamid for a message from ``sender``."""
    return _framed(_INBOUND, sender, f"3A{random.getrandbits(72):018X}")


def trace_id(random: Random) -> str:
    """An ``fbtrace_id``: 23 characters that begin with A."""
    return "A" + base64.urlsafe_b64encode(random.getrandbits(136).to_bytes(17, "big"))[:22].decode()


def media_id(random: Random) -> str:
    """The id of a media object: 15 or 16 digits."""
    return str(random.randrange(10**14, 10**16))


def _framed(frame: bytes, party: str, token: str) -> str:
    name = party.encode()[:64]
    raw = b"\x1c\x18" + bytes((len(name),)) + name + frame + token.encode() + b"\x00"
    return "wamid." + base64.b64encode(raw).decode()


def user_id(wa_id: str) -> str:
    """The business-scoped user id of a phone, always the same one."""
    digest = hashlib.sha256(wa_id.encode()).digest()
    return f"US.{int.from_bytes(digest[:8], 'big') % 10**17:017d}"


def template_id(*place: str) -> str:
    """The id of the template of that account, name and language, always the same one: 15 digits."""
    digest = hashlib.sha256("|".join(place).encode()).digest()
    return str(10**14 + int.from_bytes(digest[:8], "big") % (9 * 10**14))
