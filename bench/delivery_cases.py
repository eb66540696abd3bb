"""What is demanded of the delivery at full speed, case by case: each sets a stage, loads it, and judges the ledger."""

import argparse
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from bench import delivery_probe
from bench.delivery_figures import (
    Result,
    fullest_second,
    out_of_order,
    quantile,
    rate_within,
    times_by_number,
    unsteadiness_s,
)
from bench.delivery_stage import CLOCK, Place, Stage, cpu_s, pause
from tests.chaos.commands import numbers_of_slots
from tests.integration.system import clean_environment

FIRST_SEND_S: Final = 120.0
"""A worker that has to read a million commands first is given so long."""
READ_PER_S: Final = 20_000
"""Commands of a paused number that a worker passes at least: so long the others go on beside it."""
TAIL_S: Final = 5.0
OTHERS: Final = 10
BURST: Final = 60
FEW: Final = 10_000
FULL_WINDOWS: Final = 5
"""Numbers of ``memory``: ten thousand commands fill the windows of so many, as a million does."""
WARM_UP: Final = "warm-up"
OVER_NUMBER: Final = "130429"
RATE: Final = "rate, % of the limit (lowest, mean)"
FULL_PERCENT: Final = 98.0
REFUSED_MAX: Final = 1e-4
SHARED_PERCENT: Final = 95.0
"""Of the limit, for numbers that share a worker with much else."""


def steady(place: Place, options: argparse.Namespace, *, rate: int, count: int, slots: int, workers: int) -> Result:
    """Numbers with more to send than they may."""
    result = Result(options.case)
    homes = [index % slots for index in range(count)]
    numbers = dict.fromkeys(numbers_of_slots(homes, slots), rate)
    stage = Stage(place, {**numbers, delivery_probe.NUMBER: delivery_probe.RATE}, slots)
    probe = delivery_probe.Probe(stage.url)
    try:
        stage.open()
        stage.start_workers(workers)
        pause(3.0 if workers > 1 else 0.0)
        each = int(rate * (options.seconds + TAIL_S))
        stage.produce(stage.topics[0], _rounds(list(numbers), each))
        stage.flush()
        stage.until("each number sends", lambda: _all_send(stage, numbers), FIRST_SEND_S)
        probe.start()
        before, began = [cpu_s(worker.pid) for worker in stage.workers], CLOCK.monotonic()
        pause(options.seconds)
        used = [cpu_s(worker.pid) - was for worker, was in zip(stage.workers, before, strict=True)]
        lasted = CLOCK.monotonic() - began
        probe.stop()
        stage.stop_workers()
        sends, summary = stage.sends(), stage.summary()
    finally:
        stage.close()
    times = times_by_number(send for send in sends if send.number in numbers)
    start = max(found[0] for found in times.values()) + 1.0
    end = start + min(options.seconds, min(found[-1] for found in times.values()) - start)
    rates = [rate_within(found, start, end) / rate * 100 for found in times.values()]
    delays = probe.delays_s(sends)
    middle = quantile(delays, 0.5)
    apart = [off for found in times.values() for off in unsteadiness_s([t for t in found if start < t <= end], rate)]
    result.figures |= {
        "numbers x limit": f"{count} x {rate}/s",
        "workers": workers,
        "measured, s": round(end - start, 1),
        RATE: [round(min(rates), 2), round(sum(rates) / len(rates), 2)],
        "requests": sum(summary["numbers"][number]["requests"] for number in numbers),
        "answered 130429": sum(summary["numbers"][n]["refused"].get(OVER_NUMBER, 0) for n in numbers),
        "over the pair limit": sum(summary["numbers"][number]["pair_violations"] for number in numbers),
        "accepted in the fullest second": max(fullest_second(found) for found in times.values()),
        "asked in the fullest second": max(summary["numbers"][number]["requests_max_1s"] for number in numbers),
        "CPU of a worker, s/s": [round(seconds / lasted, 2) for seconds in used],
        "way to the receiver, requests": len(delays),
        "way to the receiver, ms off its median (p50, p99, max)": _ms(
            [abs(delay - middle) for delay in delays], 0.5, 0.99, 1.0
        ),
        "a limit's messages apart, ms off its median (p50, p99, max)": _ms(apart, 0.5, 0.99, 1.0),
    }
    return result


