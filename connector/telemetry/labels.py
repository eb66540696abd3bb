"""The labels of the metrics: each type names them, and says what their values are."""

from typing import TypedDict


class NoLabels(TypedDict):
    """No labels: pass ``{}``."""


class Request(TypedDict):
    """``method`` in capitals, ``status`` as answered."""

    method: str
    status: int


class Kind(TypedDict):
    """What an item is."""

    kind: str


class Reason(TypedDict):
    """Why, from a closed set."""

    reason: str


class Topic(TypedDict):
    """Full name of the topic."""

    topic: str


class Check(TypedDict):
    """Name of a readiness check, as in ``/readyz``."""

    check: str


class Answer(TypedDict):
    """``http_status`` is 0 when there was no answer."""

    phone_number_id: str
    http_status: int


class Attempt(TypedDict):
    """``code`` is Meta's error code, 0 without one."""

    phone_number_id: str
    outcome: str
    code: int


Outcome = TypedDict("Outcome", {"outcome": str, "class": str})


class Queue(TypedDict):
    """Commands of one number and rank."""

    phone_number_id: str
    priority: int


class PhoneNumber(TypedDict):
    """One business number, by Meta's id."""

    phone_number_id: str


class Hold(TypedDict):
    """Why a number sends nothing."""

    phone_number_id: str
    reason: str


class LookUpEnd(TypedDict):
    """``how``: receipt, silent or unproven."""

    phone_number_id: str
    how: str


class Result(TypedDict):
    """``committed`` or ``aborted``."""

    result: str


class Waiting(TypedDict):
    """Commands of one number in one topic, where they lie."""

    phone_number_id: str
    topic: str
