"""The namespace's names and addresses; making one needs root and is seen in the bench."""

import ipaddress

from tests.chaos.network import Namespace

PID_MAX = 4_194_304
"""The largest process id of Linux."""
DEVICE_NAME_MAX = 15


def test_addresses_are_the_two_hosts_of_one_block_for_benchmarks() -> None:
    """198.18.0.0/15 is routed nowhere (RFC 2544); a /30 has exactly two hosts."""
    for owner in (1, 255, 16_383, 16_384, PID_MAX):
        made = Namespace(owner)
        block = ipaddress.IPv4Network(f"{made.host_address}/30", strict=False)
        assert [str(host) for host in block.hosts()] == [made.host_address, made.address]
        assert block.subnet_of(ipaddress.IPv4Network("198.18.0.0/15"))


def test_names_fit_the_kernel_and_tell_the_owner() -> None:
    """Whoever cleans up later has to know whose it was."""
    made = Namespace(PID_MAX)
    assert made.name.endswith(str(PID_MAX))
    assert len(made._outside) <= DEVICE_NAME_MAX
    assert len(made._inside) <= DEVICE_NAME_MAX
    assert made.prefix[-1] == made.name
