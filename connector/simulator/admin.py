"""Endpoints that no Cloud API has: what the observer saw, and switches for tests.

They ask for no token: serve them to tests only.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from connector.simulator.observer import Observed
from connector.simulator.settings import SettingsError, Level

if TYPE_CHECKING:
    from connector.simulator.app import Simulator

PAGE_MAX = 10_000
_TEXT_FILTERS = ("number", "recipient", "type", "callback_data", "message_id")
_FIGURE_FILTERS = ("code", "http_status")


class NumberChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of ``POST /_admin/numbers/{id}``."""

    level: Level | None = None
    mps: int | None = None


class RequestError(ValueError):
    """A request to these endpoints that makes no sense; the message says why."""


async def serve(
    simulator: "Simulator", method: str, path: str, query: Mapping[str, str], payload: bytes | None
) -> tuple[int, bytes]:
    """Answer one request: HTTP status and JSON body."""
    try:
        found = _route(simulator, method, path, query, payload or b"")
    except (RequestError, SettingsError, msgspec.DecodeError) as error:
        return 400, msgspec.json.encode({"error": str(error)})
    if found is None:
        return 404, msgspec.json.encode({"error": f"{method} {path} is not served"})
    return 200, msgspec.json.encode(found)


def _route(simulator: "Simulator", method: str, path: str, query: Mapping[str, str], payload: bytes) -> Any:
    match method, path.split("/")[1:]:
        case "GET", ["_observer", "summary"]:
            return simulator.observer.summary()
        case "GET", ["_observer", "requests"]:
            return requests(simulator, query)
        case "POST", ["_observer", "reset"]:
            simulator.observer.reset()
            return {"success": True}
        case "POST", ["_admin", "numbers", number_id]:
            return set_number(simulator, number_id, msgspec.json.decode(payload or b"{}", type=NumberChange))
    return None


def set_number(simulator: "Simulator", number_id: str, change: NumberChange) -> dict[str, Any]:
    """Create the number if need be, and set its level, its limit or both."""
    number = simulator.cloud.numbers.add(number_id)
    if number is None:
        message = f"{number_id} is no phone number id, or there are too many numbers"
        raise RequestError(message)
    if change.mps is not None and change.mps < 1:
        message = "mps must be at least 1"
        raise RequestError(message)
    if change != NumberChange():
        number.set_limit(change.level, change.mps)
    return {"id": number.id, "level": number.level, "mps": number.window.limit}


def requests(simulator: "Simulator", query: Mapping[str, str]) -> dict[str, Any]:
    """One page of remembered requests.

    Raises:
        RequestError: a parameter that is no field of a request, or a figure that is none.
    """
    rest = dict(query)
    start = _figure(rest.pop("start", "0"))
    limit = min(_figure(rest.pop("limit", "1000")), PAGE_MAX)
    newest_first = rest.pop("order", "oldest") == "newest"
    equal_to: dict[str, str | int] = {}
    for name, value in rest.items():
        if name in _FIGURE_FILTERS:
            equal_to[name] = _figure(value)
        elif name in _TEXT_FILTERS:
            equal_to[name] = value
        else:
            known = ", ".join(("start", "limit", "order", *_TEXT_FILTERS, *_FIGURE_FILTERS))
            message = f"{name} is not one of {known}"
            raise RequestError(message)
    found = simulator.observer.requests(equal_to, start=start, limit=limit, newest_first=newest_first)
    return {"fields": Observed._fields, "requests": found, "next_start": start + len(found)}


def _figure(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        message = f"{text} is no figure"
        raise RequestError(message)
    return int(text)
