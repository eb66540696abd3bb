"""A worker beside a backlog far larger than its windows: what it costs in memory."""

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from connector.clock import SystemClock
from tests.chaos.commands import Draft, numbers_of_slots, plain_draft
from tests.chaos.driver import CommandDriver
from tests.chaos.probe_ledgers import Backlog
from tests.chaos.processes import Node
from tests.chaos.site import READY_WITHIN_S, Installation, Site, holds
from tests.integration.system import SLOTS

WINDOW: Final = 500
NUMBERS: Final = 4
TEXT_BYTES: Final = 2_000
READ_AHEAD_KIB: Final = 8 * 1024
"""Of the Kafka client, 64 MiB by default: kept small, so that what the worker itself keeps shows."""
SETTLES_S: Final = 4.0
"""The peak counts once it has not grown for so long; a worker that keeps all of it grows on and on."""
WATCHED_MAX_S: Final = 45.0
GROWN_KIB: Final = 1024

_CONSUMED: Final = re.compile(r"^messaging_client_consumed_messages_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)
_CLOCK: Final = SystemClock()


async def backlog(place: Site, commands: int) -> Backlog:
    """One worker, ``commands`` queued for numbers that send slowly."""
    ids = numbers_of_slots(list(range(NUMBERS)), SLOTS)
    installation = Installation(
        place,
        "backlog",
        simulator={"numbers": [{"id": id_, "level": "NOT_APPLICABLE"} for id_ in ids]},
        changes={
            "delivery": {"session_timeout_s": 45, "window_per_number": WINDOW},
            "kafka": {"consumer": {"queued.max.messages.kbytes": READ_AHEAD_KIB}},
        },
    )
    try:
        worker = installation.add("delivery", "worker")
        await installation.open()
        worker.start()
        await installation.until("the worker is ready", lambda: worker.ready, READY_WITHIN_S)
        driver = CommandDriver(place.broker.bootstrap, *installation.system.settings.topic_names.commands)
        # What every worker needs for its first sends is no part of the backlog.
        driver.produce(plain_draft(f"first-{index}", id_, f"1650560{index:04d}") for index, id_ in enumerate(ids))
        with installation.observer() as observer:
            await holds(lambda: observer.summary()["accepted"] >= NUMBERS, READY_WITHIN_S)
        await driver.flush()
        idle_kib = worker.memory_kib()["VmRSS"]
        text = "x" * TEXT_BYTES
        drafts = [plain_draft(f"b-{n}", ids[n % NUMBERS], f"1651{n:07d}", text=text) for n in range(commands)]
        await _produce(driver, drafts)
        peak_kib = await _peak_kib(worker)
        read = sum(int(float(count)) for count in _CONSUMED.findall(worker.get("/metrics") or ""))
        place.say("backlog: done")
        size = len(drafts[0].value)
        return Backlog(commands, size, NUMBERS * WINDOW, READ_AHEAD_KIB, idle_kib, peak_kib, read)
    finally:
        installation.close()


async def _produce(driver: CommandDriver, drafts: Sequence[Draft]) -> None:
    """In batches, so that others get their turn and the client's queue its bound."""
    for start in range(0, len(drafts), 1000):
        driver.produce(drafts[start : start + 1000])
        await driver.flush()


async def _peak_kib(worker: Node) -> int:
    """The most that was resident, once it grows no more."""
    began_s = grew_s = _CLOCK.monotonic()
    peak_kib = worker.memory_kib()["VmHWM"]
    while _CLOCK.monotonic() - grew_s < SETTLES_S and _CLOCK.monotonic() - began_s < WATCHED_MAX_S:
        await asyncio.sleep(0.5)
        now_kib = worker.memory_kib()["VmHWM"]
        if now_kib > peak_kib + GROWN_KIB:
            peak_kib, grew_s = now_kib, _CLOCK.monotonic()
    return worker.memory_kib()["VmHWM"]
