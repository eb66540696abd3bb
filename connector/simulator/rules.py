"""The few kinds of rule that request bodies are checked with; the rules themselves stand in ``validation``.

A rule is called with a value and raises :class:`Violation`; containers add the name of the member on the way out, so
that a valid body pays nothing for paths.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

INVALID_PARAMETER = 100
MISSING = 131008
INVALID_VALUE = 131009
UNSUPPORTED_TYPE = 131051

IS_REQUIRED = "is required."

Rule = Callable[[Any], None]


class Violation(ValueError):  # noqa: N818 - a finding about a value, handled as one
    """A value that breaks a rule.

    Attributes:
        code: Meta's error code.
        reason: what is wrong, to be read after the path.
        path: members from the outermost to the offending one.
    """

    def __init__(self, code: int, reason: str, *path: str | int) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.path: list[str | int] = list(path)

    def inside(self, member: str | int) -> "Violation":
        """The same violation, seen from the container of ``member``."""
        self.path.insert(0, member)
        return self

    @property
    def details(self) -> str:
        """The sentence Meta would put into ``error_data.details``: ``Param text['body'] ...``."""
        if not self.path:
            return f"The request {self.reason}"
        first, *rest = self.path
        where = f"{first}{''.join(f'[{member!r}]' for member in rest)}"
        return f"{'The parameter' if self.reason == IS_REQUIRED else 'Param'} {where} {self.reason}"


def anything(_value: Any) -> None:
    """No rule at all: a member that Meta documents only by name."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string of ``shortest`` to ``longest`` characters."""

    longest: int | None = None
    shortest: int = 1
    code: int = INVALID_VALUE

    def __call__(self, value: Any) -> None:
        """Raise unless ``value`` is such a string."""
        if not isinstance(value, str):
            raise Violation(INVALID_PARAMETER, "must be a string.")
        if len(value) < self.shortest:
            raise Violation(self.code, f"must be at least {self.shortest} characters long.")
        if self.longest is not None and len(value) > self.longest:
            raise Violation(self.code, f"must be at most {self.longest} characters long.")


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a closed set of strings."""

    values: tuple[str, ...]
    code: int = INVALID_VALUE

    def __call__(self, value: Any) -> None:
        """Raise unless ``value`` is in the set."""
        if value not in self.values:
            raise Violation(self.code, f"must be one of {{{', '.join(self.values)}}}.")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number between two bounds, also when written as a string."""

    lowest: float
    highest: float

    def __call__(self, value: Any) -> None:
        """Raise unless ``value`` is such a number."""
        try:
            number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
        except ValueError:
            number = None
        if number is None or not self.lowest <= number <= self.highest:
            raise Violation(INVALID_VALUE, f"must be a number between {self.lowest:g} and {self.highest:g}.")


def flag(value: Any) -> None:
    """Raise unless ``value`` is true or false."""
    if not isinstance(value, bool):
        raise Violation(INVALID_PARAMETER, "must be a boolean.")


@dataclass(frozen=True, slots=True)
class Items:
    """A list of ``fewest`` to ``most`` items, each under the same rule."""

    rule: Rule
    fewest: int = 1
    most: int | None = None

    def __call__(self, value: Any) -> None:
        """Raise unless ``value`` is such a list."""
        if not isinstance(value, list):
            raise Violation(INVALID_PARAMETER, "must be an array.")
        if len(value) < self.fewest or (self.most is not None and len(value) > self.most):
            most = "any number of" if self.most is None else self.most
            raise Violation(INVALID_VALUE, f"has {len(value)} items. Min: {self.fewest}, Max: {most}.")
        for index, item in enumerate(value):
            try:
                self.rule(item)
            except Violation as violation:
                raise violation.inside(index) from None


@dataclass(frozen=True, slots=True)
class Object:
    """A JSON object: members that must be there, members that may, and what they must keep together.

    Members without a rule pass: Meta adds new ones without notice.
    """

    required: Mapping[str, Rule] = field(default_factory=dict)
    optional: Mapping[str, Rule] = field(default_factory=dict)
    exactly_one: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    together: tuple[Rule, ...] = ()

    def __call__(self, value: Any) -> None:
        """Raise unless ``value`` is such an object."""
        if not isinstance(value, dict):
            raise Violation(INVALID_PARAMETER, "must be a JSON object.")
        for name, rule in self.required.items():
            if name not in value:
                raise Violation(MISSING, IS_REQUIRED, name)
            _member(rule, name, value[name])
        for name, rule in self.optional.items():
            if name in value:
                _member(rule, name, value[name])
        self._combinations(value)

    def _combinations(self, value: dict[str, Any]) -> None:
        if self.exactly_one and sum(name in value for name in self.exactly_one) != 1:
            code = INVALID_VALUE if any(name in value for name in self.exactly_one) else MISSING
            raise Violation(code, f"needs exactly one of {', '.join(self.exactly_one)}.")
        for name in self.forbidden:
            if name in value:
                raise Violation(INVALID_VALUE, "is not allowed here.", name)
        for rule in self.together:
            rule(value)


@dataclass(frozen=True, slots=True)
class Variant:
    """An object whose member ``tag`` says which rule it is under."""

    tag: str
    rules: Mapping[str, Rule]
    code: int = INVALID_VALUE

    def __call__(self, value: Any) -> None:
        """Raise unless ``value`` is an object of a known variant that keeps that variant's rule."""
        if not isinstance(value, dict):
            raise Violation(INVALID_PARAMETER, "must be a JSON object.")
        if self.tag not in value:
            raise Violation(MISSING, IS_REQUIRED, self.tag)
        name = value[self.tag]
        rule = self.rules.get(name) if isinstance(name, str) else None
        if rule is None:
            raise Violation(self.code, f"must be one of {{{', '.join(self.rules)}}}.", self.tag)
        rule(value)


def _member(rule: Rule, name: str, value: Any) -> None:
    try:
        rule(value)
    except Violation as violation:
        raise violation.inside(name) from None
