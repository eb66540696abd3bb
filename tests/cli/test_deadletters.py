"""connector deadletters: found, shown, and put back once, on a real Kafka."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Message, Producer

from connector.cli import run
from connector.config import load_from_environment
from connector.kafka.commit_check import CommitCheck
from connector.operations import redriving
from connector.operations.dead_letters import DeadLetter
from connector.operations.redriving import DeadLetterLog, Redriver
from connector.records.codec import Codec
from tests.cli.told import Told
from tests.fixtures.installation import NUMBER, OTHER, Installation
from tests.integration.system import Enough, read_committed

Typed = Callable[..., Told]


@pytest.fixture
def name() -> str:
    """Begins the command ids of one test."""
    return uuid.uuid4().hex[:8]


def name_digits(name: str) -> str:
    """Three digits for the phones of one test: nobody waits for a pair limit."""
    return f"{int(name, 16) % 1000:03d}"


@pytest.fixture
def failed(tmp_path: Path, installation: Installation, typed: Typed, name: str) -> list[str]:
    """Three commands of two numbers; their places as ``list`` shows them.

    The simulated Cloud API refuses people whose phone ends in 0047 with 131047.
    """
    commands = [
        {
            "command_id": f"{name}-{index}",
            "phone_number_id": number,
            "to": f"+1650{name_digits(name)}{index}0047",
            "type": "text",
            "text": {"body": "a private word"},
        }
        for index, number in enumerate((NUMBER, NUMBER, OTHER))
    ]
    file = tmp_path / "failing.jsonl"
    file.write_text("".join(json.dumps(command) + "\n" for command in commands))
    assert typed("send", file, "--wait", "--config", installation.config).code == 1
    return [str(row["place"]) for row in listed(installation, typed, name)]


def listed(installation: Installation, typed: Typed, name: str, *words: str) -> list[dict[str, object]]:
    """The dead letters of one test, in the order of their commands."""
    told = typed("deadletters", "list", "--config", installation.config, "--output", "json", "--limit", "10000", *words)
    assert told.code == 0, told
    rows = [row for row in told.json["dead_letters"] if (row["command_id"] or "").startswith(name)]
    return sorted(rows, key=lambda row: str(row["command_id"]))


def records(installation: Installation, name: str, least: int) -> list[Message]:
    """The records of one test on the first command topic."""
    topic = installation.system.settings.topic_names.commands[0]
    mine = name.encode()

    class Mine(Enough):
        def __call__(self, found: list[Message]) -> bool:
            return super().__call__([message for message in found if mine in (message.value() or b"")])

    found = read_committed(installation.system.bootstrap, [topic], Mine(least))
    return [message for message in found if mine in (message.value() or b"")]


def test_dead_letters_are_listed_by_class_code_number_and_time(
    installation: Installation, typed: Typed, failed: list[str], name: str
) -> None:
    """Each filter narrows; users are masked unless they are asked for."""
    assert len(failed) == 3
    (row,) = listed(
        installation, typed, name, "--number", OTHER, "--class", "refused", "--code", "131047", "--since", "1h"
    )
    assert (row["class"], row["code"], row["to"], row["redriven_at"]) == ("refused", "131047", "***0047", None)
    (row,) = listed(installation, typed, name, "--number", OTHER, "--show-users")
    assert str(row["to"]).startswith("+1650")
    for words in (
        ["--class", "invalid"],
        ["--code", "1"],
        ["--until", "1h"],
        ["--topic", "whatsapp.outbound-commands.marketing.v1"],
    ):
        assert listed(installation, typed, name, *words) == []


def test_people_see_a_table_and_the_sums(installation: Installation, typed: Typed, failed: list[str]) -> None:
    """Places first: they are what the other commands take."""
    told = typed("deadletters", "list", "--code", "131047", "--config", installation.config)
    assert told.out.startswith("PLACE ")
    assert failed[0] in told.out
    assert "COUNT  CLASS" in told.out


def test_one_is_shown_with_its_reason_and_what_to_do_and_without_its_content(
    tmp_path: Path, installation: Installation, typed: Typed, failed: list[str], name: str
) -> None:
    """The original bytes go to a file, when they are asked for."""
    original = tmp_path / "original"
    told = typed("deadletters", "show", failed[0], "--value", original, "--config", installation.config)
    assert told.code == 0
    assert "code: 131047" in told.out
    assert "advice: Meta refuses it" in told.out
    assert "  wa.dlq.redrive-count: 0" in told.out
    assert "private word" not in told.out
    assert "+1650" not in told.out
    (produced,) = [
        message for message in records(installation, name, 3) if f"{name}-0".encode() in (message.value() or b"")
    ]
    assert original.read_bytes() == produced.value()


def test_a_dry_run_changes_nothing(installation: Installation, typed: Typed, failed: list[str]) -> None:
    """And needs no reason."""
    told = typed("deadletters", "redrive", *failed, "--dry-run", "--output", "json", "--config", installation.config)
    assert (told.code, told.json["chosen"], sorted(told.json["places"])) == (0, 3, sorted(failed))
    told = typed("deadletters", "redrive", *failed, "--dry-run", "--config", installation.config)
    assert "3 dead letters would go back: 3 refused" in told.out


def test_a_redrive_sends_each_once_and_leaves_a_record(
    installation: Installation, typed: Typed, failed: list[str], name: str
) -> None:
    """Byte for byte with a count of one; a second call finds nothing to do; another dead letter follows if it fails."""
    words = [*failed, "--reason", "payment renewed", "--yes", "--output", "json", "--config", installation.config]
    told = typed("deadletters", "redrive", *words)
    assert (told.code, told.json["redriven"]) == (0, 3)
    again = typed("deadletters", "redrive", *words)
    assert (again.code, again.json["redriven"], again.json["left"]["redriven_before"]) == (0, 0, 3)
    produced = records(installation, name, 6)
    assert len(produced) == 6
    by_value: dict[bytes, list[Message]] = {}
    for message in produced:
        by_value.setdefault(message.value() or b"", []).append(message)
    for first, second in by_value.values():
        assert (second.key(), second.partition()) == (first.key(), first.partition())
        assert dict(second.headers() or [])["wa.dlq.redrive-count"] == b"1"
    back = [row for row in listed(installation, typed, name) if row["place"] in failed]
    assert len(back) == 3
    for row in back:
        assert (row["redrive_reason"], row["redrive_count"]) == ("payment renewed", 0)
        assert row["redriven_at"] is not None
        assert "@" in str(row["redriven_by"])


def test_the_loop_guard_leaves_what_keeps_coming_back(
    installation: Installation, typed: Typed, failed: list[str], name: str
) -> None:
    """After one round the new dead letters count one, and a guard of one leaves them."""
    words = ["--reason", "x", "--yes", "--output", "json", "--config", installation.config]
    assert typed("deadletters", "redrive", *failed, *words).json["redriven"] == 3
    rounds = [f"{place}" for place in failed]
    while len(rounds) < 6:
        rounds = [str(row["place"]) for row in listed(installation, typed, name)]
    new = [place for place in rounds if place not in failed]
    told = typed("deadletters", "redrive", *new, *words, "--redrives-max", "1")
    assert (told.code, told.json["redriven"], told.json["left"]["too_often"]) == (0, 0, 3)


def test_the_limit_is_kept_and_told(installation: Installation, typed: Typed, failed: list[str]) -> None:
    """The rest is for another call."""
    told = typed("deadletters", "redrive", *failed, "--dry-run", "--limit", "1", "--config", installation.config)
    assert "1 dead letters would go back" in told.out
    assert "2 are left: they are beyond --limit" in told.out


def test_what_is_left_for_memory_is_not_told_as_beyond_the_limit(
    installation: Installation, typed: Typed, failed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No larger --limit would take it, but another call."""
    monkeypatch.setattr(redriving, "CHOSEN_MAX_BYTES", 1)
    told = typed("deadletters", "redrive", *failed, "--dry-run", "--config", installation.config)
    assert "2 are left: they are more than one call holds in memory" in told.out
    assert "--limit" not in told.out


