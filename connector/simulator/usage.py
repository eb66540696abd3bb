"""How much of the call quota is used, what the usage headers say, and when everything is refused.

Source: Meta, Graph API rate limiting, 2026: percentages in ``X-App-Usage`` and ``X-Business-Use-Case-Usage``,
throttling from 100 on. How Meta counts and for how long it refuses is not published: a sliding window and a fixed
pause stand in.
"""

import math
from collections import deque

import msgspec

from connector.simulator.errors import Refusal
from connector.simulator.settings_business import UsageSettings

FULL = 100
SLOTS = 60
Headers = list[tuple[bytes, bytes]]


class Usage:
    """The calls of one app within a window of ``SLOTS`` slots.

    Args:
        settings: the quota.
        business_id: named in the headers.
        steady_percent: told while there is no quota.
    """

    def __init__(self, settings: UsageSettings, business_id: str, steady_percent: int) -> None:
        self._calls = settings.calls
        self._slot_s = settings.window_s / SLOTS
        self._block_s = settings.block_s
        self._refusal = Refusal(settings.code, "Too many calls to the API; wait before calling again.", subcode=2446079)
        self._business_id = business_id
        self._steady_percent = steady_percent
        self._slots: deque[list[int]] = deque()
        self._total = 0
        self._blocked_until_s = -math.inf
        self._written = (steady_percent, 0)
        self._headers = _headers(business_id, *self._written)

    def count(self, now_s: float) -> Refusal | None:
        """Count one call at ``now_s``, monotonic seconds; the refusal when it is beyond the quota."""
        if self._calls is None:
            return None
        if now_s < self._blocked_until_s:
            return self._refusal
        self._add(int(now_s / self._slot_s))
        if self._total <= self._calls:
            return None
        self._blocked_until_s = now_s + self._block_s
        self._slots.clear()
        self._total = 0
        return self._refusal

    def _add(self, slot: int) -> None:
        while self._slots and self._slots[0][0] <= slot - SLOTS:
            self._total -= self._slots.popleft()[1]
        if not self._slots or self._slots[-1][0] != slot:
            self._slots.append([slot, 0])
        self._slots[-1][1] += 1
        self._total += 1

    def percent(self, now_s: float) -> int:
        """The quota used, in whole percent; over 100 while everything is refused."""
        if self._calls is None:
            return self._steady_percent
        if now_s < self._blocked_until_s:
            return FULL + 1
        return self._total * FULL // self._calls

    def minutes_left(self, now_s: float) -> int:
        """Whole minutes until calls are taken again; 0 when they are."""
        return max(0, math.ceil((self._blocked_until_s - now_s) / 60)) if now_s < self._blocked_until_s else 0

    def headers(self, now_s: float) -> Headers:
        """The usage headers at ``now_s``; written anew only when a figure has changed."""
        if self._calls is None:
            return self._headers
        figures = (self.percent(now_s), self.minutes_left(now_s))
        if figures != self._written:
            self._written = figures
            self._headers = _headers(self._business_id, *figures)
        return self._headers


def _headers(business_id: str, percent: int, minutes: int) -> Headers:
    usage = {"call_count": percent, "total_cputime": 0, "total_time": 0}
    business = {"type": "whatsapp", **usage, "estimated_time_to_regain_access": minutes}
    return [
        (b"x-app-usage", msgspec.json.encode(usage)),
        (b"x-business-use-case-usage", msgspec.json.encode({business_id: [business]})),
    ]
