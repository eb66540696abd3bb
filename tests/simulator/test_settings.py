"""Settings from YAML, from code and from the command line's short form."""

from pathlib import Path

import pytest

from connector.simulator.settings import (
    NumberSettings,
    Settings,
    SettingsError,
    from_mapping,
    mapping_from_file,
    number_from_text,
)


def test_everything_has_a_default() -> None:
    """An empty file is a complete one."""
    assert from_mapping({}) == Settings()


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"latencyy": {}}, "latencyy"),
        ({"statuses": {"read": 1.5}}, "$.statuses.read"),
        ({"webhooks": {"url": "ftp://example.com"}}, "$.webhooks.url"),
        ({"webhooks": {"url": "https://example.com/" + "x" * 200}}, "$.webhooks.url"),
        ({"numbers": [{"id": "x"}]}, "$.numbers[0].id"),
        ({"numbers": [{"id": "1", "level": "LOW"}]}, "$.numbers[0].level"),
        ({"access_tokens": []}, "$.access_tokens"),
        ({"command_id": "("}, "nor a regular expression"),
        ([], "array"),
    ],
)
def test_what_does_not_fit_is_named(values: object, place: str) -> None:
    """Unknown keys, wrong types and figures out of range are refused with their place."""
    with pytest.raises(SettingsError) as caught:
        from_mapping(values)
    assert place in str(caught.value)


def test_numbers_are_closed_when_listed() -> None:
    """With a list, others do not exist; without, any id is a number; a switch overrides both."""
    assert from_mapping({}).creates_numbers
    assert not from_mapping({"numbers": [{"id": "1"}]}).creates_numbers
    assert from_mapping({"numbers": [{"id": "1"}], "create_numbers": True}).creates_numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", NumberSettings(id="1")),
        ("1=HIGH", NumberSettings(id="1", level="HIGH")),
        ("1=250", NumberSettings(id="1", mps=250)),
    ],
)
def test_the_short_form_of_a_number(text: str, number: NumberSettings) -> None:
    """An id, with a level or a figure."""
    assert number_from_text(text) == number


@pytest.mark.parametrize("text", ["", "x", "1=LOW", "1=0", "=HIGH"])
def test_other_short_forms_are_refused(text: str) -> None:
    """Neither id nor level is guessed."""
    with pytest.raises(SettingsError):
        number_from_text(text)


def test_a_file(tmp_path: Path) -> None:
    """YAML with any of the settings."""
    file = tmp_path / "simulator.yaml"
    file.write_text("numbers:\n  - {id: '1', mps: 5}\nlatency: {median_ms: 20}\n", encoding="utf-8")
    settings = from_mapping(mapping_from_file(file))
    assert settings.numbers == (NumberSettings(id="1", mps=5),)
    assert settings.latency.median_ms == 20


@pytest.mark.parametrize("content", [b"a: [", b"- 1", b"\xff\xfe\xff"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, content: bytes) -> None:
    """With the file's name, not with a traceback."""
    file = tmp_path / "simulator.yaml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"simulator\.yaml"):
        mapping_from_file(file)
