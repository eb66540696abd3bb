"""One role as a process: logs, signals, telemetry, the admin port, the role; stopped in reverse order."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import structlog
import uvloop

from connector import __version__
from connector.clock import Clock, SystemClock
from connector.config import Settings
from connector.service.http import serving
from connector.telemetry import logs
from connector.telemetry.health import Health, admin_app
from connector.telemetry.metrics import Metrics
from connector.telemetry.setup import Pipeline
from connector.telemetry.spans import Spans

log = structlog.get_logger()

ADMIN_DRAIN_S: Final = 1.0
ADMIN_CONCURRENCY_MAX: Final = 64


class Role(Protocol):
    """A role, ready to run."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``, then in good order."""

    def numbers(self) -> list[dict[str, Any]] | None:
        """The rows of ``/numbers``; None when the role has none."""


def run_ingress(settings: Settings) -> None:
    """The ingress until SIGTERM or SIGINT; raises what ends it otherwise."""
    # What only the other role needs is a third of the start, and 10 MiB.
    from connector.service.ingress import CHECKS, IngressService  # noqa: PLC0415 - see above

    _run(settings, "ingress", CHECKS, IngressService)


def run_delivery(settings: Settings) -> None:
    """A delivery worker until SIGTERM or SIGINT; raises what ends it otherwise."""
    from connector.service.delivery import CHECKS, DeliveryService  # noqa: PLC0415 - as above

    _run(settings, "delivery", CHECKS, DeliveryService)


def _run(
    settings: Settings,
    name: str,
    checks: Iterable[str],
    build: Callable[[Settings, Clock, Metrics, Health, Spans | None], Role],
) -> None:
    logs.configure(settings.telemetry.log_format, settings.telemetry.log_level)
    uvloop.run(_serve(settings, name, checks, build))


async def _serve(
    settings: Settings,
    name: str,
    checks: Iterable[str],
    build: Callable[[Settings, Clock, Metrics, Health, Spans | None], Role],
) -> None:
    stop = asyncio.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
    telemetry = settings.telemetry
    pipeline = Pipeline(name, __version__, telemetry.otlp_endpoint, telemetry.trace_ratio)
    health = Health(checks)
    pipeline.metrics.ready.watch(health.states)
    role = build(settings, SystemClock(), pipeline.metrics, health, pipeline.spans)
    app = admin_app(
        health,
        pipeline.prometheus_text,
        version=__version__,
        role=name,
        numbers=(lambda: role.numbers() or []) if role.numbers() is not None else None,
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, pipeline.close)
        port = await stack.enter_async_context(
            serving(
                app,
                settings.admin.host,
                settings.admin.port,
                drain_s=ADMIN_DRAIN_S,
                concurrency_max=ADMIN_CONCURRENCY_MAX,
            )
        )
        log.info("started", role=name, version=__version__, admin_port=port)
        await role.run(stop)
        log.info("stopped", role=name)
