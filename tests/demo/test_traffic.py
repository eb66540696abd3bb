"""The demo's commands come from the examples that people read."""

from collections import Counter

from connector.demo.traffic import NUMBERS, faulty, samples, sendable
from connector.records.codec import Codec
from connector.records.commands import InvalidCommand, Undecodable, parse_command


def test_every_sample_is_a_command() -> None:
    """Each line of examples/commands.jsonl is a JSON command as the contract describes it."""
    commands = [parse_command(sample.value, Codec()) for sample in sendable(len(samples()))]
    assert len({command.type for command in commands}) > 5


def test_commands_are_distinct_and_spread_over_all_numbers() -> None:
    """No two share an identity or a recipient; each number has work, and marketing has a share."""
    made = list(sendable(1000))
    commands = [parse_command(sample.value, Codec()) for sample in made]
    assert len({command.command_id for command in commands}) == 1000
    assert len({command.to for command in commands}) == 1000
    assert set(Counter(sample.key for sample in made)) == set(NUMBERS)
    assert 50 < sum(sample.marketing for sample in made) < 200


def test_faulty_ones_are_of_every_kind() -> None:
    """Two cannot be decoded, two are incomplete, the others are refused by the Cloud API."""
    kinds: Counter[str] = Counter()
    for sample in faulty():
        try:
            parse_command(sample.value, Codec())
        except Undecodable:
            kinds["undecodable"] += 1
        except InvalidCommand:
            kinds["invalid"] += 1
        else:
            kinds["refused"] += 1
    assert kinds == {"undecodable": 2, "invalid": 2, "refused": 4}
