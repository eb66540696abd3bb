"""Typed, frozen settings from one YAML file and the environment, checked once, with every fault told at once.

Each key can be set by a variable ``CONNECTOR_<SECTION>__<KEY>``, which holds YAML and replaces the whole value of its
key: ``CONNECTOR_KAFKA__COMMON='{bootstrap.servers: "kafka:9092"}'``. Lists and maps are given whole (librdkafka's
names have dots, which no variable's name may have). A key that takes text takes it without quotes too, even when it
looks like a number.

This package is the only reader of the environment.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from connector.config.delivery import CommandTopic, Delivery
from connector.config.faults import ConfigurationError, Fault, dotted, from_validation, unknown_key
from connector.config.settings import Admin, CloudApi, Ingress, Kafka, Number, SchemaRegistry, Settings, Telemetry
from connector.config.sources import FILE_VARIABLE, Override, overrides, parse, read_file
from connector.config.topics import TopicNames, Topics
from connector.secrets import UnusableSecret, read_secret

__all__ = [
    "Admin",
    "CloudApi",
    "CommandTopic",
    "ConfigurationError",
    "Delivery",
    "Fault",
    "Ingress",
    "Kafka",
    "Number",
    "Role",
    "SchemaRegistry",
    "SecretUse",
    "Settings",
    "Telemetry",
    "TopicNames",
    "Topics",
    "check_files",
    "load",
    "load_from_environment",
    "secret_files",
]

Role = Literal["ingress", "delivery", "all"]
# A phone number is one of some ten thousand millions: a secret that can be guessed would give them all away.
KEY_SECRET_MIN_BYTES = 32


def load_from_environment(path: Path | None = None) -> Settings:
    """:func:`load` with this process's environment; without ``path`` the file is the one ``CONNECTOR_CONFIG`` names.

    Raises:
        ConfigurationError: with every fault.
    """
    return load(path, os.environ)  # noqa: TID251 - this is the one reader


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Settings from a file, overridden by variables; without any file all keys have their defaults.

    Raises:
        ConfigurationError: with every fault of file and variables, each with the path of its key.
    """
    named = environ.get(FILE_VARIABLE)
    source = path or (Path(named) if named else None)
    return settle(read_file(source) if source else {}, overrides(environ))


def settle(root: Mapping[str, Any], changes: Sequence[Override]) -> Settings:
    """Settings from the map of a file and the overrides of its keys.

    Raises:
        ConfigurationError: with every fault.
    """
    faults: list[Fault] = []
    variables: dict[tuple[str, ...], str] = {}
    # A section whose keys are all commented out is null in YAML and means its defaults.
    tree = {key: value for key, value in root.items() if value is not None or key not in Settings.model_fields}
    for change in changes:
        found = _apply(tree, change)
        faults.extend(found)
        if not found:
            variables[change.keys] = change.variable
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        faults.extend(from_validation(error, Settings, variables))
    if faults:
        raise ConfigurationError(faults)
    return settings


def _apply(tree: dict[str, Any], change: Override) -> list[Fault]:
    """Replace one key of ``tree``, or tell why not."""
    *sections, last = change.keys
    model: type[BaseModel] = Settings
    for depth, key in enumerate(sections, start=1):
        field = model.model_fields.get(key)
        if field is None:
            return [Fault(change.variable, unknown_key(key, list(model.model_fields)))]
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            whole = "__".join(change.variable.split("__")[:depth])
            return [
                Fault(change.variable, f"names a part of {dotted(change.keys[:depth])}; set {whole} whole, as YAML")
            ]
        model = field.annotation
    field = model.model_fields.get(last)
    if field is None:
        return [Fault(change.variable, unknown_key(last, list(model.model_fields)))]
    try:
        value = _value(change, text=_leaves(field.annotation) <= {str, Path, type(None)})
    except ConfigurationError as error:
        return list(error.faults)
    _replace(tree, sections, last, value)
    return []


