"""Ask a simulator over HTTP, from synchronous code and from other processes."""

import json
from types import TracebackType
from typing import Any, Self

import httpx

from connector.simulator.report import EXAMPLES_MAX, Evidence


class SimulatorClient:
    """The test-only endpoints of a simulator.

    Every method raises ``httpx.HTTPError`` when the simulator cannot be reached or refuses.

    Attributes:
        base_url: ``http://host:port``, to be used in place of ``https://graph.facebook.com``.

    Args:
        base_url: see above.
        access_token: a token that opens every number; kept for callers of the API itself.
        app_secret: the secret that signs the webhooks; kept for receivers.
        timeout_s: patience for each answer.
    """

    def __init__(self, base_url: str, access_token: str = "", app_secret: str = "", *, timeout_s: float = 10.0) -> None:
        self.base_url = base_url
        self.access_token = access_token
        self.app_secret = app_secret
        self._http = httpx.Client(base_url=base_url, timeout=timeout_s, trust_env=False)

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
        return self._pages("/_observer/requests", "requests", **filters)

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

    def add_fault(self, kind: str, **members: Any) -> str:
        """Put a fault in force from now on; members as in the body of ``POST /_admin/faults``; its id."""
        return str(self._post("/_admin/faults", {"kind": kind, **members})["id"])

    def faults(self) -> list[dict[str, Any]]:
        """Every fault with what it has done."""
        found: list[dict[str, Any]] = self._get("/_admin/faults")["faults"]
        return found

    def remove_fault(self, fault_id: str | None = None) -> None:
        """Take back one fault, or all."""
        _body(self._http.delete("/_admin/faults" + (f"/{fault_id}" if fault_id else "")))

    def commands(self, **filters: int) -> list[dict[str, Any]]:
        """Every command with its sends; ``accepted_min`` and ``accepted_max`` filter."""
        return self._pages("/_observer/commands", "commands", **filters)

    def pairs(self, **filters: str) -> list[dict[str, Any]]:
        """Every pair with its acceptances in order; ``number`` and ``recipient`` filter."""
        return self._pages("/_observer/pairs", "pairs", **filters)

    def calls(self) -> list[dict[str, Any]]:
        """Every request that sends nothing."""
        return self._pages("/_observer/calls", "calls")

    def seconds(self) -> dict[str, Any]:
        """Each number's fullest sliding seconds, and the moments over its limit."""
        return self._get("/_observer/seconds")

    def evidence(self) -> Evidence:
        """All that a sender is judged by."""
        return Evidence(
            summary=self.summary(),
            acceptances=self.acceptances(),
            accepted_twice=self._some("commands", accepted_min=2),
            never_accepted=self.commands(accepted_max=0),
            over_number_limit=self._some("requests", over_number_limit="true"),
            over_pair_limit=self._some("requests", over_pair_limit="true"),
        )

    def acceptances(self) -> list[dict[str, Any]]:
        """Every acceptance in order, those with a lost answer too."""
        response = self._http.get("/_observer/acceptances").raise_for_status()
        return [json.loads(line) for line in response.content.splitlines()]

    def set_webhook(self, url: str | None, verify_token: str | None = None) -> None:
        """Send webhooks to ``url`` from now on, after Meta's handshake when a token is given."""
        self._post("/_admin/webhook", {"url": url, "verify_token": verify_token})

    def _some(self, what: str, **filters: str | int) -> list[dict[str, Any]]:
        """The first ones, for examples."""
        found: list[dict[str, Any]] = self._get(f"/_observer/{what}", limit=EXAMPLES_MAX, **filters)[what]
        return found

    def _pages(self, path: str, member: str, **filters: str | int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self._get(path, start=len(found), limit=10_000, **filters)[member]
            found += page
            if not page:
                return found

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
