"""What is known about numbers beyond their commands: who holds them, whether they are in health, what comes in.

A stopped number is asked for its health from time to time, so that it resumes by itself once somebody has mended it.
A throttle of the app or of a business account is told to all workers through ``delivery_control``.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

import structlog

from connector.clock import Clock
from connector.delivery.dispatcher import APP_HOLD_S, STOPPED_RETRY_S, Dispatcher
from connector.delivery.holds import APP, AUTO, WABA, Holds, control_record
from connector.delivery.throughput_limit import NEVER
from connector.whatsapp.error_table import Treatment
from connector.whatsapp.response import AttemptOutcome

log = structlog.get_logger()

PROBE_MAX_S: Final = 300.0
"""A stopped number is asked for its health this often at the longest: each call counts against a quota of 5000 an hour
(Meta, Graph rate limits, 2026-09-11), and somebody waits for it to resume."""

LOAD_STALE_MS: Final = 3000
"""The ingress tells a number's inbound load once a second; what is older says nothing of now."""

TOLD_AGAIN_MS: Final = 5000
"""Of many answers under way at once the first tells all; a hold is lengthened only by more than this."""

WABA_CODES: Final = frozenset({80007, 80008})
BLOCKED: Final = "BLOCKED"


class Health(Protocol):
    """The Cloud API's word on a number."""

    async def health(self, phone_number_id: str, access_token: str) -> str | None:
        """AVAILABLE, LIMITED or BLOCKED; None when it cannot be read."""
        ...


