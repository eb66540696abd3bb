"""Errors as they come from a caller's mistakes, and every code in its shape (Meta, error codes, 2026-09-11)."""

from typing import Any

import httpx
import pytest

from connector.simulator.server import RunningSimulator

NUMBER = "106540352242922"
PATH = f"/{NUMBER}/messages"
TEXT = {"messaging_product": "whatsapp", "to": "+16505550123", "type": "text", "text": {"body": "x"}}
# Code, HTTP status, type, whether it says that it is transient.
CODES = [
    (0, 401, "OAuthException", False),
    (2, 503, "GraphMethodException", True),
    (4, 400, "OAuthException", True),
    (10, 403, "OAuthException", False),
    (190, 401, "OAuthException", False),
    (368, 403, "OAuthException", False),
    (80007, 400, "OAuthException", True),
    (130429, 400, "OAuthException", False),
    (131000, 500, "OAuthException", False),
    (131016, 500, "OAuthException", False),
    (131026, 400, "OAuthException", False),
    (131047, 400, "OAuthException", False),
    (131056, 400, "OAuthException", False),
    (131057, 500, "OAuthException", False),
    (132001, 404, "OAuthException", False),
    (133004, 503, "OAuthException", False),
]


def error(answer: httpx.Response) -> dict[str, Any]:
    """The error in an answer, the only member of its body."""
    body: dict[str, Any] = answer.json()
    assert body.keys() == {"error"}
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert body["error"]["fbtrace_id"] == answer.headers["x-fb-trace-id"]
    found: dict[str, Any] = body["error"]
    return found


@pytest.mark.parametrize(("code", "http_status", "kind", "transient"), CODES)
async def test_each_code_has_its_shape(
    api: httpx.AsyncClient,
    code: int,
    http_status: int,
    kind: str,
    transient: bool,  # noqa: FBT001 - a table
) -> None:
    """Message with code and title, type, code, trace; ``is_transient`` where Meta sends it."""
    answer = await api.post(PATH, json={**TEXT, "to": f"+9990{code:06}"})
    found = error(answer)
    assert answer.status_code == http_status
    assert (found["code"], found["type"], found.get("is_transient", False)) == (code, kind, transient)
    assert found["message"].startswith(f"(#{code}) ")
    assert found.keys() - {"is_transient"} == {"message", "type", "code", "fbtrace_id"}


@pytest.mark.parametrize("token", [None, "Bearer wrong", "wrong"])
async def test_tokens(served: RunningSimulator, token: str | None) -> None:
    """Missing and wrong ones alike: 401, 190, and the scheme in a header."""
    headers = {} if token is None else {"Authorization": token}
    async with httpx.AsyncClient(base_url=served.base_url, headers=headers) as stranger:
        answer = await stranger.post(f"/v25.0{PATH}", json=TEXT)
    assert answer.status_code == 401
    assert error(answer)["code"] == 190
    assert answer.headers["www-authenticate"].startswith('OAuth "Facebook Platform" "invalid_token"')


@pytest.mark.parametrize(("method", "path"), [("POST", "/4711/messages"), ("GET", "/4711"), ("GET", PATH)])
async def test_unknown_objects(api: httpx.AsyncClient, method: str, path: str) -> None:
    """Code 100, subcode 33, another type; the message names the id."""
    answer = await api.request(method, path, json=TEXT if method == "POST" else None)
    found = error(answer)
    assert answer.status_code == 400
    assert (found["code"], found["error_subcode"], found["type"]) == (100, 33, "GraphMethodException")
    assert found["message"].startswith(f"Unsupported {method.lower()} request. Object with ID '")


async def test_unknown_fields(api: httpx.AsyncClient) -> None:
    """Code 100 that names the field."""
    found = error(await api.get(f"/{NUMBER}?fields=colour"))
    assert found["code"] == 100
    assert "nonexisting field (colour)" in found["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff\xfe"])
async def test_bodies_that_are_no_objects(api: httpx.AsyncClient, body: bytes) -> None:
    """Code 100."""
    answer = await api.post(PATH, content=body)
    assert (answer.status_code, error(answer)["code"]) == (400, 100)


async def test_over_the_number_limit(api: httpx.AsyncClient, served: RunningSimulator) -> None:
    """130429 with details, and nothing of the message is kept."""
    served.set_number(NUMBER, mps=1)
    answers = [await api.post(PATH, json={**TEXT, "to": f"+1650555{index:04}"}) for index in range(4)]
    refused = [answer for answer in answers if answer.is_error]
    assert refused
    assert {(answer.status_code, error(answer)["code"]) for answer in refused} == {(400, 130429)}
    assert error(refused[0])["error_data"]["details"]
    assert served.summary()["accepted"] == len(answers) - len(refused)


async def test_over_the_pair_limit(api: httpx.AsyncClient) -> None:
    """131056 after 45 messages to one person; others are served."""
    answers = [await api.post(PATH, json=TEXT) for _ in range(46)]
    assert [answer.status_code for answer in answers] == [200] * 45 + [400]
    assert error(answers[-1])["code"] == 131056
    assert (await api.post(PATH, json={**TEXT, "to": "+16505550199"})).status_code == 200
