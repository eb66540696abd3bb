"""What an examination finds: how bad it is, what it is about, and what to do. Pure."""

from enum import StrEnum
from typing import NamedTuple


class Grade(StrEnum):
    """How bad it is. Only FAIL makes an installation unfit."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """One thing that was looked at; ``advice`` says what to do, and is empty when there is nothing to do."""

    grade: Grade
    about: str
    found: str
    advice: str = ""


def ok(about: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(Grade.OK, about, found)


def warn(about: str, found: str, advice: str) -> Finding:
    """It works, and may cost something one day."""
    return Finding(Grade.WARN, about, found, advice)


def fail(about: str, found: str, advice: str) -> Finding:
    """It does not work, or loses something."""
    return Finding(Grade.FAIL, about, found, advice)
