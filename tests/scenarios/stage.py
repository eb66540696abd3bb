"""Runs a scenario through the dispatcher in virtual time, under every checker, and looks for what must be seen."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import partial
from random import Random
from typing import Final

from connector.delivery.command import Effect, QueuedCommand, Settle, Source
from connector.whatsapp.response import AttemptOutcome, maybe_sent, not_sent
from tests.delivery.checkers import ALL, KeepsNumberLimit, OneInFlight
from tests.delivery.making import ACCEPTED, CRM, MARKETING, queued, result_of
from tests.delivery.world import NUMBERS, START, Checker, Violation, World
from tests.scenarios.script import Answer, Event, Feed, Script, Seen

IN_FLIGHT_MAX: Final = 1000
TOPICS: Final = {"crm": CRM, "marketing": MARKETING}


class Ledger(Checker):
    """What became of each command, by its place on Kafka: a slot that comes back reads it again."""

    def __init__(self) -> None:
        self.fed_at: dict[Source, float] = {}
        self.groups: dict[Source, str] = {}
        self.sent_at: dict[Source, list[float]] = defaultdict(list)
        self.settled: dict[Source, tuple[float, str]] = {}
        self.failures: Counter[Source] = Counter()
        self.taken: Counter[Source] = Counter()

    def accepted(self, command: QueuedCommand) -> None:
        """Fed, or read again."""
        place = command.reading.record.source
        self.fed_at.setdefault(place, self.now - START)
        self.groups[place] = group_of(command)

    def let_go(self, command: QueuedCommand) -> None:
        """A request."""
        self.sent_at[command.reading.record.source].append(self.now - START)

    def answered(self, command: QueuedCommand, effect: Effect | None) -> None:
        """Perhaps its outcome."""
        place = command.reading.record.source
        self.failures[place] = max(self.failures[place], command.failures)
        if isinstance(effect, Settle):
            self.settled[place] = (self.now - START, effect.verdict.value)

    def expired(self, command: QueuedCommand) -> None:
        """The same."""
        self.settled[command.reading.record.source] = (self.now - START, "EXPIRED")

    def of(self, group: str) -> list[Source]:
        """The commands of a group."""
        return [place for place, name in self.groups.items() if name == group]


def group_of(command: QueuedCommand) -> str:
    """The group that a command belongs to."""
    return command.command_id.partition("/")[0]


def play(script: Script, seed: int) -> Ledger:
    """From the start until nothing is left to do.

    Raises:
        Violation: a checker objects.
    """
    ledger = Ledger()
    limits = KeepsNumberLimit({str(number): limit for number, limit in script.limits.items()}, across_owners=True)
    general = [checker() for checker in ALL if checker not in (KeepsNumberLimit, OneInFlight)]
    world = World(seed, [*general, OneInFlight(IN_FLIGHT_MAX), limits, ledger], in_flight_max=IN_FLIGHT_MAX)
    world.look_ahead_share = 0.0  # copies of thousands of commands: left to the smaller worlds
    for number, limit in limits.limits.items():
        world.dispatcher.set_rate(number, limit, START)
    world.answer = partial(_answer, script.meta, world, ledger)
    for feed in script.fed:
        for index in range(feed.count):
            at = START + feed.at + (feed.over * index / feed.count)
            world.at(at, partial(_feed, world, feed, index))
    for event in script.events:
        world.at(START + event.at, partial(_happen, world, event, limits))
    world.end()
    return ledger


def _feed(world: World, feed: Feed, index: int) -> None:
    command = queued(
        feed.to or f"{feed.group} {index}",
        TOPICS[feed.topic],
        number=feed.number,
        slot=NUMBERS[feed.number],
        expires_at=None if feed.expires_after is None else world.now + feed.expires_after,
        command_id=f"{feed.group}/{index}",
    )
    world.feed(command)


def _happen(world: World, event: Event, limits: KeepsNumberLimit) -> None:
    if event.hand_over is not None:
        world.revoke(event.hand_over, event.drain)
    if event.number is not None and event.level is not None:
        limits.limits[event.number] = event.level
        world.dispatcher.set_rate(event.number, event.level, world.now)


def _answer(
    answers: Iterable[Answer], world: World, ledger: Ledger, command: QueuedCommand, random: Random
) -> AttemptOutcome:
    """What Meta will answer to a request that leaves now."""
    passed_s = world.now - START
    for answer in answers:
        fits = (
            answer.start <= passed_s < answer.until
            and answer.number in (None, command.command.phone_number_id)
            and answer.group in (None, group_of(command))
            and random.random() < answer.share
        )
        if fits:
            return _trouble(answer.code)
    ledger.taken[command.reading.record.source] += 1
    return ACCEPTED


def _trouble(code: int | str) -> AttemptOutcome:
    match code:
        case "silence":
            return maybe_sent("ReadTimeout")
        case "unreachable":
            return not_sent("ConnectError")
        case _:
            return result_of(int(code))


def shortcomings(script: Script, seed: int) -> list[str]:
    """What should be seen in a scenario and is not, or the checker that objects."""
    try:
        ledger = play(script, seed)
    except Violation as violation:
        return [str(violation)]
    return [words for seen in script.seen for words in missing(ledger, seen)]


def missing(ledger: Ledger, seen: Seen) -> list[str]:
    """What should be seen of a group and is not, in words."""
    places = ledger.of(seen.of)
    outcomes = Counter(ledger.settled[place][1] if place in ledger.settled else "none" for place in places)
    found = [] if _fit(outcomes, seen) else [f"outcomes {dict(outcomes)}"]
    times = sorted(time for place in places for time in ledger.sent_at[place])
    for sent in seen.sent:
        count = sum(sent.start <= time < sent.until for time in times)
        if count < sent.at_least or (sent.at_most is not None and count > sent.at_most):
            found.append(f"{count} requests from {sent.start:g} to {sent.until:g} s")
    waits = sorted(ledger.sent_at[place][0] - ledger.fed_at[place] for place in places if ledger.sent_at[place])
    for wait in seen.wait:
        longest = waits[max(0, round(len(waits) * wait.share) - 1)] if waits else float("inf")
        if longest > wait.at_most:
            found.append(f"a wait of {longest:.2f} s for {wait.share:.0%}")
    if seen.settled_by is not None and (last := max(ledger.settled[place][0] for place in places)) > seen.settled_by:
        found.append(f"the last outcome at {last:.1f} s")
    if seen.failures_at_most is not None and (most := max(ledger.failures[p] for p in places)) > seen.failures_at_most:
        found.append(f"{most} failures of one command")
    if seen.accepted_once and (twice := sum(ledger.taken[place] > 1 for place in places)):
        found.append(f"{twice} commands accepted twice")
    return [f"{seen.of}: {words}" for words in found]


def _fit(outcomes: Counter[str], seen: Seen) -> bool:
    wanted = {
        str(name): bounds if isinstance(bounds, list) else [bounds, bounds] for name, bounds in seen.outcomes.items()
    }
    return set(outcomes) <= set(wanted) and all(
        least <= outcomes[name] <= most for name, (least, most) in wanted.items()
    )
