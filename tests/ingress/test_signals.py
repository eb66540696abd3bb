"""What a replica tells delivery by the clock."""

import asyncio
import selectors
from typing import Any

import pytest

from connector.ingress.signals import Signals
from connector.records.keys import slot_of
from tests.ingress.fakes import SLOTS, TOPICS, FakeProducer, ManualClock, publisher_to

START = 1_800_000_000_000
ANA, BEN = ("100", "W"), ("200", "W")


class Replica:
    """One replica's signals, its Kafka and its clock."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.producer = FakeProducer()
        self.signals = Signals(publisher_to(self.producer), "ingress-0", self.clock)

    async def tick(self, seconds: float = 1.0) -> list[dict[str, Any]]:
        """Let time pass and tick: the signals of this tick, without nulls."""
        self.clock.now_s += seconds
        before = len(self.producer.on(TOPICS.number_signals))
        await self.signals.tick()
        found = self.producer.on(TOPICS.number_signals)[before:]
        return [{name: value for name, value in signal.items() if value is not None} for signal in found]


def kinds(signals: list[dict[str, Any]]) -> list[str]:
    """Their kinds, in order."""
    return [signal["kind"] for signal in signals]


async def test_a_heartbeat_goes_to_every_slot_every_five_seconds() -> None:
    """The first comes at once; each names the replica, and each slot gets its own."""
    replica = Replica()
    assert kinds(await replica.tick(0.0)) == ["HEARTBEAT"] * SLOTS
    assert [record.partition for record in replica.producer.records] == list(range(SLOTS))
    assert replica.producer.on(TOPICS.number_signals)[0]["replica"] == "ingress-0"
    beats = [second for second in range(1, 31) if kinds(await replica.tick())]
    assert beats == [5, 10, 15, 20, 25, 30]


async def test_heartbeats_do_not_pile_up_after_a_silence() -> None:
    """What was missed is missed; the rhythm begins anew."""
    replica = Replica()
    await replica.tick(0.0)
    assert kinds(await replica.tick(60.0)) == ["HEARTBEAT"] * SLOTS
    assert [second for second in range(1, 11) if kinds(await replica.tick())] == [5, 10]


async def test_a_heartbeat_kafka_did_not_take_is_due_again() -> None:
    """It is a sign of life only when it arrives."""
    replica = Replica()
    replica.producer.failing = True
    assert await replica.tick() == []
    replica.producer.failing = False
    assert kinds(await replica.tick()) == ["HEARTBEAT"] * SLOTS


async def test_inbound_load_is_counted_for_each_number_each_second() -> None:
    """A number with messages is told to its slot, with the interval; one without is not."""
    replica = Replica()
    await replica.tick(0.0)
    for number, account in (ANA, ANA, BEN, ("", "W")):
        replica.signals.received(number, account)
    found = await replica.tick()
    common = {"kind": "INBOUND_LOAD", "waba_id": "W", "replica": "ingress-0"}
    interval = {"at": START + 1000, "from": START, "to": START + 1000}
    assert found == [
        {**common, **interval, "phone_number_id": "100", "count": 2},
        {**common, **interval, "phone_number_id": "200", "count": 1},
    ]
    assert [record.partition for record in replica.producer.records[-2:]] == [
        slot_of("100", SLOTS),
        slot_of("200", SLOTS),
    ]
    assert await replica.tick() == []


async def test_load_that_kafka_did_not_take_is_forgotten() -> None:
    """Old load says nothing about now."""
    replica = Replica()
    replica.signals.received(*ANA)
    replica.producer.failing = True
    await replica.tick()
    replica.producer.failing = False
    assert "INBOUND_LOAD" not in kinds(await replica.tick())


async def test_a_gap_spans_all_refusals_and_is_told_once_kafka_works() -> None:
    """From the first refused webhook's arrival to the last refusal, to every slot, ahead of the next heartbeat."""
    replica = Replica()
    replica.producer.failing = True
    replica.signals.refused(START + 100, START + 200)
    await replica.tick()
    replica.signals.refused(START + 50, START + 1300)
    await replica.tick()
    replica.producer.failing = False
    found = await replica.tick(5.0)
    assert kinds(found) == ["GAP"] * SLOTS + ["HEARTBEAT"] * SLOTS
    assert (found[0]["from"], found[0]["to"], found[0]["at"]) == (START + 50, START + 1300, START + 7000)
    assert "GAP" not in kinds(await replica.tick())


async def test_a_refusal_during_the_publication_of_a_gap_is_not_lost() -> None:
    """What is refused while a gap is on its way is told with the next one."""
    replica = Replica()
    await replica.tick(0.0)
    replica.producer.silent = True
    replica.producer.published.clear()
    replica.signals.refused(START, START + 10)
    ticking = asyncio.create_task(replica.tick())
    await replica.producer.published.wait()
    replica.signals.refused(START + 900, START + 910)
    replica.producer.acknowledge()
    replica.producer.silent = False
    await ticking
    found = await replica.tick()
    assert [(signal["from"], signal["to"]) for signal in found] == [(START + 900, START + 910)] * SLOTS


class VirtualSelector(selectors.SelectSelector):
    """Waits by moving the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing happens but time."""
        self.now_s += timeout or 0.0
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose sleeps take no time."""

    def __init__(self) -> None:
        self.virtual = VirtualSelector()
        super().__init__(self.virtual)

    def time(self) -> float:
        """The virtual time."""
        return self.virtual.now_s


class LoopClock(ManualClock):
    """The loop's time."""

    def monotonic(self) -> float:
        """Seconds of the running loop."""
        return asyncio.get_running_loop().time()

    def wall_ms(self) -> int:
        """The same, since the epoch."""
        return START + round(self.monotonic() * 1000)


def test_run_ticks_once_a_second_for_ever() -> None:
    """A minute of virtual time has twelve heartbeats after the first, and load whenever there is some."""
    producer = FakeProducer()

    async def minute() -> None:
        clock = LoopClock()
        publisher = publisher_to(producer)
        await publisher.slots()
        signals = Signals(publisher, "ingress-0", clock)
        running = asyncio.create_task(signals.run())
        for _ in range(60):
            signals.received(*ANA)
            await asyncio.sleep(1.0)
        await asyncio.sleep(0.5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(minute())
    counts = kinds(producer.on(TOPICS.number_signals))
    assert counts.count("HEARTBEAT") == 13 * SLOTS
    assert sum(signal["count"] or 0 for signal in producer.on(TOPICS.number_signals)) == 60
