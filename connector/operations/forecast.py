"""How long a campaign takes, and what limits it: the numbers' rate, the pair limit, or the daily messaging limit. Pure.

A forecast, not a promise: it knows neither Meta's answers nor what else the numbers have to send.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from connector.delivery.pair_limit import PairLimit
from connector.delivery.throughput_limit import reached
from connector.operations.command_lines import CommandLine
from connector.whatsapp.limits import MESSAGING_LIMITS, MESSAGING_WINDOW_S


class Limit(StrEnum):
    """What a campaign waits for."""

    RATE = "number rate"
    PAIR = "pair limit"
    TIER = "daily tier"


class Plan(NamedTuple):
    """How a campaign is to be sent.

    Attributes:
        mps: messages a second of each number, in and out together.
        inbound_mps: of those, taken by inbound messages on each number.
        burst: whether one user may get up to 45 messages at once (the topic's policy).
        tier: the portfolio's messaging limit, as Meta names it; None: not looked at.
        used: users that the portfolio has written to in the last 24 hours already.
        expires_after_s: seconds after which the topic's commands are not sent any more; None: never.
    """

    mps: Mapping[str, int]
    inbound_mps: float = 0.0
    burst: bool = False
    tier: str | None = None
    used: int = 0
    expires_after_s: float | None = None


class NumberForecast(NamedTuple):
    """One number's part; times in seconds from the start to its last message."""

    phone_number_id: str
    commands: int
    users: int
    mps: int
    rate_s: float
    pair_s: float
    busiest_user: int

    @property
    def total_s(self) -> float:
        """Until its last message, the portfolio's limit not counted."""
        return max(self.rate_s, self.pair_s)

    @property
    def limited_by(self) -> Limit:
        """The longer one."""
        return Limit.PAIR if self.pair_s > self.rate_s else Limit.RATE


class Forecast(NamedTuple):
    """The whole campaign. ``expired``: commands that end as EXPIRED by the topic's own expiry, about."""

    numbers: Sequence[NumberForecast]
    tier_users: int
    tier_s: float
    total_s: float
    limited_by: Limit
    expired: int


def spread(commands: Iterable[CommandLine], numbers: Sequence[str]) -> list[tuple[str, CommandLine]]:
    """The commands dealt out evenly over numbers; all to one user stay with one number."""
    number_of: dict[str, str] = {}
    dealt = []
    for command in commands:
        number = number_of.setdefault(command.pair, numbers[len(number_of) % len(numbers)])
        dealt.append((number, command))
    return dealt


def forecast(commands: Iterable[tuple[str, CommandLine]], plan: Plan) -> Forecast:
    """How long it takes.

    Args:
        commands: each with the number that sends it.
        plan: how; ``mps`` has every number.

    Raises:
        ValueError: inbound messages leave nothing of a number's rate.
    """
    users: dict[str, Counter[str]] = {}
    opened: set[str] = set()
    for number, command in commands:
        users.setdefault(number, Counter())[command.pair] += 1
        if command.type == "template":  # only these reach users outside their window
            opened.add(command.pair)
    numbers = sorted((_number(name, load, plan) for name, load in users.items()), key=lambda found: -found.total_s)
    tier_s = _tier_s(len(opened), plan)
    slowest = numbers[0]
    by_tier = tier_s > slowest.total_s
    return Forecast(
        numbers=numbers,
        tier_users=len(opened),
        tier_s=tier_s,
        total_s=max(tier_s, slowest.total_s),
        limited_by=Limit.TIER if by_tier else slowest.limited_by,
        expired=_expired(numbers, users, len(opened), plan),
    )


def _number(phone_number_id: str, load: Counter[str], plan: Plan) -> NumberForecast:
    mps, commands = plan.mps[phone_number_id], load.total()
    busiest = max(load.values())
    return NumberForecast(
        phone_number_id=phone_number_id,
        commands=commands,
        users=len(load),
        mps=mps,
        rate_s=commands / _rate(mps, plan),
        pair_s=_pair_s(busiest, burst=plan.burst),
        busiest_user=busiest,
    )


def _rate(mps: int, plan: Plan) -> float:
    rate = reached(mps) - plan.inbound_mps
    if rate <= 0:
        message = f"inbound messages leave nothing of {mps} a second"
        raise ValueError(message)
    return rate


def _pair_s(messages: int, *, burst: bool) -> float:
    """When the last of so many messages to one user leaves."""
    return _pair_times(messages, burst=burst)[-1]


def _pair_times(messages: int, *, burst: bool) -> list[float]:
    """When each of so many messages to one user leaves, by the very rule that delivery keeps."""
    limit, at, times = PairLimit(), 0.0, []
    for _ in range(messages):
        at = limit.ready_at(at, burst=burst)
        limit.spend(at)
        times.append(at)
    return times


def _tier(plan: Plan) -> tuple[int | None, int]:
    """Users that the tier allows, None: any number; and of those the ones used, which are never more."""
    allowed = MESSAGING_LIMITS.get(plan.tier) if plan.tier is not None else None
    return allowed, plan.used if allowed is None else min(plan.used, allowed)


def _tier_s(users: int, plan: Plan) -> float:
    """Every further portion of users waits for another 24 hours."""
    allowed, used = _tier(plan)
    if allowed is None or not users:
        return 0.0
    return float((users + used - 1) // allowed * MESSAGING_WINDOW_S)


def _expired(numbers: Sequence[NumberForecast], users: Mapping[str, Counter[str]], opened: int, plan: Plan) -> int:
    """By rate or by the pair limit, number by number; or by the tier when that leaves more."""
    if plan.expires_after_s is None:
        return 0
    times = _pair_times(max(found.busiest_user for found in numbers), burst=plan.burst)
    fit = sum(at <= plan.expires_after_s for at in times)
    late = 0
    for found in numbers:
        by_rate = max(0, found.commands - int(_rate(found.mps, plan) * plan.expires_after_s))
        late += max(by_rate, sum(max(0, count - fit) for count in users[found.phone_number_id].values()))
    allowed, used = _tier(plan)
    if allowed is None:
        return late
    windows = int(plan.expires_after_s // MESSAGING_WINDOW_S) + 1
    return max(late, opened + used - allowed * windows)
