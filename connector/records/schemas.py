"""The Avro schemas: the current ones and every version ever released.

In the wheel they lie inside the package, in a checkout beside it.
"""

import functools
import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, cast

from fastavro import parse_schema

NAMESPACE = "whatsapp.connector.v1"

_NAMES = (
    "InboundMessage",
    "MessageStatus",
    "AccountEvent",
    "OutboundCommand",
    "DeliveryOutcome",
    "DeliveryAttempt",
    "DeliveryState",
    "NumberSignal",
    "DeliveryControl",
)


def names() -> tuple[str, ...]:
    """Names of all records, without namespace."""
    return _NAMES


@functools.cache
def schema_text(name: str) -> str:
    """The current schema of a record, as its ``.avsc`` file has it.

    Raises:
        KeyError: There is no record of that name.
    """
    if name not in _NAMES:
        raise KeyError(name)
    return (_folder() / f"{name}.avsc").read_text(encoding="utf-8")


@functools.cache
def schema(name: str) -> dict[str, Any]:
    """The current schema of a record, parsed by fastavro.

    Raises:
        KeyError: There is no record of that name.
    """
    return cast("dict[str, Any]", parse_schema(json.loads(schema_text(name))))


@functools.cache
def released(name: str) -> dict[int, str]:
    """Every released schema of a record: version to text, oldest first.

    Raises:
        KeyError: There is no record of that name.
    """
    if name not in _NAMES:
        raise KeyError(name)
    folder = _folder() / "released" / name
    versions = {int(file.name.removeprefix("v").removesuffix(".avsc")): file for file in folder.iterdir()}
    return {version: versions[version].read_text(encoding="utf-8") for version in sorted(versions)}


@functools.cache
def _folder() -> Traversable:
    in_wheel = files("connector") / "schemas"
    return in_wheel if in_wheel.is_dir() else Path(__file__).resolve().parents[2] / "schemas"
