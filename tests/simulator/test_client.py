"""The synchronous client asks for everything that the endpoints offer."""

import httpx
import pytest

from connector.simulator.client import SimulatorClient

NUMBER = "106540352242922"


def send(simulator: SimulatorClient, data: str, to: str = "+16505551234") -> None:
    """Send a text."""
    body = {"messaging_product": "whatsapp", "to": to, "text": {"body": "x"}, "biz_opaque_callback_data": data}
    headers = {"Authorization": f"Bearer {simulator.access_token}"}
    httpx.post(f"{simulator.base_url}/v26.0/{NUMBER}/messages", json=body, headers=headers)


def test_faults(cloud_api_simulator: SimulatorClient) -> None:
    """Added, listed, taken back."""
    fault_id = cloud_api_simulator.add_fault("error", count=1, http_status=503, code=2)
    cloud_api_simulator.add_fault("throttle")
    send(cloud_api_simulator, "a")
    assert [(fault["kind"], fault["hits"]) for fault in cloud_api_simulator.faults()] == [("error", 1), ("throttle", 0)]
    cloud_api_simulator.remove_fault(fault_id)
    cloud_api_simulator.remove_fault()
    assert cloud_api_simulator.faults() == []


def test_a_fault_that_makes_no_sense(cloud_api_simulator: SimulatorClient) -> None:
    """The error says which member is wrong."""
    with pytest.raises(httpx.HTTPError, match=r"\$\.share"):
        cloud_api_simulator.add_fault("error", share=2)
    with pytest.raises(httpx.HTTPError, match="no fault fault-9"):
        cloud_api_simulator.remove_fault("fault-9")


def test_questions(cloud_api_simulator: SimulatorClient) -> None:
    """Commands, pairs, seconds and acceptances, over as many pages as it takes."""
    for data in ("a", "a", "b"):
        send(cloud_api_simulator, data)
    send(cloud_api_simulator, "c", to="+16505550000")
    assert [found["command"] for found in cloud_api_simulator.commands(accepted_min=2)] == ["a"]
    assert len(cloud_api_simulator.commands()) == 3
    (pair,) = cloud_api_simulator.pairs(recipient="16505551234")
    assert [found["command"] for found in pair["acceptances"]] == ["a", "a", "b"]
    assert cloud_api_simulator.seconds()[NUMBER]["exceeded"] == 0
    assert [found["command"] for found in cloud_api_simulator.acceptances()] == ["a", "a", "b", "c"]
    assert cloud_api_simulator.requests(command="b")[0]["accepted"]
    httpx.get(f"{cloud_api_simulator.base_url}/v26.0/{NUMBER}")
    assert [call["http_status"] for call in cloud_api_simulator.calls()] == [401]
