"""What every test may use: see tests/fixtures."""

import pytest

pytest_plugins = ["connector.simulator.pytest_plugin", "tests.fixtures.broker", "tests.fixtures.tools"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks whatever asks for the real broker, so that ``-m 'not kafka'`` needs no list."""
    for item in items:
        if {"kafka_broker", "kafka_jars"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
