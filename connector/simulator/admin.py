"""Endpoints that no Cloud API has: what the observer saw, and switches for tests.

They ask for no token: serve them to tests only.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from connector.simulator import observer_queries
from connector.simulator.asgi import RequestError
from connector.simulator.fault_endpoints import add_fault, remove_fault
from connector.simulator.fault_kinds import AnyFault
from connector.simulator.observer_endpoints import observe
from connector.simulator.settings import InboundKind, Level, WebhookUrl

if TYPE_CHECKING:
    from connector.simulator.app import Simulator


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class NumberChange(_Body, frozen=True):
    """The body of ``POST /_admin/numbers/{id}``; see :class:`~connector.simulator.settings.NumberSettings`."""

    level: Level | None = None
    mps: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None


class InboundRequest(_Body, frozen=True):
    """The body of ``POST /_admin/inbound``.

    Attributes:
        number: the ``phone_number_id`` that is written to; the first one known when missing.
        sender: digits of the user's phone; one of the made-up users when missing.
        kind: what the message is, unless ``text`` or ``message`` says so.
        text: a text message with this body.
        message: the message itself as Meta would send it; id, sender and timestamp are added where they lack.
        count: how many.
    """

    number: str | None = None
    sender: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{5,15}$")] | None = None
    kind: InboundKind = "text"
    text: str | None = None
    message: dict[str, Any] | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1


class WebhookChange(_Body, frozen=True):
    """The body of ``POST /_admin/webhook``.

    Attributes:
        url: where webhooks go from now on; null for nowhere.
        verify_token: when given, the URL must first pass Meta's handshake with it.
    """

    url: WebhookUrl | None = None
    verify_token: str | None = None


async def serve(
    simulator: "Simulator", method: str, path: str, query: Mapping[str, str], payload: bytes | None
) -> tuple[int, bytes]:
    """Answer one request: HTTP status and JSON body."""
    if (method, path) == ("GET", "/_observer/acceptances"):
        return 200, observer_queries.ledger(simulator.observer)
    try:
        found = await _route(simulator, method, path, query, payload or b"{}")
    except (RequestError, msgspec.DecodeError) as error:
        return 400, msgspec.json.encode({"error": str(error)})
    if found is None:
        return 404, msgspec.json.encode({"error": f"{method} {path} is not served"})
    return 200, msgspec.json.encode(found)


async def _route(simulator: "Simulator", method: str, path: str, query: Mapping[str, str], payload: bytes) -> Any:
    match method, path.split("/")[1:]:
        case "GET", ["_observer", what]:
            return observe(simulator, what, query)
        case "GET", ["_admin", what]:
            return _state(simulator, what)
        case "DELETE", ["_admin", "faults", *fault_id]:
            return remove_fault(simulator, "/".join(fault_id) or None)
        case "POST", ["_observer", "reset"]:
            simulator.reset()
            return {"success": True}
        case "POST", ["_admin", *what]:
            return await _change(simulator, what, payload)
    return None


def _state(simulator: "Simulator", what: str) -> Any:
    match what:
        case "faults":
            return {"faults": simulator.faults.listing(simulator.clock.monotonic())}
        case "scenario":
            return simulator.scenario.listing()
    return None


async def _change(simulator: "Simulator", what: list[str], payload: bytes) -> Any:
    match what:
        case ["numbers", number_id]:
            return set_number(simulator, number_id, msgspec.json.decode(payload, type=NumberChange))
        case ["faults"]:
            return {"id": add_fault(simulator, msgspec.json.decode(payload, type=AnyFault))}
        case ["inbound"]:
            return {"ids": send_inbound(simulator, msgspec.json.decode(payload, type=InboundRequest))}
        case ["webhook"]:
            return await set_webhook(simulator, msgspec.json.decode(payload, type=WebhookChange))
    return None


def set_number(simulator: "Simulator", number_id: str, change: NumberChange) -> dict[str, Any]:
    """Create the number if need be, and set its level, its limit or both.

    Raises:
        RequestError: the id is none, or there are too many numbers.
    """
    number = simulator.cloud.numbers.add(number_id)
    if number is None:
        message = f"{number_id} is no phone number id, or there are too many numbers"
        raise RequestError(message)
    if change != NumberChange():
        number.set_limit(change.level, change.mps)
    return {"id": number.id, "level": number.level, "mps": number.window.limit}


def send_inbound(simulator: "Simulator", request: InboundRequest) -> list[str]:
    """Let messages come in now; their ids.

    Raises:
        RequestError: the number is not known, or there is none yet.
    """
    numbers = simulator.cloud.numbers
    known = numbers.all()
    number = numbers.find(request.number) if request.number is not None else (known[0] if known else None)
    if number is None:
        message = "the number is not known" if request.number is not None else "there is no number yet"
        raise RequestError(message)
    content = request.message
    if content is None and request.text is not None:
        content = {"type": "text", "text": {"body": request.text}}
    return [simulator.arrivals.receive(number, request.kind, request.sender, content) for _ in range(request.count)]


async def set_webhook(simulator: "Simulator", change: WebhookChange) -> dict[str, Any]:
    """Send webhooks elsewhere from now on.

    Raises:
        RequestError: the URL did not pass the handshake.
    """
    checked = change.url is not None and change.verify_token is not None
    if checked and not await simulator.sender.handshake(change.url or "", change.verify_token or ""):
        message = f"{change.url} did not answer 200 with the challenge"
        raise RequestError(message)
    simulator.sender.url = change.url
    return {"url": change.url}
