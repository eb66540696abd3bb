"""The documentation names every setting and every switch."""

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from click import Group

from connector.cli.simulator import command
from connector.simulator import settings
from connector.simulator.observer import Observed

DOCS = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
STRUCTS: list[Any] = [
    settings.Settings,
    settings.NumberSettings,
    settings.RecipientRule,
    settings.LatencySettings,
    settings.StatusSettings,
    settings.WebhookSettings,
    settings.InboundSettings,
]


@pytest.mark.parametrize("struct", STRUCTS)
def test_every_setting_is_documented(struct: type[msgspec.Struct]) -> None:
    """A setting that is not in the table does not exist for users."""
    missing = [field.name for field in msgspec.structs.fields(struct) if f"`{field.name}`" not in DOCS]
    assert missing == []


def test_every_option_is_documented() -> None:
    """So does an option."""
    assert isinstance(command, Group)
    options = [option for parameter in command.params for option in parameter.opts]
    assert [option for option in options if option not in ("-h", "--help") and option not in DOCS] == []


def test_the_fields_of_a_request_are_documented() -> None:
    """What the observer tells about each."""
    told = [name for name in Observed._fields if not name.startswith("over_")]
    assert [name for name in told if f"`{name}`" not in DOCS] == []


def test_the_number_of_inbound_kinds_is_right() -> None:
    """The text says ten."""
    assert len(get_args(settings.InboundKind)) == 10
    assert "ten kinds" in DOCS
