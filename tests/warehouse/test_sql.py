"""The example's SQL, on lines as Kafka Connect writes them: the cases that a funnel gets wrong."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.kafka_connect import EXAMPLE
from tests.warehouse.conftest import DuckDb

NUMBER = "106540352242922"
NOON_MS = 1_795_348_800_000
STAGES = ("accepted", "sent", "delivered", "read", "failed")
RANKS = {"sent": 10, "failed": 20, "delivered": 30, "read": 40, "played": 50, "deleted": 60}

_SERIAL = itertools.count()


def outcome(kind: str = "ACCEPTED", *, at_s: int = 0, error: dict[str, Any] | None = None) -> dict[str, Any]:
    """One outcome, of the command ``c``."""
    return {
        "event_id": f"o{next(_SERIAL)}", "phone_number_id": NUMBER, "command_id": "c", "outcome": kind, "type": "text",
        "error": error, "queued_at": NOON_MS, "settled_at": NOON_MS + 1000 * at_s, "newer_field": {"of": ["a", "kind"]},
    }  # fmt: skip


def status(name: str, *, at_s: int = 0, code: int | None = None, about: str | None = None) -> dict[str, Any]:
    """One status of that command."""
    return {
        "event_id": f"s{next(_SERIAL)}", "phone_number_id": NUMBER, "command_id": "c", "message_id": "wamid.1",
        "type": about, "status": name, "status_rank": 0 if about else RANKS[name],
        "occurred_at": NOON_MS + 1000 * at_s, "errors": [{"code": code, "title": "t"}] if code else [], "raw": "{}",
    }  # fmt: skip


def funnel(duckdb: DuckDb, folder: Path, *lines: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the funnel after these lines."""
    for file, key in (("outcomes.jsonl", "outcome"), ("statuses.jsonl", "status")):
        (folder / file).write_text("".join(json.dumps(line) + "\n" for line in lines if key in line))
    duckdb.run(folder, "load.sql", "funnel.sql")
    return duckdb.rows(folder, "FROM command_funnel")


CASES: dict[str, tuple[list[dict[str, Any]], str, str | None]] = {
    "nothing said yet": ([outcome()], "accepted", None),
    "read is all that came": ([outcome(), status("read")], "accepted sent delivered read", None),
    "the wrong way round": (
        [status("read"), status("delivered"), status("sent"), outcome()], "accepted sent delivered read", None,
    ),
    "a voice message": ([outcome(), status("played")], "accepted sent delivered read", None),
    "failed": ([outcome(), status("failed", code=131026)], "accepted failed", "undelivered 131026"),
    "sent, then failed": ([outcome(), status("sent"), status("failed", code=131049)], "accepted sent failed",
                          "undelivered 131049"),
    "failed on one device, delivered on another": (
        [outcome(), status("delivered", at_s=1), status("failed", at_s=2, code=131026)],
        "accepted sent delivered", None,
    ),
    "refused": ([outcome("DEAD_LETTERED", error={"class": "refused", "code": 131047})], "failed", "refused 131047"),
    "expired": ([outcome("EXPIRED")], "failed", "expired None"),
    "repeated by its producer": ([outcome(), outcome("DUPLICATE")], "accepted", None),
    "redriven": (
        [outcome("DEAD_LETTERED", at_s=1, error={"class": "refused", "code": 131047}), outcome(at_s=2)],
        "accepted", None,
    ),
    "its answer lost, its statuses not": (
        [outcome("DEAD_LETTERED", error={"class": "ambiguous", "code": None}), status("delivered")],
        "accepted sent delivered", None,
    ),
    "a payment that failed": ([outcome(), status("sent"), status("failed", about="payment")], "accepted sent", None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_command_counts_once_and_for_what_became_of_it(duckdb: DuckDb, tmp_path: Path, case: str) -> None:
    """Statuses come in any order, more than once, and not at all; commands are repeated and redriven."""
    lines, stages, reason = CASES[case]
    (row,) = funnel(duckdb, tmp_path, *lines)
    assert " ".join(stage for stage in STAGES if row[stage]) == stages
    assert (f"{row['reason']} {row['error_code']}" if row["reason"] else None) == reason


def test_the_same_event_counts_once(duckdb: DuckDb, tmp_path: Path) -> None:
    """In one file, and in files that are loaded one after another."""
    first, second = outcome(at_s=3), status("sent", at_s=4)
    (row,) = funnel(duckdb, tmp_path, first, first, second, second)
    assert funnel(duckdb, tmp_path, first, second, status("delivered", at_s=5))[0]["delivered"]
    assert len(duckdb.rows(tmp_path, "FROM outcomes")) == 1
    assert len(duckdb.rows(tmp_path, "FROM statuses")) == 2
    assert row["accepted_at"] == "2026-11-22 12:00:03"
    assert row["sent_at"] == "2026-11-22 12:00:04"


def test_the_documented_merge_takes_each_event_once(duckdb: DuckDb, tmp_path: Path) -> None:
    """Repeats within a load, and loads that are repeated; the statement stands in the page about warehouses."""
    page = (EXAMPLE.parents[1] / "docs" / "warehouse.md").read_text()
    (merge,) = re.findall(r"```sql\n-- DuckDB\n(.*?)```", page, re.DOTALL)
    script = tmp_path / "merges.sql"
    columns = "event_id VARCHAR, received_at BIGINT, message_id VARCHAR, status VARCHAR, status_rank INTEGER"
    begin = f"CREATE TABLE message_statuses ({columns}); CREATE TABLE staged ({columns});"
    first = "INSERT INTO staged VALUES ('e1', 2, 'm', 'sent', 10), ('e1', 1, 'm', 'sent', 10);"
    second = "INSERT INTO staged VALUES ('e1', 3, 'm', 'sent', 10), ('e2', 4, 'm', 'read', 40);"
    statements = (begin, first, merge, merge, "DELETE FROM staged;", second, merge, merge)
    script.write_text("\n".join(statements))
    duckdb.run(tmp_path, str(script))
    rows = duckdb.rows(tmp_path, "SELECT event_id, received_at FROM message_statuses ORDER BY event_id")
    assert rows == [{"event_id": "e1", "received_at": 1}, {"event_id": "e2", "received_at": 4}]


def test_commands_of_two_numbers_are_two(duckdb: DuckDb, tmp_path: Path) -> None:
    """Identity is the number and the command id; what could not be read has no number, and is itself."""
    other = {**outcome(), "phone_number_id": "2"}
    unreadable = [{**outcome("DEAD_LETTERED"), "phone_number_id": None, "command_id": f"topic/0/{n}"} for n in range(2)]
    rows = funnel(duckdb, tmp_path, outcome(), other, *unreadable, {**status("sent"), "phone_number_id": "2"})
    assert {row["phone_number_id"]: row["sent"] for row in rows if row["accepted"]} == {NUMBER: False, "2": True}
    assert len(rows) == 4
