"""The server of the ingress with an application that reads each body and answers 200: what any ASGI app costs here."""

import asyncio
import sys
from typing import Any

import uvloop

from connector.ingress.http_protocol import CONNECTIONS_MAX, BoundedHttp
from connector.service.http import serving

_START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
_BODY = {"type": "http.response.body", "body": b""}


async def app(_scope: Any, receive: Any, send: Any) -> None:
    """200."""
    while (await receive()).get("more_body"):
        pass
    await send(_START)
    await send(_BODY)


async def main(port: int) -> None:
    """Serve until the process is ended."""
    async with serving(app, "127.0.0.1", port, drain_s=1, concurrency_max=CONNECTIONS_MAX + 1, protocol=BoundedHttp):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