def one_at_1000(place: Place, options: argparse.Namespace) -> Result:
    """One number at 1000 messages a second."""
    result = steady(place, options, rate=options.limit or 1000, count=1, slots=6, workers=1)
    figures = result.figures
    refused = figures["answered 130429"] / figures["requests"]
    result.require("at least 98 % of the limit", figures[RATE][0] >= FULL_PERCENT)
    result.require("at most 1 in 10,000 answered 130429", refused <= REFUSED_MAX)
    result.require("one core or less for the worker", max(figures["CPU of a worker, s/s"]) <= 1.0)
    return result


def four_at_80(place: Place, options: argparse.Namespace) -> Result:
    """Four numbers at 80 messages a second."""
    result = steady(place, options, rate=options.limit or 80, count=4, slots=6, workers=1)
    result.require("each at least 98 % of its limit", result.figures[RATE][0] >= FULL_PERCENT)
    result.require("none answered 130429", result.figures["answered 130429"] == 0)
    return result


def sixty_at_20(place: Place, options: argparse.Namespace) -> Result:
    """Sixty numbers at 20 messages a second in 12 slots through 3 workers."""
    rate = options.limit or 20
    result = steady(place, options, rate=rate, count=options.numbers or 60, slots=12, workers=3)
    figures = result.figures
    result.require("no sliding second over a limit", figures["asked in the fullest second"] <= rate)
    result.require("no pair error", figures["over the pair limit"] == 0)
    result.require("each at least 95 % of its limit", figures[RATE][0] >= SHARED_PERCENT)
    return result


def burst(place: Place, options: argparse.Namespace) -> Result:
    """Sixty messages to one recipient while others are served: without, with, and without again."""
    result = Result(options.case)
    rate = options.limit or 250
    others = options.count or 10_000
    number = numbers_of_slots([0], 6)[0]
    stage = Stage(place, {number: rate}, 6)
    chance = random.Random(options.seed)
    waits: dict[str, list[float]] = {}
    produced: dict[str, float] = {}
    try:
        stage.open()
        stage.start_workers(1)
        sent = 0
        for phase, bursts in ((WARM_UP, False), ("without", False), ("with", True), ("without again", False)):
            at_s = 0.0
            load: list[tuple[float, str, str, str]] = []
            count = 4 * rate if phase == WARM_UP else others
            for index in range(count):
                at_s += chance.expovariate(rate * 0.8)
                load.append((at_s, number, f"1650{sent + index:08d}", f"{phase}/{index}"))
            if bursts:
                load += [(others / rate / 4, number, "16599999999", f"burst/{index}") for index in range(BURST)]
                load.sort()
            start = CLOCK.monotonic() + 0.1
            stage.produce_at(stage.topics[0], load, start)
            produced |= {name: start + offset for offset, _, _, name in load}
            sent += count
            stage.until("all others are sent", lambda wanted=sent: stage.accepted([number]) >= wanted, 60.0)  # type: ignore[misc]
            waits[phase] = []
        stage.stop_workers()
        sends, summary = stage.sends(), stage.summary()["numbers"][number]
    finally:
        stage.close()
    for send in sends:
        if (phase := send.command.partition("/")[0]) in waits:
            waits[phase].append(send.at_s - produced[send.command])
    del waits[WARM_UP]
    p99 = {phase: quantile(found, 0.99) for phase, found in waits.items()}
    result.figures |= {
        "others": others,
        "limit, load": f"{rate}/s, {rate * 0.8:.0f}/s",
        "wait of the others, ms (p50, p99, max)": {phase: _ms(found, 0.5, 0.99, 1.0) for phase, found in waits.items()},
        "of the burst sent meanwhile": sum(send.command.startswith("burst/") for send in sends),
        "answered 130429": summary["refused"].get(OVER_NUMBER, 0),
        "over the pair limit": summary["pair_violations"],
    }
    usual = max(p99["without"], p99["without again"])
    result.require("each of the others sent once", all(len(found) == others for found in waits.values()))
    result.require("p99 with the burst as without (+10 % and 5 ms)", p99["with"] <= 1.1 * usual + 0.005)
    result.require("no pair error", summary["pair_violations"] == 0)
    return result


