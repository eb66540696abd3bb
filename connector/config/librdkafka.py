"""Which librdkafka properties a configuration may set, and why not the others."""

from collections.abc import Mapping
from typing import Any

from connector.config.faults import Keys

_ACKNOWLEDGED = "what is acknowledged is safe only with the idempotent producer and acks=all"
_OFFSETS = "offsets move only in the transaction that settles their commands"
_SESSION = "the lease and the budgets follow the session; set delivery.session_timeout_s"
_PLACEMENT = "keys must meet Java's murmur2 placement, and records of a slot name their partition"
_ASSIGNMENT = "slots need the range assignment of topics with equal partition counts"
_LATE = "it bounds how late a stopped process can still write"

# Each of these carries a promise of ours; a change would break it without a word.
FORBIDDEN: Mapping[str, str] = {
    "acks": _ACKNOWLEDGED,
    "request.required.acks": _ACKNOWLEDGED,
    "enable.idempotence": _ACKNOWLEDGED,
    "transactional.id": "it is the fence between workers and is made anew for each run",
    "transaction.timeout.ms": "it bounds how long a dead worker can hold back what it left open",
    "message.timeout.ms": _LATE,
    "delivery.timeout.ms": _LATE,
    "group.id": "set delivery.group_id",
    "group.instance.id": "static members do not leave on close and silence their slots for a whole session",
    "enable.auto.commit": _OFFSETS,
    "enable.auto.offset.store": _OFFSETS,
    "auto.commit.enable": _OFFSETS,
    "auto.commit.interval.ms": _OFFSETS,
    "auto.offset.reset": "set delivery.on_missing_offsets",
    "isolation.level": "each reader chooses its own, or aborted records would be taken for settled ones",
    "session.timeout.ms": _SESSION,
    "heartbeat.interval.ms": _SESSION,
    "partition.assignment.strategy": _ASSIGNMENT,
    "group.remote.assignor": _ASSIGNMENT,
    "partitioner": _PLACEMENT,
    "sticky.partitioning.linger.ms": _PLACEMENT,
}

SECRET = frozenset(
    {
        "sasl.password",
        "ssl.key.password",
        "ssl.key.pem",
        "ssl.keystore.password",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.assertion.private.key.pem",
    }
)

_BROKERS = frozenset({"bootstrap.servers", "metadata.broker.list"})


def faults_of_properties(properties: Mapping[Any, Any]) -> list[tuple[Keys, str]]:
    """What is wrong with one map of property names and plain values; never quotes a value, it may be a secret."""
    found: list[tuple[Keys, str]] = []
    for name, value in properties.items():
        message = _name_fault(name)
        if message is None and name in SECRET:
            message = f"is a secret; put it in a file and name the file in kafka.secret_files: {{{name}: ...}}"
        if message is None and not isinstance(value, str | int | float):
            message = "must be text, a number, true or false"
        if message is not None:
            found.append(((str(name),), message))
    return found


def faults_of_secret_files(files: Mapping[Any, Any]) -> list[tuple[Keys, str]]:
    """What is wrong with a map of property names and files."""
    found: list[tuple[Keys, str]] = []
    for name, path in files.items():
        message = _name_fault(name)
        if message is None and (not path or not isinstance(path, str)):
            message = "must be the path of a file"
        if message is not None:
            found.append(((str(name),), message))
    return found


def faults_of_role_properties(properties: Mapping[str, Any]) -> list[tuple[Keys, str]]:
    """The same for a map of the producers or the consumers alone."""
    brokers: list[tuple[Keys, str]] = [
        ((name,), "belongs to kafka.common: producers and consumers share one cluster, or no transaction spans them")
        for name in properties
        if name in _BROKERS
    ]
    return brokers + faults_of_properties(properties)


def _name_fault(name: Any) -> str | None:
    if not isinstance(name, str) or not name:
        return "must be the name of a librdkafka property"
    if name in FORBIDDEN:
        return f"cannot be set here: {FORBIDDEN[name]}"
    return None
