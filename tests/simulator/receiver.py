"""A webhook receiver for tests: answers what it is told to and keeps what it gets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

PATIENCE_S = 20


class Receiver:
    """Bodies and headers of all POSTs, and the answers still to be given (200 when none is left)."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self.signatures: list[str] = []
        self.answers: list[int] = []
        self.verify_token = "verify"
        self._came = asyncio.Condition()

    async def post(self, request: web.Request) -> web.Response:
        """Keep one notification."""
        body = await request.read()
        async with self._came:
            self.bodies.append(body)
            self.signatures.append(request.headers["X-Hub-Signature-256"])
            self._came.notify_all()
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    async def get(self, request: web.Request) -> web.Response:
        """Meta's handshake."""
        if request.query.get("hub.verify_token") != self.verify_token:
            return web.Response(status=403)
        return web.Response(text=request.query["hub.challenge"])

    def items(self, member: str) -> list[dict[str, Any]]:
        """All statuses or messages received, repeats included."""
        values = [
            change["value"]
            for body in self.bodies
            for entry in json.loads(body)["entry"]
            for change in entry["changes"]
        ]
        return [item for value in values for item in value.get(member, [])]

    async def until(self, satisfied: Callable[[], bool]) -> None:
        """Wait until what came in satisfies; fails when it takes too long."""
        async with asyncio.timeout(PATIENCE_S), self._came:
            await self._came.wait_for(satisfied)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens on a free port."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/webhook", receiver.post)
    app.router.add_get("/webhook", receiver.get)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
