"""A fixture for anybody's tests: a Cloud API of their own, in a thread, so that synchronous code can use it too.

Load it with ``pytest_plugins = ["connector.simulator.pytest_plugin"]``.
"""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pytest

from connector.simulator.client import SimulatorClient
from connector.simulator.server import RunningSimulator, running
from connector.simulator.settings import Settings

START_S = 30


@pytest.fixture
def cloud_api_settings() -> Settings:
    """The simulator's settings; override this fixture to choose others."""
    return Settings()


@pytest.fixture
def cloud_api_simulator(cloud_api_settings: Settings) -> Iterator[SimulatorClient]:
    """A running simulator, fresh for each test."""
    with simulating(cloud_api_settings) as client:
        yield client


@contextmanager
def simulating(cloud_api_settings: Settings) -> Iterator[SimulatorClient]:
    """A running simulator, for fixtures of another scope."""
    started: Future[tuple[RunningSimulator, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=_serve, args=(cloud_api_settings, started), name="cloud-api-simulator")
    thread.start()
    served, loop, stop = started.result(timeout=START_S)
    try:
        with SimulatorClient(served.base_url, served.access_token, served.app_secret) as client:
            yield client
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=START_S)


def _serve(
    settings: Settings, started: "Future[tuple[RunningSimulator, asyncio.AbstractEventLoop, asyncio.Event]]"
) -> None:
    try:
        asyncio.run(_until_stopped(settings, started))
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


async def _until_stopped(
    settings: Settings, started: "Future[tuple[RunningSimulator, asyncio.AbstractEventLoop, asyncio.Event]]"
) -> None:
    stop = asyncio.Event()
    async with running(settings) as served:
        started.set_result((served, asyncio.get_running_loop(), stop))
        await stop.wait()
