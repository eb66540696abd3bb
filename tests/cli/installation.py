"""An installation at work, and what a command says about it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from connector.simulator.client import SimulatorClient
from connector.simulator.settings import (
    NumberSettings,
    RecipientRule,
    Settings,
    StatusSettings,
    TokenSettings,
    WebhookSettings,
)
from tests.integration.system import ACCESS_TOKEN, APP_SECRET, System

NUMBER = "106540352242922"
OTHER = "106540352242923"
WABA = "102290129340398"
PEOPLE = [f"+1650555{index:04d}" for index in range(1000, 1100)]


class Installation(NamedTuple):
    """Both roles at work on a real Kafka, with the simulator as Cloud API."""

    system: System
    simulator: SimulatorClient
    config: Path


class Told(NamedTuple):
    """What a command said and left with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it said to a program."""
        return json.loads(self.out)


def simulator_settings(webhook_url: str | None = None) -> Settings:
    """Two numbers, and statuses that follow within a second."""
    return Settings(
        access_tokens=(ACCESS_TOKEN,),
        tokens=(TokenSettings(token="bounded-token", numbers=(NUMBER,)),),
        app_secret=APP_SECRET,
        numbers=(NumberSettings(id=NUMBER), NumberSettings(id=OTHER)),
        statuses=StatusSettings(delivered=1.0, read=1.0, sent_ms=20.0, delivered_ms=60.0, read_ms=100.0, jitter=0.0),
        recipients=(RecipientRule(ends_with="0047", code=131047),),
        webhooks=WebhookSettings(url=webhook_url),
        seed=1,
    )
