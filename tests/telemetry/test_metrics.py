"""The catalogue is the one source of names, labels and buckets, and labels are bounded."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from connector.telemetry.instruments import METHODS, OVERFLOW, VALUES_MAX, Counter, Gauge, Histogram, Row
from connector.telemetry.metrics import CATALOGUE, Metrics
from connector.telemetry.readings import Readings
from connector.telemetry.setup import Pipeline


@pytest.fixture
def readings() -> Iterator[Readings]:
    """Instruments in memory."""
    readings = Readings()
    yield readings
    readings.close()


def use(metrics: Metrics, row: Row) -> None:
    """Give the instrument of this row one value."""
    instrument: Any = getattr(metrics, row.attribute)
    labels = dict.fromkeys(row.labels, "x") | ({"method": "GET"} if "method" in row.labels else {})
    if isinstance(instrument, Histogram):
        instrument.record(0.3, labels)
    elif isinstance(instrument, Gauge):
        instrument.watch(lambda: [(1, labels)])
    else:
        instrument.add(1, labels)


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_each_instrument_takes_values_with_the_labels_of_the_catalogue(readings: Readings, row: Row) -> None:
    """Name, labels and kind are those of the catalogue."""
    use(readings.metrics, row)
    assert readings.value(row.name) == 1
    assert [tuple(labels) for labels in readings.labels(row.name)] == [row.labels]


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_the_name_on_metrics_is_the_one_in_the_catalogue(row: Row) -> None:
    """Dashboards and alerts are written from the catalogue: the exporter has to agree with its names."""
    pipeline = Pipeline("ingress", "1.2.3")
    try:
        use(pipeline.metrics, row)
        families = {family.name for family in text_string_to_metric_families(pipeline.prometheus_text().decode())}
    finally:
        pipeline.close()
    assert row.prometheus_name.removesuffix("_total") in families


def test_names_follow_the_conventions_or_begin_with_our_own_prefix() -> None:
    """And none stands twice."""
    names = [row.name for row in CATALOGUE]
    assert len(set(names)) == len(names)
    assert all(re.match(r"(http|messaging|whatsapp\.connector)\.[a-z_.]+$", name) for name in names)


def test_every_row_says_what_it_means_and_histograms_have_rising_bounds() -> None:
    """The page is readable and the buckets make sense."""
    for row in CATALOGUE:
        assert row.description.endswith(".")
        assert bool(row.bounds) == (row.kind == "histogram")
        assert list(row.bounds) == sorted(set(row.bounds))


def test_no_label_is_a_user() -> None:
    """Users are many, and are people."""
    labels = {label for row in CATALOGUE for label in row.labels}
    assert labels.isdisjoint({"to", "wa_id", "user_id", "recipient", "conversation", "message_id", "command_id"})


def test_numbers_beyond_the_limit_share_one_value(readings: Readings) -> None:
    """A command may name any number; the memory for its metrics is bounded."""
    for index in range(600):
        readings.metrics.http_client_duration.record(0.1, {"phone_number_id": str(index), "http_status": 200})
    for index in range(600):
        readings.metrics.http_client_duration.record(0.1, {"phone_number_id": str(index), "http_status": 200})
    assert len(readings.labels("http.client.request.duration")) == 501
    assert readings.value("http.client.request.duration", phone_number_id="0") == 2
    assert readings.value("http.client.request.duration", phone_number_id=OVERFLOW) == 200


def test_any_other_label_is_bounded_too(readings: Readings) -> None:
    """Whatever Meta may send as a kind tomorrow."""
    for index in range(VALUES_MAX + 50):
        readings.metrics.webhook_items.add(1, {"kind": f"kind-{index}"})
    assert readings.value("whatsapp.connector.webhook.items", kind=OVERFLOW) == 50


def test_combinations_of_labels_are_bounded_too(readings: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers times codes are many: those beyond what a counter holds share one point, and none is lost."""
    monkeypatch.setattr("connector.telemetry.instruments.POINTS_MAX", 20)
    for number in range(5):
        for code in range(5):
            readings.metrics.attempts.add(1, {"phone_number_id": str(number), "outcome": "accepted", "code": code})
    assert len(readings.labels("whatsapp.connector.attempts")) == 21
    assert readings.value("whatsapp.connector.attempts") == 25
    assert readings.value("whatsapp.connector.attempts", phone_number_id=OVERFLOW) == 5


def test_methods_are_a_closed_set(readings: Readings) -> None:
    """Strangers may send any word; they cannot use up the places of GET and POST."""
    for index in range(500):
        readings.metrics.http_server_duration.record(0.1, {"method": f"X{index}", "status": 405})
    for method in METHODS:
        readings.metrics.http_server_duration.record(0.1, {"method": method, "status": 200})
    assert readings.value("http.server.request.duration", method=OVERFLOW) == 500
    assert readings.value("http.server.request.duration", method="POST") == 1


def test_a_gauge_asks_all_its_watchers_at_each_collection(readings: Readings) -> None:
    """Present values, not remembered ones: a number that went away is gone from the page."""
    limits = {"1": 80.0}
    readings.metrics.number_limit.watch(lambda: [(value, {"phone_number_id": key}) for key, value in limits.items()])
    readings.metrics.number_limit.watch(lambda: [(7.0, {"phone_number_id": "9"})])
    assert readings.value("whatsapp.connector.number.limit", phone_number_id="1") == 80
    assert readings.value("whatsapp.connector.number.limit", phone_number_id="9") == 7
    limits["1"] = 1000
    assert readings.value("whatsapp.connector.number.limit", phone_number_id="1") == 1000
    limits.clear()
    assert readings.labels("whatsapp.connector.number.limit") == [{"phone_number_id": "9"}]


def test_in_flight_goes_up_and_down(readings: Readings) -> None:
    """Bytes come and go."""
    readings.metrics.ingress_in_flight_bytes.add(500, {})
    readings.metrics.ingress_in_flight_bytes.add(-200, {})
    assert readings.value("whatsapp.connector.ingress.in_flight_bytes") == 300


def test_instruments_that_keep_nothing_take_everything() -> None:
    """For tests and commands without telemetry."""
    metrics = Metrics.no_op()
    for row in CATALOGUE:
        use(metrics, row)
    assert isinstance(metrics.reroutes, Counter)
