"""Who may talk to the webhook: Meta's signature over a body, and the handshake that sets the callback address.

Both are decided on bytes as they came, before anything is parsed.
"""

import hmac
import re
from collections.abc import Mapping, Sequence

_HEADER = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)
# Meta sends a decimal number. A wider set is let through, but nothing that a browser could take for markup.
_CHALLENGE = re.compile(r"[A-Za-z0-9_.~-]{1,256}", re.ASCII)


def verify(raw: bytes, header: str | None, secrets: Sequence[bytes]) -> bool:
    """Tell whether one of the app secrets signed these bytes.

    Args:
        raw: The body exactly as received. Meta signs the bytes on the wire (webhook set-up guide, 2026-09-11); a body
            that was decoded and encoded again has another signature.
        header: The value of ``X-Hub-Signature-256``, ``sha256=`` and 64 lower-case hex digits.
        secrets: App secrets; several during a rotation, or when several apps share the address. Empty ones match
            nothing.

    Returns:
        True when a secret matches. A missing or malformed header is False. Every secret is tried, so that the time
        taken does not tell which one matched.
    """
    match = _HEADER.fullmatch(header) if header is not None else None
    if match is None:
        return False
    given = bytes.fromhex(match[1])
    matches = [hmac.compare_digest(hmac.digest(secret, raw, "sha256"), given) for secret in secrets if secret]
    return any(matches)


def handshake(query: Mapping[str, str], tokens: Sequence[bytes]) -> str | None:
    """Check the GET that Meta sends when the callback address or token is edited (webhook set-up guide, 2026-09-11).

    Args:
        query: The decoded query string: ``hub.mode``, ``hub.verify_token``, ``hub.challenge``.
        tokens: Verify tokens that are accepted; empty ones match nothing.

    Returns:
        The challenge to answer with, at most 256 unreserved URL characters, or None when the request is not Meta's.
    """
    given = query.get("hub.verify_token", "").encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(token, given) for token in tokens if token]
    challenge = query.get("hub.challenge", "")
    if query.get("hub.mode") != "subscribe" or not any(matches) or _CHALLENGE.fullmatch(challenge) is None:
        return None
    return challenge
