"""Business phone numbers: what is told about them and which exist."""

import pytest

from connector.simulator.accounts import Account
from connector.simulator.numbers import Number, Numbers, level_of
from connector.simulator.settings import AccountSettings, Level, NumberSettings
from connector.simulator.settings_business import Block


@pytest.mark.parametrize(("level", "mps"), [("STANDARD", 80), ("HIGH", 1000), ("NOT_APPLICABLE", 20)])
def test_a_level_means_a_limit(level: Level, mps: int) -> None:
    """Meta's figures per level."""
    assert Number(NumberSettings(id="1", level=level)).window.limit == mps


@pytest.mark.parametrize(
    ("mps", "level"),
    [(1, "NOT_APPLICABLE"), (20, "NOT_APPLICABLE"), (79, "NOT_APPLICABLE"), (80, "STANDARD"), (1000, "HIGH")],
)
def test_a_limit_of_ones_own_reports_a_level_that_promises_no_more(mps: int, level: Level) -> None:
    """Whoever goes by the level alone is not refused (but for limits under 20)."""
    assert level_of(mps) == level
    assert Number(NumberSettings(id="1", mps=mps)).level == level


def test_level_and_limit_may_disagree_on_purpose() -> None:
    """A test may let the API promise more than it keeps."""
    number = Number(NumberSettings(id="1", level="HIGH", mps=7))
    assert (number.level, number.window.limit) == ("HIGH", 7)


@pytest.mark.parametrize(("digits", "shown"), [("15550783881", "+1 555-078-3881"), ("491701234567", "+491701234567")])
def test_a_node_shows_the_phone_as_people_write_it(digits: str, shown: str) -> None:
    """Webhooks have the digits alone."""
    assert Number(NumberSettings(id="1", display_phone_number=digits)).fields()["display_phone_number"] == shown


def test_an_upgrade_is_a_while_of_maintenance() -> None:
    """131057 until it is over, the new level from then on."""
    number = Number(NumberSettings(id="1"))
    number.upgrade("HIGH", ready_s=60.0)
    refusal = number.unavailable(59.9)
    assert refusal is not None
    assert (refusal.code, refusal.http_status, number.level) == (131057, 500, "STANDARD")
    assert number.unavailable(60.0) is None
    assert (number.level, number.window.limit) == ("HIGH", 1000)


def test_a_number_that_is_not_registered_cannot_send() -> None:
    """133010; its node and its health say so."""
    number = Number(NumberSettings(id="1", registered=False))
    refusal = number.unavailable(0.0)
    assert refusal is not None
    assert refusal.code == 133010
    assert number.fields()["status"] == "DISCONNECTED"
    assert number.fields()["health_status"]["can_send_message"] == "BLOCKED"


@pytest.mark.parametrize(
    ("block", "code"), [("locked", 131031), ("restricted", 368), ("disabled", 368), ("payment", 131042)]
)
def test_a_blocked_account_blocks_its_numbers(block: Block, code: int) -> None:
    """Each kind of block with Meta's code; the health names the account and why."""
    number = Number(NumberSettings(id="1"), Account(AccountSettings(id="2", block=block)))
    refusal = number.unavailable(0.0)
    assert refusal is not None
    assert refusal.code == code
    health = number.fields()["health_status"]
    blocked = [entity for entity in health["entities"] if entity["can_send_message"] == "BLOCKED"]
    assert [(entity["entity_type"], entity["id"]) for entity in blocked] == [("WABA", "2")]
    assert blocked[0]["errors"][0]["error_code"]


def test_unknown_numbers_exist_only_when_they_may_be_created() -> None:
    """A list of numbers is closed unless said otherwise."""
    assert Numbers([], create=False).find("1") is None
    created = Numbers([], create=True).find("1")
    assert created is not None
    assert created.id == "1"


@pytest.mark.parametrize("number_id", ["", "abc", "1" * 33, "\u0661", "-1"])
def test_only_plausible_ids_are_created(number_id: str) -> None:
    """Digits, and not too many of them."""
    assert Numbers([], create=True).find(number_id) is None
