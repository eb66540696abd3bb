"""Commands as lines: all are checked before any is sent."""

import json

import pytest

from connector.operations import command_lines
from connector.operations.command_lines import LineFault, TooManyLinesError, command_json, read_lines
from connector.records.codec import Codec
from connector.records.commands import parse_command

CODEC = Codec()


def line(**changes: object) -> bytes:
    """A good line, or one with other members."""
    command = {"command_id": "a", "phone_number_id": "1", "to": "+16505551234", "type": "text", "text": {"body": "Hi"}}
    return json.dumps({**command, **changes}).encode() + b"\n"


def test_good_lines_keep_their_bytes_and_numbers() -> None:
    """Blank lines count, and are no commands; what goes to Kafka is what was written."""
    found = read_lines([line(), b"  \n", line(command_id="b")], CODEC)
    assert found.faults == []
    assert [(good.number, good.value, good.command_id) for good in found.commands] == [
        (1, line().strip(), "a"),
        (3, line(command_id="b").strip(), "b"),
    ]


def test_a_line_says_who_gets_it_however_the_phone_is_written() -> None:
    """The pair is what limits are counted by."""
    found = read_lines([line(to="+1 (650) 555-1234"), line(command_id="b", to=None, recipient="US.1234567")], CODEC)
    assert [(good.user, good.pair, good.type) for good in found.commands] == [
        ("+1 (650) 555-1234", "16505551234", "text"),
        ("US.1234567", "US.1234567", "text"),
    ]


def test_every_fault_is_told_with_its_line_and_never_quotes_it() -> None:
    """Bytes that are no JSON, a JSON text, a command without recipient, a number that is none, a line too long."""
    found = read_lines(
        [b'{"secret', b'"secret"', line(to=None), line(phone_number_id="secret"), b"{" + b" " * 900_000 + b"}"], CODEC
    )
    assert [fault.number for fault in found.faults] == [1, 2, 3, 4, 5]
    assert "secret" not in str(found.faults)
    assert found.faults[2].reason == "to: is missing, and so is recipient"
    assert found.commands == []


def test_one_identity_for_two_commands_is_a_fault() -> None:
    """Delivery would take the second for a repeat; of another number it is another command."""
    found = read_lines([line(), line(), line(phone_number_id="2"), line(command_id=None), line(command_id=None)], CODEC)
    assert found.faults == [LineFault(2, "command_id: is that of line 1 already")]


def test_there_is_an_end_to_what_is_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two commands too many, or too many bytes."""
    monkeypatch.setattr(command_lines, "LINES_MAX", 2)
    with pytest.raises(TooManyLinesError):
        read_lines([line(), b"{", line()], CODEC)
    monkeypatch.setattr(command_lines, "BYTES_MAX", 10)
    with pytest.raises(TooManyLinesError):
        read_lines([line()], CODEC)


def test_a_text_from_arguments_is_a_command() -> None:
    """To a phone, a group, or a user id, which goes into ``recipient``."""
    value = command_json(
        command_id="x", number="1", to="+16505551234", text="Grüße", template=None, language="en_US", parameters=()
    )
    command = parse_command(value, CODEC)
    assert (command.command_id, command.to, command.body["text"]) == ("x", "+16505551234", {"body": "Grüße"})
    value = command_json(
        command_id=None, number="1", to="US.13491208655302741918", text="Hi", template=None, language="", parameters=()
    )
    command = parse_command(value, CODEC)
    assert (command.command_id, command.to, command.recipient) == (None, None, "US.13491208655302741918")


def test_a_template_from_arguments_has_the_parameters_of_its_body() -> None:
    """As Meta wants them."""
    value = command_json(
        command_id=None,
        number="1",
        to="+16505551234",
        text=None,
        template="order",
        language="de",
        parameters=("A", "B"),
    )
    assert parse_command(value, CODEC).body["template"] == {
        "name": "order",
        "language": {"code": "de"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]}],
    }
