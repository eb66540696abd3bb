"""Whether a cluster is as the connector's promises need it: topics, partitions, properties, rights. Pure."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final, Protocol

from connector.operations.findings import Finding, fail, ok, warn
from connector.records.topic_plan import PlannedTopic

_APPLY: Final = "run `connector topics apply`"
_DAY_MS: Final = 86_400_000
_AT_LEAST: Final = ("max.message.bytes", "message.timestamp.before.max.ms")


class SeenTopic(Protocol):
    """A topic as it is; see ``connector.kafka.cluster.TopicView``."""

    @property
    def partitions(self) -> int:
        """How many."""

    @property
    def replicas(self) -> int:
        """Of the partition that has fewest."""

    @property
    def in_sync(self) -> int:
        """Likewise, those in sync."""

    @property
    def config(self) -> Mapping[str, str] | None:
        """Properties; None when they may not be read."""

    @property
    def rights(self) -> frozenset[str]:
        """What this user may do."""


def topic_findings(
    plan: Sequence[PlannedTopic],
    seen: Mapping[str, SeenTopic],
    commands: Container[str],
    slots: int | None,
    brokers: int,
) -> list[Finding]:
    """Each planned topic as it is.

    Args:
        plan: the topics of the configuration; their partition counts are not looked at.
        seen: those that are there.
        commands: the command topics: another partition count costs them a detour, and nothing else.
        slots: partitions of the topic that decides how many slots there are; None when it is missing.
        brokers: of the cluster.
    """
    findings = []
    for planned in plan:
        topic = seen.get(planned.name)
        if topic is None:
            findings.append(fail(planned.name, "is missing, or hidden from this user", f"{_APPLY}, or give DESCRIBE"))
            continue
        found = [
            *_partition_findings(planned, topic, commands, slots),
            *_config_findings(planned, topic),
            *_replica_findings(planned, topic, brokers),
        ]
        findings += found or [ok(planned.name, _summary(topic))]
    return findings


def right_findings(needed: Mapping[str, Iterable[str]], seen: Mapping[str, SeenTopic], role: str) -> list[Finding]:
    """What this user may not do and the role needs; ``needed`` maps topics to rights."""
    findings = []
    for name, rights in needed.items():
        topic = seen.get(name)
        missing = sorted(set(rights) - topic.rights) if topic is not None else []
        if missing:
            words = " and ".join(right.upper() for right in missing)
            operations = " ".join(f"--operation {right.title()}" for right in missing)
            advice = f"kafka-acls.sh --add --allow-principal User:... {operations} --topic {name}"
            findings.append(fail(name, f"this user has no right to {words}, which {role} needs", advice))
    return findings or [ok(f"rights of {role}", "this user may do all that is needed on the topics")]


def group_finding(group_id: str, rights: frozenset[str] | None) -> Finding:
    """Whether this user may join the consumer group."""
    if rights is None:
        return ok(group_id, "the group has not been used yet, so its rights cannot be told")
    if "read" in rights:
        return ok(group_id, "this user may join the group")
    advice = f"kafka-acls.sh --add --allow-principal User:... --operation Read --group {group_id}"
    return fail(group_id, "this user has no right to READ the group, which delivery needs", advice)


def transaction_finding(transactional_id: str, fault: str | None) -> Finding:
    """Whether this user may write transactions; ``fault`` is what Kafka said."""
    if fault is None:
        return ok("transactions", "this user may write them")
    prefix = transactional_id.rpartition("-")[0] + "-"
    advice = (
        "kafka-acls.sh --add --allow-principal User:... --operation Write --operation Describe"
        f" --transactional-id {prefix} --resource-pattern-type prefixed"
    )
    return fail("transactions", f"{transactional_id} cannot be used: {fault}", advice)


def _partition_findings(
    planned: PlannedTopic, topic: SeenTopic, commands: Container[str], slots: int | None
) -> list[Finding]:
    if not planned.slotted or slots is None or topic.partitions == slots:
        return []
    found = f"has {topic.partitions} partitions, the slots are {slots}"
    if planned.name in commands:
        return [warn(planned.name, found, "each of its commands takes a detour; give it as many partitions as slots")]
    return [fail(planned.name, found, "delivery does not start so; delete it if it is empty, then " + _APPLY)]


def _config_findings(planned: PlannedTopic, topic: SeenTopic) -> list[Finding]:
    if topic.config is None:
        return [warn(planned.name, "its properties may not be read", "give DESCRIBE_CONFIGS to have them checked")]
    return [
        *_policy_findings(planned, topic.config),
        *_retention_findings(planned, topic.config),
        *(finding for name in _AT_LEAST if (finding := _least_finding(planned, topic.config, name))),
    ]


def _policy_findings(planned: PlannedTopic, config: Mapping[str, str]) -> list[Finding]:
    wanted = planned.config["cleanup.policy"]
    found = config.get("cleanup.policy", wanted)
    if found == wanted:
        return []
    why = "records would be lost" if wanted == "delete" else "state would be lost with its age"
    advice = _altered(planned, f"cleanup.policy={wanted}")
    return [fail(planned.name, f"cleanup.policy is {found}: {why}", advice)]


def _retention_findings(planned: PlannedTopic, config: Mapping[str, str]) -> list[Finding]:
    wanted, found = planned.config.get("retention.ms"), _whole(config.get("retention.ms"))
    if wanted is None or found is None or found < 0 or found >= int(wanted):
        return []
    days = f"{found / _DAY_MS:.3g} days"
    what = f"keeps records for {days}, planned are {int(wanted) // _DAY_MS}"
    advice = f"a longer hold or outage loses them: {_altered(planned, f'retention.ms={wanted}')}"
    return [warn(planned.name, what, advice)]


def _least_finding(planned: PlannedTopic, config: Mapping[str, str], name: str) -> Finding | None:
    wanted, found = planned.config.get(name), _whole(config.get(name))
    if wanted is None or found is None or found >= int(wanted):
        return None
    why = "large records" if name == "max.message.bytes" else "copies of old records"
    advice = f"Kafka would refuse {why} for ever: {_altered(planned, f'{name}={wanted}')}"
    return fail(planned.name, f"{name} is {found}", advice)


def _replica_findings(planned: PlannedTopic, topic: SeenTopic, brokers: int) -> list[Finding]:
    findings = []
    least = _whole((topic.config or {}).get("min.insync.replicas"))
    if brokers > 1 and topic.replicas == 1:
        advice = "with that broker its records are gone; reassign with 3 replicas"
        findings.append(warn(planned.name, "has one replica", advice))
    if topic.replicas > 2 and least == 1:  # noqa: PLR2004 - with two replicas, two in sync would mean no failure at all
        advice = f"acks=all is content with one: {_altered(planned, 'min.insync.replicas=2')}"
        findings.append(warn(planned.name, "min.insync.replicas is 1", advice))
    if least is not None and topic.in_sync < least:
        advice = "nothing can be written until more replicas are in sync; look at the brokers"
        findings.append(fail(planned.name, f"{topic.in_sync} replicas in sync, {least} are needed", advice))
    return findings


def _altered(planned: PlannedTopic, property_: str) -> str:
    return f"kafka-configs.sh --alter --topic {planned.name} --add-config {property_}"


def _summary(topic: SeenTopic) -> str:
    return f"{topic.partitions} partitions, {topic.replicas} replicas"


def _whole(text: str | None) -> int | None:
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None
