"""A command's trace: from the CRM's span over its attempts into the envelope, and to its outcome."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode
from structlog.testing import capture_logs

from connector.delivery.admission import Admission, repeated
from connector.delivery.command import DeadLetterClass, QueuedCommand, Reading
from connector.delivery.identities import Identities
from connector.delivery.outcomes import Fault
from connector.delivery.traces import LEFT, DeliveryTraces
from connector.records.envelope import unseal
from connector.records.headers import traceparent_in
from connector.telemetry.tracing import parse_traceparent
from connector.whatsapp.response import AttemptOutcome, maybe_sent
from tests.delivery.making import ACCEPTED, NUMBER, USER, WALL_MS, queued, record, result_of
from tests.delivery.test_worker import OUTCOMES, SLOT, Bench
from tests.delivery.virtual_loop import VirtualLoop, in_virtual_time
from tests.telemetry.recorded import SAMPLED, SPAN, TRACE, UNSAMPLED, Recorded, ids, told

REQUEST = "POST /{phone_number_id}/messages"


class Clock:
    """Two seconds after the records' time."""

    def monotonic(self) -> float:
        """Seconds."""
        return 0.0

    def wall_ms(self) -> int:
        """Milliseconds."""
        return WALL_MS + 2000


def traces_of(recorded: Recorded) -> DeliveryTraces:
    """With the version in the URL, as the role makes them."""
    return DeliveryTraces(recorded.spans, Clock(), "https://graph.example/v25.0")


def on_a_bench(recorded: Recorded, script: Callable[[Bench], Awaitable[None]]) -> Bench:
    """Play a script, and commit what it settles."""
    traces = traces_of(recorded)

    async def main(loop: VirtualLoop) -> Bench:
        bench = Bench(loop, traces=traces)
        await script(bench)
        traces.settled(bench.settlements)
        return bench

    return in_virtual_time(main)


def traced(traceparent: str | None = SAMPLED) -> QueuedCommand:
    """A command of a CRM that traces."""
    command = queued()
    command.traceparent = traceparent
    return command


def test_one_trace_from_the_crm_to_the_envelope_and_the_outcome() -> None:
    """Command under the CRM's span, attempt under it, request under that; each says what came of it."""
    recorded = Recorded(ratio=0.0)

    async def script(bench: Bench) -> None:
        bench.worker.feed([traced()])
        await asyncio.sleep(1.0)

    bench = on_a_bench(recorded, script)
    request, attempt, process = recorded.ended
    assert [span.name for span in recorded.ended] == [REQUEST, "attempt", "process crm"]
    assert ids(process)[::2] == (TRACE, SPAN)
    assert ids(attempt)[::2] == (TRACE, ids(process)[1])
    assert ids(request)[::2] == (TRACE, ids(attempt)[1])
    ((_, body),) = bench.api.sent
    envelope = unseal(body["biz_opaque_callback_data"])
    assert envelope is not None
    assert envelope.traceparent == f"00-{TRACE}-{ids(attempt)[1]}-01"
    (settlement,) = bench.settlements
    assert traceparent_in(settlement.outputs[0].headers) == f"00-{TRACE}-{ids(process)[1]}-01"
    offset = settlement.source.offset
    assert told(process) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "crm",
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": offset,
        "whatsapp.connector.phone_number_id": NUMBER,
        "whatsapp.connector.command_id": "order-4711",
        "whatsapp.connector.message_type": "text",
        "whatsapp.connector.queue_s": 2.0,
        "whatsapp.connector.outcome": "ACCEPTED",
        "whatsapp.connector.attempts": 1,
    }
    assert told(attempt) == {
        "whatsapp.connector.phone_number_id": NUMBER,
        "whatsapp.connector.attempt": 1,
        "whatsapp.connector.result": "accepted",
    }
    assert told(request) == {
        "http.request.method": "POST",
        "url.template": "/{phone_number_id}/messages",
        "url.full": f"https://graph.example/v25.0/{NUMBER}/messages",
        "server.address": "graph.example",
        "server.port": 443,
        "http.response.status_code": 200,
    }
    assert {span.status.status_code for span in recorded.ended} == {StatusCode.UNSET}


def test_log_lines_of_an_attempt_name_its_span() -> None:
    """It is the current one while the attempt lasts, and no longer: others go on in the same task."""
    recorded = Recorded()
    during: list[int] = []

    async def script(bench: Bench) -> None:
        def answer(_: int) -> AttemptOutcome:
            during.append(trace.get_current_span().get_span_context().span_id)
            return ACCEPTED

        bench.api.answer = answer
        bench.worker.feed([traced(), traced(UNSAMPLED)])
        await asyncio.sleep(1.0)

    on_a_bench(recorded, script)
    attempt = recorded.one("attempt").context
    assert attempt is not None
    assert sorted(during) == [0, attempt.span_id]


def test_each_attempt_has_a_span_and_says_why_it_failed() -> None:
    """With Meta's code and status, and how many were made before."""
    recorded = Recorded()

    async def script(bench: Bench) -> None:
        bench.api.answer = lambda count: ACCEPTED if count == 2 else result_of(131000)
        bench.worker.feed([traced()])
        await asyncio.sleep(60.0)

    on_a_bench(recorded, script)
    first, second = [told(span) for span in recorded.ended if span.name == "attempt"]
    assert (first["whatsapp.connector.result"], first["whatsapp.connector.error_code"]) == ("transient", 131000)
    assert second["whatsapp.connector.result"] == "accepted"
    refused, again = [span for span in recorded.ended if span.name == REQUEST]
    assert refused.status.status_code is StatusCode.ERROR
    assert told(refused)["error.type"] == str(told(refused)["http.response.status_code"])
    assert "http.request.resend_count" not in told(refused)
    assert told(again)["http.request.resend_count"] == 1


