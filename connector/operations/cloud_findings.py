"""What the Cloud API says of tokens, numbers and webhook subscriptions, and whether that is good enough. Pure.

Shapes: Meta, access tokens (``debug_token``) and permissions, 2025-12; phone numbers, messaging health and messaging
limits, 2026-09-11; manage webhooks (``subscribed_apps``), 2026-06.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from connector.operations.findings import Finding, fail, ok, warn
from connector.whatsapp.limits import throughput_mps

MESSAGING: Final = "whatsapp_business_messaging"
MANAGEMENT: Final = "whatsapp_business_management"
EXPIRES_SOON_S: Final = 14 * 86_400
SKEW_WARN_S: Final = 5.0
"""A message that may be sent until a time is sent, or not, by this clock; the API tells its own in whole seconds."""
SKEW_FAIL_S: Final = 60.0

NUMBER_FIELDS: Final = "quality_rating,throughput,status,health_status"
"""Asked of each number. One unknown field would refuse them all: these are the ones in Meta's own samples."""
LIMIT_FIELDS: Final = "throughput,whatsapp_business_manager_messaging_limit"

_RENEW: Final = "make a system user's token that does not expire, with both WhatsApp permissions, and replace the file"


class Limits(NamedTuple):
    """What the Cloud API allows a number; None where it does not tell."""

    level: str | None
    tier: str | None


def mapping(value: Any) -> Mapping[str, Any]:
    """An object of an answer; what is none is told as an empty one."""
    return value if isinstance(value, Mapping) else {}


def limits(node: Mapping[str, Any]) -> Limits:
    """Throughput level of a number and messaging limit of its portfolio, out of its node."""
    level = mapping(node.get("throughput")).get("level")
    tier = node.get("whatsapp_business_manager_messaging_limit")
    return Limits(level if isinstance(level, str) else None, tier if isinstance(tier, str) else None)


def token_findings(about: str, data: Mapping[str, Any], now_ms: int) -> list[Finding]:
    """What ``GET /debug_token`` says of a token; the token itself is not in it."""
    if not data.get("is_valid"):
        error = mapping(data.get("error"))
        return [fail(about, f"the token is not valid: {error.get('message', 'no reason was told')}", _RENEW)]
    expires_s = data.get("expires_at") or 0
    findings = _expiry(about, expires_s, now_ms) if isinstance(expires_s, int) and expires_s else []
    scopes = data.get("scopes") or []
    if MESSAGING not in scopes:
        findings.append(fail(about, f"the token has no {MESSAGING}", f"nothing can be sent with it; {_RENEW}"))
    if MANAGEMENT not in scopes:
        advice = f"numbers' levels and subscriptions cannot be read; {_RENEW}"
        findings.append(warn(about, f"the token has no {MANAGEMENT}", advice))
    return findings or [ok(about, f"valid, {_until(expires_s)}, with both WhatsApp permissions")]


def number_findings(number_id: str, node: Mapping[str, Any], throughput: int | str) -> list[Finding]:
    """What ``GET /{number}?fields=`` says; ``throughput`` is ``throughput_mps`` of its settings."""
    about = about_number(number_id)
    findings = [*_status(number_id, node), *_health(about, mapping(node.get("health_status")))]
    quality = node.get("quality_rating")
    if quality in {"YELLOW", "RED"}:
        advice = "people block or report it; Meta lowers its limits: send less, and only what was asked for"
        findings.append(warn(about, f"its quality is {quality}", advice))
    level = limits(node).level
    if level is None:
        advice = "without it delivery sends 80 messages a second; set numbers[].throughput_mps, or mend the token"
        findings.append(warn(about, "its throughput level is not told", advice))
    elif isinstance(throughput, int) and throughput > throughput_mps(level):
        found = f"throughput_mps is {throughput}, Meta allows {throughput_mps(level)} a second ({level})"
        findings.append(warn(about, found, "expect 130429; set throughput_mps to auto"))
    return findings or [ok(about, f"{level}, {throughput_mps(str(level))} messages a second, quality {quality}")]


def subscription_finding(waba: str, apps: Sequence[Any], app_id: str | None) -> Finding:
    """What ``GET /{waba}/subscribed_apps`` says; ``app_id`` is the app of the token, None when it is not known."""
    about = about_account(waba)
    ids = [str(mapping(mapping(app).get("whatsapp_business_api_data")).get("id")) for app in apps]
    post = f"POST /{waba}/subscribed_apps with the access token"
    if not ids:
        return fail(about, "no app is subscribed to its webhooks", post)
    if app_id is not None and app_id not in ids:
        return fail(about, f"app {app_id} is not subscribed to its webhooks, others are", post)
    return ok(about, f"{len(ids)} app{'s' if len(ids) > 1 else ''} subscribed to its webhooks")


def about_number(number_id: str) -> str:
    """What its findings are about."""
    return f"number {number_id}"


def about_account(waba: str) -> str:
    """What its findings are about."""
    return f"WABA {waba}"


def skew_finding(about: str, skew_s: float) -> Finding:
    """How far this clock is ahead of the API's; negative: behind."""
    word = f"this clock is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} the Cloud API's"
    advice = "expiry and not_before go by this clock; let NTP set it"
    if abs(skew_s) >= SKEW_FAIL_S:
        return fail(about, word, advice)
    return (
        warn(about, word, advice) if abs(skew_s) >= SKEW_WARN_S else ok(about, "this clock agrees with the Cloud API's")
    )


def refused(about: str, status: int, error: Mapping[str, Any]) -> Finding:
    """A question that the API did not answer."""
    code, message = error.get("code"), error.get("message")
    hints = {
        190: _RENEW,
        10: f"the token lacks a permission; {_RENEW}",
        200: "the token's system user has no access to it; assign it in Meta's business settings",
        100: "there is no such object, or the token may not see it; check the id",
    }
    advice = hints.get(code or 0, "see docs/errors.md") if isinstance(code, int) else "is cloud_api.base_url Meta's?"
    return fail(about, f"refused with HTTP {status}, code {code}: {message}", advice)


def _expiry(about: str, expires_s: int, now_ms: int) -> list[Finding]:
    left_s = expires_s - now_ms / 1000
    if left_s <= 0:
        return [fail(about, f"the token has expired ({_day(expires_s)})", _RENEW)]
    if left_s < EXPIRES_SOON_S:
        return [warn(about, f"the token expires on {_day(expires_s)}", _RENEW)]
    return []


def _status(number_id: str, node: Mapping[str, Any]) -> list[Finding]:
    status = node.get("status")
    if status in {None, "CONNECTED"}:
        return []
    advice = f"nothing can be sent from it; register it with POST /{number_id}/register, or see WhatsApp Manager"
    return [fail(about_number(number_id), f"its status is {status}", advice)]


def _health(about: str, health: Mapping[str, Any]) -> list[Finding]:
    state = health.get("can_send_message")
    if state not in {"LIMITED", "BLOCKED"}:
        return []
    entities = [mapping(entity) for entity in health.get("entities") or []]
    errors = [mapping(error) for entity in entities for error in entity.get("errors") or []]
    told = "; ".join(str(error.get("error_description", "")) for error in errors) or "no reason was told"
    advice = "; ".join(str(error.get("possible_solution", "")) for error in errors) or "see WhatsApp Manager"
    make = fail if state == "BLOCKED" else warn
    return [make(about, f"sending is {str(state).lower()}: {told}", advice)]


def _until(expires_s: int) -> str:
    return f"until {_day(expires_s)}" if expires_s else "never expires"


def _day(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")
