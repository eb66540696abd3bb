"""What the Cloud API's answers mean: each fault is found, and says what to do."""

from typing import Any

import pytest

from connector.operations.cloud_findings import (
    Limits,
    limits,
    number_findings,
    refused,
    skew_finding,
    subscription_finding,
    token_findings,
)
from connector.operations.findings import Grade

NOW_MS = 1_800_000_000_000
DAY_S = 86_400
BOTH = ["whatsapp_business_messaging", "whatsapp_business_management"]
GOOD_NUMBER = {
    "id": "1", "status": "CONNECTED", "quality_rating": "GREEN", "throughput": {"level": "STANDARD"},
    "health_status": {"can_send_message": "AVAILABLE"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("data", "grade", "words"),
    [
        ({"is_valid": True, "expires_at": 0, "scopes": BOTH}, Grade.OK, "never expires"),
        ({"is_valid": True, "expires_at": NOW_MS // 1000 + 60 * DAY_S, "scopes": BOTH}, Grade.OK, "until 2027-03-16"),
        ({"is_valid": True, "expires_at": NOW_MS // 1000 + 3 * DAY_S, "scopes": BOTH}, Grade.WARN, "expires on"),
        ({"is_valid": True, "expires_at": NOW_MS // 1000 - 1, "scopes": BOTH}, Grade.FAIL, "has expired"),
        ({"is_valid": True, "scopes": BOTH[1:]}, Grade.FAIL, "no whatsapp_business_messaging"),
        ({"is_valid": True, "scopes": BOTH[:1]}, Grade.WARN, "no whatsapp_business_management"),
        ({"is_valid": False, "error": {"message": "Session has expired"}}, Grade.FAIL, "Session has expired"),
        ({}, Grade.FAIL, "no reason was told"),
    ],
)
def test_a_token_is_valid_lasts_and_may_do_both(data: dict[str, Any], grade: Grade, words: str) -> None:
    """A token without an end has ``expires_at`` 0."""
    (finding,) = token_findings("token", data, NOW_MS)
    assert (finding.grade, words in finding.found) == (grade, True), finding


@pytest.mark.parametrize(
    ("changes", "throughput", "grade", "words"),
    [
        ({}, "auto", Grade.OK, "80 messages a second, quality GREEN"),
        ({}, 80, Grade.OK, "80 messages a second"),
        ({}, 100, Grade.WARN, "throughput_mps is 100, Meta allows 80"),
        ({"throughput": None}, "auto", Grade.WARN, "level is not told"),
        ({"quality_rating": "RED"}, "auto", Grade.WARN, "quality is RED"),
        ({"status": "DISCONNECTED"}, "auto", Grade.FAIL, "status is DISCONNECTED"),
        ({"health_status": {"can_send_message": "BLOCKED"}}, "auto", Grade.FAIL, "no reason was told"),
        (
            {
                "health_status": {
                    "can_send_message": "LIMITED",
                    "entities": [{"errors": [{"error_description": "No card", "possible_solution": "Add one"}]}],
                }
            },
            "auto",
            Grade.WARN,
            "sending is limited: No card",
        ),
    ],
)
def test_a_number_is_connected_healthy_and_not_asked_for_too_much(
    changes: dict[str, Any], throughput: int | str, grade: Grade, words: str
) -> None:
    """What keeps it from sending fails; what may slow it down is a warning."""
    (finding,) = number_findings("1", {**GOOD_NUMBER, **changes}, throughput)
    assert (finding.grade, words in finding.found) == (grade, True), finding


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (GOOD_NUMBER | {"whatsapp_business_manager_messaging_limit": "TIER_1K"}, Limits("STANDARD", "TIER_1K")),
        ({"throughput": "HIGH", "whatsapp_business_manager_messaging_limit": 1000}, Limits(None, None)),
        ({}, Limits(None, None)),
    ],
)
def test_limits_that_are_not_told_are_none(node: dict[str, Any], expected: Limits) -> None:
    """Nor are those of a shape that Meta does not document."""
    assert limits(node) == expected


def test_webhooks_come_to_our_app_only_when_it_is_subscribed() -> None:
    """Another app's subscription is none; of an unknown app any subscription is taken for ours."""
    apps = [{"whatsapp_business_api_data": {"id": "7"}}]
    assert subscription_finding("1", apps, "7").grade is Grade.OK
    assert subscription_finding("1", apps, None).grade is Grade.OK
    assert subscription_finding("1", apps, "8").grade is Grade.FAIL
    finding = subscription_finding("1", [], "7")
    assert (finding.grade, "POST /1/subscribed_apps" in finding.advice) == (Grade.FAIL, True)


@pytest.mark.parametrize(
    ("skew_s", "grade"), [(0.4, Grade.OK), (-4.9, Grade.OK), (5.0, Grade.WARN), (-59.0, Grade.WARN), (61.0, Grade.FAIL)]
)
def test_clocks_may_differ_by_a_little(skew_s: float, grade: Grade) -> None:
    """Expiry goes by ours."""
    assert skew_finding("clock", skew_s).grade is grade


@pytest.mark.parametrize("error", [{"code": 190, "message": "m"}, {"code": 999, "message": "m"}, {}])
def test_a_refused_question_says_why(error: dict[str, Any]) -> None:
    """With the code, and what to do about it."""
    finding = refused("number 1", 401, error)
    assert (finding.grade, bool(finding.advice)) == (Grade.FAIL, True)
