"""What a send is answered with: 200 and its members, or an error with its code (Meta, messages reference, 2026-09)."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

SHAPES = sorted((Path(__file__).parent / "shapes" / "sends").glob("*.json"))
ACCEPTED = [path for path in SHAPES if not re.search(r"-[0-9]+$", path.stem)]
REFUSED = [path for path in SHAPES if path not in ACCEPTED]
WAMID = re.compile(r"wamid\.[A-Za-z0-9+/_-]+=*")
TRACE_ID = re.compile(r"A[A-Za-z0-9_-]{22}")
PATH = "/106540352242922/messages"
PHONE = "+16505550123"


def text(**members: Any) -> dict[str, Any]:
    """A text message, with these members in place of its own."""
    return {"messaging_product": "whatsapp", "to": PHONE, "type": "text", "text": {"body": "x"}, **members}


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
async def test_a_valid_send_is_accepted(api: httpx.AsyncClient, path: Path) -> None:
    """Every type of message; a receipt is answered with success alone."""
    body = json.loads(path.read_bytes())  # noqa: ASYNC240 - a small file
    answer = await api.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    if "status" in body:
        assert answer.json() == {"success": True}
        return
    told = answer.json()
    assert told.keys() == {"messaging_product", "contacts", "messages"}
    assert told["messaging_product"] == "whatsapp"
    assert told["contacts"][0]["input"] == body.get("to", body.get("recipient"))
    assert WAMID.fullmatch(told["messages"][0]["id"])


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
async def test_an_invalid_send_is_refused(api: httpx.AsyncClient, path: Path) -> None:
    """HTTP 400, the code in the shape's name, and which parameter it is."""
    answer = await api.post(PATH, content=path.read_bytes())  # noqa: ASYNC240 - a small file
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == int(path.stem.rsplit("-", 1)[1])
    assert error["type"] == "OAuthException"
    assert error["message"].startswith(f"(#{error['code']}) ")
    assert TRACE_ID.fullmatch(error["fbtrace_id"])
    if error["code"] == 100:
        # The Graph API's own layer says it in the message.
        assert "error_data" not in error
    else:
        assert error["error_data"].keys() == {"messaging_product", "details"}
        assert error["error_data"]["details"]


@pytest.mark.parametrize(
    ("recipient", "contact"),
    [
        ({"to": "+1 (650) 555-0123"}, {"input": "+1 (650) 555-0123", "wa_id": "16505550123"}),
        ({"to": "16505550123"}, {"input": "16505550123", "wa_id": "16505550123"}),
        ({"to": None, "recipient": "US.1"}, {"input": "US.1", "user_id": "US.1"}),
        ({"to": PHONE, "recipient": "US.1"}, {"input": PHONE, "wa_id": "16505550123"}),
        ({"to": "Y2FwaQ", "recipient_type": "group"}, {"input": "Y2FwaQ", "wa_id": "Y2FwaQ"}),
    ],
)
async def test_contacts(api: httpx.AsyncClient, recipient: dict[str, Any], contact: dict[str, str]) -> None:
    """The recipient as given and as known; ``to`` wins over ``recipient``."""
    body = {name: value for name, value in text(**recipient).items() if value is not None}
    answer = (await api.post(PATH, json=body)).raise_for_status().json()
    assert answer["contacts"] == [contact]


async def test_templates_have_a_message_status(api: httpx.AsyncClient) -> None:
    """Accepted, until quality assessment holds one back."""
    template = {"name": "booking_confirmed", "language": {"code": "de"}}
    answer = await api.post(PATH, json=text(type="template", template=template))
    assert answer.json()["messages"][0]["message_status"] == "accepted"


async def test_headers(api: httpx.AsyncClient) -> None:
    """Version, trace and usage, as the Graph API sends them (Graph API, rate limiting, 2026)."""
    answer = await api.post(PATH, json=text())
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert answer.headers["facebook-api-version"] == "v25.0"
    assert answer.headers["x-fb-trace-id"] == answer.headers["x-fb-request-id"]
    assert answer.headers["x-fb-rev"].isdigit()
    app = json.loads(answer.headers["x-app-usage"])
    assert app.keys() == {"call_count", "total_cputime", "total_time"}
    business = json.loads(answer.headers["x-business-use-case-usage"])
    (entries,) = business.values()
    assert entries[0].keys() == {*app, "type", "estimated_time_to_regain_access"}
    assert entries[0]["type"] == "whatsapp"


async def test_message_ids_are_unique(api: httpx.AsyncClient) -> None:
    """Also for equal bodies: there is no idempotency key, each request is a message of its own."""
    ids = {(await api.post(PATH, json=text())).json()["messages"][0]["id"] for _ in range(5)}
    assert len(ids) == 5
