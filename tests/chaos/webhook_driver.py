"""The driver's own webhooks: posted as Meta posts them, until they are answered 200; and forged ones."""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from random import Random
from typing import Final

import httpx

from connector.clock import SystemClock
from tests.chaos.bodies import Body, BodyLoad
from tests.chaos.ledgers import Posted

SIGNATURE: Final = "X-Hub-Signature-256"
LANES_PER_REPLICA: Final = 4
PAUSE_S: Final = 0.4
"""On average, between two bodies of a lane."""

FORGED_SHARE: Final = 0.06
SAME_AGAIN_SHARE: Final = 0.12
OTHERWISE_AGAIN_SHARE: Final = 0.06

ANSWER_S: Final = 10.0
TRIED_AGAIN_AFTER_S: Final = 0.3
GIVEN_UP_AFTER_S: Final = 90.0

NO_ANSWER: Final = 0

_CLOCK: Final = SystemClock()


class WebhookDriver:
    """Posts until told to stop; ``posted`` is its ledger, ``signatures`` are those it sent with a right secret.

    Args:
        seed: decides everything that is left open.
        number: the business number that is written to.
        replicas: callback URL of each ingress.
        secret: the app secret.
    """

    def __init__(self, seed: int, number: str, replicas: Mapping[str, str], secret: str) -> None:
        self._seed = seed
        self._number = number
        self._replicas = replicas
        self._secret = secret.encode()
        self._stopping = asyncio.Event()
        self.posted: list[Posted] = []
        self.signatures: set[str] = set()

    def stop(self) -> None:
        """Begin no new body; those under way are posted until they are answered."""
        self._stopping.set()

    async def run(self) -> None:
        """All lanes, until :meth:`stop`."""
        async with httpx.AsyncClient(timeout=ANSWER_S, trust_env=False) as client:
            lanes = [name for name in self._replicas for _ in range(LANES_PER_REPLICA)]
            await asyncio.gather(*(self._lane(client, index, replica) for index, replica in enumerate(lanes)))

    async def _lane(self, client: httpx.AsyncClient, index: int, replica: str) -> None:
        load = BodyLoad(self._seed, self._number, index)
        random = Random(f"{self._seed} driver {index}")  # noqa: S311 - load, nothing secret
        while not self._stopping.is_set():
            body = load.following()
            if random.random() < FORGED_SHARE:
                await self._forged(client, replica, body, random)
            else:
                await self._until_taken(client, replica, body)
                await self._perhaps_again(client, body, load, random)
            await asyncio.sleep(random.expovariate(1 / PAUSE_S))

    async def _perhaps_again(self, client: httpx.AsyncClient, body: Body, load: BodyLoad, random: Random) -> None:
        """Meta delivers again now and then, the same body or its facts in another, to whichever replica answers."""
        drawn = random.random()
        if drawn < SAME_AGAIN_SHARE:
            await self._until_taken(client, random.choice(list(self._replicas)), body)
        elif drawn < SAME_AGAIN_SHARE + OTHERWISE_AGAIN_SHARE:
            await self._until_taken(client, random.choice(list(self._replicas)), load.again(body))

    async def _until_taken(self, client: httpx.AsyncClient, replica: str, body: Body) -> None:
        statuses: list[int] = []
        deadline = _CLOCK.monotonic() + GIVEN_UP_AFTER_S
        signature = self._signature(body.content)
        self.signatures.add(signature.removeprefix("sha256="))
        while httpx.codes.OK not in statuses and _CLOCK.monotonic() < deadline:
            if statuses:
                await asyncio.sleep(TRIED_AGAIN_AFTER_S)
            statuses.append(await self._post(client, replica, body.content, {SIGNATURE: signature}))
        self.posted.append(Posted(body.facts, replica, signed=True, statuses=tuple(statuses)))

    async def _forged(self, client: httpx.AsyncClient, replica: str, body: Body, random: Random) -> None:
        right = self._signature(body.content)
        wrong = random.choice([
            {},
            {SIGNATURE: "sha256=" + hmac.new(b"another secret", body.content, hashlib.sha256).hexdigest()},
            {SIGNATURE: self._signature(body.content + b" ")},
            {SIGNATURE: right[:-1]},
            {SIGNATURE: right.replace("sha256=", "sha1=")},
            {SIGNATURE: right.upper()},
        ])  # fmt: skip
        status = await self._post(client, replica, body.content, wrong)
        self.posted.append(Posted(body.facts, replica, signed=False, statuses=(status,)))

    async def _post(self, client: httpx.AsyncClient, replica: str, content: bytes, headers: Mapping[str, str]) -> int:
        sent = {"Content-Type": "application/json", **headers}
        try:
            answer = await client.post(self._replicas[replica], content=content, headers=sent)
        except httpx.TransportError:
            return NO_ANSWER
        return answer.status_code

    def _signature(self, content: bytes) -> str:
        return "sha256=" + hmac.new(self._secret, content, hashlib.sha256).hexdigest()
