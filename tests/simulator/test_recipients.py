"""Recipients that provoke an error."""

import pytest

from connector.simulator.recipients import Provocations, Provoked
from connector.simulator.settings import RecipientRule
from connector.simulator.validation import Recipient


def phone(digits: str) -> Recipient:
    """A recipient by phone."""
    return Recipient("phone", "+" + digits, digits)


@pytest.mark.parametrize(
    ("digits", "provoked"),
    [
        ("9990131026", Provoked(131026, "answer")),
        ("9991131047", Provoked(131047, "webhook")),
        ("9990000004", Provoked(4, "answer")),
        ("9990080007", Provoked(80007, "answer")),
        ("16505551234", None),
        ("15550131026", None),
        ("9992131026", None),
    ],
)
def test_the_country_code_999_provokes_the_code_that_follows(digits: str, provoked: Provoked | None) -> None:
    """0 refuses, 1 fails later; ordinary numbers are left alone."""
    assert Provocations([], magic=True).of(phone(digits)) == provoked


def test_it_works_for_business_scoped_ids_but_not_for_groups() -> None:
    """The same suffix on a user id; a group id is opaque and may end in anything."""
    rules = Provocations([], magic=True)
    assert rules.of(Recipient("user", "ZZ.9990131026", "ZZ.9990131026")) == Provoked(131026, "answer")
    assert rules.of(Recipient("group", "9990131026", "9990131026")) is None


def test_it_can_be_switched_off() -> None:
    """Then these numbers are as good as any."""
    assert Provocations([], magic=False).of(phone("9990131026")) is None


def test_own_rules_go_by_suffix_and_come_first() -> None:
    """The first that fits wins, also over the built-in ones."""
    rules = Provocations(
        [RecipientRule(ends_with="77", code=131050, by="webhook"), RecipientRule(ends_with="6", code=131049)],
        magic=True,
    )
    assert rules.of(phone("165055577")) == Provoked(131050, "webhook")
    assert rules.of(phone("9990131026")) == Provoked(131049, "answer")
