"""The load: what the driver produces and posts is repeatable, and of every kind."""

import json
from collections import Counter, defaultdict

from connector.records.codec import Codec
from connector.records.commands import parse_command
from connector.records.keys import slot_of
from tests.chaos.bodies import Body, BodyLoad
from tests.chaos.commands import CommandLoad, Draft, NumberLoad, name_in, numbers_of_slots
from tests.chaos.ledgers import CommandKind, FactKind

SLOTS = 6
START_MS = 1_790_000_000_000
NUMBERS = (NumberLoad("100", "STANDARD", 80, 30.0), NumberLoad("200", "NOT_APPLICABLE", 20, 10.0))


def drafts(seed: int = 1, seconds: float = 100.0) -> list[Draft]:
    """What one run produces."""
    return CommandLoad(seed, NUMBERS, SLOTS, START_MS).drafts(seconds)


def bodies(seed: int = 1, count: int = 400) -> list[Body]:
    """What one lane posts."""
    load = BodyLoad(seed, "100", 0)
    return [load.following() for _ in range(count)]


def test_one_seed_makes_one_load() -> None:
    """The same seed gives the same commands and bodies."""
    assert drafts(5) == drafts(5)
    assert drafts(5) != drafts(6)
    assert bodies(5) == bodies(5)


def test_commands_come_in_time_and_of_every_kind() -> None:
    """In order, within the seconds, each with its own name, at about the rate asked for."""
    made = drafts()
    times = [draft.at_s for draft in made]
    assert times == sorted(times)
    assert times[-1] < 100.0
    assert len({draft.id for draft in made}) == len(made)
    assert {draft.kind for draft in made} == set(CommandKind)
    assert 3500 < len(made) < 4700


def test_good_commands_can_be_parsed_and_carry_their_name_to_the_end() -> None:
    """Both formats: the connector reads them, and the driver finds its name in the caller's own data."""
    codec = Codec()
    for draft in drafts():
        if draft.kind in {CommandKind.UNDECODABLE, CommandKind.INVALID}:
            continue
        command = parse_command(draft.value, codec)
        assert command.command_id == draft.id
        assert command.to == f"+{draft.recipient}"
        assert name_in(f"wkc1:7,5,1,0,9:default{draft.id}{command.opaque_data}") == draft.id
        assert command.expires_at_ms == draft.expires_at_ms


def test_callback_data_of_others_names_no_command() -> None:
    """Only what bears the driver's mark is its own."""
    assert name_in(None) == name_in("somebody else's") == ""


def test_misplaced_commands_lie_elsewhere_than_at_home() -> None:
    """Their partition is explicit and never their number's; everything else goes by its key."""
    for draft in drafts():
        if draft.kind is CommandKind.MISPLACED:
            assert 0 <= draft.partition < SLOTS
            assert draft.partition != slot_of(draft.number, SLOTS)
        else:
            assert draft.partition == -1


def test_pairs_are_written_to_again_and_nobody_else_is() -> None:
    """Only pairs have more than one message, at most two bursts of CRM or a series of marketing."""
    by_pair: dict[tuple[str, str], list[Draft]] = defaultdict(list)
    for draft in drafts():
        by_pair[draft.number, draft.recipient].append(draft)
    counts = Counter(len(found) for found in by_pair.values() if found[0].kind is CommandKind.PAIR)
    assert counts == {10: 12, 3: 4}
    assert all(len(found) == 1 for found in by_pair.values() if found[0].kind is CommandKind.PLAIN)


def test_bodies_hold_their_facts_word_for_word() -> None:
    """The text of every fact stands in its body as the driver remembers it."""
    for body in bodies():
        for fact in body.facts:
            assert fact.raw.encode() in body.content


def test_bodies_are_notifications_unless_an_item_is_broken() -> None:
    """Those without malformed items are JSON with one entry; malformed ones of every sort come up."""
    made = bodies()
    for body in made:
        if all(fact.kind is not FactKind.MALFORMED for fact in body.facts):
            assert len(json.loads(body.content)["entry"]) == 1
    assert {fact.kind for body in made for fact in body.facts} == set(FactKind)
    assert any(fact.kind is FactKind.MALFORMED and len(body.facts) > 1 for body in made for fact in body.facts)


def test_facts_of_a_conversation_are_counted_in_the_order_of_their_places() -> None:
    """Within one body and from body to body, for messages and statuses each."""
    last: dict[tuple[str, FactKind], int] = {}
    seen: set[str] = set()
    for body in bodies():
        for fact in body.facts:
            assert fact.id not in seen
            seen.add(fact.id)
            if fact.conversation:
                assert fact.sequence > last.get((fact.conversation, fact.kind), 0)
                last[fact.conversation, fact.kind] = fact.sequence


def test_conversations_of_two_lanes_are_never_the_same() -> None:
    """Each lane writes through one replica: a shared conversation would have no order."""
    users = [
        {
            fact.conversation
            for body in (load.following() for _ in range(50))
            for fact in body.facts
            if fact.conversation
        }
        for load in (BodyLoad(1, "100", 0), BodyLoad(1, "100", 1))
    ]
    assert users[0].isdisjoint(users[1])


def test_a_later_delivery_repeats_one_fact_alone() -> None:
    """The same fact, in another body."""
    load = BodyLoad(1, "100", 0)
    body = next(body for body in iter(load.following, None) if len(body.facts) > 2)
    again = load.again(body)
    assert len(again.facts) == 1
    assert again.facts[0] in body.facts


def test_numbers_are_found_for_slots() -> None:
    """Equal entries share a slot, different ones do not, and no number comes twice."""
    ids = numbers_of_slots([0, 0, 1, 1, 2], SLOTS)
    slots = [slot_of(id_, SLOTS) for id_ in ids]
    assert slots[0] == slots[1] != slots[2]
    assert slots[2] == slots[3]
    assert len({slots[0], slots[2], slots[4]}) == 3
    assert len(set(ids)) == 5
