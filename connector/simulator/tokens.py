"""Access tokens: which opens what, and until when.

Source: Meta, access tokens and permissions pages, 2025-12; error codes, 2026-09-11; the Graph API's debug_token
reference.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from connector.simulator import ids
from connector.simulator.errors import Refusal
from connector.simulator.settings_business import Scope, TokenSettings, TokenState

MESSAGING: Scope = "whatsapp_business_messaging"
MANAGEMENT: Scope = "whatsapp_business_management"
TOKENS_MAX = 1_000
USER_ID = "122100558218007123"

NO_TOKEN = Refusal(190, message="An access token is required to request this resource.")
BAD_TOKEN = Refusal(190, message="Invalid OAuth access token - Cannot parse access token")
EXPIRED = Refusal(190, subcode=463, message="Error validating access token: Session has expired.")
INVALIDATED = Refusal(190, subcode=467, message="Error validating access token: The session has been invalidated.")
NO_PERMISSION = Refusal(10, message="(#10) Application does not have permission for this action")
NOT_ASSIGNED = Refusal(200, message="(#200) You do not have the necessary permissions on this object.")


class Token:
    """One access token, as it stands now.

    Args:
        settings: how it starts.
        now_ms: of the start, milliseconds since the Unix epoch.
    """

    def __init__(self, settings: TokenSettings, now_ms: int) -> None:
        self.numbers = None if settings.numbers is None else frozenset(settings.numbers)
        self.scopes: tuple[Scope, ...] = settings.scopes
        self.state: TokenState = settings.state
        self.issued_ms = now_ms
        self.expires_ms = None if settings.valid_for_s is None else now_ms + int(settings.valid_for_s * 1000)

    def fault(self, now_ms: int) -> Refusal | None:
        """Why it opens nothing at ``now_ms``, if so."""
        if self.state == "invalid":
            return INVALIDATED
        if self.state == "expired" or (self.expires_ms is not None and now_ms >= self.expires_ms):
            return EXPIRED
        return None

    def lacks(self, *scopes: Scope, number_id: str | None = None) -> Refusal | None:
        """Why it may not do what needs one of ``scopes``, and that for one number when given."""
        if not any(scope in self.scopes for scope in scopes):
            return NO_PERMISSION
        if number_id is not None and self.numbers is not None and number_id not in self.numbers:
            return NOT_ASSIGNED
        return None

    def described(self, now_ms: int) -> dict[str, Any]:
        """The ``data`` of ``GET /debug_token``."""
        fault = self.fault(now_ms)
        expiry_s = 0 if self.expires_ms is None else self.expires_ms // 1000
        data: dict[str, Any] = {
            "app_id": ids.APP_ID,
            "type": "SYSTEM_USER",
            "application": "Simulated App",
            "data_access_expires_at": 0,
            "expires_at": expiry_s,
            "is_valid": fault is None,
            "issued_at": self.issued_ms // 1000,
            "scopes": list(self.scopes),
            "granular_scopes": [self._granular(scope) for scope in self.scopes],
            "user_id": USER_ID,
        }
        if fault is not None:
            data["error"] = {"code": fault.code, "message": fault.message, "subcode": fault.subcode}
            data["scopes"] = []
        return data

    def _granular(self, scope: Scope) -> dict[str, Any]:
        return {"scope": scope} if self.numbers is None else {"scope": scope, "target_ids": sorted(self.numbers)}


class Tokens:
    """All tokens; found by digest, so that a look-up takes as long for a near miss as for any other.

    Args:
        unbounded: tokens that open everything for ever.
        bounded: others.
        now_ms: of the start, milliseconds since the Unix epoch.
    """

    def __init__(self, unbounded: Iterable[str], bounded: Iterable[TokenSettings], now_ms: int) -> None:
        self._tokens: dict[bytes, Token] = {}
        for settings in (*(TokenSettings(token=token) for token in unbounded), *bounded):
            self._tokens[_digest(settings.token.encode())] = Token(settings, now_ms)

    def find(self, token: str) -> Token | None:
        """The token written so, if there is one."""
        return self._tokens.get(_digest(token.encode()))

    def put(self, settings: TokenSettings, now_ms: int) -> Token | None:
        """Create or replace a token; None when there are too many."""
        key = _digest(settings.token.encode())
        if key not in self._tokens and len(self._tokens) >= TOKENS_MAX:
            return None
        token = self._tokens[key] = Token(settings, now_ms)
        return token

    def authorize(self, authorization: bytes | None, now_ms: int) -> Token | Refusal:
        """The token in an Authorization header's value, or why it opens nothing."""
        if not authorization:
            return NO_TOKEN
        scheme, _, given = authorization.partition(b" ")
        token = self._tokens.get(_digest(given)) if scheme.lower() == b"bearer" else None
        if token is None:
            return BAD_TOKEN
        return token.fault(now_ms) or token

    def described(self, token: str, now_ms: int) -> dict[str, Any]:
        """The answer to ``GET /debug_token?input_token=``."""
        found = self.find(token)
        if found is None:
            error = {"code": 190, "message": "Invalid OAuth access token."}
            return {"data": {"error": error, "is_valid": False, "scopes": []}}
        return {"data": found.described(now_ms)}


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
