"""Everything of the API but sends: numbers, accounts, templates, media, tokens. PURE; time is passed in."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from connector.simulator import fields
from connector.simulator.accounts import Account
from connector.simulator.business import Business
from connector.simulator.errors import Refusal, unknown_object
from connector.simulator.media import Medium
from connector.simulator.multipart import MalformedForm, parse
from connector.simulator.numbers import DEFAULT_FIELDS, NODE, Number
from connector.simulator.tokens import MANAGEMENT, MESSAGING, Token

ACCOUNT_NODE = "WhatsAppBusinessAccount"
ACCOUNT_FIELDS = ("name", "currency", "timezone_id", "message_template_namespace")
TOO_LARGE = Refusal(131053, "The file has more bytes than any type of media may have.")

Found = dict[str, Any] | Refusal


class Call(NamedTuple):
    """One request to a node or edge, its caller known.

    Attributes:
        path: without version.
        base_url: ``scheme://host`` that it came to.
        now_s: monotonic seconds.
        now_ms: milliseconds since the Unix epoch.
    """

    method: str
    path: list[str]
    query: Mapping[str, str]
    base_url: str
    token: Token
    now_s: float
    now_ms: int

    @property
    def url(self) -> str:
        """Its address without the query."""
        return f"{self.base_url}/{'/'.join(self.path)}"


class Nodes:
    """Answers to everything but sends.

    Args:
        business: what is told about.
    """

    def __init__(self, business: Business) -> None:
        self._business = business

    def answer(self, call: Call) -> Found:
        """The body of the answer, or the refusal."""
        match call.method, call.path:
            case "GET", ["debug_token"]:
                return self._debug_token(call)
            case "GET", [node_id] if node_id:
                return self._read(call, node_id)
            case "GET", [account_id, "message_templates" | "phone_numbers" | "subscribed_apps" as edge]:
                return self._list(call, account_id, edge)
            case "DELETE", [medium_id] if medium_id:
                lacking = call.token.lacks(MESSAGING)
                return lacking or self._business.media.delete(medium_id, call.query.get("phone_number_id"), call.now_ms)
            case method, [first, *_] if first:
                return unknown_object(method, "/".join(call.path))
        return Refusal(2500, message=f"Unknown path components: /{'/'.join(call.path)}")

    def upload(self, call: Call, content_type: str, body: bytes | None) -> Found:
        """The answer to ``POST /{number}/media``; ``body`` is None when it was too large."""
        number_id = call.path[0]
        lacking = call.token.lacks(MESSAGING, number_id=number_id)
        if lacking is not None:
            return lacking
        number = self._business.numbers.find(number_id)
        refusal = unknown_object("post", number_id) if number is None else number.unavailable(call.now_s)
        if refusal is not None or number is None:
            return refusal or unknown_object("post", number_id)
        if body is None:
            return TOO_LARGE
        try:
            form = parse(content_type, body)
        except MalformedForm as error:
            return Refusal(100, f"The request body is not valid: {error}.")
        kept = self._business.media.upload(number.id, form, call.now_ms)
        return kept if isinstance(kept, Refusal) else {"id": kept}

    def download(self, token: Token, query: Mapping[str, str], now_ms: int) -> Medium | None:
        """What a download URL is good for."""
        return None if token.lacks(MESSAGING) else self._business.media.download(query, now_ms)

    def _debug_token(self, call: Call) -> Found:
        given = call.query.get("input_token")
        if not given:
            return Refusal(100, message="(#100) The parameter input_token is required.")
        return self._business.tokens.described(given, call.now_ms)

    def _read(self, call: Call, node_id: str) -> Found:
        business = self._business
        medium = business.media.find(node_id, call.now_ms)
        if medium is not None:
            lacking = call.token.lacks(MESSAGING)
            return lacking or business.media.read(medium, call.query.get("phone_number_id"), call.base_url, call.now_ms)
        wanted = fields.names(call.query["fields"]) if call.query.get("fields") else None
        template = business.templates.by_id(node_id)
        if template is not None:
            return call.token.lacks(MANAGEMENT) or template.read(wanted, business.accounts.of(template.waba_id))
        account = business.accounts.find(node_id)
        if account is not None:
            return call.token.lacks(MANAGEMENT) or _account(account, wanted)
        return self._number(call, node_id, wanted)

    def _number(self, call: Call, number_id: str, wanted: list[str] | None) -> Found:
        """A number; one that may be created is only when it is asked for fields, as no medium is."""
        numbers = self._business.numbers
        number = numbers.find(number_id) if wanted is not None or number_id in numbers else None
        if number is None:
            return unknown_object("get", number_id)
        return call.token.lacks(MESSAGING, MANAGEMENT, number_id=number_id) or _number(number, wanted, call.now_s)

    def _list(self, call: Call, account_id: str, edge: str) -> Found:
        business = self._business
        account = business.accounts.find(account_id)
        if account is None:
            return unknown_object("get", account_id)
        lacking = call.token.lacks(MANAGEMENT)
        if lacking is not None:
            return lacking
        if edge == "subscribed_apps":
            return {"data": account.apps()}
        if edge == "message_templates":
            return business.templates.page(account_id, call.query, call.url)
        wanted = fields.names(call.query["fields"]) if call.query.get("fields") else None
        rows: list[dict[str, Any]] = []
        for number in business.numbers.of_account(account_id):
            row = _number(number, wanted, call.now_s)
            if isinstance(row, Refusal):
                return row
            rows.append(row)
        return fields.page(rows, call.query, call.url)


def _number(number: Number, wanted: list[str] | None, now_s: float) -> Found:
    number.settle(now_s)
    return fields.chosen(number.fields(), number.id, wanted or DEFAULT_FIELDS, NODE)


def _account(account: Account, wanted: list[str] | None) -> Found:
    return fields.chosen(account.fields(), account.id, wanted or ACCOUNT_FIELDS, ACCOUNT_NODE)
