"""What the observer answers to questions over HTTP."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from connector.simulator import observer_queries
from connector.simulator.asgi import RequestError
from connector.simulator.observer import NO_CODE, Observed

if TYPE_CHECKING:
    from connector.simulator.app import Simulator

PAGE_MAX = 10_000
_TEXT_FILTERS = ("number", "recipient", "type", "callback_data", "message_id", "command", "fault", "fault_id")
_FIGURE_FILTERS = ("code", "http_status")
_SWITCH_FILTERS = ("accepted", "over_number_limit", "over_pair_limit")
MOMENTS_MAX = 1000


def observe(simulator: "Simulator", what: str, query: Mapping[str, str]) -> Any:
    """Answer one question; None when there is no such question.

    Raises:
        RequestError: a parameter that is no filter, or a figure that is none.
    """
    question = QUESTIONS.get(what)
    return None if question is None else question(simulator, query)


def requests(simulator: "Simulator", query: Mapping[str, str]) -> dict[str, Any]:
    """One page of remembered requests.

    Raises:
        RequestError: a parameter that is no field of a request, or a figure that is none.
    """
    rest = dict(query)
    start = _figure(rest.pop("start", "0"))
    limit = min(_figure(rest.pop("limit", "1000")), PAGE_MAX)
    newest_first = rest.pop("order", "oldest") == "newest"
    equal_to: dict[str, str | int | bool] = {}
    for name, value in rest.items():
        if name in _FIGURE_FILTERS:
            equal_to[name] = NO_CODE if (name, value) == ("code", "-1") else _figure(value)
        elif name in _TEXT_FILTERS:
            equal_to[name] = value
        elif name in _SWITCH_FILTERS:
            equal_to[name] = _switch(value)
        else:
            known = ", ".join(("start", "limit", "order", *_TEXT_FILTERS, *_FIGURE_FILTERS, *_SWITCH_FILTERS))
            message = f"{name} is not one of {known}"
            raise RequestError(message)
    found = simulator.observer.requests(equal_to, start=start, limit=limit, newest_first=newest_first)
    return {"fields": (*Observed._fields, "accepted", "command"), "requests": found, "next_start": start + len(found)}


def _switch(text: str) -> bool:
    if text not in ("true", "false"):
        message = f"{text} is neither true nor false"
        raise RequestError(message)
    return text == "true"


def _figure(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        message = f"{text} is no figure"
        raise RequestError(message)
    return int(text)


def commands(simulator: "Simulator", query: Mapping[str, str]) -> dict[str, Any]:
    """One page of commands with their sends, and the sums; or one command with its requests.

    Raises:
        RequestError: a figure that is none.
    """
    observer = simulator.observer
    if "command" in query:
        sends = observer.commands.of(query["command"])
        found = observer.requests({"command": query["command"]}, limit=PAGE_MAX)
        return {**(sends._asdict() if sends else {"requests": 0, "accepted": 0, "last_code": None}), "sends": found}
    start, limit = _page(query)
    least, most = _figure(query.get("accepted_min", "0")), query.get("accepted_max")
    listed = observer.commands.listing(
        start=start, limit=limit, accepted_min=least, accepted_max=None if most is None else _figure(most)
    )
    return {**observer.commands.summary(), "commands": listed, "next_start": start + len(listed)}


def pairs(simulator: "Simulator", query: Mapping[str, str]) -> dict[str, Any]:
    """One page of pairs.

    Raises:
        RequestError: a figure that is none.
    """
    start, limit = _page(query)
    number, recipient = query.get("number"), query.get("recipient")
    return observer_queries.pairs(simulator.observer, number=number, recipient=recipient, start=start, limit=limit)


def _page(query: Mapping[str, str]) -> tuple[int, int]:
    return _figure(query.get("start", "0")), min(_figure(query.get("limit", "1000")), PAGE_MAX)


def summary(simulator: "Simulator", _query: Mapping[str, str]) -> dict[str, Any]:
    """All sums."""
    return simulator.observer.summary()


def webhooks(simulator: "Simulator", _query: Mapping[str, str]) -> dict[str, Any]:
    """The sums of the webhooks."""
    return simulator.sender.outbox.summary()


def calls(simulator: "Simulator", query: Mapping[str, str]) -> dict[str, Any]:
    """One page of requests that send nothing.

    Raises:
        RequestError: a figure that is none.
    """
    start, limit = _page(query)
    found = simulator.observer.calls(start=start, limit=limit)
    return {"calls": found, "next_start": start + len(found)}


def seconds(simulator: "Simulator", _query: Mapping[str, str]) -> dict[str, Any]:
    """Each number's fullest sliding seconds."""
    limits = {number.id: number.window.limit for number in simulator.cloud.numbers.all()}
    return observer_queries.seconds(simulator.observer, limits, moments_max=MOMENTS_MAX)


QUESTIONS: Mapping[str, Callable[["Simulator", Mapping[str, str]], Any]] = MappingProxyType(
    {
        "summary": summary,
        "webhooks": webhooks,
        "requests": requests,
        "commands": commands,
        "pairs": pairs,
        "calls": calls,
        "seconds": seconds,
    }
)
