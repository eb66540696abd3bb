"""Business numbers by what Meta displays: account events name a number without its id. SHELL (it learns)."""

from collections.abc import Mapping
from typing import Final

from connector.ingress.fields import digits

# A provider's largest accounts have some thousands of numbers.
_LEARNED_MAX: Final = 20_000


class Numbers:
    """What this process knows of numbers.

    Args:
        configured: Ids by displayed number; they win over what is learned.
    """

    def __init__(self, configured: Mapping[str, str]) -> None:
        self._configured = {digits(displayed): id_ for displayed, id_ in configured.items()}
        self._known = dict(self._configured)

    @property
    def known(self) -> Mapping[str, str]:
        """Ids by the digits of the number."""
        return self._known

    def learn(self, displayed: str | None, phone_number_id: str | None) -> None:
        """A webhook named both. Beyond the limit what was learned first is forgotten."""
        if displayed is None or phone_number_id is None or self._known.get(displayed) == phone_number_id:
            return
        key = digits(displayed)
        if not key or key in self._configured:
            return
        self._known.pop(key, None)
        if len(self._known) >= len(self._configured) + _LEARNED_MAX:
            self._known.pop(next(found for found in self._known if found not in self._configured))
        self._known[key] = phone_number_id
