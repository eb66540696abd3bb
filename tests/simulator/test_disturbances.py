"""What happens to webhooks on their way, in virtual time."""

from random import Random
from typing import Any

import pytest

from connector.simulator.disturbances import Disturbances
from connector.simulator.settings import LatencySettings, WebhookSettings
from connector.simulator.webhooks import Change, Notice, Update

MANY = 10_000


def disturbances(**settings: Any) -> Disturbances:
    """With these settings."""
    return Disturbances(WebhookSettings(**settings), Random(7))  # noqa: S311 - repeatable on purpose


def status(kind: str = "sent") -> Update:
    """A status, due at second 10."""
    return Update(10.0, "w", "1", "15551", "statuses", {"status": kind}, None)


def message(kind: str = "text") -> Update:
    """An inbound message."""
    return Update(10.0, "w", "1", "15551", "messages", {"type": kind}, None)


def test_nothing_happens_by_default() -> None:
    """Every update comes once, when it is due, and nothing is drawn."""
    random = Random(7)  # noqa: S311 - repeatable on purpose
    before = random.getstate()
    notices: list[Notice] = [status(), message(), Change(10.0, "w", "account_update", {})]
    assert list(Disturbances(WebhookSettings(), random)(notices)) == notices
    assert random.getstate() == before


@pytest.mark.parametrize(
    ("muted", "left"),
    [
        ("statuses", ["text", "reaction", "account_update"]),
        ("messages", ["read", "sent", "account_update"]),
        ("read", ["sent", "text", "reaction", "account_update"]),
        ("reaction", ["read", "sent", "text", "account_update"]),
        ("account_update", ["read", "sent", "text", "reaction"]),
    ],
)
def test_kinds_can_be_muted(muted: str, left: list[str]) -> None:
    """A member, a status, a type or a field."""
    notices: list[Notice] = [status("read"), status("sent"), message("text"), message("reaction")]
    notices.append(Change(10.0, "w", "account_update", {}))
    found = disturbances(muted=(muted,))
    names = [n.field if isinstance(n, Change) else n.item.get("status", n.item.get("type")) for n in found(notices)]
    assert names == left
    assert found.counts["muted"] == 5 - len(left)


def test_a_share_is_lost() -> None:
    """And counted."""
    found = disturbances(lost=0.1)
    left = list(found(status() for _ in range(MANY)))
    assert len(left) + found.counts["lost"] == MANY
    assert found.counts["lost"] == pytest.approx(1000, rel=0.1)


def test_a_share_comes_twice() -> None:
    """The copy a little later, and counted."""
    found = disturbances(duplicated=0.1, duplicate_ms=2000)
    left = list(found(status() for _ in range(MANY)))
    assert len(left) - MANY == found.counts["duplicated"] == pytest.approx(1000, rel=0.1)
    copies = [notice.due_s for notice in left if notice.due_s > 10.0]
    assert all(due_s <= 12.0 for due_s in copies)
    assert len(copies) == pytest.approx(1000, rel=0.1)


def test_all_are_late() -> None:
    """By a fixed time, or log-normally with this median."""
    assert [notice.due_s for notice in disturbances(delay=LatencySettings(median_ms=500))([status()])] == [10.5]
    spread = disturbances(delay=LatencySettings(median_ms=500, p99_ms=5000))
    late = sorted(notice.due_s - 10.0 for notice in spread(status() for _ in range(MANY)))
    assert late[MANY // 2] == pytest.approx(0.5, rel=0.1)
    assert late[MANY * 99 // 100] == pytest.approx(5.0, rel=0.2)


def test_shuffled_means_each_by_a_time_of_its_own() -> None:
    """So that any two within it may swap."""
    late = [notice.due_s for notice in disturbances(order="shuffled", shuffle_ms=1000)(status() for _ in range(100))]
    assert late != sorted(late)
    assert all(10.0 <= due_s <= 11.0 for due_s in late)


def test_settings_can_be_changed_on_the_way() -> None:
    """For what is added from then on."""
    found = disturbances(lost=1.0)
    assert list(found([status()])) == []
    found.change(WebhookSettings())
    assert list(found([status()])) == [status()]
