"""Recipients that provoke an error, so that tests and demos need no other switch.

Built in: the unassigned country code 999, then 0 or 1, then the error's code in six digits. ``+999 0 131056`` refuses
the request with 131056; ``+999 1 131026`` accepts it and lets a ``failed`` status with 131026 follow. The same
suffix on a business-scoped user id does the same.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from connector.simulator.settings import RecipientRule
from connector.simulator.validation import Recipient

_MAGIC = re.compile(r"999([01])([0-9]{6})$")


class Provoked(NamedTuple):
    """An error to give, and the way it comes."""

    code: int
    by: Literal["answer", "webhook"]


class Provocations:
    """The rules about certain recipients.

    Args:
        rules: own rules; the first that fits wins, before the built-in ones.
        magic: whether the built-in ones hold.
    """

    def __init__(self, rules: Sequence[RecipientRule], *, magic: bool) -> None:
        self._rules = tuple(rules)
        self._magic = magic

    def of(self, recipient: Recipient) -> Provoked | None:
        """The error for ``recipient``, if there is one."""
        for rule in self._rules:
            if recipient.id.endswith(rule.ends_with):
                return Provoked(rule.code, rule.by)
        found = _MAGIC.search(recipient.id) if self._magic and recipient.kind != "group" else None
        if found is None:
            return None
        return Provoked(int(found[2]), "webhook" if found[1] == "1" else "answer")
