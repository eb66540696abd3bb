"""What every test may use: see tests/fixtures."""

import pytest

# Those that others import come first, or pytest could not rewrite their assertions.
pytest_plugins = [
    "connector.simulator.pytest_plugin",
    "tests.fixtures.broker",
    "tests.fixtures.tools",
    "tests.fixtures.custom_resources",
    "tests.fixtures.kafka_connect",
    "tests.fixtures.schema_registry",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks whatever asks for the real broker, so that ``-m 'not kafka'`` needs no list."""
    for item in items:
        if {"kafka_broker", "kafka_jars"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
