"""What has to hold after a run, whatever was killed in it. PURE."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tests.ingress.chaos.ledgers import Attempt, Run, Signal

MEDIAN_S_MAX: Final = 0.25
SLOW_S: Final = 1.0
SLOW_SHARE_MAX: Final = 0.01
"""Meta's standard for answers (Meta, throughput, 2026-09-11)."""

_SHOWN: Final = 3


class Finding(NamedTuple):
    """One thing that has to hold: a figure, and counterexamples if it does not."""

    what: str
    figure: str
    faults: Sequence[str]

    @property
    def line(self) -> str:
        """For a person."""
        verdict = f"FAIL {len(self.faults)}" if self.faults else "ok"
        return f"{verdict:<10}{self.what}: {self.figure}" + "".join(f"\n          {x}" for x in self.faults[:_SHOWN])


def findings(run: Run) -> list[Finding]:
    """Everything that does not depend on how busy the machine is."""
    return [_answered(run), _complete(run), _receipts(run), _silence(run)]


def latency(run: Run) -> Finding:
    """Answers 200 stay within Meta's standard, whatever Kafka does; on a machine that has nothing else to do."""
    seconds = sorted(attempt.seconds for posted in run.posted for attempt in posted.attempts if attempt.status == 200)
    median = seconds[len(seconds) // 2] if seconds else 0.0
    slow = sum(found > SLOW_S for found in seconds)
    share = slow / max(1, len(seconds))
    faults = [] if median < MEDIAN_S_MAX and share < SLOW_SHARE_MAX else ["beyond Meta's standard"]
    figure = f"median {median * 1000:.0f} ms, {slow} of {len(seconds)} above a second"
    return Finding("accepted webhooks are answered in time", figure, faults)


def _answered(run: Run) -> Finding:
    tries = [attempt for posted in run.posted for attempt in posted.attempts]
    refused = sum(attempt.status not in {0, 200} for attempt in tries)
    lost = sum(attempt.status == 0 for attempt in tries)
    faults = [posted.body.name for posted in run.posted if not posted.taken]
    figure = f"{len(run.posted)} bodies, {refused} refusals, {lost} without an answer"
    return Finding("a client that redelivers is answered 200 in the end", figure, faults)


def _complete(run: Run) -> Finding:
    taken = [posted.body for posted in run.posted if posted.taken]
    missing = [id_ for body in taken for id_ in body.messages if id_ not in run.messages]
    missing += [id_ for body in taken for id_ in body.statuses if id_ not in run.statuses]
    facts = sum(len(body.messages) + len(body.statuses) for body in taken)
    return Finding("every body answered 200 is on Kafka completely", f"{facts} facts", missing)


def _receipts(run: Run) -> Finding:
    missing = sorted(run.statuses - run.receipts)
    return Finding("no receipt is missing beside a published status", f"{len(run.statuses)} statuses", missing)


def _silence(run: Run) -> Finding:
    """No replica vouches for a time in which a webhook was not taken.

    By a heartbeat a replica says that every webhook that came before is on Kafka, or in a gap that it has told before.
    """
    failed = [attempt for posted in run.posted for attempt in posted.attempts if attempt.status != 200]
    kinds = [signal.kind for signals in run.signals.values() for signal in signals]
    figure = f"{len(failed)} tries, {kinds.count('GAP')} gaps, {kinds.count('HEARTBEAT')} heartbeats"
    faults = [
        f"{attempt.begun_ms} to {attempt.ended_ms}, answered {attempt.status}: vouched for by {replica}"
        for signals in run.signals.values()
        for replica in sorted({signal.replica for signal in signals})
        for attempt in _vouched_for([signal for signal in signals if signal.replica == replica], failed)
    ]
    return Finding("silence is never vouched for while webhooks are not taken", figure, faults)


def _vouched_for(signals: Sequence[Signal], failed: Sequence[Attempt]) -> Iterator[Attempt]:
    """Tries between two heartbeats of one replica, without a gap over them before the second."""
    for attempt in failed:
        alive_before, in_gap = False, False
        for signal in signals:
            if signal.kind == "GAP":
                in_gap |= signal.begin_ms <= attempt.ended_ms and signal.end_ms >= attempt.begun_ms
            elif signal.end_ms > attempt.ended_ms:
                if alive_before and not in_gap:
                    yield attempt
                break
            else:
                alive_before |= signal.end_ms <= attempt.begun_ms
