"""The script that compares the simulator with recorded shapes: it passes on ours, and finds what does not match."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import check_simulator
from scripts.check_simulator import filled, kind_of, members

SHAPES = Path(__file__).parent / "shapes"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """The script's exit code and its report."""
    code = check_simulator.main([*arguments, "--output", "json"])
    return code, json.loads(capsys.readouterr().out)


def write(folder: Path, name: str, shape: Any) -> None:
    """A recorded shape."""
    (folder / f"{name}.json").write_text(json.dumps(shape), encoding="utf-8")


def send(**members: Any) -> dict[str, Any]:
    """A text message."""
    text = {"messaging_product": "whatsapp", "to": "+16505550123", "type": "text", "text": {"body": "x"}}
    return {**text, **members}


def test_the_simulator_answers_as_our_shapes_say(capsys: pytest.CaptureFixture[str]) -> None:
    """Every one of them, and none is skipped."""
    code, report = run(capsys, str(SHAPES))
    assert [shape for shape in report["shapes"] if shape["outcome"] != "ok"] == []
    assert code == 0
    assert sum(report["sums"].values()) == len(list(SHAPES.rglob("*.json"))) >= 50


@pytest.mark.parametrize(
    ("name", "shape", "detail"),
    [
        ("refused-131009", send(), "accepted by /messages; the file's name says 131009"),
        ("other-131008", send(type="hologram"), "refused with 131051"),
        ("locked", send(to="+9990131031"), "not documented for sends"),
        ("response", {"messaging_product": "whatsapp", "messages": [{"id": 5}]}, "lacks messages[].id:number"),
        ("error", {"error": {"code": 100, "message": "x", "type": "x", "colour": "red"}}, "lacks error.colour:string"),
        ("not-said", {"error": {"code": 100, "message": "x"}}, "adds error.type:string"),
        ("transient", {"error": {"code": 131026, "message": "x", "type": "x", "is_transient": True}}, "is_transient"),
    ],
)
def test_what_does_not_match_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, shape: Any, detail: str
) -> None:
    """With the member or the code, and exit code 1."""
    write(tmp_path, name, shape)
    code, report = run(capsys, str(tmp_path))
    assert code == 1
    assert report["shapes"][0]["outcome"] == "mismatch"
    assert detail in report["shapes"][0]["detail"]


def test_what_is_not_looked_at_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Calls, webhooks, errors without a code; the text report counts them by reason."""
    write(tmp_path, "webhook", {"object": "whatsapp_business_account", "entry": []})
    write(tmp_path, "call", {"messaging_product": "whatsapp", "to": "16505550123", "action": "connect"})
    write(tmp_path, "error", {"error": {"message": "x"}})
    code, report = run(capsys, str(tmp_path))
    assert code == 0
    assert {shape["detail"] for shape in report["shapes"]} == {
        "neither a send nor a response nor an error",
        "for /calls, which the simulator does not serve",
        "has no code",
    }
    assert check_simulator.main([str(tmp_path)]) == 0
    assert f"1 in {tmp_path}: has no code" in capsys.readouterr().out


def test_a_file_that_is_no_json_does_not_match(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said, and the others are compared all the same."""
    (tmp_path / "a.json").write_bytes(b"{")
    write(tmp_path, "b", send())
    code, report = run(capsys, str(tmp_path))
    assert code == 1
    assert [shape["outcome"] for shape in report["shapes"]] == ["mismatch", "ok"]


def test_nothing_to_check_is_exit_2(tmp_path: Path) -> None:
    """A wrong folder is not a success."""
    assert check_simulator.main([str(tmp_path)]) == 2


def test_refusals_are_listed_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the simulator's reason, so that a doubtful one is seen."""
    write(tmp_path, "letters-131009", send(to="nobody"))
    assert check_simulator.main([str(tmp_path)]) == 0
    assert "refused with 131009: Param to is malformed" in capsys.readouterr().out


def test_placeholders_are_filled_in() -> None:
    """The same one the same way; a phone where a phone belongs; figures and flags stay."""
    shape = {"to": "{{Phone}}", "image": {"link": "http(s)://x", "id": "<ID>", "again": "<ID>", "other": "<B>"}, "n": 1}
    assert filled(shape) == {
        "to": "+16505551234",
        "image": {"link": "https://example.com/file", "id": "x1", "again": "x1", "other": "x2"},
        "n": 1,
    }


def test_members() -> None:
    """Paths with types; items of a list count as one."""
    shape = {"a": [{"b": 1}, {"b": 2.5, "c": None}], "d": True, "e": "x"}
    assert set(members(shape)) == {"a[].b:number", "a[].c:null", "d:boolean", "e:string"}


def test_kinds(tmp_path: Path) -> None:
    """By folder, else by members."""
    assert kind_of(tmp_path / "errors" / "x.json", []) == "error"
    assert kind_of(tmp_path / "x.json", {"error": {}}) == "error"
    assert kind_of(tmp_path / "x.json", {"messaging_product": "whatsapp", "messages": []}) == "response"
    assert kind_of(tmp_path / "x.json", {"messaging_product": "whatsapp", "to": "1"}) == "send"
    assert kind_of(tmp_path / "x.json", []) is None
