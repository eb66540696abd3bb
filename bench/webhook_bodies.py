"""Bodies as Meta posts them under load, each one signed and each one a fact of its own."""

import hashlib
import hmac
import json
import random
from collections.abc import Iterator
from typing import Any, Final

from connector.records.envelope import Envelope, seal

PATH: Final = "/webhook"
NUMBERS: Final = 20
# Statuses and messages of a number that sends 1000 a second with 30 % replies (Meta, throughput, 2026-09-11).
MIX: Final = ("sent",) * 10 + ("delivered",) * 10 + ("read",) * 10 + ("text",) * 3
_START: Final = 1_795_500_000


def requests(count: int, secret: bytes, seed: int) -> list[bytes]:
    """``count`` signed requests of one update each, in a mix as at full load."""
    chance = random.Random(seed)
    return [request(body([_change(chance, number)]), secret) for number in range(count)]


def large_requests(count: int, updates: int, secret: bytes, seed: int, text_bytes: int = 30) -> list[bytes]:
    """``count`` signed requests of many updates each; ``text_bytes`` is the length of each inbound text."""
    chance = random.Random(seed)
    return [
        request(body([_change(chance, number * updates + item, text_bytes) for item in range(updates)]), secret)
        for number in range(count)
    ]


def one_item_requests(count: int, size: int, secret: bytes, seed: int) -> list[bytes]:
    """``count`` signed requests, each of one inbound text of ``size`` bytes."""
    chance = random.Random(seed)
    return [request(body([_text(chance, number, size)]), secret) for number in range(count)]


def body(changes: list[dict[str, Any]]) -> bytes:
    """One notification."""
    entry = {"id": "102290129340398", "changes": changes}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}, separators=(",", ":")).encode()


def request(content: bytes, secret: bytes) -> bytes:
    """The HTTP request of one body, with the headers that Meta sends."""
    return b"\r\n".join(_head(content, secret)) + b"\r\n\r\n" + content


def _head(content: bytes, secret: bytes) -> Iterator[bytes]:
    signature = hmac.new(secret, content, hashlib.sha256).hexdigest()
    yield f"POST {PATH} HTTP/1.1".encode()
    yield b"Host: hooks.example.com"
    yield b"User-Agent: facebookexternalua"
    yield b"Accept: */*"
    yield b"Accept-Encoding: deflate, gzip"
    yield b"Content-Type: application/json"
    yield b"Content-Length: %d" % len(content)
    yield f"X-Hub-Signature-256: sha256={signature}".encode()


def _change(chance: random.Random, number: int, text_bytes: int = 30) -> dict[str, Any]:
    word = MIX[number % len(MIX)]
    return _text(chance, number, text_bytes) if word == "text" else _status(chance, number, word)


def _status(chance: random.Random, number: int, word: str) -> dict[str, Any]:
    user = f"1650555{chance.randrange(10_000):04}"
    status = {
        "id": _wamid(chance),
        "status": word,
        "timestamp": str(_START + number // 3000),
        "recipient_id": user,
        "recipient_user_id": f"US.{int(user) * 7919}",
        "biz_opaque_callback_data": seal(Envelope("default", f"order-{number}", 1, None, f"campaign-{number % 7}")),
        "pricing": {"billable": True, "pricing_model": "PMP", "category": "utility", "type": "regular"},
    }
    contacts = [{"wa_id": user, "user_id": f"US.{int(user) * 7919}"}]
    return _messages_change(number, {"contacts": contacts, "statuses": [status]})


def _text(chance: random.Random, number: int, size: int) -> dict[str, Any]:
    user = f"1650555{chance.randrange(10_000):04}"
    message = {
        "from": user,
        "from_user_id": f"US.{int(user) * 7919}",
        "id": _wamid(chance),
        "timestamp": str(_START + number // 3000),
        "text": {"body": "x" * size},
        "type": "text",
    }
    contacts = [{"profile": {"name": "Ana"}, "wa_id": user, "user_id": f"US.{int(user) * 7919}"}]
    return _messages_change(number, {"contacts": contacts, "messages": [message]})


def _messages_change(number: int, value: dict[str, Any]) -> dict[str, Any]:
    own = number % NUMBERS
    metadata = {"display_phone_number": f"1555078{own:04}", "phone_number_id": str(106_540_352_242_900 + own)}
    return {"value": {"messaging_product": "whatsapp", "metadata": metadata, **value}, "field": "messages"}


def _wamid(chance: random.Random) -> str:
    return f"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI{chance.getrandbits(96):024X}AA=="
