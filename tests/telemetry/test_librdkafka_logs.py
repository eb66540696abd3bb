"""Kafka's client repeats itself while the brokers are away; one line of a kind is enough for a while."""

import logging

import pytest

from connector.telemetry.logs import QUIET_S, librdkafka_logger


def test_a_line_of_one_kind_is_told_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that differ in their numbers only are of one kind; after the quiet time it is told again."""
    logger = librdkafka_logger()
    told: list[str] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", lambda record: told.append(record.getMessage()))
    logger.addHandler(handler)
    try:
        for at, text in [(0.0, "FAIL broker 1 after 3ms"), (1.0, "FAIL broker 1 after 9ms"), (2.0, "GETPID"),
                         (QUIET_S, "FAIL broker 1 after 4ms")]:  # fmt: skip
            record = logger.makeRecord(logger.name, logging.ERROR, "", 0, text, (), None)
            record.created = 1e9 + at
            logger.handle(record)
    finally:
        logger.removeHandler(handler)
    assert told == ["FAIL broker 1 after 3ms", "GETPID", "FAIL broker 1 after 4ms"]


def test_all_clients_share_one_logger() -> None:
    """The filter is added once."""
    assert librdkafka_logger() is librdkafka_logger()
    assert len(librdkafka_logger().filters) == 1
