"""The typed content of changes of accounts, numbers, templates and flows. PURE.

Members: Meta, webhooks: reference by field, 2026-09-11; older spellings are read too. Each function gives the fields of
``AccountEvent`` that belong to its webhook field; nothing where the change says nothing that has a field.
"""

from collections.abc import Mapping
from typing import Any, Final

from connector.ingress.fields import exact, int_64, millis, real, string
from connector.records.types import (
    AccountAlert,
    AccountChange,
    AccountRestriction,
    AutomaticEvent,
    BusinessCapability,
    FlowChange,
    FlowError,
    InternationalRates,
    NumberChange,
    PartnerSolution,
    PaymentConfiguration,
    TemplateButton,
    TemplateChange,
    VolumeTier,
)
from connector.whatsapp.facts import AccountFact, an_object, objects

Content = Mapping[str, Any]

_SETTINGS: Final = ("value", "phone_number_settings")


def nothing_more(_fact: AccountFact) -> Content:
    """Fields whose event name says all."""
    return {}


def account(fact: AccountFact) -> Content:
    """``account_update``."""
    value = an_object(fact.value)
    waba, violation = an_object(value.get("waba_info")), an_object(value.get("violation_info"))
    ban, disconnection = an_object(value.get("ban_info")), an_object(value.get("disconnection_info"))
    certified = an_object(value.get("partner_client_certification_info"))
    needed = an_object(value.get("partner_client_certification_needed_info"))
    change: AccountChange = {
        "phone_number": string(value.get("phone_number")),
        "country": string(value.get("country")),
        "restrictions": [_restriction(found) for found in objects(value.get("restriction_info"))],
        "violation_type": string(violation.get("violation_type")),
        "remediation": string(violation.get("remediation")),
        "ban_state": string(ban.get("waba_ban_state")),
        "ban_date": string(ban.get("waba_ban_date")),
        "owner_business_id": string(waba.get("owner_business_id")),
        "partner_waba_id": string(waba.get("waba_id")),
        "ad_account_id": string(waba.get("ad_account_id")) or string(waba.get("ad_account_linked")),
        "partner_app_id": string(waba.get("partner_app_id")),
        "solution_id": string(waba.get("solution_id")),
        "solution_partner_business_ids": strings(waba.get("solution_partner_business_ids")),
        "disconnection_reason": string(disconnection.get("reason")),
        "disconnection_initiated_by": string(disconnection.get("initiated_by")),
        "certification_business_id": string(certified.get("client_business_id"))
        or string(needed.get("client_business_id")),
        "certification_status": string(certified.get("status")),
        "certification_rejection_reasons": strings(certified.get("rejection_reasons")),
        "volume_tier": _volume_tier(an_object(value.get("volume_tier_info"))),
        "international_rates": _international_rates(an_object(value.get("auth_international_rate_eligibility"))),
    }
    return {"account": change}


def alert(fact: AccountFact) -> Content:
    """``account_alerts``; in older bodies the alert stands flat in the value."""
    value = an_object(fact.value)
    told = {**value, **an_object(value.get("alert_info"))}
    found: AccountAlert = {
        "entity_type": string(value.get("entity_type")),
        "entity_id": string(value.get("entity_id")),
        "severity": string(told.get("alert_severity")),
        "status": string(told.get("alert_status")),
        "description": string(told.get("alert_description")),
    }
    return {"alert": found}


def capability(fact: AccountFact) -> Content:
    """``business_capability_update``."""
    value = an_object(fact.value)
    found: BusinessCapability = {
        "max_daily_conversations_per_business": string(value.get("max_daily_conversations_per_business")),
        "max_daily_conversation_per_phone": int_64(value.get("max_daily_conversation_per_phone")),
        "max_phone_numbers_per_business": int_64(value.get("max_phone_numbers_per_business")),
        "max_phone_numbers_per_waba": int_64(value.get("max_phone_numbers_per_waba")),
    }
    return {"capability": found}


def number(fact: AccountFact) -> Content:
    """Quality, name, PIN, settings and username of a business number."""
    value = an_object(fact.value)
    settings = value.get("phone_number_settings")
    found: NumberChange = {
        "current_limit": string(value.get("current_limit")),
        "old_limit": string(value.get("old_limit")),
        "max_daily_conversations_per_business": string(value.get("max_daily_conversations_per_business")),
        "requested_verified_name": string(value.get("requested_verified_name")),
        "rejection_reason": string(value.get("rejection_reason")),
        "requester": string(value.get("requester")),
        "username": string(value.get("username")),
        "settings_json": exact(fact.raw, _SETTINGS) if isinstance(settings, dict) else None,
    }
    return {"number": found}


