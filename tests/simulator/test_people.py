"""Customer service windows and opt-outs, in virtual time."""

import pytest

from connector.simulator import ids, people
from connector.simulator.people import People, person
from connector.simulator.validation import Recipient


def test_a_window_is_open_for_24_hours_after_the_last_message() -> None:
    """Each message opens it anew."""
    known = People()
    assert not known.window_open("1", "US.1", 0.0)
    known.heard("1", "US.1", 0.0)
    known.heard("1", "US.1", 100.0)
    assert known.window_open("1", "US.1", 86_499.0)
    assert not known.window_open("1", "US.1", 86_500.0)


def test_a_window_is_between_one_user_and_one_number() -> None:
    """Others stay closed."""
    known = People()
    known.heard("1", "US.1", 0.0)
    assert not known.window_open("2", "US.1", 0.0)
    assert not known.window_open("1", "US.2", 0.0)


def test_a_phone_is_the_person_of_its_user_id() -> None:
    """Written to either way, it is the same window."""
    phone = Recipient("phone", "+16505551234", "16505551234")
    assert person(phone) == ids.user_id("16505551234") == person(Recipient("user", "x", ids.user_id("16505551234")))


def test_closed_windows_are_forgotten() -> None:
    """Memory follows the users of the last day."""
    known = People()
    for index in range(100):
        known.heard("1", f"US.{index}", float(index))
    for index in range(60):
        known.heard("2", f"US.{index}", 100_000.0)
    assert len(known) == 60


def test_the_oldest_windows_go_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wrote last stays."""
    monkeypatch.setattr(people, "PEOPLE_MAX", 10)
    known = People()
    for index in range(25):
        known.heard("1", f"US.{index}", 0.0)
    assert len(known) == 10
    assert known.window_open("1", "US.24", 0.0)
    assert not known.window_open("1", "US.0", 0.0)


def test_opt_outs_hold_until_taken_back() -> None:
    """For one user."""
    known = People()
    known.stop_marketing("US.1")
    assert (known.takes_marketing("US.1"), known.takes_marketing("US.2")) == (False, True)
    known.resume_marketing("US.1")
    known.resume_marketing("US.never")
    assert known.takes_marketing("US.1")


def test_opt_outs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten."""
    monkeypatch.setattr(people, "PEOPLE_MAX", 2)
    known = People()
    for index in range(3):
        known.stop_marketing(f"US.{index}")
    assert [known.takes_marketing(f"US.{index}") for index in range(3)] == [True, False, False]
