"""What is wrong with a configuration, in words that say what to do."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

Keys = tuple[str | int, ...]

# Raised for a default that could not be derived because what it derives from is at fault; that one is reported.
_CONSEQUENCE = "default_factory_not_called"
_COLLECTED = "collected"


class Fault(NamedTuple):
    """One thing wrong with the configuration.

    Attributes:
        path: The dotted key, such as ``delivery.commands[1].min_share``; or the file, or the environment variable.
        message: What is wrong and what to do about it; never holds the value of a secret.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ConfigurationError(Exception):
    """The configuration cannot be used.

    Attributes:
        faults: Every fault found, not only the first.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def dotted(keys: Sequence[str | int]) -> str:
    """The path as people write it: ``("a", 0, "b")`` becomes ``a[0].b``."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{_shown(key)}" for key in keys).removeprefix(".")


def _shown(key: str) -> str:
    """The key; quoted and escaped when it would not be seen or would move a terminal's cursor."""
    return key if key and key.isprintable() else json.dumps(key)


def collected(found: Sequence[tuple[Keys, str]]) -> PydanticCustomError:
    """Several faults below the field being validated, each with its keys from there, as one error."""
    return PydanticCustomError(_COLLECTED, "several faults", {"found": tuple(found)})


def from_validation(
    error: ValidationError, model: type[BaseModel], variables: Mapping[tuple[str, ...], str]
) -> list[Fault]:
    """The faults in a pydantic error; ``variables`` tells which keys came from which environment variable."""
    faults: list[Fault] = []
    details = error.errors(include_url=False, include_input=False)
    for detail in details:
        if detail["type"] == "too_short" and any(_below(detail["loc"], other["loc"]) for other in details):
            continue  # pydantic counts only good entries; here the bad ones are told
        for keys, message in _told(detail, model):
            faults.append(Fault(dotted(keys), message + _origin(keys, variables)))
    return faults


def _below(keys: Keys, other: Keys) -> bool:
    return len(other) > len(keys) and other[: len(keys)] == keys


def _told(detail: ErrorDetails, model: type[BaseModel]) -> Iterator[tuple[Keys, str]]:
    keys: Keys = detail["loc"]
    if detail["type"] == _CONSEQUENCE:
        return
    if detail["type"] == _COLLECTED:
        for below, message in detail["ctx"]["found"]:
            yield (*keys, *below), message
    elif detail["type"] in {"extra_forbidden", "invalid_key"}:
        yield keys, unknown_key(str(keys[-1]), fields_at(model, keys[:-1]))
    else:
        yield keys, _message(detail)


def _origin(keys: Keys, variables: Mapping[tuple[str, ...], str]) -> str:
    for length in range(len(keys), 0, -1):
        variable = variables.get(tuple(map(str, keys[:length])))
        if variable is not None:
            return f" (from {variable})"
    return ""


def unknown_key(key: str, known: Sequence[str]) -> str:
    """What to say about a key nobody reads, with the nearest known one when there is one."""
    near = difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    return f"unknown key; remove it, the keys here are {', '.join(known)}"


def fields_at(model: type[BaseModel], keys: Keys) -> list[str]:
    """The names of the fields of the innermost model on the way along ``keys`` from ``model``."""
    found = model
    for key in keys:
        field = found.model_fields.get(str(key))
        found = (model_in(field.annotation) if field else None) or found
    return list(found.model_fields)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside a type such as ``tuple[Number, ...]``, or None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_in(part))), None)


# One sentence per kind of error of pydantic's; braces are filled from its context.
_MESSAGES: Mapping[str, str] = {
    "missing": "is required; set it",
    "int_type": "must be a whole number, without quotes",
    "float_type": "must be a number, without quotes",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false, without quotes",
    "string_type": 'must be text; put it in quotes: "..."',
    "path_type": "must be the path of a file",
    "greater_than_equal": "must be {ge:g} or more",
    "greater_than": "must be more than {gt:g}",
    "less_than_equal": "must be {le:g} or less",
    "literal_error": "must be one of {expected}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "tuple_type": "must be a list; write each entry on a line that begins with '- '",
    "model_type": "must be a map; write each key on a line of its own, as 'key: value'",
    "dict_type": "must be a map; write each key on a line of its own, as 'key: value'",
    "mapping_type": "must be a map; write each key on a line of its own, as 'key: value'",
}


def _message(detail: ErrorDetails) -> str:
    template = _MESSAGES.get(detail["type"])
    if template is None:
        return re.sub(r"^Value error, ", "", detail["msg"])
    return template.format_map(detail.get("ctx", {}))
