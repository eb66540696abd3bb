"""What has to hold for any body: it is answered 200, nothing of it is lost, nothing of it costs anything else."""

import asyncio
import json
from collections.abc import Callable, Sequence

from connector.ingress.publisher import EventTopics
from connector.kafka.producer import Record
from connector.records.codec import Codec
from tests.fuzz.mutations import Mutant
from tests.ingress.assembly import Secrets, assemble
from tests.ingress.client import SECRET, posted
from tests.ingress.fakes import SLOTS, ManualClock

CODEC = Codec()
TOPICS = EventTopics("InboundMessage", "MessageStatus", "AccountEvent", "NumberSignal", "rejects")


class BrokenPromiseError(AssertionError):
    """Something that always holds did not."""


class _Kafka:
    """Takes everything at once."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def publish(self, records: Sequence[Record], settled: Callable[[bool], None] | None = None) -> asyncio.Future[None]:
        self.records += records
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        if settled is not None:
            settled(True)  # noqa: FBT003 - the producer's own form
        return future

    def partitions(self, _topic: str) -> int:
        return SLOTS


class Oracle:
    """One ingress without memory, in front of a Kafka that can be looked into."""

    def __init__(self) -> None:
        self._kafka = _Kafka()
        ingress = assemble(self._kafka, TOPICS, ManualClock(), Secrets(SECRET), window=0)
        ingress.publisher.known_slots = SLOTS
        self._app = ingress.app

    async def check(self, mutant: Mutant) -> None:
        """Post one body.

        Raises:
            BrokenPromiseError: It was not answered 200, or something of it was lost.
        """
        self._kafka.records.clear()
        status = await posted(self._app, mutant.body)
        if status != 200:
            message = f"answered {status}"
            raise BrokenPromiseError(message)
        records = self._kafka.records
        haystack = b"\n".join(_content(record) for record in records)
        for mark in mutant.marks:
            if mark.encode() not in haystack:
                message = f"lost: {mark}"
                raise BrokenPromiseError(message)
        typed = b"\n".join(record.value or b"" for record in records if record.topic != TOPICS.webhook_rejects)
        for item_id in mutant.untouched:
            if item_id.encode() not in typed:
                message = f"a sibling was lost or set aside: {item_id}"
                raise BrokenPromiseError(message)
        for record in records:
            _check_record(record)


def _content(record: Record) -> bytes:
    return (record.value or b"") + b"".join(value for _, value in record.headers)


def _check_record(record: Record) -> None:
    """A record can be read, and its raw text is JSON that its readers can read."""
    if record.topic == TOPICS.webhook_rejects:
        return
    found = CODEC.decode(record.topic, record.value or b"")
    if found.get("event_id") != dict(record.headers)["ce_id"].decode() and record.topic != TOPICS.number_signals:
        message = "the id in the value is not that of the header"
        raise BrokenPromiseError(message)
    if "raw" in found and record.topic == TOPICS.account_events:
        raw = json.loads(found["raw"], parse_int=str)
        if raw["field"].isascii() and raw["field"] != found["field"]:
            message = "the raw text is of another field"
            raise BrokenPromiseError(message)
