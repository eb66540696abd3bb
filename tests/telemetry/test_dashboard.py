"""The dashboard shows the whole catalogue, with queries that Prometheus understands."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from connector.telemetry.dashboard import COLUMNS, SECTIONS, dashboard
from connector.telemetry.metrics import CATALOGUE

ROOT = Path(__file__).parents[2]
PANELS: list[dict[str, Any]] = [panel for panel in dashboard()["panels"] if panel["type"] == "timeseries"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]


def test_each_instrument_has_one_place() -> None:
    """A metric that is added has a panel, chosen or not, and none is shown twice."""
    shown = [
        name for panels in SECTIONS.values() for panel in panels for name in (panel.attribute, panel.beside) if name
    ]
    assert sorted(shown) == sorted(row.attribute for row in CATALOGUE)


def test_lines_are_labels_of_the_instrument() -> None:
    """What a panel groups by exists."""
    labels = {row.attribute: set(row.labels) for row in CATALOGUE}
    for panels in SECTIONS.values():
        for panel in panels:
            assert set(panel.by) <= labels[panel.attribute], panel.title


def test_prometheus_understands_every_query(promtool: Path, tmp_path: Path) -> None:
    """Each one as the expression of a rule, with Grafana's variables filled in."""
    filled = [
        query.replace("$__rate_interval", "5m").replace("$namespace", ".*").replace("$number", ".*")
        for query in QUERIES
    ]
    rules = [{"record": f"query:{place}", "expr": query} for place, query in enumerate(filled)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)  # noqa: S603 - pinned program
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(QUERIES)} rules found" in done.stdout


def test_panels_do_not_cover_each_other() -> None:
    """Each cell of the grid belongs to one panel, and none lies outside."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= COLUMNS
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_runbooks_name_panels_that_exist() -> None:
    """Whoever is woken finds the diagram by its title."""
    titles = {panel["title"] for panel in PANELS}
    named = {
        title
        for page in (ROOT / "docs" / "runbooks" / "alerts").glob("WhatsApp*.md")
        for sentence in re.findall(r"dashboard[^.]*", " ".join(page.read_text().split()))
        for title in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*", sentence)
    }
    assert named
    assert named <= titles
