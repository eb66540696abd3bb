"""Endpoints that no Cloud API has: what the observer saw, and switches for tests.

They ask for no token: serve them to tests only.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from connector.simulator import observer_queries, switches
from connector.simulator.asgi import RequestError
from connector.simulator.fault_endpoints import add_fault, remove_fault
from connector.simulator.fault_kinds import AnyFault
from connector.simulator.observer_endpoints import observe
from connector.simulator.settings_business import TemplateSettings
from connector.simulator.settings_types import Section
from connector.simulator.switch_bodies import (
    AccountChange,
    EventRequest,
    InboundRequest,
    NumberChange,
    TemplateChange,
    TokenChange,
    Upgrade,
    UserChange,
    WebhookChange,
)
from connector.simulator.switches import known_number, set_number

if TYPE_CHECKING:
    from connector.simulator.app import Simulator

__all__ = [
    "InboundRequest",
    "NumberChange",
    "RequestError",
    "WebhookChange",
    "send_inbound",
    "serve",
    "set_number",
    "set_webhook",
]


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
        case ["faults"]:
            return {"id": add_fault(simulator, msgspec.json.decode(payload, type=AnyFault))}
        case ["inbound"]:
            return {"ids": send_inbound(simulator, msgspec.json.decode(payload, type=InboundRequest))}
        case ["webhook"]:
            return await set_webhook(simulator, msgspec.json.decode(payload, type=WebhookChange))
    return _switch(simulator, what, payload)


def _switch(simulator: "Simulator", what: list[str], payload: bytes) -> Any:
    """Change something about the business, as the table says."""
    for pattern, (body, change) in _SWITCHES.items():
        if len(pattern) == len(what) and _fits(pattern, what):
            named = [given for part, given in zip(pattern, what, strict=True) if not part]
            return change(simulator, *named, msgspec.json.decode(payload, type=body))
    return None


def _fits(pattern: tuple[str, ...], what: list[str]) -> bool:
    return all(given == part if part else given for part, given in zip(pattern, what, strict=True))


# Path below /_admin, with an empty part for each id or name; the body; what it does.
_SWITCHES: dict[tuple[str, ...], tuple[type[Section], Callable[..., dict[str, Any]]]] = {
    ("numbers", ""): (NumberChange, set_number),
    ("numbers", "", "upgrade"): (Upgrade, switches.upgrade_number),
    ("accounts", ""): (AccountChange, switches.set_account),
    ("tokens",): (TokenChange, switches.set_token),
    ("templates",): (TemplateSettings, switches.put_template),
    ("templates", ""): (TemplateChange, switches.change_template),
    ("users", ""): (UserChange, switches.set_user),
    ("events",): (EventRequest, switches.send_events),
}


def send_inbound(simulator: "Simulator", request: InboundRequest) -> list[str]:
    """Let messages come in now; their ids.

    Raises:
        RequestError: the number is not known, or there is none yet.
    """
    number = known_number(simulator, request.number)
    content = request.message
    if content is None and request.text is not None:
        content = {"type": "text", "text": {"body": request.text}}
    return [simulator.arrivals.receive(number, request.kind, request.sender, content) for _ in range(request.count)]


async def set_webhook(simulator: "Simulator", change: WebhookChange) -> dict[str, Any]:
    """Send webhooks elsewhere, or otherwise, from now on.

    Raises:
        RequestError: the URL did not pass the handshake.
    """
    given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
    verify_token = given.pop("verify_token")
    url = given.get("url")
    if url is not None and verify_token is not None and not await simulator.sender.handshake(url, verify_token):
        message = f"{url} did not answer 200 with the challenge"
        raise RequestError(message)
    settings = msgspec.structs.replace(simulator.sender.settings, **given)
    simulator.sender.change(settings)
    return {"url": settings.url}
