"""The WhatsApp Business Accounts: what the API says about each, and what keeps its numbers from sending.

Source: Meta, error codes and messaging health pages, 2026-09-11.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from connector.simulator import ids
from connector.simulator.errors import Refusal
from connector.simulator.settings_business import AccountSettings, Block, MessagingLimit

BLOCKED: MappingProxyType[Block, Refusal] = MappingProxyType(
    {
        "locked": Refusal(131031, "The account is locked because of a policy violation, or its data did not match."),
        "restricted": Refusal(368, "The account is restricted because of a policy violation."),
        "disabled": Refusal(368, "The account is disabled because of a policy violation."),
        "payment": Refusal(131042, "The message was not sent because of a problem with the payment method."),
    }
)
# Meta, messaging health page, 2026-06: codes of this node are their own; 141006 is the payment method's.
_HEALTH_ERRORS: dict[Block, tuple[int, str, str]] = {
    "locked": (141010, "The account is locked.", "Appeal in the Business Support Home."),
    "restricted": (141010, "The account is restricted.", "Wait for the restriction's end, or appeal."),
    "disabled": (141010, "The account is disabled.", "Appeal in the Business Support Home."),
    "payment": (141006, "There is an error with the payment method.", "Add a new payment method to the account."),
}


class Account:
    """One WhatsApp Business Account, as it stands now.

    Args:
        settings: how it starts.
        business_id: the portfolio it belongs to.
    """

    def __init__(self, settings: AccountSettings, business_id: str = "") -> None:
        self.id = settings.id
        self.name = settings.name
        self.block: Block | None = settings.block
        self.marketing_on_messages = settings.marketing_on_messages
        self.subscribed = settings.subscribed
        self.business_id = business_id
        self.messaging_limit: MessagingLimit = "TIER_UNLIMITED"

    def refusal(self) -> Refusal | None:
        """Why no number of this account may send, if so."""
        return None if self.block is None else BLOCKED[self.block]

    def health(self) -> dict[str, Any]:
        """This account among the ``entities`` of a health status."""
        entity: dict[str, Any] = {"entity_type": "WABA", "id": self.id, "can_send_message": "AVAILABLE"}
        if self.block is not None:
            code, description, solution = _HEALTH_ERRORS[self.block]
            entity["can_send_message"] = "BLOCKED"
            entity["errors"] = [
                {"error_code": code, "error_description": description, "possible_solution": solution},
            ]
        return entity

    def apps(self) -> list[dict[str, Any]]:
        """The apps subscribed to its webhooks (Meta, manage webhooks, 2026-06)."""
        link = f"https://www.facebook.com/games/?app_id={ids.APP_ID}"
        app = {"id": ids.APP_ID, "link": link, "name": "Simulated App"}
        return [{"whatsapp_business_api_data": app}] if self.subscribed else []

    def fields(self) -> Mapping[str, Any]:
        """Every field that ``GET /{account}?fields=`` knows."""
        return {
            "name": self.name,
            "currency": "USD",
            "timezone_id": "1",
            "country": "US",
            "message_template_namespace": "58e6d318_b627_4112_b9c7_2961197553ea",
            "account_review_status": "REJECTED" if self.block == "disabled" else "APPROVED",
            "business_verification_status": "verified",
            "ownership_type": "SELF",
            "status": "INACTIVE" if self.block in ("locked", "disabled") else "ACTIVE",
            "owner_business_info": {"id": self.business_id, "name": self.name},
            "whatsapp_business_manager_messaging_limit": self.messaging_limit,
            "health_status": health_status(self.business_id, [self.health()]),
        }


class Accounts:
    """All accounts by id.

    Args:
        listed: those known from the start.
        business_id: the portfolio.
    """

    def __init__(self, listed: Iterable[AccountSettings], business_id: str) -> None:
        self._business_id = business_id
        self._accounts = {settings.id: Account(settings, business_id) for settings in listed}

    def find(self, account_id: str) -> Account | None:
        """The account, if it is known."""
        return self._accounts.get(account_id)

    def of(self, account_id: str) -> Account:
        """The account of a number, created when it is not there."""
        account = self._accounts.get(account_id)
        if account is None:
            account = self._accounts[account_id] = Account(AccountSettings(id=account_id), self._business_id)
        return account


def health_status(business_id: str, entities: list[dict[str, Any]]) -> dict[str, Any]:
    """The ``health_status`` of a node: its own entities, then business and app, and the worst of them all."""
    above = [
        {"entity_type": "BUSINESS", "id": business_id, "can_send_message": "AVAILABLE"},
        {"entity_type": "APP", "id": ids.APP_ID, "can_send_message": "AVAILABLE"},
    ]
    everything = [*entities, *above]
    states = {entity["can_send_message"] for entity in everything}
    overall = next(state for state in ("BLOCKED", "LIMITED", "AVAILABLE") if state in states)
    return {"can_send_message": overall, "entities": everything}
