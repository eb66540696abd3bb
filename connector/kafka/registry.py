"""The schema registry: which id a schema has, and which schema an id."""

import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import Any, Final, NamedTuple, TypeVar

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from connector.clock import Clock

ANSWER_S: Final = 5.0
"""How long one connection or one answer may take. The client's own default is for ever."""

WAIT_S: Final = 0.5
"""How long a thread with other work waits for the schema of an id: far longer than an answer takes, far shorter than
anything that thread has promised."""

ASK_AGAIN_S: Final = 2.0
"""Between two questions to a registry that did not answer."""

UNKNOWN_S: Final = 60.0
"""How long an id stays unknown. It may become known, when the registry's replicas lag behind one another."""

REMEMBERED_MAX: Final = 1000
"""Ids come from outside: this many unanswered or unknown ones are remembered, the oldest go first."""

# No such subject, version, schema (Confluent, schema registry API reference, errors, 2026-11-24). A 404 with any other
# code is a proxy's or another server's, and says nothing about schemas.
_NOT_THERE = frozenset({40401, 40402, 40403})
# What the client puts for a body that is none of a registry's.
_NO_CODE = (None, SchemaRegistryError.UNKNOWN)

T = TypeVar("T")


class RegistryUnavailableError(Exception):
    """The registry did not answer, or what answered was no registry; trying again later makes sense."""


class SchemaNotRegisteredError(Exception):
    """The registry does not know a schema that is to be written; the message says what to run."""


class SchemaRefusedError(Exception):
    """The registry does not take a schema or a rule; the message has its words."""


class Registry:
    """One registry. Calls block, some seconds at worst, and do not try again.

    Args:
        config: Properties of Confluent's client, under their names there.

    Raises:
        ValueError: A property cannot be used.
        OSError: A file that a property names cannot be read, or is of another kind.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._url = config["url"]
        self._client = SchemaRegistryClient({"timeout": ANSWER_S, "max.retries": 0, **config})

    def id_of(self, subject: str, schema_text: str) -> int:
        """Id of a schema under its subject.

        Raises:
            SchemaNotRegisteredError: it has none there.
            RegistryUnavailableError: no answer.
        """
        schema = Schema(schema_text, "AVRO")
        try:
            return self._ask(int, lambda: self._client.lookup_schema(subject, schema).schema_id)
        except SchemaRegistryError as error:
            if error.error_code in _NOT_THERE:
                message = f"{subject}: this schema is not registered; run `connector schemas register` first"
                raise SchemaNotRegisteredError(message) from None
            raise RegistryUnavailableError(self._told(error)) from None

    def schema_of(self, schema_id: int) -> str:
        """Text of the schema with an id.

        Raises:
            LookupError: there is none.
            RegistryUnavailableError: no answer.
        """
        try:
            return self._ask(str, lambda: self._client.get_schema(schema_id).schema_str)
        except SchemaRegistryError as error:
            if error.error_code in _NOT_THERE:
                message = f"schema id {schema_id} is unknown to the registry"
                raise LookupError(message) from None
            raise RegistryUnavailableError(self._told(error)) from None

    def register(self, subject: str, schema_text: str, compatibility: str) -> int:
        """The id of a schema that is registered from now on, in a subject held to a rule from now on.

        The rule first, so that the registry holds this very schema to it.

        Raises:
            SchemaRefusedError: the registry takes one or the other not.
            RegistryUnavailableError: no answer.
        """
        schema = Schema(schema_text, "AVRO")
        try:
            self._ask(object, lambda: self._client.set_compatibility(subject, compatibility))
            return self._ask(int, lambda: self._client.register_schema(subject, schema))
        except SchemaRegistryError as error:
            message = f"HTTP {error.http_status_code}: {error.error_message}"
            raise SchemaRefusedError(message) from None

    def close(self) -> None:
        """Give its connections back."""
        self._client.close()

    def _ask(self, kind: type[T], question: Callable[[], Any]) -> T:
        try:
            answer = question()
        except SchemaRegistryError as error:
            if error.error_code in _NO_CODE:
                message = self._told(f"HTTP {error.http_status_code}, not in the words of a registry; is this its URL?")
                raise RegistryUnavailableError(message) from None
            raise
        except Exception as error:  # the client lets its HTTP library's errors through, and which library changes
            raise RegistryUnavailableError(self._told(f"{type(error).__name__}: {error}")) from error
        if not isinstance(answer, kind):
            raise RegistryUnavailableError(self._told("this is no answer of a schema registry"))
        return answer

    def _told(self, reason: object) -> str:
        return f"{self._url}: {reason}"


class _Answer(NamedTuple):
    """What became of one question, and until when it stands (monotonic seconds)."""

    text: str | None
    fault: str
    unknown: bool
    until: float


class SchemaTexts:
    """Schemas by id for one thread that must not be held up: the registry is asked from another one.

    Ids that the registry does not know are not asked for again at once, however many records carry them.

    Args:
        ask: :meth:`Registry.schema_of`.
        clock: Tells when an answer has grown old.
    """

    def __init__(self, ask: Callable[[int], str], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._questions: dict[int, Future[_Answer]] = {}

    def of(self, schema_id: int) -> str:
        """Text of the schema with an id; returns within half a second.

        Raises:
            LookupError: there is none, or was none a minute ago.
            RegistryUnavailableError: no answer, or none yet. Call again.
        """
        question = self._questions.get(schema_id)
        if question is None or (question.done() and question.result().until <= self._clock.monotonic()):
            question = self._begin(schema_id)
            wait([question], WAIT_S)
        if not question.done():
            message = f"no answer yet for schema id {schema_id}"
            raise RegistryUnavailableError(message)
        answer = question.result()
        if answer.text is not None:
            del self._questions[schema_id]  # the caller keeps what it made of it
            return answer.text
        raise LookupError(answer.fault) if answer.unknown else RegistryUnavailableError(answer.fault)

    def _begin(self, schema_id: int) -> Future[_Answer]:
        self._questions.pop(schema_id, None)
        if len(self._questions) >= REMEMBERED_MAX:
            del self._questions[next(iter(self._questions))]
        question = self._questions[schema_id] = Future()
        # A daemon: nobody waits for a registry that hangs while the process stops.
        threading.Thread(target=self._answer, args=(schema_id, question), name="schema-registry", daemon=True).start()
        return question

    def _answer(self, schema_id: int, question: Future[_Answer]) -> None:
        try:
            answer = _Answer(self._ask(schema_id), "", unknown=False, until=math.inf)
        except LookupError as error:
            answer = _Answer(None, str(error), unknown=True, until=self._clock.monotonic() + UNKNOWN_S)
        except RegistryUnavailableError as error:
            answer = _Answer(None, str(error), unknown=False, until=self._clock.monotonic() + ASK_AGAIN_S)
        question.set_result(answer)
