"""The Grafana dashboard, made from the catalogue: each instrument has one panel, with its own unit and description."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from connector.telemetry.instruments import Row
from connector.telemetry.metrics import CATALOGUE

TITLE: Final = "WhatsApp Kafka connector"
UID: Final = "whatsapp-kafka-connector"
COLUMNS: Final = 24
WIDTH: Final = 8
HEIGHT: Final = 8
QUANTILES: Final = (0.5, 0.99)

SELECTED: Final = 'namespace=~"$namespace"'
NUMBER: Final = 'phone_number_id=~"$number"'
_WITH_ROLE: Final = "* on (namespace, job, instance) group_left (whatsapp_connector_role) target_info"
_UNITS: Final = {"s": "s", "By": "bytes", "{message}/s": "cps"}


class Panel(NamedTuple):
    """One diagram.

    Attributes:
        title: What operators call it.
        attribute: The instrument, by its name at ``Metrics``.
        by: Labels that make lines; the others are added up.
        only: Further labels to look at, as PromQL has them.
        beside: Another instrument in the same diagram, without a panel of its own.
        most: The greatest value is told, not the sum: for ages and for what each process tells alike.
    """

    title: str
    attribute: str
    by: tuple[str, ...] = ()
    only: str = ""
    beside: str | None = None
    most: bool = False


_CHOSEN: Final[Mapping[str, tuple[Panel, ...]]] = {
    "Both roles": (Panel("Checks that are not good", "ready", ("check",), most=True),),
    "Ingress": (
        Panel("Webhooks answered in", "http_server_duration", only='method="POST"'),
        Panel("Webhooks by answer", "http_server_requests", ("status",)),
        Panel("Webhooks refused", "webhook_refusals", ("reason",)),
        Panel("Items of webhooks", "webhook_items", ("kind",)),
        Panel("Bodies in flight", "ingress_in_flight_bytes"),
        Panel("Repeats dropped", "webhook_repeats"),
        Panel("Items set aside", "webhook_rejects", ("reason",)),
        Panel("Items not fully typed", "webhook_untyped", ("reason",)),
    ),
    "Kafka": (
        Panel("Kafka acknowledges", "publish_duration"),
        Panel("Records written", "sent_messages", ("topic",)),
        Panel("Records read", "consumed_messages", ("topic",)),
        Panel("Transactions", "transactions", ("result",)),
        Panel("Transactions take", "transaction_duration"),
        Panel("Topics keep commands", "topic_retention", ("topic",), most=True),
    ),
    "Delivery": (
        Panel("Sends and limits", "attempts", ("phone_number_id",), beside="number_limit"),
        Panel("Cloud API answers in", "http_client_duration"),
        Panel("Outcomes and dead letters by class", "delivery_outcomes", ("outcome", "class")),
        Panel("Numbers held", "number_held", ("phone_number_id", "reason"), most=True),
        Panel("Commands in memory", "commands_queued", ("phone_number_id", "priority")),
        Panel("Recipients that wait for the number alone", "commands_ready", ("phone_number_id",)),
        Panel("Oldest command", "commands_oldest_age", ("phone_number_id", "topic"), most=True),
        Panel("Requests under way", "commands_in_flight", ("phone_number_id",)),
        Panel("From queue to outcome", "process_duration"),
        Panel("Forwarded to the home slot", "reroutes"),
        Panel("Sent, or not: not known yet", "ambiguous_open"),
        Panel("Sent, or not: found out", "ambiguous_resolved", ("how",)),
        Panel("Receipts that came too late", "late_receipts", ("phone_number_id",)),
    ),
}


def _unplaced() -> tuple[Panel, ...]:
    placed = {name for panels in _CHOSEN.values() for panel in panels for name in (panel.attribute, panel.beside)}
    return tuple(Panel(row.name, row.attribute, row.labels) for row in CATALOGUE if row.attribute not in placed)


SECTIONS: Final[Mapping[str, tuple[Panel, ...]]] = {**_CHOSEN, **({"More": _unplaced()} if _unplaced() else {})}
"""Each instrument has a place; one for which none was chosen stands under *More*, a line for each of its labels."""

_ROWS: Final = {row.attribute: row for row in CATALOGUE}


def dashboard() -> dict[str, Any]:
    """The model that Grafana (10 and newer) imports and provisions."""
    return {
        "uid": UID,
        "title": TITLE,
        "tags": ["whatsapp", "kafka"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": [*_service_levels(), *_sections(first_y=HEIGHT)],
    }


def _variables() -> list[dict[str, Any]]:
    asked = {
        "namespace": "label_values(whatsapp_connector_ready, namespace)",
        "number": f"label_values(whatsapp_connector_number_limit_per_second{{{SELECTED}}}, phone_number_id)",
    }
    everything = {"includeAll": True, "multi": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}}
    return [
        {"name": "datasource", "type": "datasource", "query": "prometheus"},
        *(
            {"name": name, "type": "query", "datasource": _source(), "query": query, "refresh": 2, **everything}
            for name, query in asked.items()
        ),
    ]


def _service_levels() -> Iterator[dict[str, Any]]:
    """What the alerts look at, first."""
    shown = (
        ("Alerts", f'sum by (alertname) (ALERTS{{alertstate="firing", alertname=~"WhatsApp.+", {SELECTED}}})', "short"),
        (
            "Throughput not used while commands wait",
            f"whatsapp_connector:number_shortfall:ratio{{{SELECTED}, {NUMBER}}}",
            "percentunit",
        ),
        (
            "Core used",
            f"rate(process_cpu_seconds_total{{{SELECTED}}}[$__rate_interval]) {_WITH_ROLE}",
            "percentunit",
        ),
    )
    for place, (title, query, unit) in enumerate(shown):
        yield _diagram(title, "", unit, [_target(query, "")], x=place * WIDTH, y=0)


def _sections(first_y: int) -> Iterator[dict[str, Any]]:
    y = first_y
    for name, panels in SECTIONS.items():
        yield {"type": "row", "title": name, "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}, "panels": []}
        y += 1
        for place, panel in enumerate(panels):
            row = _ROWS[panel.attribute]
            per_line = COLUMNS // WIDTH
            at = {"x": place % per_line * WIDTH, "y": y + place // per_line * HEIGHT}
            yield _diagram(panel.title, row.description, _unit(row), list(_targets(panel, row)), **at)
        y += -(-len(panels) // (COLUMNS // WIDTH)) * HEIGHT


def _targets(panel: Panel, row: Row) -> Iterable[dict[str, Any]]:
    if row.kind == "histogram":
        buckets = f"sum by (le) (rate({row.prometheus_name}_bucket{_selector(panel, row)}[$__rate_interval]))"
        for quantile in QUANTILES:
            yield _target(f"histogram_quantile({quantile}, {buckets})", f"{quantile:.0%}")
        return
    legend = " ".join(f"{{{{{label}}}}}" for label in panel.by) or row.name
    yield _target(_values(panel, row), legend)
    if panel.beside is not None:
        yield _target(_values(panel, _ROWS[panel.beside]), f"{legend} limit")


def _values(panel: Panel, row: Row) -> str:
    series = f"{row.prometheus_name}{_selector(panel, row)}"
    if row.kind == "counter":
        series = f"rate({series}[$__rate_interval])"
    if panel.attribute == "ready":
        series = f"1 - {series}"
    return f"{'max' if panel.most else 'sum'} by ({', '.join(panel.by)}) ({series})"


def _selector(panel: Panel, row: Row) -> str:
    numbers = NUMBER if "phone_number_id" in row.labels else ""
    return "{" + ", ".join(filter(None, (SELECTED, numbers, panel.only))) + "}"


def _unit(row: Row) -> str:
    """Grafana's name of a unit; counters are shown as rates."""
    return "cps" if row.kind == "counter" else _UNITS.get(row.unit, "short")


def _diagram(
    title: str, description: str, unit: str, targets: list[dict[str, Any]], *, x: int, y: int
) -> dict[str, Any]:
    for reference, target in zip("ABCDEF", targets, strict=False):
        target["refId"] = reference
    return {
        "type": "timeseries",
        "title": title,
        "description": description,
        "datasource": _source(),
        "gridPos": {"x": x, "y": y, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    }


def _target(query: str, legend: str) -> dict[str, Any]:
    return {"datasource": _source(), "expr": query, "legendFormat": legend or "__auto"}


def _source() -> dict[str, str]:
    return {"type": "prometheus", "uid": "${datasource}"}
