"""The schema files: found, complete, released and documented."""

import json
from pathlib import Path

import pytest

from connector.records import schemas

FOLDER = Path(__file__).resolve().parents[2] / "schemas"


def test_every_record_of_the_contract_has_a_schema_and_no_file_lies_about_unused() -> None:
    """The nine records are exactly the files of the folder."""
    assert {file.stem for file in FOLDER.glob("*.avsc")} == set(schemas.names())
    assert {folder.name for folder in (FOLDER / "released").iterdir()} == set(schemas.names())


@pytest.mark.parametrize("name", schemas.names())
def test_a_schema_is_named_as_its_file(name: str) -> None:
    """Full names are the namespace and the name of the file."""
    assert schemas.schema(name)["name"] == f"{schemas.NAMESPACE}.{name}"
    assert json.loads(schemas.schema_text(name))["name"] == name


@pytest.mark.parametrize("name", schemas.names())
def test_released_versions_count_from_one_without_a_gap(name: str) -> None:
    """A version once released stays; v1 is the first."""
    versions = list(schemas.released(name))
    assert versions == list(range(1, len(versions) + 1))
    assert versions


@pytest.mark.parametrize("lookup", [schemas.schema_text, schemas.schema, schemas.released])
def test_an_unknown_name_is_a_key_error(lookup: object) -> None:
    """Names reach no file outside the nine."""
    assert callable(lookup)
    with pytest.raises(KeyError):
        lookup("../README")


def test_versions_are_ordered_as_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """v10 comes after v9."""
    folder = tmp_path / "released" / "NumberSignal"
    folder.mkdir(parents=True)
    for version in (10, 9, 1):
        (folder / f"v{version}.avsc").write_text(str(version))
    monkeypatch.setattr(schemas, "_folder", lambda: tmp_path)
    schemas.released.cache_clear()
    try:
        assert schemas.released("NumberSignal") == {1: "1", 9: "9", 10: "10"}
    finally:
        schemas.released.cache_clear()
