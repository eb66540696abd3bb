"""What sections of the settings share: types of fields, each with its check and the words for its fault."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
)
from pydantic_core import CoreSchema, core_schema

from connector.config.faults import Keys, collected
from connector.whatsapp.limits import THROUGHPUT_MPS

TOPIC_LENGTH_MAX = 249  # Kafka's own limit for a topic name
THROUGHPUT_MAX_MPS = max(THROUGHPUT_MPS.values())


@dataclass(frozen=True, slots=True)
class Matching:
    """A check that all of a text matches ``pattern``; ``message`` says what it must be."""

    pattern: str
    message: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after the type."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Tell the pattern to those who check elsewhere."""
        return {**handler(schema), "pattern": f"^{self.pattern}$"}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(self.message)
        return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = "must be a URL that begins with http:// or https://"
        raise ValueError(message)
    if parts.username is not None or parts.password is not None:
        message = "must not hold a user or a password; a secret belongs in a file"
        raise ValueError(message)
    if parts.query or parts.fragment or (parts.port is not None and parts.port == 0):
        message = "must be a URL without query, fragment and port 0"
        raise ValueError(message)
    return value.rstrip("/")


def _file(value: Path) -> Path:
    if str(value) in {"", "."} or "\0" in str(value):
        message = "must be the path of a file"
        raise ValueError(message)
    return value


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        message = "must be a network such as 10.0.0.0/8, or one address"
        raise ValueError(message) from None


def checked(find: Callable[[Mapping[Any, Any]], list[tuple[Keys, str]]]) -> BeforeValidator:
    """A check of a map as it was written, which tells the faults of all its entries."""

    def check(value: Any) -> Any:
        found = find(value) if isinstance(value, dict) else []
        if found:
            raise collected(found)
        return value

    return BeforeValidator(check)


def _throughput(value: Any) -> Any:
    if value != "auto" and (
        isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= THROUGHPUT_MAX_MPS
    ):
        message = "must be auto or a whole number from 1 to 1000"
        raise ValueError(message)
    return value


Text = Annotated[str, Strict()]
Whole = Annotated[int, Strict()]
Real = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Flag = Annotated[bool, Strict()]
File = Annotated[Path, AfterValidator(_file)]
Url = Annotated[Text, Field(max_length=2000), AfterValidator(_url)]
Host = Annotated[
    Text,
    Field(max_length=253),
    Matching(r"[A-Za-z0-9.:_-]+", "must be a host name or an address, without scheme and port"),
]
Port = Annotated[Whole, Field(ge=0, le=65535)]
TopicName = Annotated[
    Text,
    Field(max_length=TOPIC_LENGTH_MAX),
    Matching(r"[A-Za-z0-9._-]+", "must be a topic name: letters, digits, dot, underscore and dash"),
]
TopicPrefix = Annotated[
    Text,
    Field(max_length=100),
    Matching(r"[A-Za-z0-9._-]*", "must have only letters, digits, dot, underscore and dash"),
]
GraphId = Annotated[
    Text,
    Field(max_length=32),
    Matching(r"[0-9]+", "must be an id of Meta's: digits only, in quotes"),
]
Network = Annotated[Text, Field(max_length=64), AfterValidator(_network)]
HeaderName = Annotated[
    Text,
    Field(max_length=100),
    Matching(r"[A-Za-z0-9-]+", "must be the name of a header: letters, digits and dash"),
]
Properties = Mapping[str, str | int | float | bool]
Throughput = Annotated[
    Literal["auto"] | Annotated[int, Field(ge=1, le=THROUGHPUT_MAX_MPS)], BeforeValidator(_throughput)
]


class Section(BaseModel):
    """What all sections share: they never change, and they know all their keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)


def repeated(values: Sequence[str], field: str) -> list[tuple[Keys, str]]:
    """A fault for each entry of a list whose ``field`` is that of an earlier one."""
    first: dict[str, int] = {}
    found: list[tuple[Keys, str]] = []
    for index, value in enumerate(values):
        if value in first:
            found.append(((index, field), f"is the same as in entry [{first[value]}]; keep one"))
        first.setdefault(value, index)
    return found
