"""Ask a simulator over HTTP, from synchronous code and from other processes."""

from types import TracebackType
from typing import Any, Self

import httpx


class SimulatorClient:
    """The test-only endpoints of a simulator.

    Every method raises ``httpx.HTTPError`` when the simulator cannot be reached or refuses.

    Attributes:
        base_url: ``http://host:port``, to be used in place of ``https://graph.facebook.com``.

    Args:
        base_url: see above.
        access_token: a token that opens every number; kept for callers of the API itself.
        app_secret: the secret that signs the webhooks; kept for receivers.
    """

    def __init__(self, base_url: str, access_token: str = "", app_secret: str = "") -> None:
        self.base_url = base_url
        self.access_token = access_token
        self.app_secret = app_secret
        self._http = httpx.Client(base_url=base_url, timeout=10, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def summary(self) -> dict[str, Any]:
        """Sums and peaks, number by number."""
        return self._get("/_observer/summary")

    def webhooks(self) -> dict[str, Any]:
        """Sums of the webhooks."""
        return self._get("/_observer/webhooks")

    def requests(self, **filters: str | int) -> list[dict[str, Any]]:
        """All remembered requests in order of arrival; filters are fields of a request."""
        found: list[dict[str, Any]] = []
        while True:
            page = self._get("/_observer/requests", start=len(found), limit=10_000, **filters)["requests"]
            found += page
            if not page:
                return found

    def reset(self) -> None:
        """Forget what was seen; limits and pending webhooks stay."""
        self._post("/_observer/reset", {})

    def set_number(self, number_id: str, *, level: str | None = None, mps: int | None = None) -> None:
        """Create the number if need be, and set its level, its limit or both."""
        self._post(f"/_admin/numbers/{number_id}", {"level": level, "mps": mps})

    def inbound(self, number_id: str | None = None, **request: Any) -> list[str]:
        """Let messages come in now; members as in the body of ``POST /_admin/inbound``; their ids."""
        ids: list[str] = self._post("/_admin/inbound", {"number": number_id, **request})["ids"]
        return ids

    def set_webhook(self, url: str | None, verify_token: str | None = None) -> None:
        """Send webhooks to ``url`` from now on, after Meta's handshake when a token is given."""
        self._post("/_admin/webhook", {"url": url, "verify_token": verify_token})

    def _get(self, path: str, **query: str | int) -> dict[str, Any]:
        return _body(self._http.get(path, params=query))

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return _body(self._http.post(path, json=body))


def _body(response: httpx.Response) -> dict[str, Any]:
    if response.is_client_error:
        message = response.json().get("error", response.text)
        raise httpx.HTTPStatusError(str(message), request=response.request, response=response)
    body: dict[str, Any] = response.raise_for_status().json()
    return body
