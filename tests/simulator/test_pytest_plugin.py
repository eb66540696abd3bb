"""The fixture for users' own tests, used as they would: from synchronous code."""

import httpx
import pytest

from connector.simulator.client import SimulatorClient
from connector.simulator.settings import Settings, from_mapping

pytest_plugins = ["connector.simulator.pytest_plugin"]


@pytest.fixture
def cloud_api_settings() -> Settings:
    """One number that takes two messages a second."""
    return from_mapping({"numbers": [{"id": "1", "mps": 2}]})


def send(simulator: SimulatorClient, to: str = "+16505551234") -> httpx.Response:
    """Send a text."""
    return httpx.post(
        f"{simulator.base_url}/v26.0/1/messages",
        headers={"Authorization": f"Bearer {simulator.access_token}"},
        json={"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "x"}},
    )


def test_a_synchronous_test_sends_and_asks_the_observer(cloud_api_simulator: SimulatorClient) -> None:
    """Sent over HTTP, seen by the observer."""
    message_id = send(cloud_api_simulator).json()["messages"][0]["id"]
    assert cloud_api_simulator.summary()["accepted"] == 1
    assert [found["message_id"] for found in cloud_api_simulator.requests(recipient="16505551234")] == [message_id]
    assert cloud_api_simulator.requests(recipient="1") == []


def test_each_test_has_a_simulator_of_its_own(cloud_api_simulator: SimulatorClient) -> None:
    """Nothing is left of the test before; what was seen can be forgotten within a test too."""
    assert cloud_api_simulator.summary()["requests"] == 0
    send(cloud_api_simulator, "+9990131047")
    cloud_api_simulator.reset()
    assert cloud_api_simulator.summary()["requests"] == 0


def test_switches_over_http(cloud_api_simulator: SimulatorClient) -> None:
    """Numbers, inbound messages and the webhook's address can be set while it runs."""
    cloud_api_simulator.set_number("2", level="HIGH")
    assert len(cloud_api_simulator.inbound("2", kind="image", count=3)) == 3
    assert cloud_api_simulator.summary()["numbers"]["2"]["inbound"] == 3
    cloud_api_simulator.set_webhook(None)
    assert cloud_api_simulator.webhooks()["updates"]["pending"] == 0


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/_observer/requests?colour=red", "colour is not one of"),
        ("/_observer/requests?code=x", "x is no figure"),
        ("/_observer/nothing", "is not served"),
        ("/_nothing", "is not served"),
    ],
)
def test_questions_that_make_no_sense(cloud_api_simulator: SimulatorClient, path: str, words: str) -> None:
    """Are answered with what is wrong."""
    response = httpx.get(cloud_api_simulator.base_url + path)
    assert response.is_client_error
    assert words in response.json()["error"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_admin/numbers/x", "{}"),
        ("/_admin/numbers/1", '{"mps": 0}'),
        ("/_admin/numbers/1", "no json"),
        ("/_admin/inbound", '{"number": "4711"}'),
        ("/_admin/inbound", '{"kind": "smell"}'),
        ("/_admin/webhook", '{"url": "nowhere"}'),
        ("/_admin/webhook", '{"url": "http://127.0.0.1:9/", "verify_token": "x"}'),
    ],
)
def test_changes_that_make_no_sense(cloud_api_simulator: SimulatorClient, path: str, body: str) -> None:
    """Change nothing and say why."""
    response = httpx.post(cloud_api_simulator.base_url + path, content=body)
    assert response.status_code == 400
    assert response.json()["error"]


def test_the_client_raises_what_the_simulator_says(cloud_api_simulator: SimulatorClient) -> None:
    """A refused change is an exception with the reason."""
    with pytest.raises(httpx.HTTPStatusError, match="the number is not known"):
        cloud_api_simulator.inbound("4711")
