"""Errors in the Graph API's shape."""

import json

import pytest

from connector.simulator import errors
from connector.simulator.errors import KINDS, Refusal


def test_an_error_body_as_meta_shapes_it() -> None:
    """Code and title in the message, the explanation in error_data, the trace at the end."""
    body = json.loads(errors.body(Refusal(130429, "Too many."), "Atrace"))
    assert body == {
        "error": {
            "message": "(#130429) Rate limit hit",
            "type": "OAuthException",
            "code": 130429,
            "error_data": {"messaging_product": "whatsapp", "details": "Too many."},
            "fbtrace_id": "Atrace",
        }
    }


def test_invalid_parameters_are_explained_in_the_message() -> None:
    """Code 100 comes from the Graph API itself, which knows no error_data."""
    error = json.loads(errors.body(Refusal(100, "Param text must be a JSON object."), "A"))["error"]
    assert error["message"] == "(#100) Param text must be a JSON object."
    assert "error_data" not in error


def test_transient_errors_say_so() -> None:
    """Codes 2 and 4 carry is_transient, as Meta's samples do; others leave it out."""
    assert json.loads(errors.body(Refusal(2), "A"))["error"]["is_transient"] is True
    assert "is_transient" not in json.loads(errors.body(Refusal(131000), "A"))["error"]


def test_an_unknown_object_is_code_100_subcode_33() -> None:
    """A number that does not exist, or that the token may not see."""
    refusal = errors.unknown_object("POST", "4711")
    error = json.loads(errors.body(refusal, "A"))["error"]
    assert (refusal.http_status, error["code"], error["error_subcode"]) == (400, 100, 33)
    assert error["type"] == "GraphMethodException"
    assert error["message"].startswith("Unsupported post request. Object with ID '4711' does not exist")


@pytest.mark.parametrize(
    ("code", "status"),
    [(0, 401), (190, 401), (10, 403), (100, 400), (2, 503), (131000, 500), (130429, 400), (131056, 400), (132001, 404)],
)
def test_http_statuses_follow_metas_table(code: int, status: int) -> None:
    """The status belongs to the code; Meta's table of 2025-12."""
    assert Refusal(code).http_status == status


def test_a_code_outside_the_table_still_makes_an_error() -> None:
    """New codes can be provoked before this table knows them."""
    assert json.loads(errors.body(Refusal(139999), "A"))["error"]["code"] == 139999
    assert Refusal(139999).http_status == 400


def test_errors_in_webhooks() -> None:
    """Title and message say the same; the details fall back to the title."""
    error = errors.in_webhook(131026)
    assert error["title"] == error["message"] == KINDS[131026].title == error["error_data"]["details"]
    assert error["href"].startswith("https://")
