"""What must not be readable in a log, by type: a value wrapped here prints masked wherever it ends up."""

import re

PHONE_SHOWN = 4
REMOVED = "[removed]"
# E.164 has 15 digits at most; shorter runs than 7 are ports, codes and line numbers.
_PHONE = re.compile(r"\+?\d{7,15}(?!\d)")


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
    """The text with each run of 7 to 15 digits masked."""
    return _PHONE.sub(lambda found: mask(found[0]), text)
