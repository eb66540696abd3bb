"""DuckDB, the warehouse of the example."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.kafka_connect import EXAMPLE
from tests.fixtures.tools import fetch_packages, or_skip

LOCK = Path(__file__).parent / "duckdb-cli.txt"
DATABASE = "warehouse.duckdb"


class DuckDb:
    """The program, at work on the database of a folder."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def run(self, folder: Path, *files: str) -> str:
        """What files of the example print, one after another; an error ends them all."""
        return self._ask(folder, *(part for file in files for part in ("-f", str(EXAMPLE / file))))

    def rows(self, folder: Path, sql: str) -> list[dict[str, Any]]:
        """The rows of one query."""
        rows: list[dict[str, Any]] = json.loads(self._ask(folder, "-json", "-c", sql))
        return rows

    def _ask(self, folder: Path, *arguments: str) -> str:
        command = [str(self._program), DATABASE, "-bail", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def duckdb() -> DuckDb:
    """DuckDB's command line."""
    return DuckDb(or_skip(lambda: fetch_packages(LOCK)) / "duckdb_cli" / "duckdb")
