"""How long a campaign takes, worked out by hand."""

import json
from collections.abc import Iterator

import pytest

from connector.delivery.throughput_limit import reached
from connector.operations.command_lines import CommandLine, read_lines
from connector.operations.forecast import Limit, Plan, forecast, spread
from connector.records.codec import Codec
from connector.whatsapp.limits import MESSAGING_LIMITS

DAY_S = 86_400
CODEC = Codec()


def command(user: int, type_: str = "template") -> CommandLine:
    """A command to one user."""
    body = {"phone_number_id": "1", "to": f"+1650{user:07d}", "type": type_, type_: {}}
    return read_lines([json.dumps(body).encode()], CODEC).commands[0]


def campaign(
    users: int, each: int = 1, number: str = "1", type_: str = "template"
) -> Iterator[tuple[str, CommandLine]]:
    """So many commands to each of so many users."""
    yield from ((number, command(user, type_)) for _ in range(each) for user in range(users))


def test_one_message_each_takes_what_the_number_lets_through() -> None:
    """800 messages at 80 a second, and the margin that delivery keeps: 10.1 s."""
    found = forecast(campaign(800), Plan({"1": 80}))
    assert (round(found.total_s, 1), found.limited_by) == (10.1, Limit.RATE)


def test_the_slowest_number_counts() -> None:
    """Numbers send side by side."""
    found = forecast([*campaign(80), *campaign(80, number="2")], Plan({"1": 80, "2": 20}))
    assert [(one.phone_number_id, round(one.total_s, 2)) for one in found.numbers] == [("2", 4.13), ("1", 1.01)]
    assert round(found.total_s, 2) == 4.13


def test_inbound_messages_take_their_part_of_the_rate() -> None:
    """They count against the number's limit, too; when they take all of it there is no forecast."""
    plan = Plan({"1": 80}, inbound_mps=reached(80) - 40)
    assert round(forecast(campaign(400), plan).total_s, 3) == 10.0
    with pytest.raises(ValueError, match="leave nothing"):
        forecast(campaign(1), Plan({"1": 20}, inbound_mps=20))


def test_many_messages_to_one_user_wait_for_each_other() -> None:
    """11 messages: ten intervals of 6.25 s each; a topic with bursts lets 45 out at once, and pays them back."""
    found = forecast(campaign(1, each=11), Plan({"1": 80}))
    assert (round(found.total_s, 2), found.limited_by, found.numbers[0].busiest_user) == (62.5, Limit.PAIR, 11)
    assert forecast(campaign(1, each=45), Plan({"1": 80}, burst=True)).limited_by is Limit.RATE
    assert round(forecast(campaign(1, each=46), Plan({"1": 80}, burst=True)).total_s, 2) == 45 * 6 + 0.25


@pytest.mark.parametrize(
    ("users", "used", "days"),
    [(250, 0, 0), (251, 0, 1), (500, 0, 1), (501, 0, 2), (1, 249, 0), (1, 250, 1), (10, 1000, 1)],
)
def test_a_portfolio_writes_to_so_many_users_a_day(users: int, used: int, days: int) -> None:
    """Each further portion waits 24 hours; those of the last 24 hours count, as far as the limit goes."""
    found = forecast(campaign(users), Plan({"1": 1000}, tier="TIER_250", used=used))
    assert found.tier_s == days * DAY_S
    assert found.limited_by is (Limit.TIER if days else Limit.RATE)


def test_only_templates_open_conversations() -> None:
    """Texts go to users who have written; they do not count for the tier."""
    found = forecast(campaign(1000, type_="text"), Plan({"1": 80}, tier="TIER_250"))
    assert (found.tier_users, found.tier_s) == (0, 0)


def test_the_tier_is_the_portfolios() -> None:
    """One user on two numbers counts once."""
    found = forecast([*campaign(250), *campaign(250, number="2")], Plan({"1": 80, "2": 80}, tier="TIER_250"))
    assert (found.tier_users, found.tier_s) == (250, 0)


@pytest.mark.parametrize("tier", ["TIER_UNLIMITED", "TIER_OF_TOMORROW", None])
def test_without_a_limit_nobody_waits_for_it(tier: str | None) -> None:
    """Also one that is not known."""
    assert forecast(campaign(1000), Plan({"1": 80}, tier=tier)).tier_s == 0


def test_what_expires_before_its_turn_is_counted() -> None:
    """By the rate, by the pair limit, and by the tier; the largest one."""
    assert forecast(campaign(2500), Plan({"1": 253}, expires_after_s=5)).expired == 1250
    plan = Plan({"1": 1000}, tier="TIER_250", expires_after_s=DAY_S)
    assert forecast(campaign(600), plan).expired == 100
    assert forecast(campaign(600), plan._replace(expires_after_s=None)).expired == 0
    assert forecast(campaign(10), plan._replace(used=1000)).expired == 0  # all of them have their turn tomorrow
    assert forecast(campaign(10), plan._replace(used=1000, expires_after_s=DAY_S - 1)).expired == 10
    texts = campaign(2, each=100, type_="text")  # of each user's, 10 within a minute: one every 6.25 s
    assert forecast(texts, Plan({"1": 80}, expires_after_s=60)).expired == 180


def test_commands_are_dealt_out_by_user() -> None:
    """Each user keeps one number: their order holds within a pair only."""
    dealt = spread((command(user) for _ in range(2) for user in range(4)), ["1", "2"])
    assert [number for number, _ in dealt] == ["1", "2", "1", "2"] * 2


def test_every_tier_is_larger_than_the_one_before() -> None:
    """As they stand in the table; the last one has no end."""
    limits = list(MESSAGING_LIMITS.values())
    assert limits[-1] is None
    figures = [limit for limit in limits if limit is not None]
    assert figures == sorted(set(figures))
