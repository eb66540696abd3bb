"""One ingress with its Kafka and its clock, called without a server, for tests."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from connector.ingress.admission import Limits
from connector.ingress.app import IngressApp
from connector.ingress.peers import Peers
from connector.ingress.traces import IngressTraces
from tests.ingress.assembly import PATH, Secrets, assemble
from tests.ingress.fakes import SLOTS, TOPICS, FakeProducer, ManualClock

SECRET, TOKEN = b"app-secret", b"verify-me"
JSON = "application/json"
SENTINEL = "do-not-log-me"
TEXT = {"from": "16505551234", "id": "wamid.1", "timestamp": "1749416383", "type": "text", "text": {"body": SENTINEL}}


def notification(*messages: Any) -> bytes:
    """A body with these messages."""
    value = {"metadata": {"phone_number_id": "100"}, "messages": messages or [TEXT]}
    entry = {"id": "W", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def signed(body: bytes, secret: bytes = SECRET) -> str:
    """The signature as Meta makes it."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


class Response:
    """What the application sent."""

    def __init__(self, sent: Sequence[Mapping[str, Any]]) -> None:
        start, body = sent
        self.status: int = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        self.body: bytes = body["body"]


async def answer(
    app: IngressApp, scope: MutableMapping[str, Any], chunks: Sequence[bytes], *, ends: bool = True
) -> Response:
    """What an application answers to a request whose body comes in these chunks, and stays open unless it ends."""
    sent: list[Mapping[str, Any]] = []
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": not ends or place < len(chunks) - 1}
        for place, chunk in enumerate(chunks)
    ]

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return Response(sent)


async def posted(app: IngressApp, body: bytes) -> int:
    """The status with which an application answers one webhook of Meta's."""
    headers = [(b"x-hub-signature-256", signed(body).encode()), (b"content-type", JSON.encode())]
    scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": headers}
    return (await answer(app, scope, [body])).status


class Client:
    """One application with its Kafka and its clock, called directly."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        peers: Peers | None = None,
        window: int = 1000,
        numbers: Any = None,
        traces: IngressTraces | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.producer = FakeProducer()
        self.secrets = Secrets(b"other", SECRET)
        ingress = assemble(
            self.producer,
            TOPICS,
            self.clock,
            self.secrets,
            tokens=(TOKEN,),
            limits=limits,
            peers=peers,
            window=window,
            numbers=numbers,
            timeout_s=0.01,
            traces=traces,
        )
        self.app, self.signals, self.admission, self.tally, _ = ingress

    async def wait(self, seconds: float) -> None:
        """Let time pass for what is inside."""
        self.clock.now_s += seconds
        self.admission.tick()
        await asyncio.sleep(0)

    async def request(
        self,
        method: str,
        path: str = PATH,
        headers: Mapping[str, str] | None = None,
        *,
        chunks: Sequence[bytes] = (b"",),
        query: str = "",
        ends: bool = True,
        client: tuple[str, int] = ("192.0.2.1", 443),
    ) -> Response:
        """One request; a body that does not end stays open for ever."""
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
            "client": client,
        }
        return await answer(self.app, scope, chunks, ends=ends)

    async def post(self, body: bytes, **headers: str) -> Response:
        """One webhook; signed and typed unless told otherwise."""
        given = {"x-hub-signature-256": signed(body), "content-type": JSON}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.request("POST", headers=given, chunks=[body])

    async def gaps(self) -> list[tuple[int, int]]:
        """The gaps that are told to the first slot at the next tick, counted from the start of the test."""
        self.producer.failing = self.producer.silent = False
        await self.signals.tick()
        found = [signal for signal in self.producer.on(TOPICS.number_signals) if signal["kind"] == "GAP"]
        assert len(found) % SLOTS == 0
        return [(gap["from"] - ManualClock().wall_ms(), gap["to"] - ManualClock().wall_ms()) for gap in found[::SLOTS]]
