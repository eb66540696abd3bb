"""What can be changed about the business while it runs, and the webhooks that Meta would send about it.

Each change that Meta documents a webhook for is followed by it.
"""

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from connector.simulator import field_samples, inbound
from connector.simulator.account_updates import account_update
from connector.simulator.asgi import RequestError
from connector.simulator.field_samples import Occasion
from connector.simulator.inbound_kinds import User
from connector.simulator.numbers import Number
from connector.simulator.settings_business import (
    Block,
    MessagingLimit,
    TemplateSettings,
    TemplateStatus,
    TokenSettings,
)
from connector.simulator.switch_bodies import (
    AccountChange,
    EventRequest,
    NumberChange,
    TemplateChange,
    TokenChange,
    Upgrade,
    UserChange,
    UserId,
)
from connector.simulator.templates import Template
from connector.simulator.webhooks import Change

if TYPE_CHECKING:
    from connector.simulator.app import Simulator


def known_number(simulator: "Simulator", number_id: str | None) -> Number:
    """The number, or the first one known.

    Raises:
        RequestError: the number is not known, or there is none yet.
    """
    numbers = simulator.cloud.numbers
    known = numbers.all()
    number = numbers.find(number_id) if number_id is not None else (known[0] if known else None)
    if number is None:
        message = "the number is not known" if number_id is not None else "there is no number yet"
        raise RequestError(message)
    return number


def set_number(simulator: "Simulator", number_id: str, change: NumberChange) -> dict[str, Any]:
    """Create the number if need be, and set what is given.

    Raises:
        RequestError: the id is none, or there are too many numbers.
    """
    number = simulator.cloud.numbers.add(number_id)
    if number is None:
        message = f"{number_id} is no phone number id, or there are too many numbers"
        raise RequestError(message)
    if change.level is not None or change.mps is not None:
        number.set_limit(change.level, change.mps)
    if change.registered is not UNSET:
        number.registered = change.registered
    if change.allowed is not UNSET:
        number.allowed = None if change.allowed is None else frozenset(change.allowed)
    if change.quality_rating is not UNSET:
        number.quality_rating = change.quality_rating
    if change.messaging_limit is not UNSET:
        _set_messaging_limit(simulator, number, change.messaging_limit)
    return {"id": number.id, "level": number.level, "mps": number.window.limit}


def _set_messaging_limit(simulator: "Simulator", number: Number, limit: MessagingLimit) -> None:
    old, number.messaging_limit = number.messaging_limit, limit
    number.account.messaging_limit = limit
    value = {"max_daily_conversations_per_business": limit, "max_phone_numbers_per_business": 25}
    _post(simulator, number, "business_capability_update", value)
    quality = {
        "display_phone_number": number.display_phone_number,
        "event": "UPGRADE" if _rank(limit) > _rank(old) else "DOWNGRADE",
        "old_limit": old,
        "current_limit": limit,
        "max_daily_conversations_per_business": limit,
    }
    _post(simulator, number, "phone_number_quality_update", quality)


def _rank(limit: MessagingLimit) -> int:
    return ("TIER_250", "TIER_2K", "TIER_10K", "TIER_100K", "TIER_UNLIMITED").index(limit)


def upgrade_number(simulator: "Simulator", number_id: str, upgrade: Upgrade) -> dict[str, Any]:
    """Begin a throughput upgrade: maintenance, then the new level and a webhook.

    Raises:
        RequestError: the number is not known.
    """
    number = known_number(simulator, number_id)
    number.upgrade(upgrade.level, simulator.clock.monotonic() + upgrade.downtime_s)
    value = field_samples.SAMPLES["phone_number_quality_update"](_occasion(simulator, number, "THROUGHPUT_UPGRADE"))
    _post(simulator, number, "phone_number_quality_update", value, after_s=upgrade.downtime_s)
    return {"id": number.id, "level": upgrade.level, "downtime_s": upgrade.downtime_s}


def set_account(simulator: "Simulator", account_id: str, change: AccountChange) -> dict[str, Any]:
    """Block an account or lift the block.

    Raises:
        RequestError: the account is not known.
    """
    account = simulator.cloud.business.accounts.find(account_id)
    if account is None:
        message = f"{account_id} is no account of any number"
        raise RequestError(message)
    if change.marketing_on_messages is not UNSET:
        account.marketing_on_messages = change.marketing_on_messages
    if change.block is not UNSET and change.block != account.block:
        before, account.block = account.block, change.block
        _tell_of_block(simulator, account_id, before, change.block)
    return {"id": account.id, "block": account.block, "marketing_on_messages": account.marketing_on_messages}


def _tell_of_block(simulator: "Simulator", account_id: str, before: Block | None, now: Block | None) -> None:
    """Meta documents no webhook for the payment problem, nor for the end of a restriction."""
    numbers = simulator.cloud.numbers.of_account(account_id)
    if not numbers:
        return
    moment = _occasion(simulator, numbers[0], None).moment
    values = []
    if before in ("locked", "disabled"):
        values.append({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}})
    if now in ("locked", "disabled"):
        values.append(account_update(moment, "DISABLED_UPDATE"))
    if now == "restricted":
        values += [account_update(moment, event) for event in ("ACCOUNT_VIOLATION", "ACCOUNT_RESTRICTION")]
    for value in values:
        _post(simulator, numbers[0], "account_update", value)


