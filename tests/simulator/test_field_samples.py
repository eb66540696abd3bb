"""A sample for every field that Meta sends webhooks of."""

import json
from random import Random

import pytest

from connector.simulator import field_samples, inbound
from connector.simulator.account_updates import EVENTS
from connector.simulator.field_samples import SAMPLES, Occasion, sample
from connector.simulator.numbers import Number
from connector.simulator.settings import NumberSettings

NUMBER = Number(NumberSettings(id="1", waba_id="7", display_phone_number="15550783881"))
# The member that holds what each of these is about.
LISTS = {
    "history": "history",
    "smb_message_echoes": "message_echoes",
    "message_echoes": "message_echoes",
    "smb_app_state_sync": "state_sync",
    "calls": "calls",
    "user_preferences": "user_preferences",
    "automatic_events": "automatic_events",
    "group_lifecycle_update": "groups",
    "group_participants_update": "groups",
    "group_settings_update": "groups",
    "group_status_update": "groups",
    "user_id_update": "user_id_update",
}
NAMED_BY = {
    "account_review_update": "decision",
    "phone_number_name_update": "decision",
    "account_update": "event",
    "phone_number_quality_update": "event",
    "message_template_status_update": "event",
    "security": "event",
    "flows": "event",
    "partner_solutions": "event",
}


def occasion(event: str | None = None) -> Occasion:
    """Something happens."""
    random = Random(7)  # noqa: S311 - repeatable on purpose
    return Occasion(NUMBER, inbound.user(0), event, random, 1_700_000_000)


@pytest.mark.parametrize("field", list(SAMPLES))
def test_every_sample_is_json(field: str) -> None:
    """And says something."""
    value = sample(field, occasion())
    assert json.loads(json.dumps(value)) == value
    assert value


@pytest.mark.parametrize("field", list(SAMPLES))
def test_a_phone_that_is_not_shown_is_absent(field: str) -> None:
    """Not null, nowhere in the value."""
    value = sample(field, occasion()._replace(user=inbound.user(1, hidden=True)))
    assert "null" not in json.dumps(value)


@pytest.mark.parametrize(("field", "member"), LISTS.items())
def test_fields_about_users_begin_with_the_number(field: str, member: str) -> None:
    """Metadata, and a list with one thing in it."""
    value = sample(field, occasion())
    assert value["metadata"] == {"display_phone_number": "15550783881", "phone_number_id": "1"}
    assert len(value[member]) == 1


@pytest.mark.parametrize(("field", "member"), NAMED_BY.items())
def test_the_event_can_be_chosen(field: str, member: str) -> None:
    """It stands where the field has its event or decision."""
    assert sample(field, occasion("ANYTHING"))[member] == "ANYTHING"


@pytest.mark.parametrize("event", list(EVENTS))
def test_account_updates_have_the_block_of_their_event(event: str) -> None:
    """The event, and what belongs to it."""
    value = sample("account_update", occasion(event))
    assert value.pop("event") == event
    assert all(member.endswith(("_info", "_eligibility", "country")) for member in value)


@pytest.mark.parametrize(
    ("field", "event", "member"),
    [
        ("message_template_status_update", "REJECTED", "rejection_info"),
        ("message_template_status_update", "PAUSED", "other_info"),
        ("message_template_status_update", "DISABLED", "disable_info"),
        ("calls", "RINGING", "statuses"),
        ("calls", "terminate", "calls"),
        ("account_update", "PARTNER_REMOVED", "disconnection_info"),
    ],
)
def test_what_belongs_to_an_event_comes_with_it(field: str, event: str, member: str) -> None:
    """Beside the name."""
    assert member in sample(field, occasion(event))


def test_echoes_may_be_edits_and_withdrawals() -> None:
    """Of coexistence numbers, since 2026."""
    for event in ("edit", "revoke"):
        (echo,) = sample("smb_message_echoes", occasion(event))["message_echoes"]
        assert (echo["type"], "original_message_id" in echo[event]) == (event, True)


def test_participants_come_and_go() -> None:
    """By the type of the update."""
    (group,) = sample("group_participants_update", occasion("group_participants_remove"))["groups"]
    assert (group["type"], "removed_participants" in group) == ("group_participants_remove", True)


def test_standby_nests_one_level_deeper() -> None:
    """The usual arrays are inside."""
    assert sample("standby", occasion())["standby"]["messages"][0]["type"] == "text"


def test_template_ids_are_numbers() -> None:
    """In webhooks, unlike in the API."""
    assert isinstance(sample("message_template_status_update", occasion())["message_template_id"], int)


def test_a_field_that_nobody_knows_is_as_good() -> None:
    """Meta adds new ones without notice."""
    assert sample("next_years_field", occasion("X")) == {"event": "X"}
    assert sample("next_years_field", occasion()) == {}


def test_samples_are_about_the_population() -> None:
    """Whoever is drawn."""
    random = Random(7)  # noqa: S311 - repeatable on purpose
    assert field_samples.someone(random, 1) == inbound.user(0)
