"""The alerts: each fires when it should and only then, is explained, and asks for metrics that exist."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.telemetry.metrics import CATALOGUE

ROOT = Path(__file__).parents[2]
RULES = ROOT / "helm" / "whatsapp-kafka-connector" / "files" / "alerts.yaml"
CASES = Path(__file__).with_name("alerts.test.yaml")
GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule
}
# Of prometheus_client and of OpenTelemetry's exporter.
FOREIGN = {"process_cpu_seconds_total", "target_info"}


def promtool_test(promtool: Path, folder: Path, rules: str) -> subprocess.CompletedProcess[str]:
    """Runs the rule tests against these rules."""
    (folder / "alerts.yaml").write_text(rules)
    cases = folder / CASES.name
    # promtool 2 knows no names of tests.
    cases.write_text(re.sub(r"^  - name: .*\n    ", "  - ", CASES.read_text(), flags=re.MULTILINE))
    return subprocess.run([promtool, "test", "rules", cases], capture_output=True, text=True, check=False)  # noqa: S603 - pinned program


def series(suffix: str) -> set[str]:
    """The names of the catalogue, histograms with what follows their names."""
    return {row.prometheus_name + suffix for row in CATALOGUE if row.kind == "histogram"}


def test_promtool_finds_no_fault_in_the_rules(promtool: Path) -> None:
    """Prometheus itself can load them."""
    done = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True, check=False)  # noqa: S603 - pinned program
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_when_it_should_and_only_then(promtool: Path, tmp_path: Path) -> None:
    """All rule tests hold."""
    done = promtool_test(promtool, tmp_path, RULES.read_text())
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent() -> None:
    """An alert without both is not tested."""
    cases = [case for test in yaml.safe_load(CASES.read_text())["tests"] for case in test["alert_rule_test"]]
    for name in ALERTS:
        assert {bool(case["exp_alerts"]) for case in cases if case["alertname"] == name} == {True, False}, name
    assert {case["alertname"] for case in cases} == ALERTS.keys()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("> 0.01", "> 0.1"),
        ('method="POST"', 'method=~".+"'),
        ('reason="busy"', 'reason=~".+"'),
        ('whatsapp_connector_role="ingress"', 'whatsapp_connector_role=~".+"'),
        ("/ 67108864", "/ 104857600"),
        ("> 0.5 * sum", "> 0.05 * sum"),
        ("or 0 * sum", "and 0 * sum"),
        ("unless max", "and max"),
        (
            "min_over_time(whatsapp_connector_commands_ready[2m])) > 0",
            "min_over_time(whatsapp_connector_commands_ready[2m])) >= 0",
        ),
        ('reason!="level"', 'reason!=""'),
        ('outcome="DEAD_LETTERED", class!="undeliverable"', 'outcome="DEAD_LETTERED"'),
        ("[15m])) > 10", "[15m])) > 1"),
        ("_seconds\n          ) > 0.5", "_seconds\n          ) > 0.4"),
        ('result="aborted"', 'result="committed"'),
        ('check="kafka"', 'check=~".+"'),
        ('check!="kafka"', 'check!=""'),
    ],
)
def test_a_wrong_rule_is_found(promtool: Path, tmp_path: Path, right: str, wrong: str) -> None:
    """The rule tests are not blind: a threshold or a selector that is off fails one."""
    rules = RULES.read_text()
    assert right in rules
    assert promtool_test(promtool, tmp_path, rules.replace(right, wrong)).returncode != 0


def test_every_metric_in_a_rule_is_in_the_catalogue() -> None:
    """A renamed metric cannot silence an alert."""
    recorded = {rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule}
    known = {row.prometheus_name for row in CATALOGUE} | series("_bucket") | series("_count") | FOREIGN | recorded
    used = {
        name
        for group in GROUPS
        for rule in group["rules"]
        for name in re.findall(r"\b(?:whatsapp_connector|http|messaging|process|target)[a-z_:]+\b(?!=)", rule["expr"])
        if name != "whatsapp_connector_role"
    }
    assert used <= known
    assert len(used) > len(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_runbook_that_says_what_to_do(alert: str) -> None:
    """The page exists, says what it means, where to look and when it is over, and is in the list."""
    page = ALERTS[alert]["annotations"]["runbook_url"]
    text = (ROOT / page).read_text()
    assert page == f"docs/runbooks/alerts/{alert}.md"
    assert (
        f"[{alert}]({alert}.md) | {ALERTS[alert]['labels']['severity']} |"
        in (ROOT / page).with_name("README.md").read_text()
    )
    for part in (f"# {alert}\n", "**What it means.**", "what to do |", "**Over**"):
        assert part in text
