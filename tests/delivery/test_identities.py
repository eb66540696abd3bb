"""A repeat is told from a new command: by its identity, by what it asks for, and by where it was produced."""

from connector.delivery.command import Source
from connector.delivery.identities import Identities, Repeat

FIRST, SECOND = Source("crm", 1, 10), Source("crm", 1, 11)
DIGEST, OTHER = "a" * 64, "b" * 64


def _meet(window: Identities, origin: Source, digest: str = DIGEST, *, redriven: bool = False) -> Repeat:
    return window.meet("1", "order-4711", digest, origin, redriven=redriven)


def _settle(window: Identities, origin: Source = FIRST, *, accepted: bool = True, at_ms: int = 0) -> None:
    window.settle("1", "order-4711", DIGEST, origin, accepted=accepted, at_ms=at_ms)


def test_the_same_identity_is_a_duplicate_or_a_conflict() -> None:
    """With the same digest it is a duplicate, with another one a conflict; while the first is open, and after."""
    window = Identities()
    assert _meet(window, FIRST) is Repeat.NEW
    assert _meet(window, SECOND) is Repeat.DUPLICATE
    assert _meet(window, SECOND, OTHER) is Repeat.CONFLICT
    _settle(window)
    assert _meet(window, SECOND) is Repeat.DUPLICATE
    assert _meet(window, SECOND, OTHER) is Repeat.CONFLICT
    assert window.origin_of("1", "order-4711") == FIRST


def test_another_number_or_another_id_is_another_command() -> None:
    """Identity is the number and the command id together."""
    window = Identities()
    assert _meet(window, FIRST) is Repeat.NEW
    assert window.meet("2", "order-4711", DIGEST, SECOND, redriven=False) is Repeat.NEW
    assert window.meet("1", "order-4712", DIGEST, SECOND, redriven=False) is Repeat.NEW


def test_a_command_that_was_forwarded_twice_is_the_same() -> None:
    """Two records of one origin are one command."""
    window = Identities()
    assert _meet(window, FIRST) is Repeat.NEW
    assert _meet(window, FIRST) is Repeat.SAME


def test_a_redriven_command_is_compared_with_open_and_accepted_ones_only() -> None:
    """An operator's second try of a dead letter goes; of what Meta has accepted it does not."""
    window = Identities()
    assert _meet(window, FIRST) is Repeat.NEW
    assert _meet(window, SECOND, redriven=True) is Repeat.DUPLICATE
    _settle(window, accepted=False)
    assert _meet(window, SECOND) is Repeat.DUPLICATE
    assert _meet(window, SECOND, redriven=True) is Repeat.NEW
    _settle(window, SECOND)
    assert _meet(window, Source("crm", 1, 12), redriven=True) is Repeat.DUPLICATE


def test_a_record_with_an_outcome_is_known_by_its_place() -> None:
    """Also one that never became a command."""
    window = Identities()
    window.settle_place(FIRST, at_ms=0)
    _settle(window, SECOND)
    assert window.is_settled(FIRST)
    assert window.is_settled(SECOND)
    assert not window.is_settled(Source("crm", 2, 10))


def test_what_is_left_to_the_log_is_met_as_new_again() -> None:
    """A command that was given back unsettled is no duplicate of itself."""
    window = Identities()
    assert _meet(window, FIRST) is Repeat.NEW
    window.release("1", "order-4711", FIRST)
    assert _meet(window, FIRST) is Repeat.NEW


def test_the_window_is_bounded_by_count_and_by_age() -> None:
    """The oldest settled ones go; open ones stay."""
    window = Identities(count_max=3, age_max_s=10)
    assert _meet(window, FIRST) is Repeat.NEW
    for index in range(5):
        window.settle("1", f"c-{index}", DIGEST, Source("crm", 0, index), accepted=True, at_ms=index)
    assert [window.is_settled(Source("crm", 0, index)) for index in range(5)] == [False, False, True, True, True]
    assert len(window) == 4
    window.settle("1", "late", DIGEST, Source("crm", 0, 9), accepted=True, at_ms=10_004)
    assert len(window) == 3
    assert _meet(window, SECOND) is Repeat.DUPLICATE


def test_one_that_was_settled_again_is_not_forgotten_with_its_first_time() -> None:
    """A redriven command stays in the window for as long as its last outcome."""
    window = Identities(count_max=2)
    _settle(window, FIRST, accepted=False, at_ms=1)
    _settle(window, SECOND, at_ms=2)
    window.settle("1", "other", DIGEST, Source("crm", 0, 0), accepted=True, at_ms=3)
    assert _meet(window, Source("crm", 1, 12)) is Repeat.DUPLICATE
