"""Where a message refers to media: its own, those of template parameters, those of interactive headers. PURE."""

from collections.abc import Iterator
from typing import Any, NamedTuple

MEDIA_TYPES = ("image", "audio", "video", "document", "sticker")
_HEADERS = ("image", "video", "document")


class Reference(NamedTuple):
    """One medium that a message holds.

    Attributes:
        kind: what it is sent as.
        media: the object with ``id`` or ``link``.
        path: where it is, as Meta's error sentences write it: ``template['components'][0]…``.
    """

    kind: str
    media: dict[str, Any]
    path: str


def references(message_type: str, content: Any) -> Iterator[Reference]:
    """All media in the content of a well-formed message."""
    if message_type in MEDIA_TYPES:
        yield Reference(message_type, content, message_type)
    elif message_type == "template":
        yield from _in_components(content.get("components") or [], "template")
    elif message_type == "interactive":
        yield from _in_header(content, "interactive")
        # Other interactive messages may hold anything by that name.
        for index, card in enumerate(content["action"]["cards"] if content["type"] == "carousel" else ()):
            yield from _in_header(card, f"interactive['action']['cards'][{index}]")


def _in_components(components: list[dict[str, Any]], path: str) -> Iterator[Reference]:
    for place, component in enumerate(components):
        where = f"{path}['components'][{place}]"
        for index, parameter in enumerate(component.get("parameters", [])):
            kind = parameter["type"]
            if kind in _HEADERS and isinstance(parameter.get(kind), dict):
                yield Reference(kind, parameter[kind], f"{where}['parameters'][{index}]['{kind}']")
        for index, card in enumerate(component.get("cards", [])):
            yield from _in_components(card["components"], f"{where}['cards'][{index}]")


def _in_header(owner: dict[str, Any], path: str) -> Iterator[Reference]:
    header = owner.get("header")
    if not isinstance(header, dict):
        return
    kind = header.get("type")
    if kind in _HEADERS and isinstance(header[kind], dict):
        yield Reference(kind, header[kind], f"{path}['header']['{kind}']")
