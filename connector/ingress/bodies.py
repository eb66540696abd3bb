"""SHELL. Request bodies, read within bounds on size, time, and what all requests hold together."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from connector.ingress.admission import Admission, Refusal, Ticket

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Disconnected(Exception):  # noqa: N818 - it is an event, not a fault
    """The client has gone; nobody waits for an answer."""


async def read_body(receive: Receive, content_length: bytes | None, admission: Admission, ticket: Ticket) -> bytes:
    """Read one body; its bytes count as in flight until the ticket leaves.

    Raises:
        Refusal: 413 for a body too large, 408 for one that begins and takes too long, 503 when too much is in flight.
        Disconnected: The client went away.
    """
    if content_length is not None and content_length.isdigit() and _beyond(content_length, admission):
        raise Refusal(413, "size")
    first, more = _chunk(await receive())
    admission.hold(ticket, len(first))
    if not more:
        return first
    chunks = [first]
    try:
        # What has begun to come is timed here; what never begins is cut off by the protocol, without an answer.
        async with asyncio.timeout(admission.limits.body_timeout_s):
            while more:
                chunk, more = _chunk(await receive())
                admission.hold(ticket, len(chunk))
                chunks.append(chunk)
    except TimeoutError:
        raise Refusal(408, "timeout") from None
    return b"".join(chunks)


def _beyond(content_length: bytes, admission: Admission) -> bool:
    # Digits without end are no number that should be worked out.
    return len(content_length) > len(str(admission.limits.body_bytes_max)) or int(content_length) > (
        admission.limits.body_bytes_max
    )


def _chunk(message: Mapping[str, Any]) -> tuple[bytes, bool]:
    if message["type"] != "http.request":
        raise Disconnected
    return message.get("body", b""), message.get("more_body", False)
