"""The schema registry of a configuration: its client, the subjects, and the ids of our schemas."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from connector.config import ConfigurationError, Fault, SchemaRegistry, Settings, TopicNames
from connector.kafka.registry import Registry, RegistryUnavailableError, SchemaNotRegisteredError
from connector.records import schemas
from connector.records.codec import Codec
from connector.records.subjects import RECORD_OF_TOPIC, SubjectNameStrategy, subject_of
from connector.secrets import read_secret

log = structlog.get_logger()


def open_registry(section: SchemaRegistry, url: str | None = None) -> Registry:
    """The registry of a configuration, or the one at ``url`` with the configuration's credentials; asks it nothing yet.

    Raises:
        ConfigurationError: these settings can reach no registry.
        UnusableSecret: the credentials cannot be read.
    """
    try:
        return Registry(registry_config(section, url))
    except (ValueError, OSError) as error:
        raise ConfigurationError([Fault("schema_registry", f"cannot be used: {error}")]) from None


def registry_config(section: SchemaRegistry, url: str | None = None) -> dict[str, Any]:
    """The registry client's own names."""
    config: dict[str, Any] = {"url": url or section.url}
    if section.basic_auth_file is not None:
        config["basic.auth.user.info"] = read_secret(section.basic_auth_file, text=True).decode()
    if section.ca_file is not None:
        config["ssl.ca.location"] = str(section.ca_file)
    return config


def records_of_subjects(names: TopicNames, strategy: SubjectNameStrategy) -> dict[str, str]:
    """Record of each subject, for every topic that carries records of ours."""
    records = {}
    for key, record in RECORD_OF_TOPIC.items():
        named = getattr(names, key)
        for topic in named if isinstance(named, tuple) else (named,):
            records[subject_of(strategy, topic, record)] = record
    return records


def written_ids(registry: Registry, subjects: Mapping[str, str]) -> dict[str, int]:
    """Id of the current schema of each record, given its subject.

    Raises:
        ConfigurationError: one is not registered.
        RegistryUnavailableError: no answer.
    """
    faults, ids = [], {}
    for record, subject in subjects.items():
        try:
            ids[record] = registry.id_of(subject, schemas.schema_text(record))
        except SchemaNotRegisteredError as error:
            faults.append(Fault("schema_registry.url", str(error)))
    if faults:
        raise ConfigurationError(faults)
    return ids


def known_texts(registry: Registry, records: Mapping[str, str]) -> dict[tuple[str, int], str]:
    """Every schema of ours that the registry has, released ones too, by record and id; ``records`` are by subject.

    So whoever writes with one of them is read while the registry is away. What it does not answer is left out: those
    ids are asked for when a record brings one.
    """
    texts = {}
    try:
        for subject, record in records.items():
            # The current one last: a registry may give one id to texts that differ in words only.
            for text in dict.fromkeys([*schemas.released(record).values(), schemas.schema_text(record)]):
                try:
                    texts[record, registry.id_of(subject, text)] = text
                except SchemaNotRegisteredError:
                    continue
    except RegistryUnavailableError as error:
        log.warning("not all schema ids are known beforehand", reason=str(error), known=len(texts))
    return texts


def reading_codec(settings: Settings, call_on_close: Callable[[Callable[[], None]], object]) -> Codec:
    """Decodes what any writer wrote; asks the registry, where there is one, when the first record names an id.

    Args:
        settings: of the installation.
        call_on_close: is handed what gives the registry's connections back.

    Raises:
        ConfigurationError: the registry's settings cannot be used.
        UnusableSecret: its credentials cannot be read.
    """
    if settings.schema_registry.url is None:
        return Codec()
    registry = open_registry(settings.schema_registry)
    call_on_close(registry.close)
    return Codec(fetch=registry.schema_of)
