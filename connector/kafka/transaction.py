"""A transactional producer that does one thing: write records and consumed offsets together, or neither."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from connector.kafka.commit_check import CommitCheck, Places
from connector.kafka.producer import GUARANTEES

log = structlog.get_logger()

TRANSACTION_TIMEOUT_MS: Final = 10_000
"""What a dead worker left open is aborted by the broker after so long, so that readers of committed records go on."""

CALL_TIMEOUT_S: Final = 5.0
CALLS_MAX: Final = 24
PATIENCE_S: Final = CALLS_MAX * CALL_TIMEOUT_S
"""Two minutes: longer than a broker's restart or a failover. A worker whose lease is over sends nothing meanwhile, and
what it has settled is worth waiting for: given up, it would be sent a second time."""

_FENCED: Final = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED})  # noqa: SLF001 - the binding's public name

_NEVER_TAKEN: Final = frozenset(
    {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError.INVALID_TIMESTAMP, KafkaError.INVALID_MSG}
)
"""The topic's own limits: size, compaction without a key, age of the timestamp."""

HANGS_AFTER_S: Final = 20.0
"""Calls of 5 s were seen to return after 11. One that is out for so long never returns (librdkafka issue 5456): the
broker has aborted the transaction by then, and a worker that waits on would be alive and do nothing."""


class Writable(Protocol):
    """A record to be written; ``timestamp_ms`` 0 means the time of writing."""

    @property
    def topic(self) -> str:
        """Full name."""

    @property
    def partition(self) -> int:
        """Always named: the slot that settles."""

    @property
    def key(self) -> bytes | None:
        """As bytes, or none."""

    @property
    def value(self) -> bytes | None:
        """As bytes, or none."""

    @property
    def headers(self) -> tuple[tuple[str, bytes | None], ...]:
        """Names may repeat."""

    @property
    def timestamp_ms(self) -> int:
        """Unix milliseconds."""


class TransactionAbortedError(Exception):
    """Nothing of the transaction is visible; its records may be written again in the next one.

    ``undone``: nor is anything of the one before it, although the broker had committed it (see
    :mod:`connector.kafka.commit_check`).
    """

    undone = False


class RecordRefusedError(TransactionAbortedError):
    """Client or broker will never take that record.

    ``index`` is its place among those that were to be written; ``for_its_time``: with another timestamp they would.
    """

    def __init__(self, index: int, reason: str, *, for_its_time: bool = False) -> None:
        super().__init__(reason)
        self.index = index
        self.for_its_time = for_its_time


class UnreachableProducerError(Exception):
    """The brokers could not be reached in time; the call may be made again."""


class FatalProducerError(Exception):
    """The producer can never write again: another one has taken its place, or it has no right to write."""


def fence(config: Mapping[str, Any], transactional_id: str) -> None:
    """End what a producer of that id has left open, and shut it out if it still lives.

    Blocks until the broker has aborted its transaction.

    Raises:
        UnreachableProducerError: no answer in time.
        FatalProducerError: the id may not be used.
    """
    TransactionalProducer(config, transactional_id).start()


