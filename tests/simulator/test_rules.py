"""The kinds of rule that request bodies are checked with."""

from typing import Any

import pytest

from connector.simulator.rules import (
    INVALID_PARAMETER,
    INVALID_VALUE,
    MISSING,
    Figure,
    Items,
    Object,
    OneOf,
    Rule,
    Text,
    Variant,
    Violation,
    flag,
)

RULE = Object(required={"a": Items(Object(required={"b": Text(3)}), most=2)}, optional={"c": flag})


def violation(rule: Rule, value: Any) -> Violation:
    """What is wrong with ``value``."""
    with pytest.raises(Violation) as caught:
        rule(value)
    return caught.value


def test_the_path_leads_to_the_wrong_member() -> None:
    """Containers add their member's name, so that the sentence reads as Meta's do."""
    found = violation(RULE, {"a": [{"b": "ok"}, {"b": "long"}]})
    assert found.details == "Param a[1]['b'] must be at most 3 characters long."


def test_a_missing_member_is_named_as_a_parameter() -> None:
    """What is not there is told apart from what is wrong, in words and in code."""
    found = violation(RULE, {"a": [{}]})
    assert found.details == "The parameter a[0]['b'] is required."
    assert found.code == MISSING


def test_an_optional_member_is_checked_when_it_is_there() -> None:
    """Optional means that it may be left out, not that it may be anything."""
    RULE({"a": [{"b": "x"}]})
    assert violation(RULE, {"a": [{"b": "x"}], "c": "yes"}).code == INVALID_PARAMETER


@pytest.mark.parametrize("value", [None, 1, "x", []])
def test_an_object_must_be_one(value: Any) -> None:
    """Other JSON values in its place are invalid parameters."""
    assert violation(RULE, value).code == INVALID_PARAMETER
    assert violation(Variant("type", {"x": Object()}), value).code == INVALID_PARAMETER


def test_exactly_one_of_several_members() -> None:
    """None is a missing parameter, two are an invalid value."""
    rule = Object(exactly_one=("id", "link"))
    rule({"id": "1"})
    assert violation(rule, {}).code == MISSING
    assert violation(rule, {"id": "1", "link": "x"}).code == INVALID_VALUE


def test_forbidden_members() -> None:
    """What may not be there is refused by name."""
    assert violation(Object(forbidden=("header",)), {"header": 1}).details == "Param header is not allowed here."


@pytest.mark.parametrize("value", [0, -1.5, "2.5", 3])
def test_figures_may_be_written_as_strings(value: Any) -> None:
    """Meta documents coordinates as strings and samples them as numbers."""
    Figure(-1.5, 3)(value)


@pytest.mark.parametrize("value", [4, "-2", "x", "", True, None, [], "nan"])
def test_other_figures_are_refused(value: Any) -> None:
    """Out of range, no number, or not a number at all."""
    assert violation(Figure(-1.5, 3), value).code == INVALID_VALUE


def test_a_variant_is_chosen_by_its_tag() -> None:
    """The tag's value says which rule holds; an unknown one lists those that are known."""
    rule = Variant("type", {"x": Object(required={"one": flag}), "y": Object()})
    rule({"type": "y"})
    assert violation(rule, {"type": "x"}).details == "The parameter one is required."
    assert violation(rule, {"type": {}}).details == "Param type must be one of {x, y}."
    assert violation(rule, {}).code == MISSING


def test_a_closed_set() -> None:
    """Only its members pass, also when the value cannot be hashed."""
    OneOf(("a", "b"))("a")
    assert violation(OneOf(("a", "b")), ["a"]).code == INVALID_VALUE
