"""Whether a cluster is good enough: each fault is found, and says what to type."""

from collections.abc import Mapping

import pytest

from connector.kafka.cluster import TopicView
from connector.operations.findings import Finding, Grade
from connector.operations.kafka_findings import group_finding, right_findings, topic_findings, transaction_finding
from connector.records.topic_plan import PlannedTopic

WEEK, EIGHT_MIB = "604800000", "8388608"
COMMANDS = PlannedTopic("commands", 24, slotted=True, config={"cleanup.policy": "delete", "retention.ms": WEEK})
STATE = PlannedTopic("state", 24, slotted=True, config={"cleanup.policy": "compact"})
EVENTS = PlannedTopic("events", 24, slotted=False, config={"cleanup.policy": "delete", "max.message.bytes": EIGHT_MIB})
GOOD = {
    "cleanup.policy": "delete", "retention.ms": WEEK, "max.message.bytes": EIGHT_MIB, "min.insync.replicas": "2",
}  # fmt: skip


def view(partitions: int = 24, replicas: int = 3, in_sync: int = 3, **config: str) -> TopicView:
    """A good topic, or one with other properties."""
    named = {name.replace("_", "."): value for name, value in config.items()}
    return TopicView(partitions, replicas, in_sync, {**GOOD, **named}, frozenset({"read", "describe"}))


def found(planned: PlannedTopic, seen: TopicView | None, brokers: int = 3) -> list[Finding]:
    """What is found about one topic of an installation with 24 slots."""
    topics: Mapping[str, TopicView] = {planned.name: seen} if seen else {}
    return topic_findings([planned], topics, {"commands"}, 24, brokers)


def test_a_good_topic_is_good() -> None:
    """One line for it."""
    (finding,) = found(COMMANDS, view())
    assert (finding.grade, finding.found, finding.advice) == (Grade.OK, "24 partitions, 3 replicas", "")


@pytest.mark.parametrize(
    ("planned", "seen", "grade", "words"),
    [
        (COMMANDS, None, Grade.FAIL, "is missing"),
        (COMMANDS, view(cleanup_policy="compact"), Grade.FAIL, "records would be lost"),
        (COMMANDS, view(cleanup_policy="compact,delete"), Grade.FAIL, "records would be lost"),
        (STATE, view(cleanup_policy="delete"), Grade.FAIL, "state would be lost"),
        (COMMANDS, view(partitions=12), Grade.WARN, "has 12 partitions, the slots are 24"),
        (STATE, view(partitions=12, cleanup_policy="compact"), Grade.FAIL, "has 12 partitions, the slots are 24"),
        (COMMANDS, view(retention_ms="86400000"), Grade.WARN, "keeps records for 1 days, planned are 7"),
        (EVENTS, view(max_message_bytes="1048588"), Grade.FAIL, "max.message.bytes is 1048588"),
        (COMMANDS, view(replicas=1, in_sync=1, min_insync_replicas="1"), Grade.WARN, "has one replica"),
        (COMMANDS, view(min_insync_replicas="1"), Grade.WARN, "min.insync.replicas is 1"),
        (COMMANDS, view(in_sync=1), Grade.FAIL, "1 replicas in sync, 2 are needed"),
        (COMMANDS, view()._replace(config=None), Grade.WARN, "may not be read"),
    ],
)
def test_each_fault_is_found_with_what_to_do(
    planned: PlannedTopic, seen: TopicView | None, grade: Grade, words: str
) -> None:
    """What loses records or keeps a role from starting fails; what only costs is a warning."""
    (finding,) = found(planned, seen)
    assert (finding.grade, words in finding.found, bool(finding.advice)) == (grade, True, True), finding


@pytest.mark.parametrize("retention", ["-1", WEEK, "not told"])
def test_records_that_are_kept_long_enough_are_no_finding(retention: str) -> None:
    """For ever, as planned, or a figure that says nothing."""
    assert [finding.grade for finding in found(COMMANDS, view(retention_ms=retention))] == [Grade.OK]


def test_one_broker_has_no_second_replica_to_give() -> None:
    """A laptop is not told about it topic by topic."""
    assert [finding.grade for finding in found(COMMANDS, view(replicas=1, in_sync=1, min_insync_replicas="1"), 1)] == [
        Grade.OK
    ]


def test_missing_rights_are_told_as_the_command_that_gives_them() -> None:
    """A topic that is missing is told elsewhere."""
    (finding,) = right_findings({"commands": ("read", "write"), "gone": ("read",)}, {"commands": view()}, "delivery")
    assert (finding.grade, finding.about) == (Grade.FAIL, "commands")
    assert finding.advice.endswith("--operation Write --topic commands")
    (finding,) = right_findings({"commands": ("read",)}, {"commands": view()}, "delivery")
    assert finding.grade is Grade.OK


def test_the_group_and_the_transactions_need_rights_of_their_own() -> None:
    """A group that nobody has used yet says nothing."""
    grades = [group_finding("g", rights).grade for rights in (frozenset({"read"}), None, frozenset({"describe"}))]
    assert grades == [Grade.OK, Grade.OK, Grade.FAIL]
    assert transaction_finding("crm-eu-doctor", None).grade is Grade.OK
    refused = transaction_finding("crm-eu-doctor", "not authorized")
    assert (refused.grade, "--transactional-id crm-eu- " in refused.advice) == (Grade.FAIL, True)
