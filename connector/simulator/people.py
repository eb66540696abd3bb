"""What is known of the users: who wrote when, and who wants no marketing.

A user is one person however written to: a phone counts as its business-scoped user id.
"""

from collections import OrderedDict

from connector.simulator import ids
from connector.simulator.validation import Recipient

# Meta, send messages page, 2026-09-11: a customer service window lasts 24 hours from the user's last message.
WINDOW_S = 86_400.0
PEOPLE_MAX = 200_000


def person(recipient: Recipient) -> str:
    """The business-scoped user id of a phone or user."""
    return ids.user_id(recipient.id) if recipient.kind == "phone" else recipient.id


class People:
    """The users of all numbers.

    Bounded: the windows that were opened longest ago are forgotten first, as are the oldest opt-outs.
    """

    def __init__(self) -> None:
        self._heard: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._opted_out: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._heard)

    def heard(self, number_id: str, user_id: str, now_s: float) -> None:
        """Note that a user wrote to a number at ``now_s``, monotonic seconds: the window is open from now on."""
        self._heard[number_id, user_id] = now_s
        self._heard.move_to_end((number_id, user_id))
        for _ in range(2):
            key, at_s = next(iter(self._heard.items()))
            if now_s - at_s < WINDOW_S and len(self._heard) <= PEOPLE_MAX:
                return
            del self._heard[key]

    def window_open(self, number_id: str, user_id: str, now_s: float) -> bool:
        """Whether a number may write to a user anything but templates at ``now_s``."""
        at_s = self._heard.get((number_id, user_id))
        return at_s is not None and now_s - at_s < WINDOW_S

    def stop_marketing(self, user_id: str) -> None:
        """Take a user's opt-out from marketing messages."""
        self._opted_out[user_id] = None
        if len(self._opted_out) > PEOPLE_MAX:
            self._opted_out.popitem(last=False)

    def resume_marketing(self, user_id: str) -> None:
        """Take it back."""
        self._opted_out.pop(user_id, None)

    def takes_marketing(self, user_id: str) -> bool:
        """Whether the user has not opted out."""
        return user_id not in self._opted_out
