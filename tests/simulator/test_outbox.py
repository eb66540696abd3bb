"""Webhooks on their way, in virtual time."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.simulator.outbox import Delivery, Outbox
from connector.simulator.settings import WebhookSettings
from connector.simulator.webhooks import Update


def update(due_s: float = 0.0, name: str = "x") -> Update:
    """One status, due at ``due_s``."""
    return Update(due_s, "w", "1", "15551", "statuses", {"id": name}, None)


def outbox(**settings: Any) -> Outbox:
    """An outbox that gathers nothing unless told to."""
    chosen = WebhookSettings(**{"gather_ms": 0.0, **settings})
    return Outbox(chosen, Random(7))  # noqa: S311 - repeatable on purpose


def take(box: Outbox, now: float) -> Delivery:
    """The next delivery, which must be there."""
    delivery = box.take(now)
    assert delivery is not None
    return delivery


def names(delivery: Delivery) -> list[str]:
    """The statuses in a delivery."""
    changes = json.loads(delivery.body)["entry"][0]["changes"]
    return [status["id"] for change in changes for status in change["value"]["statuses"]]


def updates(box: Outbox) -> dict[str, int]:
    """The sums of updates, but for what is switched off."""
    counts = box.summary()["updates"]
    return {name: counts[name] for name in ("delivered", "pending", "dropped", "given_up")}


def test_nothing_leaves_before_it_is_due() -> None:
    """A status that has not happened yet is not told."""
    box = outbox()
    box.add([update(5.0)])
    assert box.next_wakeup() == 5.0
    assert box.take(4.9) is None
    assert names(take(box, 5.0)) == ["x"]
    assert box.next_wakeup() is None


def test_updates_that_are_due_together_share_a_post() -> None:
    """The first waits a little for others; those not yet due stay."""
    box = outbox(gather_ms=1000)
    box.add([update(1.0, "a"), update(1.5, "b"), update(2.5, "c")])
    assert box.next_wakeup() == 2.0
    assert box.take(1.9) is None
    assert names(take(box, 2.0)) == ["a", "b"]


def test_a_post_holds_so_many_updates() -> None:
    """One to a post when asked for."""
    box = outbox(updates_max=1)
    box.add([update(name="a"), update(name="b")])
    assert [names(take(box, 0.0)), names(take(box, 0.0)), box.take(0.0)] == [["a"], ["b"], None]


def test_what_is_not_answered_200_comes_again_with_the_same_bytes() -> None:
    """At once, then after pauses that double up to a cap."""
    box = outbox(retry_first_ms=1000, retry_max_ms=3000)
    box.add([update()])
    delivery = take(box, 0.0)
    body, now = delivery.body, 0.0
    failures: list[tuple[int | str, float]] = [(500, 0.0), ("ReadTimeout", 1.0), (301, 2.0), (404, 3.0), (201, 3.0)]
    for answer, pause in failures:
        box.settle(delivery, answer, now, now)
        now += pause
        assert box.next_wakeup() == now
        assert pause == 0 or box.take(now - 0.001) is None
        delivery = take(box, now)
        assert delivery.body == body
    box.settle(delivery, 200, now, now)
    summary = box.summary()
    assert updates(box) == {"delivered": 1, "pending": 0, "dropped": 0, "given_up": 0}
    assert summary["posts"]["tried"] == 6
    assert summary["posts"]["delivered_after_retry"] == 1


def test_an_old_post_is_given_up() -> None:
    """After the time allowed it is counted as lost."""
    box = outbox(retry_for_s=60)
    box.add([update()])
    delivery = take(box, 0.0)
    box.settle(delivery, 500, 0.0, 59.0)
    delivery = take(box, 59.0)
    box.settle(delivery, 500, 59.0, 60.0)
    assert box.next_wakeup() is None
    assert box.summary()["updates"]["given_up"] == 1


def test_beyond_the_bound_updates_are_dropped_and_counted() -> None:
    """What is under way or waits for a repeat counts as pending too."""
    box = outbox(pending_max=2)
    box.add([update(), update()])
    delivery = take(box, 0.0)
    box.add([update()])
    box.settle(delivery, 200, 0.0, 0.0)
    box.add([update()])
    assert updates(box) == {"delivered": 2, "pending": 1, "dropped": 1, "given_up": 0}


def test_slow_answers_are_counted() -> None:
    """Meta expects a median of 250 ms and 99% within a second."""
    box = outbox()
    for took_s in (0.1, 0.3, 1.5):
        box.add([update()])
        box.settle(take(box, 0.0), 200, 0.0, took_s)
    summary = box.summary()
    assert (summary["answers_over_250_ms"], summary["answers_over_1_s"]) == (2, 1)
    assert summary["slowest_answer_ms"] == pytest.approx(1500)


def test_reset_keeps_what_is_pending() -> None:
    """Sums start anew; nothing that happened is lost."""
    box = outbox()
    box.add([update(5.0)])
    box.reset()
    assert names(take(box, 5.0)) == ["x"]


def test_strictly_one_post_is_under_way_at_a_time() -> None:
    """The next waits for the 200 of the one before, however often that is repeated."""
    box = outbox(order="strict", updates_max=1, retry_first_ms=1000)
    box.add([update(0.0, "a"), update(0.0, "b")])
    first = take(box, 0.0)
    assert (box.next_wakeup(), box.take(9.0)) == (None, None)
    box.settle(first, 500, 0.0, 0.5)
    first = take(box, 0.5)
    box.settle(first, 500, 0.5, 0.5)
    assert (box.next_wakeup(), box.take(1.0)) == (1.5, None)
    first = take(box, 1.5)
    assert names(first) == ["a"]
    box.settle(first, 200, 1.5, 1.5)
    assert names(take(box, 1.5)) == ["b"]


def test_shuffled_updates_leave_in_another_order() -> None:
    """Late by up to so much, and mixed within a POST."""
    box = outbox(order="shuffled", shuffle_ms=1000, updates_max=1000)
    order = [str(index) for index in range(50)]
    box.add(update(0.0, name) for name in order)
    assert box.take(0.0) is None
    mixed = names(take(box, 1.0))
    assert mixed != order
    assert sorted(mixed) == sorted(order)


def test_other_settings_hold_at_once() -> None:
    """For what is still to be packed."""
    box = outbox()
    box.add([update(name="a"), update(name="b")])
    box.change(WebhookSettings(gather_ms=0.0, updates_max=1))
    assert names(take(box, 0.0)) == ["a"]


@given(
    dues=st.lists(st.integers(0, 40), max_size=40),
    failures=st.lists(st.booleans(), max_size=60),
    updates_max=st.integers(1, 5),
)
def test_every_update_arrives_and_only_failed_posts_repeat(
    dues: list[int], failures: list[bool], updates_max: int
) -> None:
    """However answers fall, each update is delivered once with a 200, and never before it is due."""
    box = outbox(updates_max=updates_max, gather_ms=500, retry_first_ms=250, retry_max_ms=1000)
    box.add(update(due / 8, f"{index}") for index, due in enumerate(dues))
    answers, arrived = iter(failures), list[str]()
    while (now := box.next_wakeup()) is not None:
        delivery = take(box, now)
        assert all(dues[int(name)] / 8 <= now for name in names(delivery))
        failed = next(answers, False)
        if not failed:
            arrived += names(delivery)
        box.settle(delivery, 503 if failed else 200, now, now)
    assert sorted(arrived, key=int) == [str(index) for index in range(len(dues))]
    assert box.pending == 0
