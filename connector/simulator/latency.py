"""How long an answer takes: a draw per request, and the waiting itself."""

import asyncio
import math
from collections.abc import Callable
from random import Random

from connector.simulator.settings import LatencySettings

# The 99th percentile of a normal distribution lies so many standard deviations above its mean.
P99_DEVIATIONS = 2.3263


def latency(settings: LatencySettings, random: Random) -> Callable[[], float]:
    """A function that draws one answer's delay, in seconds: fixed, or log-normal when a p99 is given."""
    median_s = settings.median_ms / 1000
    if settings.p99_ms is None or median_s == 0:
        return lambda: median_s
    mu = math.log(median_s)
    sigma = max(0.0, math.log(settings.p99_ms / settings.median_ms) / P99_DEVIATIONS) if settings.p99_ms else 0.0
    return lambda: random.lognormvariate(mu, sigma)


class HeldAnswers:
    """Answers that wait for their time, each for itself, and can all be let go at once."""

    def __init__(self) -> None:
        self._held: set[asyncio.Future[None]] = set()
        self._open = False

    async def hold(self, delay_s: float) -> None:
        """Wait ``delay_s``, or until :meth:`let_go`."""
        if delay_s <= 0 or self._open:
            return
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()
        self._held.add(answer)
        timer = loop.call_later(delay_s, _release, answer)
        try:
            await answer
        finally:
            timer.cancel()
            self._held.discard(answer)

    def let_go(self) -> None:
        """Let all answers go, now and from now on: the server is about to stop."""
        self._open = True
        for answer in self._held:
            _release(answer)


def _release(answer: "asyncio.Future[None]") -> None:
    if not answer.done():
        answer.set_result(None)