def test_a_request_without_an_answer_names_its_error() -> None:
    """There is no status to tell."""
    recorded = Recorded()

    async def script(bench: Bench) -> None:
        bench.api.answer = lambda _: maybe_sent("TimeoutError")
        bench.worker.feed([traced()])
        await asyncio.sleep(1.0)
        bench.worker.drop(SLOT)

    on_a_bench(recorded, script)
    request = told(recorded.one(REQUEST))
    assert request["error.type"] == "TimeoutError"
    assert "http.response.status_code" not in request
    assert told(recorded.one("process crm"))["whatsapp.connector.outcome"] == LEFT


def test_what_a_journal_holds_back_makes_no_request() -> None:
    """The attempt is there, and that it was withheld."""
    recorded = Recorded()

    async def script(bench: Bench) -> None:
        bench.journal.fails = True
        with capture_logs():
            bench.worker.feed([traced()])
            await asyncio.sleep(0.1)
            bench.worker.drop(SLOT)

    on_a_bench(recorded, script)
    assert [span.name for span in recorded.ended if span.name == REQUEST] == []
    assert told(next(span for span in recorded.ended if span.name == "attempt"))["error.type"] == "journal_unavailable"


@pytest.mark.parametrize("traceparent", [UNSAMPLED, None])
def test_a_trace_that_nobody_records_goes_on_as_it_came(traceparent: str | None) -> None:
    """Envelope and outcome carry the caller's own, and nothing is made for it."""
    recorded = Recorded(ratio=0.0)
    command = traced(traceparent)

    async def script(bench: Bench) -> None:
        bench.worker.feed([command])
        await asyncio.sleep(1.0)

    bench = on_a_bench(recorded, script)
    ((_, body),) = bench.api.sent
    envelope = unseal(body["biz_opaque_callback_data"])
    assert envelope is not None
    assert (envelope.traceparent, bench.settlements[0].traceparent) == (traceparent, traceparent)
    assert (command.trace, recorded.ended) == (None, ())


def test_a_command_that_waits_takes_no_span_yet() -> None:
    """A span is made by the first attempt or by the outcome, and counts from the reading all the same."""
    recorded = Recorded()

    async def script(bench: Bench) -> None:
        command = traced(None)
        command.expires_at = bench.loop.monotonic() + 5.0
        command.retry_at = bench.loop.monotonic() + 9.0
        bench.worker.feed([command])
        assert command.traceparent is None
        await asyncio.sleep(10.0)

    bench = on_a_bench(recorded, script)
    (process,) = recorded.ended
    assert told(process)["whatsapp.connector.outcome"] == "EXPIRED"
    assert process.start_time == Clock().wall_ms() * 1_000_000
    parent = parse_traceparent(traceparent_in(bench.settlements[0].outputs[0].headers))
    assert parent is not None
    assert (parent.trace_id, parent.span_id) == ids(process)[:2]


def test_a_dead_letter_is_an_error() -> None:
    """With its class."""
    recorded = Recorded()

    async def script(bench: Bench) -> None:
        bench.api.answer = lambda _: result_of(131026)
        bench.worker.feed([traced()])
        await asyncio.sleep(1.0)

    on_a_bench(recorded, script)
    process = recorded.one("process crm")
    assert process.status.status_code is StatusCode.ERROR
    assert told(process)["error.type"] == told(process)["whatsapp.connector.dead_letter_class"] == "undeliverable"


def test_what_is_settled_at_once_has_its_span_too() -> None:
    """A record that is no command, and a command that was there before; a record that was read again has none."""
    recorded = Recorded(ratio=0.0)
    headers = [("traceparent", SAMPLED.encode())]
    read = record(headers=headers)
    rejected = OUTCOMES.reject(Reading(read, read.source, 0, 1), Fault(DeadLetterClass.INVALID, "to", "no"), WALL_MS)
    identities, admission = Identities(), Admission(OUTCOMES)
    first, second = traced(), traced()
    first.payload_digest = second.payload_digest = "ab" * 32
    assert admission.admit(first, identities, WALL_MS) is first
    duplicate = admission.admit(second, identities, WALL_MS)
    assert not isinstance(duplicate, QueuedCommand)
    traces_of(recorded).settled([rejected, duplicate, repeated(second.reading)])
    outcomes = [(ids(span)[::2], told(span)["whatsapp.connector.outcome"]) for span in recorded.ended]
    assert outcomes == [((TRACE, SPAN), "DEAD_LETTERED"), ((TRACE, SPAN), "DUPLICATE")]


def test_a_command_that_is_not_recorded_is_not_begun_at_its_end() -> None:
    """The choice is made once, when it is read."""
    recorded, silent = Recorded(ratio=1.0), Recorded(ratio=0.0)

    async def script(bench: Bench) -> None:
        bench.worker.feed([traced(None)])
        await asyncio.sleep(1.0)

    bench = on_a_bench(silent, script)
    traces_of(recorded).settled(bench.settlements)
    assert recorded.ended == ()


def test_nobodys_phone_is_in_a_trace() -> None:
    """Neither the recipient's nor one that a CRM has put into its command's id."""
    recorded = Recorded()

    async def script(bench: Bench) -> None:
        command = traced()
        command.command = replace(command.command, opaque_data=USER)
        command.command_id = f"to-{USER}"
        bench.api.answer = lambda _: replace(result_of(131026), wa_id=USER, message_id=f"wamid.{USER}")
        bench.worker.feed([command])
        await asyncio.sleep(1.0)

    on_a_bench(recorded, script)
    assert len(recorded.ended) == 3
    assert not [span.name for span in recorded.ended if USER in span.to_json()]
    assert "token" not in "".join(span.to_json() for span in recorded.ended)
