"""connector forecast: hours and the limiting factor."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.simulator.client import SimulatorClient
from connector.simulator.settings import NumberSettings, Settings
from tests.cli.told import Told
from tests.fixtures.installation import NUMBER, OTHER

Typed = Callable[..., Told]
MARKETING = "whatsapp.outbound-commands.marketing.v1"


@pytest.fixture
def cloud_api_settings() -> Settings:
    """One number of a high level in a small portfolio."""
    return Settings(
        access_tokens=("access-token",),
        numbers=(NumberSettings(id=NUMBER, level="HIGH", messaging_limit="TIER_250"),),
    )


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    """A template for 600 users."""
    file = tmp_path / "campaign.jsonl"
    template = {"name": "hello_world", "language": {"code": "en_US"}}
    lines = (
        {"phone_number_id": NUMBER, "to": f"+1650{user:07d}", "type": "template", "template": template}
        for user in range(600)
    )
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_people_see_hours_and_what_to_do(campaign: Path, typed: Typed) -> None:
    """The number's rate, when nothing else is said; the limit that was not looked at is told."""
    told = typed("forecast", campaign)
    assert told.code == 0
    assert "8 s, limited by the number rate: more numbers" in told.out
    assert "give --tier, or --ask" in told.out


def test_the_daily_tier_decides_over_days(campaign: Path, typed: Typed) -> None:
    """600 users, 250 a day: two more days; with a day's expiry the third portion expires."""
    told = typed("forecast", campaign, "--tier", "TIER_250", "--topic", MARKETING, "--output", "json")
    assert (told.json["limited_by"], told.json["hours"], told.json["expired"]) == ("daily tier", 48.0, 100)


def test_numbers_can_be_tried_out(campaign: Path, typed: Typed) -> None:
    """Dealt out over two, one of them fast."""
    words = ["--spread", "--number", f"{NUMBER}=HIGH", "--number", f"{OTHER}=20", "--output", "json"]
    told = typed("forecast", campaign, *words)
    assert [(row["phone_number_id"], row["commands"], row["mps"]) for row in told.json["numbers"]] == [
        (OTHER, 300, 20),
        (NUMBER, 300, 1000),
    ]


def test_the_cloud_api_is_asked_when_it_should_be(
    tmp_path: Path, campaign: Path, cloud_api_simulator: SimulatorClient, typed: Typed
) -> None:
    """Level and tier as they are; a number it does not know is exit code 1."""
    (tmp_path / "access").write_text("access-token")
    config = tmp_path / "c.yaml"
    api = {"base_url": cloud_api_simulator.base_url, "access_token_file": str(tmp_path / "access")}
    config.write_text(json.dumps({"cloud_api": api}))
    told = typed("forecast", campaign, "--ask", "--config", config, "--output", "json")
    assert (told.json["numbers"][0]["mps"], told.json["tier"], told.json["hours"]) == (1000, "TIER_250", 48.0)
    told = typed("forecast", campaign, "--ask", "--spread", "--number", "4711", "--config", config)
    assert (told.code, "number 4711: refused" in told.err) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ["--spread"],
        ["--number", "abc=20"],
        ["--number", f"{NUMBER}=FAST"],
        ["--number", f"{NUMBER}=2000"],
        ["--inbound-mps", "80"],
        ["--topic", "elsewhere"],
    ],
)
def test_wrong_usage_is_exit_code_2(campaign: Path, typed: Typed, words: list[str]) -> None:
    """No numbers to spread over, a number or level that is none, nothing left of the rate, no such topic."""
    assert typed("forecast", campaign, *words).code == 2
