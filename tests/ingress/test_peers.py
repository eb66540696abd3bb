"""Who is believed about a client: proxies that were named, and nobody else."""

from ipaddress import ip_network
from typing import Any

import pytest

from connector.ingress.peers import Peers
from tests.ingress.client import JSON, Client, notification, signed

PROXY = ip_network("10.0.0.0/8")
META_CN = "client.webhooks.fbclientcerts.com"


@pytest.mark.parametrize(
    ("subject", "client_address", "status"),
    [
        (META_CN, "10.1.2.3", 200),
        (f"CN={META_CN},O=Meta Platforms Inc.", "10.1.2.3", 200),
        (f"/C=US/O=Meta/CN={META_CN}", "10.1.2.3", 200),
        (f'Hash=ab;Subject="O=Meta,CN={META_CN}";URI=', "10.1.2.3", 200),
        (META_CN, "192.0.2.1", 403),
        (None, "10.1.2.3", 403),
        ("", "10.1.2.3", 403),
        ("CN=somebody.else", "10.1.2.3", 403),
        (f"CN=somebody.else,OU={META_CN}", "10.1.2.3", 403),
        (f"CN={META_CN}.evil.example", "10.1.2.3", 403),
        (f"CN={META_CN},CN=somebody.else", "10.1.2.3", 403),
        (f"O=CN={META_CN},CN=somebody.else", "10.1.2.3", 403),
    ],
)
async def test_a_proxy_may_vouch_for_the_certificate_of_meta(
    subject: str | None, client_address: str, status: int
) -> None:
    """Only a trusted proxy is believed, and only the one name, whole."""
    client = Client(peers=Peers([PROXY], "X-Client-Subject", META_CN))
    headers = {"x-hub-signature-256": signed(notification()), "content-type": JSON}
    headers |= {} if subject is None else {"x-client-subject": subject}
    response = await client.request("POST", headers=headers, chunks=[notification()], client=(client_address, 1))
    assert response.status == status
    assert len(client.producer.groups) == (status == 200)


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        ([], "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ([PROXY], "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ([PROXY], "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ([PROXY], "10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ([PROXY], "10.0.0.1", "", "10.0.0.1"),
        ([PROXY], "10.0.0.1", "no address", "no address"),
    ],
)
def test_forwarded_addresses_are_believed_from_trusted_proxies_alone(
    trusted: list[Any], peer: str, forwarded: str, expected: str
) -> None:
    """From the last hop back, as far as each is a proxy of ours."""
    scope = {"client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}
    assert Peers(trusted).client(scope) == expected
