"""Values of the ``account_update`` field, by event. PURE.

Source: Meta, account_update webhook reference, 2026-03 and 2026-05.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NamedTuple

DAY_S = 86_400


class Moment(NamedTuple):
    """What samples speak of.

    Attributes:
        account_id: of the WhatsApp Business Account.
        business_id: of the portfolio.
        now_s: seconds since the Unix epoch.
    """

    account_id: str
    business_id: str
    now_s: int


def _plain(_moment: Moment) -> dict[str, Any]:
    return {}


def _waba_info(**also: Any) -> Callable[[Moment], dict[str, Any]]:
    def built(moment: Moment) -> dict[str, Any]:
        return {"waba_info": {"waba_id": moment.account_id, "owner_business_id": moment.business_id, **also}}

    return built


def _restriction(moment: Moment) -> dict[str, Any]:
    kinds = ("RESTRICTED_BIZ_INITIATED_MESSAGING", "RESTRICTED_ADD_PHONE_NUMBER_ACTION")
    until_s = moment.now_s + 7 * DAY_S
    return {"restriction_info": [{"restriction_type": kind, "expiration": until_s} for kind in kinds]}


def _violation(_moment: Moment) -> dict[str, Any]:
    return {"violation_info": {"violation_type": "SCAM"}}


def _disabled(_moment: Moment) -> dict[str, Any]:
    return {"ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "April 17, 2026"}}


def _partner_removed(moment: Moment) -> dict[str, Any]:
    disconnected = {"reason": "PRIMARY_INACTIVITY", "initiated_by": "SYSTEM"}
    return {**_waba_info()(moment), "disconnection_info": disconnected}


def _international(moment: Moment) -> dict[str, Any]:
    exceptions = [{"country_code": "ID", "start_time": moment.now_s + DAY_S}]
    eligibility = {"exception_countries": exceptions, "start_time": moment.now_s}
    return {"auth_international_rate_eligibility": eligibility}


def _country(_moment: Moment) -> dict[str, Any]:
    return {"country": "IN"}


def _certification(moment: Moment) -> dict[str, Any]:
    info = {"client_business_id": moment.business_id, "status": "APPROVED", "rejection_reasons": ["NONE"]}
    return {"partner_client_certification_info": info}


def _tier(moment: Moment) -> dict[str, Any]:
    return {
        "volume_tier_info": {
            "tier_update_time": moment.now_s,
            "pricing_category": "UTILITY",
            "tier": "25000001:50000000",
            "effective_month": "2026-10",
            "region": "India",
        }
    }


_PARTNER = {"solution_id": "1715120619246906", "solution_partner_business_ids": ["2949482758682047"]}
EVENTS: MappingProxyType[str, Callable[[Moment], dict[str, Any]]] = MappingProxyType(
    {
        "VERIFIED_ACCOUNT": _plain,
        "ACCOUNT_DELETED": _plain,
        "ACCOUNT_RECONNECTED": _plain,
        "ACCOUNT_OFFBOARDED": _plain,
        "ACCOUNT_RESTRICTION": _restriction,
        "ACCOUNT_VIOLATION": _violation,
        "DISABLED_UPDATE": _disabled,
        "AD_ACCOUNT_LINKED": _waba_info(ad_account_linked="980198427534243"),
        "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE": _international,
        "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE": _country,
        "MM_LITE_TERMS_SIGNED": _waba_info(),
        "PARTNER_ADDED": _waba_info(**_PARTNER),
        "PARTNER_REMOVED": _partner_removed,
        "PARTNER_APP_INSTALLED": _waba_info(partner_app_id="5731794616896507", **_PARTNER),
        "PARTNER_APP_UNINSTALLED": _waba_info(partner_app_id="5731794616896507"),
        "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE": _certification,
        "VOLUME_BASED_PRICING_TIER_UPDATE": _tier,
    }
)


def account_update(moment: Moment, event: str) -> dict[str, Any]:
    """The value of the field for ``event``; one outside the table has nothing but its name."""
    return {"event": event, **EVENTS.get(event, _plain)(moment)}