def template(fact: AccountFact) -> Content:
    """All fields about templates; each fills its own part."""
    value = an_object(fact.value)
    other, rejection = an_object(value.get("other_info")), an_object(value.get("rejection_info"))
    found: TemplateChange = {
        "id": string(value.get("message_template_id")),
        "name": string(value.get("message_template_name")),
        "language": string(value.get("message_template_language")),
        "category": string(value.get("message_template_category")) or string(value.get("category")),
        "reason": string(value.get("reason")),
        "previous_category": string(value.get("previous_category")),
        "new_category": string(value.get("new_category")),
        "correct_category": string(value.get("correct_category")),
        "category_changes_at": millis(value.get("category_update_timestamp")),
        "previous_quality_score": string(value.get("previous_quality_score")),
        "new_quality_score": string(value.get("new_quality_score")),
        "disabled_at": millis(an_object(value.get("disable_info")).get("disable_date")),
        "title": string(other.get("title")),
        "description": string(other.get("description")),
        "rejection_reason": string(rejection.get("reason")),
        "recommendation": string(rejection.get("recommendation")),
        "header_text": string(value.get("message_template_title")),
        "body_text": string(value.get("message_template_element")),
        "footer_text": string(value.get("message_template_footer")),
        "buttons": [_button(found) for found in objects(value.get("message_template_buttons"))],
    }
    return {"template": found}


def flow(fact: AccountFact) -> Content:
    """``flows``."""
    value = an_object(fact.value)
    found: FlowChange = {
        "flow_id": string(value.get("flow_id")),
        "message": string(value.get("message")),
        "old_status": string(value.get("old_status")),
        "new_status": string(value.get("new_status")),
        "alert_state": string(value.get("alert_state")),
        "threshold": real(value.get("threshold")),
        "error_rate": real(value.get("error_rate")),
        "requests_count": int_64(value.get("requests_count")),
        "p50_latency_ms": real(value.get("p50_latency")),
        "p90_latency_ms": real(value.get("p90_latency")),
        "availability": real(value.get("availability")),
        "errors": [_flow_error(found) for found in objects(value.get("errors"))],
    }
    return {"flow": found}


def partner_solution(fact: AccountFact) -> Content:
    """``partner_solutions``."""
    value = an_object(fact.value)
    found: PartnerSolution = {
        "solution_id": string(value.get("solution_id")),
        "status": string(value.get("solution_status")),
    }
    return {"partner_solution": found}


def payment_configuration(fact: AccountFact) -> Content:
    """``payment_configuration_update``."""
    value = an_object(fact.value)
    found: PaymentConfiguration = {
        "name": string(value.get("configuration_name")),
        "provider_name": string(value.get("provider_name")),
        "provider_mid": string(value.get("provider_mid")),
        "created_at": millis(value.get("created_timestamp")),
        "updated_at": millis(value.get("updated_timestamp")),
    }
    return {"payment_configuration": found}


def automatic_event(fact: AccountFact) -> Content:
    """One of ``automatic_events``."""
    data = an_object(fact.item.get("custom_data"))
    found: AutomaticEvent = {
        "message_id": string(fact.item.get("id")),
        "ctwa_clid": string(fact.item.get("ctwa_clid")),
        "currency": string(data.get("currency")),
        "value": real(data.get("value")),
    }
    return {"automatic_event": found} if fact.item else {}


def strings(value: Any) -> list[str]:
    """The strings of an array, integers in their place included."""
    return [found for item in value if (found := string(item)) is not None] if isinstance(value, list) else []


def _restriction(found: Content) -> AccountRestriction:
    return {
        "type": string(found.get("restriction_type")),
        "expires_at": millis(found.get("expiration")),
        "remediation": string(found.get("remediation")),
    }


def _volume_tier(found: Content) -> VolumeTier | None:
    if not found:
        return None
    return {
        "pricing_category": string(found.get("pricing_category")),
        "tier": string(found.get("tier")),
        "effective_month": string(found.get("effective_month")),
        "region": string(found.get("region")),
        "updated_at": millis(found.get("tier_update_time")),
    }


def _international_rates(found: Content) -> InternationalRates | None:
    if not found:
        return None
    return {
        "starts_at": millis(found.get("start_time")),
        "exceptions": [
            {"country_code": string(country.get("country_code")), "starts_at": millis(country.get("start_time"))}
            for country in objects(found.get("exception_countries"))
        ],
    }


def _button(found: Content) -> TemplateButton:
    return {
        "type": string(found.get("message_template_button_type")),
        "text": string(found.get("message_template_button_text")),
        "url": string(found.get("message_template_button_url")),
        "phone_number": string(found.get("message_template_button_phone_number")),
    }


def _flow_error(found: Content) -> FlowError:
    return {
        "type": string(found.get("error_type")),
        "rate": real(found.get("error_rate")),
        "count": int_64(found.get("error_count")),
    }
