"""What must not be readable in a log, by type: a value wrapped here prints masked wherever it ends up."""

import re

PHONE_SHOWN = 4
REMOVED = "[removed]"
# Shorter runs are ports, codes and line numbers. Longer ones than a phone's 15 digits are masked too: an offset less in
# a log harms nobody.
_PHONE = re.compile(r"\+?\d{7,}")
# Behind "wamid." stands base64 of a structure that begins with the person's phone; its end is the message's own part
# (samples in Meta, messages, 2026-09-11).
_MESSAGE_ID = re.compile(r"wamid\.[A-Za-z0-9+/_=-]*")
_MESSAGE_ID_SHOWN = 8
_MESSAGE_ID_HIDDEN_MIN = 24


class Masked:
    """A value that prints masked: in ``str``, ``repr``, formats and logs alike. There is no way but :meth:`reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that needs it."""
        return self._value

    def __str__(self) -> str:
        return REMOVED

    def __repr__(self) -> str:
        return str(self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Secret(Masked):
    """A token, a key or a message's text: nothing of it is shown."""

    __slots__ = ()


class Phone(Masked):
    """A person's phone or user id: the last four characters are shown, enough to follow one person in a log."""

    __slots__ = ()

    def __str__(self) -> str:
        return mask(self._value)


def mask(value: str) -> str:
    """The last four characters behind a fixed number of stars; all stars when there are hardly more."""
    return f"***{value[-PHONE_SHOWN:]}" if len(value) > 2 * PHONE_SHOWN - 2 else "***"


def mask_phones(text: str) -> str:
    """The text with each run of 7 and more digits masked."""
    return _PHONE.sub(lambda found: mask(found[0]), text)


def mask_message_ids(text: str) -> str:
    """The text with each of Meta's message ids cut to its last eight characters: what is before holds a phone."""
    return _MESSAGE_ID.sub(lambda found: _masked_message_id(found[0]), text) if "wamid." in text else text


def _masked_message_id(message_id: str) -> str:
    hidden = len(message_id) - len("wamid.") - _MESSAGE_ID_SHOWN
    return f"wamid.***{message_id[-_MESSAGE_ID_SHOWN:]}" if hidden >= _MESSAGE_ID_HIDDEN_MIN else "wamid.***"
