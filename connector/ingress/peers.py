"""Who is at the other end: the client behind a proxy, and the certificate it showed. PURE.

Anybody can write headers; they count only when the connection comes from a proxy that was named.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final

Network = IPv4Network | IPv6Network

_FORWARDED: Final = b"x-forwarded-for"
_UNKNOWN: Final = "unknown"
# The common name in a distinguished name, however proxies write it: "CN=a,O=b", "/O=b/CN=a", "Subject="CN=a,O=b"".
_COMMON_NAME: Final = re.compile(r'(?:^|[,;/"+=]\s*)CN\s*=\s*([^,;/"+]+?)\s*(?=$|[,;/"+])', re.IGNORECASE)


class Peers:
    """The rules of one server.

    Args:
        trusted_proxies: Networks whose ``X-Forwarded-For``, and whose header of a certificate, are believed.
        certificate_header: Header in which a proxy tells the subject of the client certificate that it has verified;
            None: none is asked for.
        common_name: Whose certificate it has to be.
    """

    def __init__(
        self, trusted_proxies: Sequence[Network] = (), certificate_header: str | None = None, common_name: str = ""
    ) -> None:
        self._trusted = trusted_proxies
        self._header = None if certificate_header is None else certificate_header.lower().encode()
        self._common_name = common_name

    def certified(self, scope: Mapping[str, Any]) -> bool:
        """Whether a request may be looked at: no certificate is asked for, or a proxy has seen the right one."""
        if self._header is None:
            return True
        told = [value for name, value in scope["headers"] if name == self._header]
        if len(told) != 1 or not self._is_trusted(_address(scope)):
            return False
        return _names(told[0].decode("latin-1")) == {self._common_name}

    def client(self, scope: Mapping[str, Any]) -> str:
        """The address of the client: of the last hop that is no proxy of ours."""
        address = _address(scope)
        if not self._trusted:
            return address
        told = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED)
        for hop in reversed(told.split(",")):
            if not self._is_trusted(address) or not hop.strip():
                break
            address = hop.strip()
        return address

    def _is_trusted(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._trusted)


def _address(scope: Mapping[str, Any]) -> str:
    client = scope.get("client")
    return client[0] if client else _UNKNOWN


def _names(told: str) -> set[str]:
    """The common names in what a proxy tells: the name itself, or a distinguished name with it."""
    return set(_COMMON_NAME.findall(told)) or {told.strip()}
