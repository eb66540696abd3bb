"""Webhooks are refused early when Kafka does not keep up, and only then. In virtual time."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from connector.ingress.pace import PROBES, TICK_S, Pace

STEP_S = 0.001
ANSWER_S = 0.9


@dataclass
class Run:
    """What became of the webhooks of one run; waits are seconds."""

    waits: list[tuple[float, float]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def accepted(self, begin: float = 0.0) -> list[float]:
        """The waits of those that came since, sorted; one given up for its age was refused after all."""
        return sorted(wait for came, wait in self.waits if came >= begin and wait <= ANSWER_S)


def simulate(
    rate: float,
    seconds: float,
    latency: Callable[[float], float],
    throughput: Callable[[float], float],
    pauses: tuple[tuple[float, float], ...] = (),
) -> Run:
    """Webhooks come at a rate, and Kafka acknowledges them in order, each at the earliest after its latency.

    Args:
        rate: Webhooks a second.
        seconds: How long.
        latency: Seconds an acknowledgement takes, at a time.
        throughput: Acknowledgements a second, at a time.
        pauses: When this process stands still, from and to: nothing is seen or judged then.
    """
    pace, run = Pace(), Run()
    chance = random.Random(1)  # noqa: S311 - the same arrivals in each run
    queue: deque[tuple[float, float]] = deque()
    credit, ticked, due = 0.0, 0.0, 0.0
    for step in range(int(seconds / STEP_S)):
        now = step * STEP_S
        credit = min(credit + throughput(now) * STEP_S, 50.0)
        if any(begin <= now < end for begin, end in pauses):
            continue
        while queue and credit >= 1 and queue[0][1] <= now:
            came, _ = queue.popleft()
            credit -= 1
            pace.ended(now - came)
            run.waits.append((came, now - came))
        if now - ticked >= TICK_S:
            ticked = now
            pace.tick(now)
        while due <= now:
            if pace.admits:
                pace.begun()
                queue.append((now, now + latency(now)))
            else:
                run.refused.append(now)
            due += chance.expovariate(rate)
    return run


def test_a_broker_that_keeps_up_is_never_refused() -> None:
    """At full load and usual latencies."""
    run = simulate(3300, 10, lambda _: 0.01, lambda _: 1e9)
    assert run.refused == []


@pytest.mark.parametrize("latency", [0.05, 0.15])
def test_a_slow_broker_that_keeps_up_is_not_refused(latency: float) -> None:
    """What takes its time and has no queue stays within Meta's standard."""
    run = simulate(3300, 10, lambda _: latency, lambda _: 1e9)
    assert run.refused == []


def test_a_pause_of_the_broker_is_waited_for() -> None:
    """It flushes, or collects garbage, for less than half a second."""
    run = simulate(3300, 10, lambda _: 0.01, lambda now: 0 if 5 <= now < 5.4 else 1e9)
    assert run.refused == []


def test_a_pause_of_this_process_is_not_taken_for_one_of_the_broker() -> None:
    """Nothing was seen meanwhile: what has piled up is taken."""
    run = simulate(3300, 10, lambda _: 0.01, lambda _: 1e9, pauses=((5.0, 5.6), (7.0, 7.3)))
    assert run.refused == []


@pytest.mark.parametrize("throughput", [300, 1000, 2500])
def test_a_broker_that_does_not_keep_up_leaves_the_accepted_within_the_standard(throughput: float) -> None:
    """The rest is refused: the accepted have a median below 250 ms, and less than 1 % above a second."""
    run = simulate(3300, 20, lambda _: 0.01, lambda _: throughput)
    accepted = run.accepted(begin=2.0)
    assert accepted[len(accepted) // 2] < 0.25
    assert accepted[int(len(accepted) * 0.99)] < 1.0
    # It is kept busy all the same.
    assert len(accepted) > 18 * throughput * 0.8


def test_a_dead_broker_is_refused_at_once_and_recovers_by_itself() -> None:
    """After half a second nearly everything is refused; soon after it is back, nothing is."""
    run = simulate(3300, 20, lambda _: 0.01, lambda now: 0 if 5 <= now < 12 else 1e9)
    during = [at for at in run.refused if 6 <= at < 12]
    assert len(during) > 6 * 3300 * 0.97
    assert [at for at in run.refused if at >= 12.2] == []


def test_a_few_are_always_let_through() -> None:
    """They are how recovery is seen."""
    pace = Pace()
    for _ in range(PROBES):
        assert pace.admits
        pace.begun()
    for tick in range(100):
        pace.tick(tick * TICK_S)
    assert not pace.admits
    pace.ended(2.0)
    assert pace.admits


def test_a_burst_out_of_silence_is_taken() -> None:
    """Without any evidence against Kafka, a thousand at once are no reason to refuse."""
    pace = Pace()
    for tick in range(40):
        pace.tick(tick * TICK_S)
    for _ in range(1000):
        assert pace.admits
        pace.begun()