class Care:
    """On the event loop. ``publish`` writes a record to ``delivery_control``: key and content."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        api: Health,
        clock: Clock,
        *,
        worker: str,
        installation: str,
        access_token: Callable[[str], str],
        configured_wabas: Mapping[str, str],
        publish: Callable[[str, Mapping[str, Any]], None],
        pump: Callable[[], None],
        reread_level: Callable[[str], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._api = api
        self._clock = clock
        self._worker = worker
        self._access_token = access_token
        self._configured_wabas = configured_wabas
        self._publish = publish
        self._pump = pump
        self._reread_level = reread_level
        self._holds = Holds(installation)
        self._wabas: dict[str, str] = {}
        self._loads: dict[str, dict[str, tuple[int, float]]] = {}
        self._probing: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """End all probes."""
        for task in self._tasks:
            task.cancel()

    def on_control(self, key: str, control: Mapping[str, Any] | None) -> None:
        """Somebody holds or releases a scope."""
        self._holds.apply(key, control)
        for phone_number_id in self._dispatcher.known():
            self._obey(phone_number_id)
        self._pump()

    def pause_of(self, phone_number_id: str) -> tuple[float, str | None]:
        """Until when, in monotonic seconds, and why a number is paused; 0 when it is not."""
        now_ms = self._clock.wall_ms()
        hold = self._holds.on(phone_number_id, self._waba_of(phone_number_id), now_ms)
        if hold is None:
            return 0.0, None
        reason = f"{hold.actor}: {hold.reason}"
        if hold.until_ms is None:
            return NEVER, reason
        return self._clock.monotonic() + (hold.until_ms - now_ms) / 1000, reason

    def on_signal(self, signal: Mapping[str, Any]) -> None:
        """The ingress has heard something of a number."""
        number, waba = signal["phone_number_id"], signal["waba_id"]
        if number and waba and self._wabas.get(number) != waba:
            self._wabas[number] = waba
            self._obey(number)
        match signal["kind"]:
            case "LEVEL" if number:
                self._reread_level(number)
            case "INBOUND_LOAD" if number:
                self._reserve(number, signal)
            case "ACCOUNT":
                self._look_after(number, waba)

    def on_answer(self, phone_number_id: str, result: AttemptOutcome) -> None:
        """Meta has answered a send."""
        match result.treatment:
            case Treatment.STOPPED:
                self._start_probe(phone_number_id)
            case Treatment.APP_LIMIT:
                self._tell_all(phone_number_id, result)
            case _ if result.regain_access_s is not None:
                self._tell_all(phone_number_id, result)

    def _obey(self, phone_number_id: str) -> None:
        self._dispatcher.pause(phone_number_id, *self.pause_of(phone_number_id), self._clock.monotonic())

    def _waba_of(self, phone_number_id: str) -> str | None:
        return self._configured_wabas.get(phone_number_id) or self._wabas.get(phone_number_id)

    def _reserve(self, phone_number_id: str, signal: Mapping[str, Any]) -> None:
        """Room for what comes in, at the rate of the last seconds, over all replicas of the ingress."""
        begin, end, count = signal["from"] or 0, signal["to"] or 0, signal["count"] or 0
        now_ms = self._clock.wall_ms()
        loads = self._loads.setdefault(phone_number_id, {})
        loads[signal["replica"]] = (end, count / max(1.0, (end - begin) / 1000))
        for replica in [replica for replica, (at_ms, _) in loads.items() if now_ms - at_ms > LOAD_STALE_MS]:
            del loads[replica]
        self._dispatcher.reserve(phone_number_id, sum(rate for _, rate in loads.values()), self._clock.monotonic())

    def _look_after(self, phone_number_id: str | None, waba_id: str | None) -> None:
        """Something happened to an account: what it means for its numbers, their health tells, not its name."""
        for number in self._dispatcher.known():
            if number == phone_number_id or (phone_number_id is None and waba_id in {None, self._waba_of(number)}):
                self._start_probe(number)

    def _tell_all(self, phone_number_id: str, result: AttemptOutcome) -> None:
        code = result.error.code if result.error else None
        waba = self._waba_of(phone_number_id)
        of_account = code in WABA_CODES or result.treatment is not Treatment.APP_LIMIT
        scope = WABA + waba if of_account and waba else APP + self._holds.installation
        now_ms = self._clock.wall_ms()
        asked_s = max(result.retry_after_s or 0.0, result.regain_access_s or 0.0)
        until_ms = now_ms + int(1000 * max(APP_HOLD_S, asked_s))
        standing = self._holds.by_key.get(f"{scope}/{AUTO}")
        if standing is not None and standing.until_ms is not None and standing.until_ms > until_ms - TOLD_AGAIN_MS:
            return
        reason = f"throttled by Meta ({result.reason})"
        record = control_record(
            scope, actor=self._worker, action="HOLD", reason=reason, at_ms=now_ms, until_ms=until_ms
        )
        # Here at once, on the other workers when they have read it.
        self.on_control(f"{scope}/{AUTO}", record)
        self._publish(f"{scope}/{AUTO}", record)

    def _start_probe(self, phone_number_id: str) -> None:
        if phone_number_id not in self._probing:
            self._probing.add(phone_number_id)
            self._spawn(self._probe(phone_number_id))

    async def _probe(self, phone_number_id: str) -> None:
        """Ask until the number may send, or the API does not tell; then a message tells."""
        wait_s = STOPPED_RETRY_S
        try:
            while await self._api.health(phone_number_id, self._access_token(phone_number_id)) == BLOCKED:
                now = self._clock.monotonic()
                self._dispatcher.hold(phone_number_id, now + 2 * wait_s, "blocked", now)
                log.warning("delivery.number_stopped", phone_number_id=phone_number_id, asked_again_in_s=wait_s)
                await asyncio.sleep(wait_s)
                wait_s = min(PROBE_MAX_S, 2 * wait_s)
                if not self._dispatcher.knows(phone_number_id):
                    return
            if wait_s > STOPPED_RETRY_S:
                self._dispatcher.mended(phone_number_id, self._clock.monotonic())
                log.info("delivery.number_resumed", phone_number_id=phone_number_id)
                self._pump()
        finally:
            self._probing.discard(phone_number_id)

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