def test_a_second_redrive_shuts_out_the_first(
    installation: Installation, typed: Typed, failed: list[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ends with what it has done and exit code 1; nothing went back twice."""
    monkeypatch.setattr(redriving, "BATCH_MAX", 1)
    commit = Redriver._commit
    words = ["--reason", "x", "--yes", "--output", "json", "--config", str(installation.config)]
    others: list[object] = []

    def overtaken(self: Redriver, letters: list[DeadLetter], by: str, reason: str) -> list[DeadLetter]:
        if not others:
            others.append(True)
            settings = load_from_environment(installation.config)
            Redriver(DeadLetterLog(settings, Codec(), self._clock)).close()
        return commit(self, letters, by, reason)

    monkeypatch.setattr(Redriver, "_commit", overtaken)
    told = typed("deadletters", "redrive", *failed, *words)
    assert told.code == 1
    assert "was another redrive started?" in told.err
    assert all(row["redriven_at"] is None for row in listed(installation, typed, name))
    assert len(records(installation, name, 3)) == 3


def test_what_another_redrive_does_meanwhile_is_not_done_again(
    installation: Installation, typed: Typed, failed: list[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one call asks for a yes, another one puts the same back: the first fails, and each went back once."""
    words = ["deadletters", "redrive", *failed, "--reason", "x", "--config", str(installation.config)]

    def another_first(*_: object, **__: object) -> bool:
        assert run([*words, "--yes"]) == 0
        return True

    monkeypatch.setattr("click.confirm", another_first)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    told = typed(*words)
    assert told.code == 1
    assert "was another redrive started?" in told.err
    assert len(records(installation, name, 6)) == 6


@pytest.mark.parametrize("places", [0, 1])
def test_the_driver_is_let_go_when_nothing_goes_back(
    installation: Installation, typed: Typed, failed: list[str], monkeypatch: pytest.MonkeyPatch, places: int
) -> None:
    """Because nothing was found, or because of a no."""
    closed: list[Redriver] = []

    def close(self: Redriver) -> None:
        closed.append(self)

    monkeypatch.setattr(Redriver, "close", close)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    found = failed[:places] or ["--code", "none"]
    told = typed("deadletters", "redrive", *found, "--reason", "x", "--config", installation.config)
    assert (told.code, len(closed)) == (places, 1), told


def test_headers_of_producers_show_no_phone(installation: Installation, typed: Typed) -> None:
    """Ours are shown as they are; both when users are asked for."""
    names = installation.system.settings.topic_names
    topic = names.dead_letters_of(names.commands[0])
    producer = Producer({"bootstrap.servers": installation.system.bootstrap})
    places: list[str] = []
    producer.produce(
        topic, b"x", partition=0,
        headers=[("wa.dlq.class", b"invalid"), ("wa.dlq.last-failure-at", b"1800000000000"), ("to", b"+16505551234")],
        on_delivery=lambda _, message: places.append(f"{topic}/0/{message.offset()}"),
    )  # fmt: skip
    producer.flush()
    told = typed("deadletters", "show", *places, "--config", installation.config)
    assert "  to: ***1234" in told.out
    assert "  wa.dlq.last-failure-at: 1800000000000" in told.out
    told = typed("deadletters", "show", *places, "--show-users", "--config", installation.config)
    assert "  to: +16505551234" in told.out


@pytest.fixture
def too_large(installation: Installation) -> list[str]:
    """The place of one that no command topic takes."""
    names = installation.system.settings.topic_names
    topic = names.dead_letters_of(names.commands[0])
    producer = Producer({"bootstrap.servers": installation.system.bootstrap, "message.max.bytes": 4_000_000})
    places: list[str] = []
    producer.produce(
        topic, b"x" * 2_000_000, partition=0, headers=[("wa.dlq.class", b"refused")],
        on_delivery=lambda _, message: places.append(f"{topic}/0/{message.offset()}"),
    )  # fmt: skip
    producer.flush()
    return places


def test_one_that_is_too_large_for_its_topic_is_left_and_holds_up_no_other(
    typed: Typed, failed: list[str], too_large: list[str], installation: Installation
) -> None:
    """Two megabytes where the client takes one: exit code 1, and the others are back."""
    words = [*too_large, *failed, "--reason", "x", "--yes", "--config", installation.config]
    told = typed("deadletters", "redrive", *words)
    assert told.code == 1
    assert "3 are back" in told.out
    assert "1 were refused by Kafka" in told.out
    assert "Message size too large" in told.out


def test_a_refused_one_hides_no_loss_of_those_before_it(
    monkeypatch: pytest.MonkeyPatch,
    typed: Typed,
    failed: list[str],
    too_large: list[str],
    installation: Installation,
) -> None:
    """What the broker had committed and lost is told, whatever the reason of the abort: they are not back."""
    monkeypatch.setattr(CommitCheck, "undone", lambda *_: True)
    words = [*failed, *too_large, "--reason", "x", "--yes", "--rate", "3", "--config", installation.config]
    told = typed("deadletters", "redrive", *words)
    assert told.code == 1
    assert "those just before them are gone as well" in told.err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--code", "131047"],
        ["--code", "131047", "--reason", "x"],
        ["--class", "nonsense", "--dry-run"],
        ["whatsapp.delivery-outcomes.v1/0/0", "--dry-run"],
        ["--since", "yesterday", "--dry-run"],
    ],
)
def test_wrong_usage_is_exit_code_2(typed: Typed, words: list[str]) -> None:
    """No filter, no reason, nobody to be asked, no class of ours, a topic of another kind, no time."""
    told = typed("deadletters", "redrive", *words)
    assert told.code == 2, told


def test_a_place_without_a_dead_letter_is_told(installation: Installation, typed: Typed) -> None:
    """Exit code 1."""
    names = installation.system.settings.topic_names
    place = f"{names.dead_letters_of(names.commands[1])}/0/999999"
    told = typed("deadletters", "show", place, "--config", installation.config)
    assert (told.code, "there is no dead letter at" in told.err) == (1, True)
