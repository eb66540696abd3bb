"""What a send must give for a template: read from its components, checked against the send's.

Sources: Meta, template components and template message pages, 2026-03; error codes, 2026-09-11. The sentences in
``details`` name the component and what is wrong, as the answers that public threads quote do.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from connector.simulator.rules import INVALID_PARAMETER, MISSING, Violation

WRONG_COUNT = 132000
WRONG_FORMAT = 132012
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_TEXTUAL = ("text", "currency", "date_time")
# How a send calls a button of the template, and the parameter it must give; None where it may give one.
_BUTTONS: dict[str, tuple[str, str | None]] = {
    "QUICK_REPLY": ("quick_reply", None),
    "URL": ("url", None),
    "OTP": ("url", "text"),
    "COPY_CODE": ("copy_code", "coupon_code"),
    "FLOW": ("flow", None),
    "CATALOG": ("catalog", None),
    "MPM": ("mpm", "action"),
    "ORDER_DETAILS": ("order_details", "action"),
    "VOICE_CALL": ("voice_call", None),
}


def placeholders(text: str) -> tuple[str, ...]:
    """The names in ``{{…}}`` in order of appearance, each once: digits in positional templates."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))


@dataclass(frozen=True, slots=True)
class Button:
    """One button: its type in the template, and the type of the parameter without which it cannot be sent."""

    type: str
    sub_type: str
    needs: str | None


@dataclass(frozen=True, slots=True)
class Form:
    """One template's, or one carousel card's, demands on a send.

    Attributes:
        header: ``TEXT``, or the format of a header that takes one medium or place; None without.
        header_names: placeholders of a text header.
        body_names: placeholders of the body.
        buttons: in order of their index.
        cards: of a carousel.
    """

    header: str | None
    header_names: tuple[str, ...]
    body_names: tuple[str, ...]
    buttons: tuple[Button, ...]
    cards: tuple["Form", ...]

    def check(self, components: Sequence[dict[str, Any]]) -> None:
        """Raise unless a send's ``components`` fit.

        Raises:
            Violation: 132000, 132012, 131008 or 100.
        """
        given = {_type(component): component for component in components if _type(component) != "button"}
        self._check_header(_parameters(given.get("header")))
        _check_texts("body", self.body_names, _parameters(given.get("body")))
        self._check_buttons([component for component in components if _type(component) == "button"])
        self._check_cards(given.get("carousel", {}).get("cards", []))

    def _check_header(self, parameters: list[dict[str, Any]]) -> None:
        if self.header in (None, "TEXT"):
            _check_texts("header", self.header_names, parameters)
            return
        kind = parameters[0]["type"].upper() if parameters else "UNKNOWN"
        if kind != self.header:
            raise Violation(WRONG_FORMAT, f"header: Format mismatch, expected {self.header}, received {kind}")
        _require_count("header", len(parameters), 1)

    def _check_buttons(self, components: list[dict[str, Any]]) -> None:
        buttons = {str(index): button for index, button in enumerate(self.buttons)}
        given = {str(component.get("index", "0")): component for component in components}
        for index, component in given.items():
            button = buttons.get(index)
            sub_type = str(component.get("sub_type", "")).lower()
            if button is None or button.sub_type != sub_type:
                found = "does not exist" if button is None else f"is of type {button.type}"
                raise Violation(WRONG_FORMAT, f"buttons: Button at index {index} {found}, received {sub_type}")
        for index, button in buttons.items():
            types = [parameter["type"] for parameter in _parameters(given.get(index))]
            if button.needs is not None and button.needs not in types:
                name = button.type.replace("_", " ").title().replace(" ", "")
                raise Violation(MISSING, f"buttons: Button at index {index} of type {name} requires a parameter")

    def _check_cards(self, cards: Sequence[dict[str, Any]]) -> None:
        _require_count("carousel", len(cards), len(self.cards))
        for form, card in zip(self.cards, cards, strict=True):
            form.check(card.get("components", []))


def form(components: Iterable[dict[str, Any]]) -> Form:
    """The form of a template with ``components`` as Meta's listing has them.

    Raises:
        ValueError: the components are not of that shape.
    """
    try:
        return _form({str(component["type"]).upper(): component for component in components})
    except (KeyError, TypeError, AttributeError) as error:
        message = f"the components are not as in Meta's template listing: {error!r}"
        raise ValueError(message) from error


def _form(components: dict[str, dict[str, Any]]) -> Form:
    header = components.get("HEADER")
    return Form(
        header=None if header is None else str(header["format"]).upper(),
        header_names=placeholders(header.get("text", "")) if header is not None else (),
        body_names=placeholders(components.get("BODY", {}).get("text", "")),
        buttons=tuple(_button(button) for button in components.get("BUTTONS", {}).get("buttons", ())),
        cards=tuple(form(card["components"]) for card in components.get("CAROUSEL", {}).get("cards", ())),
    )


def _button(button: dict[str, Any]) -> Button:
    kind = str(button["type"]).upper()
    sub_type, needs = _BUTTONS.get(kind, (kind.lower(), None))
    if kind == "URL" and placeholders(button.get("url", "")):
        needs = "text"
    return Button(kind, sub_type, needs)


def _type(component: dict[str, Any]) -> str:
    return str(component["type"]).lower()


def _parameters(component: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [] if component is None else component.get("parameters", [])


def _check_texts(where: str, names: tuple[str, ...], parameters: list[dict[str, Any]]) -> None:
    _require_count(where, len(parameters), len(names))
    for kind in (parameter["type"] for parameter in parameters):
        if kind not in _TEXTUAL:
            raise Violation(WRONG_FORMAT, f"{where}: Format mismatch, expected TEXT, received {kind.upper()}")
    if any(not name.isdigit() for name in names):
        _check_names(where, names, [parameter.get("parameter_name") for parameter in parameters])


def _check_names(where: str, names: tuple[str, ...], given: list[Any]) -> None:
    if not all(isinstance(name, str) and name for name in given):
        raise Violation(INVALID_PARAMETER, f"{where}: Parameter name is missing or empty")
    if set(given) != set(names):
        unknown = ", ".join(sorted(set(given) - set(names)))
        raise Violation(WRONG_FORMAT, f"{where}: Parameter name is not in the template: {unknown or 'given twice'}")


def _require_count(where: str, found: int, expected: int) -> None:
    if found != expected:
        what = f"number of localizable_params ({found}) does not match the expected number of params ({expected})"
        raise Violation(WRONG_COUNT, f"{where}: {what}")