class TransactionalProducer:
    """Used from one thread only. ``config`` has librdkafka's names; ours that guarantee something win."""

    def __init__(self, config: Mapping[str, Any], transactional_id: str) -> None:
        self.transactional_id = transactional_id
        self._config = {
            # A client that forgets its brokers while all are away hangs in the middle of a transaction
            # (librdkafka issue 5511, seen with 2.16 after each restart of a single broker).
            "metadata.recovery.strategy": "none",
            **config,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            **GUARANTEES,
            "linger.ms": 0,
        }
        self._producer = Producer(self._config)
        self._over: str | None = None
        self._refused: list[RecordRefusedError] = []
        self._committed: Places = {}
        self._check = CommitCheck(config)

    def start(self) -> None:
        """Register the transactional id; fences an older producer of the same id.

        Raises:
            FatalProducerError: the id may not be used.
            UnreachableProducerError: no answer in time.
        """
        try:
            self._producer.init_transactions(CALL_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].retriable():
                raise UnreachableProducerError(error.args[0].str()) from error
            raise FatalProducerError(error.args[0].str()) from error

    def commit(self, records: Iterable[Writable], offsets: Sequence[tuple[str, int, int]], member: object) -> None:
        """Write ``records`` and commit ``offsets`` (topic, partition, next offset) for the group of ``member``.

        Blocks while the brokers are away, for up to :data:`PATIENCE_S`: nothing else could be done meanwhile.

        Raises:
            TransactionAbortedError: nothing was written; a RecordRefusedError when that would be so for ever.
            FatalProducerError: this producer can never write again, or nobody can know whether it has written.
        """
        if self._over is not None:  # a new client now would shut out the one that has taken our place
            raise FatalProducerError(self._over)
        places: Places = {}
        try:
            self._producer.begin_transaction()
            self._write(records, places)
            if offsets:
                positions = [TopicPartition(topic, partition, offset) for topic, partition, offset in offsets]
                self._patiently(self._send_offsets, positions, member)
        except (KafkaException, RecordRefusedError) as error:
            self._abort(error)
            raise self._aborted(error) from error
        try:
            self._patiently(self._producer.commit_transaction, CALL_TIMEOUT_S)
        except KafkaException as error:
            # Only the broker's word that it was not committed allows to write the same again.
            if not error.args[0].txn_requires_abort():
                raise self._final(error.args[0].str()) from error
            self._abort(error)
            raise self._aborted(error) from error
        self._producer.poll(0)  # for the reports
        self._committed = places

    def close(self) -> None:
        """Let go of what was not committed; an open transaction is aborted by the broker."""
        self._producer.purge()

    def _write(self, records: Iterable[Writable], places: Places) -> None:
        self._refused = []
        for index, record in enumerate(records):
            try:
                self._produce(record, _Report(index, self._refused, places))
            except KafkaException as error:
                if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    raise RecordRefusedError(index, error.args[0].str()) from error
                raise

    def _produce(self, record: Writable, report: "_Report") -> None:
        headers: list[tuple[str, str | bytes | None]] = list(record.headers)
        while True:
            try:
                self._producer.produce(
                    record.topic, record.value, record.key, record.partition, timestamp=record.timestamp_ms,
                    headers=headers, on_delivery=report,
                )  # fmt: skip
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def _send_offsets(self, positions: list[TopicPartition], member: object) -> None:
        _returning(lambda: self._producer.send_offsets_to_transaction(positions, member, CALL_TIMEOUT_S))

    def _patiently(self, call: Any, *args: Any) -> None:
        """Calls of the transaction protocol are to be repeated, the same one, when the client says so."""
        for _ in range(CALLS_MAX):
            try:
                call(*args)
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise
                last = error
            else:
                return
        raise last

    def _abort(self, cause: Exception) -> None:
        """End the open transaction; with a new client when this one cannot.

        The new client registers under the same id, which aborts on the broker what the old one left open.
        """
        if isinstance(cause, KafkaException) and cause.args[0].code() in _FENCED:
            raise self._final(cause.args[0].str()) from cause
        try:
            self._patiently(self._producer.abort_transaction, CALL_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() in _FENCED:
                raise self._final(error.args[0].str()) from error
            log.warning("transactional client replaced", reason=error.args[0].str())
            self._producer.purge()
            self._producer = Producer(self._config)
            self._start_patiently()

    def _start_patiently(self) -> None:
        for attempt in range(1, CALLS_MAX + 1):
            try:
                self.start()
            except UnreachableProducerError as error:
                if attempt == CALLS_MAX:
                    raise self._final(str(error)) from error
            else:
                return

    def _aborted(self, error: Exception) -> Exception:
        """The record that the broker refused, when that was it; what was purged beside it is not told."""
        self._producer.poll(0)
        if isinstance(error, RecordRefusedError):
            found: TransactionAbortedError = error
        else:
            found = self._refused[0] if self._refused else TransactionAbortedError(error.args[0].str())
        if self._committed and self._check.undone(self._committed):
            found.undone = True
            self._committed = {}
        return found

    def _final(self, reason: str) -> FatalProducerError:
        self._over = reason
        return FatalProducerError(reason)


class _Report:
    """Told what became of a record; keeps those that never will be written, and the last place of each partition."""

    __slots__ = ("_index", "_places", "_refused")

    def __init__(self, index: int, refused: list[RecordRefusedError], places: Places) -> None:
        self._index = index
        self._refused = refused
        self._places = places

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self._places[message.topic() or "", message.partition() or 0] = message.offset() or 0
        elif error.code() in _NEVER_TAKEN:
            for_its_time = error.code() == KafkaError.INVALID_TIMESTAMP
            self._refused.append(RecordRefusedError(self._index, error.str(), for_its_time=for_its_time))


def _returning(call: Callable[[], None]) -> None:
    """Make a call that may never return, on a thread that can be left behind.

    Raises:
        FatalProducerError: it did not return.
    """
    errors: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - handed over to the caller as it is
            errors.append(error)

    thread = threading.Thread(target=run, name="transaction-call", daemon=True)
    thread.start()
    thread.join(HANGS_AFTER_S)
    if thread.is_alive():
        message = f"Kafka's client has not answered for {HANGS_AFTER_S:g} s"
        raise FatalProducerError(message)
    if errors:
        raise errors[0]