def _value(change: Override, *, text: bool) -> Any:
    """The value of a variable; for a key that takes text, what is no text in YAML stands for itself."""
    try:
        value = parse(change.text, change.variable)
    except ConfigurationError:
        if not text:
            raise
        return change.text
    return change.text if text and not isinstance(value, str | None) else value


def _leaves(annotation: Any) -> set[Any]:
    """The plain types a type is made of: ``Annotated[str, ...] | None`` is made of str and None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _leaves(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return set().union(*map(_leaves, get_args(annotation)))
    return {annotation}


def _replace(tree: dict[str, Any], sections: Sequence[str], last: str, value: Any) -> None:
    for key in sections:
        below = tree.get(key, {})
        if not isinstance(below, dict):
            return  # the section itself is at fault, and is told
        tree[key] = tree = dict(below)  # a copy: an alias may share it with another section
    tree[last] = value


class SecretUse(NamedTuple):
    """A secret file a role needs.

    Attributes:
        path: The dotted key.
        file: The file.
        text: Whether it is a line of text, as tokens are.
        certificates: Whether it holds certificates, which are no secret and have any size: a system's bundle of
            authorities is larger than any secret may be.
        bytes_min: How long the secret must be at least.
    """

    path: str
    file: Path
    text: bool = False
    certificates: bool = False
    bytes_min: int = 1


def check_files(settings: Settings, role: Role) -> None:
    """Look at every secret file a role needs.

    Raises:
        ConfigurationError: with every file that is missing, unreadable, empty, too short, over 64 KiB where it holds a
            secret, or no text where it has to be; never with any content.
    """
    faults = [Fault(use.path, reason) for use in secret_files(settings, role) if (reason := _file_fault(use))]
    if faults:
        raise ConfigurationError(faults)


def secret_files(settings: Settings, role: Role) -> Iterator[SecretUse]:
    """Each secret file a role needs."""
    yield from (SecretUse(f"kafka.secret_files.{name}", file) for name, file in settings.kafka.secret_files.items())
    registry = settings.schema_registry
    if registry.url and registry.basic_auth_file:
        yield SecretUse("schema_registry.basic_auth_file", registry.basic_auth_file, text=True)
    if registry.url and registry.ca_file:
        yield SecretUse("schema_registry.ca_file", registry.ca_file, certificates=True)
    if role in {"ingress", "all"}:
        yield from _ingress_files(settings)
    if role in {"delivery", "all"}:
        yield from _delivery_files(settings)


def _ingress_files(settings: Settings) -> Iterator[SecretUse]:
    yield SecretUse("ingress.verify_token_file", settings.ingress.verify_token_file, text=True)
    for index, file in enumerate(settings.ingress.app_secret_files):
        yield SecretUse(f"ingress.app_secret_files[{index}]", file, text=True)
    for name in ("tls_certificate_file", "tls_key_file", "client_ca_file"):
        if file := getattr(settings.ingress, name):
            yield SecretUse(f"ingress.{name}", file, certificates=name != "tls_key_file")
    key_file = settings.topics.conversation_key_secret_file
    if settings.topics.conversation_key == "hmac" and key_file:
        yield SecretUse("topics.conversation_key_secret_file", key_file, bytes_min=KEY_SECRET_MIN_BYTES)


def _delivery_files(settings: Settings) -> Iterator[SecretUse]:
    yield SecretUse("cloud_api.access_token_file", settings.cloud_api.access_token_file, text=True)
    for index, number in enumerate(settings.numbers):
        if number.access_token_file:
            yield SecretUse(f"numbers[{index}].access_token_file", number.access_token_file, text=True)


def _file_fault(use: SecretUse) -> str | None:
    try:
        if use.certificates:
            with use.file.open("rb") as file:
                return None if file.read(1) else f"{use.file} is empty; write the certificates into it"
        secret = read_secret(use.file, text=use.text)
    except OSError as error:
        return f"{use.file} cannot be read ({error.strerror}); mount it, or name another"
    except UnusableSecret as error:
        return str(error)
    if len(secret) < use.bytes_min:
        return f"{use.file} holds {len(secret)} bytes; write at least {use.bytes_min} random ones into it"
    return None
