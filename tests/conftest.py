"""What every test may use: see tests/fixtures."""

import gc
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

TESTS: Final = Path(__file__).parent
WITH_JAVA: Final = frozenset({"registry", "warehouse"})
FETCHING: Final = frozenset({"helm", "packaging", "telemetry"})

# Those that others import come first, or pytest could not rewrite their assertions.
pytest_plugins = [
    "connector.simulator.pytest_plugin",
    "tests.fixtures.broker",
    "tests.fixtures.fatal_error",
    "tests.fixtures.tools",
    "tests.fixtures.custom_resources",
    "tests.fixtures.kafka_connect",
    "tests.fixtures.schema_registry",
    "tests.fixtures.installation",
]


# Hypothesis without a stopwatch: on a shared machine a slow example says nothing about the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks whatever asks for the real broker, so that ``-m 'not kafka'`` needs no list.

    With two processes one of them has all of these: they mostly wait, and one broker and one download are enough. What
    fetches or builds something stays together for the same reason.
    """
    for item in items:
        if {"kafka_broker", "kafka_jars"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
        folder = item.path.relative_to(TESTS).parts[0]
        if item.get_closest_marker("kafka") or folder in WITH_JAVA:
            item.add_marker(pytest.mark.xdist_group("kafka"))
        elif folder in FETCHING:
            item.add_marker(pytest.mark.xdist_group("fetched"))


def pytest_collection_finish() -> None:
    """Thousands of collected tests live to the end: searched for cycles, they would hold up a simulator for 0.2 s."""
    gc.collect()
    gc.freeze()