def stopped(place: Place, options: argparse.Namespace) -> Result:
    """Commands of a paused number in front of ten others in one slot; a restart; and the number resumed."""
    result = Result(options.case)
    rate, count = options.limit or 80, options.count or 1_000_000
    paused, *others = numbers_of_slots([0] * (OTHERS + 1), 6)
    stage = Stage(place, {paused: 1000, **dict.fromkeys(others, rate)}, 6)
    names = [f"paused/{index}" for index in range(count)]
    shares: dict[str, float] = {}
    try:
        stage.open()
        _numbers(stage, "pause", paused)
        recipients = max(1, min(count, 1_000_000) // 2)
        stage.produce(stage.topics[0], ((paused, _recipient(i % recipients), names[i]) for i in range(count)))
        each = int(rate * 2 * (options.seconds + 20 + count / READ_PER_S))
        stage.produce(stage.topics[0], _rounds(others, each))
        stage.flush()
        began = CLOCK.monotonic()
        for phase in ("worker started", "started again"):
            stage.start_workers(1)
            before = _accepted(stage, others)
            stage.until("the others send", lambda was=before: _more(stage, others, was), FIRST_SEND_S)  # type: ignore[misc]
            first = CLOCK.monotonic()
            result.figures[f"{phase}: others send after, s"] = round(first - began, 1)
            pause(options.seconds + 2.0)
            times = times_by_number(stage.sends())
            shares[phase] = min(rate_within(times[n], first + 1, first + 1 + options.seconds) / rate for n in others)
            began = CLOCK.monotonic()
            stage.stop_workers()
        result.figures["sent of the paused number"] = stage.accepted([paused])
        stage.start_workers(1)
        _numbers(stage, "resume", paused)
        began = CLOCK.monotonic()
        stage.until("all of the resumed number are sent", lambda: stage.accepted([paused]) >= count,
                    FIRST_SEND_S + count / 1000 * 4)  # fmt: skip
        lasted = CLOCK.monotonic() - began
        pause(2.0)
        stage.stop_workers()
        sends = [send for send in stage.sends() if send.number == paused]
    finally:
        stage.close()
    places = {name: index for index, name in enumerate(names)}
    behind = out_of_order(sends, places)
    result.figures |= {
        "commands of the paused number": count,
        "others": f"{OTHERS} x {rate}/s",
        "others, % of the limit (lowest)": {phase: round(share * 100, 2) for phase, share in shares.items()},
        "resumed: sent, distinct, s": [len(sends), len({send.command for send in sends}), round(lasted, 1)],
        "resumed: behind a later one": behind,
    }
    result.require("nothing of a paused number", result.figures["sent of the paused number"] == 0)
    for phase, share in shares.items():
        result.require(f"{phase}: each of the others at least 95 % of its limit", share * 100 >= SHARED_PERCENT)
    result.require("resumed: all sent", {send.command for send in sends} == set(names))
    result.require("resumed: none twice", len(sends) == count)
    result.require("resumed: in order", behind == 0)
    return result


def priority(place: Place, options: argparse.Namespace) -> Result:
    """Commands about customers behind a marketing campaign on the same number."""
    result = Result(options.case)
    rate, count = options.limit or 80, options.count or 1_000_000
    number = numbers_of_slots([0], 6)[0]
    stage = Stage(place, {number: rate}, 6)
    chance = random.Random(options.seed)
    try:
        stage.open()
        stage.produce(stage.topics[1], ((number, _recipient(i), f"marketing/{i}") for i in range(count)))
        stage.flush()
        stage.start_workers(1)
        stage.until("the campaign runs", lambda: stage.accepted([number]) > rate, FIRST_SEND_S)
        at_s = 0.0
        load: list[tuple[float, str, str, str]] = []
        while (at_s := at_s + chance.expovariate(rate / 2)) < options.seconds:
            load.append((at_s, number, f"1777{len(load):08d}", f"crm/{len(load)}"))
        start = CLOCK.monotonic() + 0.1
        stage.produce_at(stage.topics[0], load, start)
        pause(5.0)
        stage.stop_workers()
        sends = stage.sends()
    finally:
        stage.close()
    due = {name: start + offset for offset, _, _, name in load}
    waits = [send.at_s - due[send.command] for send in sends if send.command in due]
    result.figures |= {
        "marketing commands queued": count,
        "limit, CRM": f"{rate}/s, {rate / 2:.0f}/s",
        "CRM commands": len(load),
        "CRM from produced to sent, ms (p50, p99, max)": _ms(waits, 0.5, 0.99, 1.0),
        "marketing sent meanwhile": sum(
            start <= send.at_s <= start + options.seconds and send.command not in due for send in sends
        ),
    }  # fmt: skip
    result.require("all CRM commands sent", len(waits) == len(load))
    result.require("CRM p99 under 1 s (half of the limit explains nothing)", quantile(waits, 0.99) < 1.0)
    return result


def memory(place: Place, options: argparse.Namespace) -> Result:
    """A worker's memory with few and with many commands queued, while it sends."""
    result = Result(options.case)
    rate, most = options.limit or 20, options.count or 1_000_000
    found: dict[str, float] = {}
    for count in (min(FEW, most // 2), most):
        numbers = numbers_of_slots([index % 6 for index in range(FULL_WINDOWS)], 6)
        stage = Stage(place, dict.fromkeys(numbers, rate), 6)
        try:
            stage.open()
            stage.produce(stage.topics[0], _rounds(numbers, count // FULL_WINDOWS))
            stage.flush()
            stage.start_workers(1)
            stage.until("each number sends", lambda: _all_send(stage, numbers), FIRST_SEND_S)  # noqa: B023 - called here
            samples = []
            for _ in range(max(2, int(options.seconds))):
                pause(1.0)
                samples.append(stage.workers[0].memory_kib()["VmRSS"] / 1024)
            found[f"{count:,}"] = round(quantile(samples, 0.5), 1)
            result.figures[f"{count:,} queued: at most, MiB"] = round(stage.workers[0].memory_kib()["VmHWM"] / 1024, 1)
            stage.stop_workers()
        finally:
            stage.close()
    few, many = found.values()
    result.figures |= {
        "memory by commands queued, MiB (median)": found,
        "librdkafka's queues": _queues(stage),
        "more, %": round((many / few - 1) * 100, 1),
    }
    result.require("within 20 %", many <= 1.2 * few)
    return result


Case = Callable[[Place, argparse.Namespace], Result]
CASES: Final[Mapping[str, Case]] = {
    "1000": one_at_1000,
    "80": four_at_80,
    "60x20": sixty_at_20,
    "burst": burst,
    "stopped": stopped,
    "priority": priority,
    "memory": memory,
}


def _recipient(index: int) -> str:
    return f"1650{index:08d}"


def _rounds(numbers: Sequence[str], each: int) -> Iterator[tuple[str, str, str]]:
    """Commands of all numbers in turn, each to somebody else."""
    for index in range(each):
        for place, number in enumerate(numbers):
            yield number, _recipient(index), f"{place}/{index}"


def _all_send(stage: Stage, numbers: Mapping[str, Any] | Sequence[str]) -> bool:
    found = stage.summary()["numbers"]
    return all(number in found and found[number]["accepted"] for number in numbers)


def _accepted(stage: Stage, numbers: Sequence[str]) -> dict[str, int]:
    found = stage.summary()["numbers"]
    return {number: found[number]["accepted"] if number in found else 0 for number in numbers}


def _more(stage: Stage, numbers: Sequence[str], before: Mapping[str, int]) -> bool:
    return all(count > before[number] for number, count in _accepted(stage, numbers).items())


def _ms(seconds: Sequence[float], *shares: float) -> list[float]:
    return [round(quantile(seconds, share) * 1000, 2) for share in shares]


def _numbers(stage: Stage, word: str, number: str) -> None:
    """``connector numbers pause`` and ``resume``."""
    config = stage.system.folder / "numbers.yaml"
    config.write_text(stage.config)
    command = [sys.executable, "-m", "connector", "numbers", word, number, "--config", str(config), "--reason", "bench"]
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL, env=clean_environment())  # noqa: S603 - our own words


def _queues(stage: Stage) -> dict[str, Any]:
    """What bounds librdkafka's memory: of the consumer, as the worker is configured."""
    config = stage.system.settings.kafka
    merged = {**config.common, **config.consumer}
    names = ("queued.max.messages.kbytes", "queued.min.messages", "fetch.max.bytes", "max.partition.fetch.bytes")
    return {name: merged.get(name, "default") for name in names}
