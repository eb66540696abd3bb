"""connector config: the same checks as at start, before the start."""

import json
from pathlib import Path

import pytest
import yaml

from connector.cli import run
from connector.config import Settings


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A configuration whose secret files exist."""
    for name in ("verify", "app", "token"):
        (tmp_path / name).write_text("x\n", encoding="utf-8")
    path = tmp_path / "connector.yaml"
    sections = {
        "ingress": {"verify_token_file": str(tmp_path / "verify"), "app_secret_files": [str(tmp_path / "app")]},
        "cloud_api": {"access_token_file": str(tmp_path / "token")},
    }
    path.write_text(yaml.safe_dump(sections), encoding="utf-8")
    return path


def test_a_good_configuration_is_said_to_be_good(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, one line."""
    assert run(["config", "check", "--config", str(good)]) == 0
    assert capsys.readouterr().out == "The configuration is good.\n"
    assert run(["config", "check", "--config", str(good), "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "faults": []}


def test_faults_are_a_list_for_people_and_json_for_programs(
    good: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 in both; the environment counts too."""
    monkeypatch.setenv("CONNECTOR_ADMIN__PORT", "-1")
    assert run(["config", "check", "--config", str(good)]) == 2
    assert capsys.readouterr().err == (
        "configuration: 1 fault\n  admin.port: must be 0 or more (from CONNECTOR_ADMIN__PORT)\n"
    )
    assert run(["config", "check", "--config", str(good), "--output", "json"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "ok": False,
        "faults": [{"path": "admin.port", "message": "must be 0 or more (from CONNECTOR_ADMIN__PORT)"}],
    }


def test_secret_files_are_checked_for_the_role_that_is_asked_for(
    good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A host that runs the ingress alone needs no access token."""
    (good.parent / "token").unlink()
    assert run(["config", "check", "--config", str(good), "--role", "ingress"]) == 0
    assert run(["config", "check", "--config", str(good), "--role", "delivery"]) == 2
    assert "cloud_api.access_token_file" in capsys.readouterr().err


def test_the_file_may_come_from_the_environment(
    good: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """CONNECTOR_CONFIG, as in the container."""
    monkeypatch.setenv("CONNECTOR_CONFIG", str(good))
    assert run(["config", "check"]) == 0
    assert capsys.readouterr().out == "The configuration is good.\n"


def test_the_schema_is_json_schema_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """Editors read it."""
    assert run(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(schema["properties"]) == list(Settings.model_fields)
