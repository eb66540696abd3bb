"""A served simulator and a client of it: the suite here asks over HTTP only, as any caller of the API would."""

from collections.abc import AsyncIterator

import httpx
import pytest

from connector.simulator.server import RunningSimulator, running
from connector.simulator.settings import from_mapping

NUMBER = "106540352242922"
QUICK = {"sent_ms": 1, "delivered_ms": 2, "read_ms": 3, "failed_ms": 1, "delivered": 1, "read": 1}


@pytest.fixture
async def served() -> AsyncIterator[RunningSimulator]:
    """One number, quick statuses; media ids need not exist."""
    settings = {"numbers": [{"id": NUMBER}], "statuses": QUICK, "media": {"check_ids": False}, "seed": 7}
    async with running(from_mapping(settings)) as simulator:
        yield simulator


@pytest.fixture
async def api(served: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """The API at a version, with a token that opens it."""
    headers = {"Authorization": f"Bearer {served.access_token}"}
    async with httpx.AsyncClient(base_url=f"{served.base_url}/v25.0", headers=headers) as client:
        yield client