def set_token(simulator: "Simulator", change: TokenChange) -> dict[str, Any]:
    """Change or create an access token.

    Raises:
        RequestError: there are too many.
    """
    tokens, now_ms = simulator.cloud.business.tokens, simulator.clock.wall_ms()
    token = tokens.find(change.token) or tokens.put(TokenSettings(token=change.token), now_ms)
    if token is None:
        message = "there are too many tokens"
        raise RequestError(message)
    if change.state is not UNSET:
        token.state = change.state
    if change.numbers is not UNSET:
        token.numbers = None if change.numbers is None else frozenset(change.numbers)
    if change.scopes is not UNSET:
        token.scopes = change.scopes
    if change.expires_in_s is not UNSET:
        token.expires_ms = None if change.expires_in_s is None else now_ms + int(change.expires_in_s * 1000)
    return {"is_valid": token.fault(now_ms) is None}


def put_template(simulator: "Simulator", settings: TemplateSettings) -> dict[str, Any]:
    """Create a template or replace it.

    Raises:
        RequestError: its components are not of Meta's shape, or there are too many templates.
    """
    try:
        template = simulator.cloud.business.templates.put(settings)
    except ValueError as error:
        raise RequestError(str(error)) from None
    if template is None:
        message = "there are too many templates"
        raise RequestError(message)
    _tell_of_template(simulator, template, "message_template_status_update", _status(template, None))
    return {"id": template.id, "name": template.name, "status": template.status}


def change_template(simulator: "Simulator", name: str, change: TemplateChange) -> dict[str, Any]:
    """Change the templates of a name, in one language or all.

    Raises:
        RequestError: there is none.
    """
    found = simulator.cloud.business.templates.named(name, change.language)
    if not found:
        message = f"there is no template {name}" + (f" in {change.language}" if change.language else "")
        raise RequestError(message)
    for template in found:
        _change_template(simulator, template, change)
    return {"changed": [template.id for template in found]}


def _change_template(simulator: "Simulator", template: Template, change: TemplateChange) -> None:
    if change.held is not UNSET:
        template.held = change.held
    if change.status is not UNSET and change.status != template.status:
        before, template.status = template.status, change.status
        _tell_of_template(simulator, template, "message_template_status_update", _status(template, before))
    if change.category is not UNSET and change.category != template.category:
        categories = {"previous_category": template.category, "new_category": change.category}
        template.category = change.category
        _tell_of_template(simulator, template, "template_category_update", categories)
    if change.quality is not UNSET and change.quality != template.quality:
        scores = {"previous_quality_score": template.quality, "new_quality_score": change.quality}
        template.quality = change.quality
        _tell_of_template(simulator, template, "message_template_quality_update", scores)


def _status(template: Template, before: TemplateStatus | None) -> dict[str, Any]:
    value: dict[str, Any] = {
        "event": template.status,
        "message_template_category": template.category,
        "reason": "NONE",
    }
    if template.status == "PAUSED":
        value["other_info"] = {"title": "FIRST_PAUSE", "description": "Paused for 3 hours because of low quality."}
    elif template.status == "DISABLED":
        value["other_info"] = {"title": "DISABLED", "description": "Disabled because of low quality."}
    elif before == "PAUSED":
        value["other_info"] = {"title": "UNPAUSE", "description": "The pause is over."}
    return value


def _tell_of_template(simulator: "Simulator", template: Template, field: str, value: dict[str, Any]) -> None:
    named = {
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        "message_template_language": template.language,
    }
    now_s, time_s = simulator.clock.monotonic(), simulator.clock.wall_ms() // 1000
    simulator.sender.add([Change(now_s, template.waba_id, field, {**named, **value}, time_s)])


def set_user(simulator: "Simulator", user: str, change: UserChange) -> dict[str, Any]:
    """Let a user stop marketing messages, or take them up again.

    Raises:
        RequestError: no such user can be, or there is no number yet.
    """
    try:
        found = inbound.known_as(msgspec.convert(user, UserId))
    except msgspec.ValidationError as error:
        raise RequestError(str(error)) from None
    number = known_number(simulator, None)
    people = simulator.cloud.business.people
    (people.stop_marketing if change.marketing == "stop" else people.resume_marketing)(found.user_id)
    value = field_samples.user_preferences(_occasion(simulator, number, change.marketing, found))
    _post(simulator, number, "user_preferences", value)
    return {"user_id": found.user_id, "marketing": change.marketing}


def send_events(simulator: "Simulator", request: EventRequest) -> dict[str, Any]:
    """Send webhooks of one field.

    Raises:
        RequestError: the number is not known, or there is none yet.
    """
    number = known_number(simulator, request.number)
    user = None if request.user is None else inbound.known_as(request.user)
    for _ in range(request.count):
        sampled = field_samples.sample(request.field, _occasion(simulator, number, request.event, user))
        _post(simulator, number, request.field, {**sampled, **request.value})
    return {"sent": request.count}


def _occasion(simulator: "Simulator", number: Number, event: str | None, user: User | None = None) -> Occasion:
    random = simulator.cloud.random
    someone = user or field_samples.someone(random, simulator.settings.inbound.users)
    return Occasion(number, someone, event, random, simulator.clock.wall_ms() // 1000)


def _post(simulator: "Simulator", number: Number, field: str, value: dict[str, Any], *, after_s: float = 0.0) -> None:
    time_s = None if field in field_samples.WITHOUT_TIME else int(simulator.clock.wall_ms() / 1000 + after_s)
    # Meta, partner_solutions webhook reference, 2026-03: the id is the portfolio's there.
    owner = number.account.business_id if field == "partner_solutions" else number.waba_id
    simulator.sender.add([Change(simulator.clock.monotonic() + after_s, owner, field, value, time_s)])
