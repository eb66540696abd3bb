"""What becomes of an accepted message: which statuses follow, when, and what they say.

Source: Meta, status webhook reference, 2026-09-11. Shape of Graph v24 and later: no ``conversation``.
"""

from random import Random
from typing import Any, NamedTuple

from connector.simulator import errors, ids
from connector.simulator.cloud import Accepted
from connector.simulator.errors import Refusal
from connector.simulator.settings import StatusSettings
from connector.simulator.webhooks import Update

GROUP_PARTICIPANT = "16505550100"
_PRICED = ("sent", "delivered")


class Step(NamedTuple):
    """One status to come, so long after the acceptance."""

    status: str
    after_s: float
    failure: Refusal | None = None


def plan(settings: StatusSettings, random: Random, accepted: Accepted, *, in_order: bool = False) -> list[Step]:
    """Draw what becomes of one accepted message; the same number of draws each time, so that a seed means the same.

    Args:
        settings: shares and delays.
        random: of the draws.
        accepted: the message.
        in_order: keep a message's statuses in their order whatever the jitter.
    """
    fails, delivered, read, sent = (random.random() for _ in range(4))
    failure = accepted.fails_with or (Refusal(settings.failed_code) if fails < settings.failed else None)
    if failure is not None:
        return [Step("failed", accepted.held_s + _after(settings.failed_ms, settings, random), failure)]
    steps = []
    if sent < settings.sent:
        steps.append(Step("sent", _after(settings.sent_ms, settings, random)))
    if delivered < settings.delivered:
        steps.append(Step("delivered", _after(settings.delivered_ms, settings, random)))
        if read < settings.read:
            steps.append(Step("read", _after(settings.read_ms, settings, random)))
            if accepted.voice and random.random() < settings.played:
                steps.append(Step("played", _after(settings.played_ms, settings, random)))
    times = [step.after_s for step in steps]
    times = sorted(times) if in_order else times
    return [Step(step.status, accepted.held_s + after_s) for step, after_s in zip(steps, times, strict=True)]


def _after(delay_ms: float, settings: StatusSettings, random: Random) -> float:
    return delay_ms / 1000 * (1 + settings.jitter * random.uniform(-1, 1))


def update(accepted: Accepted, step: Step) -> Update:
    """The status webhook of ``step``."""
    number = accepted.number
    return Update(
        due_s=accepted.at_s + step.after_s,
        waba_id=number.waba_id,
        phone_number_id=number.id,
        display_phone_number=number.display_phone_number,
        member="statuses",
        item=_item(accepted, step),
        contact=_contact(accepted) if step.failure is None else None,
    )


def _item(accepted: Accepted, step: Step) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": accepted.message_id,
        "status": step.status,
        "timestamp": str(int(accepted.wall_ms / 1000 + step.after_s)),
        **_recipient(accepted),
    }
    if accepted.callback_data:
        item["biz_opaque_callback_data"] = accepted.callback_data
    if step.status in _PRICED:
        item["pricing"] = _pricing(accepted.category)
    if step.failure is not None:
        item["errors"] = [errors.in_webhook(step.failure.code, step.failure.details)]
    return item


def _recipient(accepted: Accepted) -> dict[str, Any]:
    """Who got it: a phone, a group and one participant, or a business-scoped id with no number to show."""
    recipient = accepted.recipient
    if recipient.kind == "group":
        return {
            "recipient_id": recipient.id,
            "recipient_type": "group",
            "recipient_participant_id": GROUP_PARTICIPANT,
            "recipient_participant_user_id": ids.user_id(GROUP_PARTICIPANT),
        }
    if recipient.kind == "user":
        return {"recipient_user_id": recipient.id}
    return {"recipient_id": recipient.id, "recipient_user_id": ids.user_id(recipient.id)}


def _contact(accepted: Accepted) -> dict[str, Any]:
    recipient = accepted.recipient
    if recipient.kind == "user":
        return {"user_id": recipient.id}
    wa_id = GROUP_PARTICIPANT if recipient.kind == "group" else recipient.id
    return {"wa_id": wa_id, "user_id": ids.user_id(wa_id)}


def _pricing(category: str | None) -> dict[str, Any]:
    if category is not None:
        return {"billable": True, "pricing_model": "PMP", "type": "regular", "category": category}
    return {"billable": False, "pricing_model": "PMP", "type": "free_customer_service", "category": "service"}
