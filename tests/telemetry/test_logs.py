"""Logs are one JSON object a line, and hold nobody's phone, text or token."""

import io
import json
import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from connector.telemetry.logs import MASKED_KEYS, REMOVED_KEYS, configure, redact
from connector.telemetry.masking import Phone, Secret


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where logs go in a test; what was set up before comes back after it."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield io.StringIO()
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """What was logged, as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_and_level(stream: io.StringIO) -> None:
    """What collectors of logs expect."""
    configure("json", "info", stream)
    structlog.get_logger().info("number held", phone_number_id="106540352242922", until=3)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "number held", "level": "info", "phone_number_id": "106540352242922", "until": 3}


def test_the_level_is_the_least_severe_that_is_written(stream: io.StringIO) -> None:
    """Below it nothing is written."""
    configure("json", "warning", stream)
    log = structlog.get_logger()
    log.info("a")
    log.warning("b")
    assert [line["event"] for line in lines(stream)] == ["b"]


def test_console_is_text_for_people(stream: io.StringIO) -> None:
    """Without colours when nobody looks at a terminal."""
    configure("console", "info", stream)
    structlog.get_logger().info("started", to="16505551234", port=1)
    assert "started" in stream.getvalue()
    assert "***1234" in stream.getvalue()
    assert "\x1b[" not in stream.getvalue()


def test_packages_that_log_by_the_standard_library_come_out_alike_from_warning_on(stream: io.StringIO) -> None:
    """At debug some of them print headers, with the access token among them."""
    configure("json", "debug", stream)
    logger = logging.getLogger("some.package")
    logger.debug("authorization: Bearer hunter2")
    logger.warning("retrying %s", "16505551234")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("retrying ***1234", "warning", "some.package")


def test_the_trace_of_the_current_span_is_in_the_line(stream: io.StringIO) -> None:
    """A log line is found from its trace."""
    configure("json", "info", stream)
    context = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1))
    with trace.use_span(NonRecordingSpan(context)):
        structlog.get_logger().info("a")
    (line,) = lines(stream)
    assert (line["trace_id"], line["span_id"]) == (f"{0xABC:032x}", f"{0xDEF:016x}")


def test_an_exception_shows_no_local_variables_and_no_phone(stream: io.StringIO) -> None:
    """Structured and rich tracebacks show locals, and with them whatever a function held."""
    configure("json", "info", stream)

    def fail(token: str) -> None:
        message = "no such user 16505551234"
        raise ValueError(message, len(token))

    try:
        fail("hunter" + "2")
    except ValueError:
        assert "16505551234" in traceback.format_exc()
        structlog.get_logger().exception("failed")
    (line,) = lines(stream)
    assert "ValueError" in line["exception"]
    assert "***1234" in line["exception"]
    assert "hunter2" not in stream.getvalue()
    assert "16505551234" not in stream.getvalue()


def test_types_are_masked_under_any_key_and_at_any_depth(stream: io.StringIO) -> None:
    """The first net: whoever wraps a value need not know the key's name."""
    configure("json", "info", stream)
    structlog.get_logger().info("a", x=Phone("16505551234"), y=[{"z": Secret("hunter2")}], w=(Phone("491721234567"),))
    (line,) = lines(stream)
    assert (line["x"], line["y"], line["w"]) == ("***1234", [{"z": "[removed]"}], ["***4567"])


@pytest.mark.parametrize("key", sorted(MASKED_KEYS))
@pytest.mark.parametrize("value", ["16505551234", 16505551234])
def test_known_keys_of_people_are_masked(key: str, value: object) -> None:
    """The second net, for values nobody wrapped."""
    event = {key: value, "inner": [{key.upper(): value}], "many": {key: [value]}}
    assert redact(None, "info", event) == {
        key: "***1234",
        "inner": [{key.upper(): "***1234"}],
        "many": {key: ["***1234"]},
    }


@pytest.mark.parametrize("key", sorted(REMOVED_KEYS))
def test_keys_that_never_belong_in_a_log_are_removed(key: str) -> None:
    """Whatever they hold, however they are written."""
    assert redact(None, "info", {key: {"a": "hunter2"}, "h": {key.title(): "hunter2"}}) == {
        key: "[removed]",
        "h": {key.title(): "[removed]"},
    }


def test_what_operators_need_stays_readable() -> None:
    """Ids of business numbers, topics, counts and reasons are nobody's secret."""
    event = {"phone_number_id": "106540352242922", "topic": "a", "offset": 12345678}
    assert redact(None, "info", dict(event)) == event


def test_message_ids_are_cut_under_any_key() -> None:
    """Meta's message ids hold the person's phone in base64."""
    event = {"message_id": "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI1RjQyNUE3NEYxMzAzMzQ5MkEA"}
    assert redact(None, "info", event) == {"message_id": "wamid.***MzQ5MkEA"}


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@given(
    tree=TREES,
    path=st.lists(st.sampled_from(["a", 0]), max_size=10),
    key=st.sampled_from(sorted(REMOVED_KEYS | MASKED_KEYS)),
)
def test_nothing_sensitive_survives_in_any_tree(tree: Any, path: list[str | int], key: str) -> None:
    """At any depth, beside anything; what lies too deep is removed whole."""
    inner: Any = {key: "16505551234", "beside": tree}
    for step in path:
        inner = [inner] if step == 0 else {step: inner}
    assert "16505551234" not in str(redact(None, "info", {"x": inner}))


def test_logs_go_to_stderr_so_that_output_stays_clean(capsys: pytest.CaptureFixture[str], stream: io.StringIO) -> None:
    """Programs read stdout."""
    assert stream is not sys.stderr
    configure("json", "info")
    structlog.get_logger().info("a")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert json.loads(printed.err)["event"] == "a"
