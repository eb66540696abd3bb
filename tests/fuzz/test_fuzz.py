"""Damaged webhooks: nothing is lost, nothing crashes, no item costs another. ``make fuzz`` tries a million."""

import asyncio
import re
from pathlib import Path

import pytest

from connector.ingress import intake
from connector.whatsapp.facts import Fact, Malformed, MessageFact
from connector.whatsapp.notification import parse_notification
from tests.fuzz.campaign import CORPUS, drawn, run_chunk
from tests.fuzz.mutations import Mutant
from tests.fuzz.oracle import BrokenPromiseError, Oracle

SEED = 1
MARK = re.compile(rb"mark[0-9a-f]{16}")


def test_twenty_thousand_bodies() -> None:
    """Each is answered 200, and every word of it is on Kafka."""
    assert run_chunk((SEED, 0, 20_000)) == [], f"seed {SEED}"


def test_a_body_can_be_drawn_again() -> None:
    """Seed and number are all it takes."""
    assert drawn(SEED, 7) == drawn(SEED, 7) != drawn(SEED, 8)


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.stem)
def test_what_broke_once(path: Path) -> None:
    """Bodies that broke a promise of some version, the marks in them to be found again."""
    body = path.read_bytes()
    asyncio.run(_check(Mutant(body, [mark.decode() for mark in MARK.findall(body)], [])))


def _without_rejects(body: bytes) -> list[Fact]:
    return [fact for fact in parse_notification(body) if not isinstance(fact, Malformed)]


def _all_or_nothing(body: bytes) -> list[Fact]:
    facts = parse_notification(body)
    bad = any(isinstance(fact, Malformed) for fact in facts)
    return [Malformed("", "not all of it can be read", body)] if bad else facts


def _without_the_last(body: bytes) -> list[Fact]:
    facts = parse_notification(body)
    return facts[:-1] if len(facts) > 1 and isinstance(facts[-1], MessageFact) else facts


def _crashes(body: bytes) -> list[Fact]:
    if b"null" in body:
        raise KeyError
    return parse_notification(body)


@pytest.mark.parametrize(
    "broken", [_without_rejects, _all_or_nothing, _without_the_last, _crashes], ids=lambda broken: broken.__name__
)
def test_planted_faults_are_found(monkeypatch: pytest.MonkeyPatch, broken: object) -> None:
    """A fuzzer that finds nothing has to be able to find something."""
    monkeypatch.setattr(intake, "parse_notification", broken)
    with pytest.raises((BrokenPromiseError, KeyError)):
        asyncio.run(_check(*(drawn(SEED, number) for number in range(3000))))


async def _check(*mutants: Mutant) -> None:
    oracle = Oracle()
    for mutant in mutants:
        await oracle.check(mutant)
