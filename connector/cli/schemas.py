"""Check the Avro schemas offline, or register them."""

import json
from pathlib import Path
from typing import NamedTuple

import click
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from connector.cli import EXIT_FAILED, config_option, output_option
from connector.config import Delivery, SchemaRegistry, TopicNames, Topics, load_from_environment
from connector.config.settings import topic_names
from connector.records import compatibility, schemas
from connector.records.subjects import RECORD_OF_TOPIC, subject_of
from connector.secrets import read_secret

_COMPATIBILITY = "FULL_TRANSITIVE"


class Registration(NamedTuple):
    """What became of one subject."""

    subject: str
    record: str
    schema_id: int | None
    fault: str | None


@click.group()
def command() -> None:
    """Check the Avro schemas offline, or register them."""


@command.command()
@output_option
@click.pass_context
def check(ctx: click.Context, output: str) -> None:
    """Check the schemas against every released version and against the rules for their shape.

    Nothing is contacted. Exit code 1: there are findings.
    """
    current = {name: schemas.schema_text(name) for name in schemas.names()}
    released = {name: schemas.released(name) for name in schemas.names()}
    findings = compatibility.check(current, released)
    versions = sum(map(len, released.values()))
    if output == "json":
        found = [finding._asdict() for finding in findings]
        click.echo(json.dumps({"schemas": len(current), "released_versions": versions, "findings": found}, indent=2))
    else:
        for finding in findings:
            click.echo(f"{'.'.join(filter(None, (finding.record, finding.where)))}: {finding.what}")
        verdict = f"{len(findings)} findings" if findings else f"{_COMPATIBILITY}, and all rules kept"
        click.echo(f"{len(current)} schemas against {versions} released versions: {verdict}")
    ctx.exit(EXIT_FAILED if findings else 0)


@command.command()
@click.option("--url", help="Base URL of the registry. Default: schema_registry.url, with --topics-from-config.")
@click.option("--prefix", help="Goes before every default topic name.")
@click.option(
    "--topics-from-config", is_flag=True, help="Take topics, registry and its credentials from the configuration."
)
@config_option
@output_option
@click.pass_context
def register(
    ctx: click.Context,
    *,
    url: str | None,
    prefix: str | None,
    topics_from_config: bool,
    config_path: Path | None,
    output: str,
) -> None:
    """Register the schema of every topic and ask the registry to keep each subject FULL_TRANSITIVE.

    Exit code 1: a schema was refused, or the registry is out of reach.
    """
    if topics_from_config:
        if prefix is not None:
            message = "--prefix and --topics-from-config exclude each other: the configuration has its own prefix."
            raise click.UsageError(message)
        settings = load_from_environment(config_path)
        topics, registry = settings.topic_names, settings.schema_registry
    else:
        topics, registry = topic_names(Topics(prefix=prefix or ""), Delivery()), SchemaRegistry()
    client = _client(url or registry.url, registry)
    results = [_register(client, subject, record) for subject, record in _subjects(topics)]
    _tell(results, output)
    ctx.exit(EXIT_FAILED if any(result.fault for result in results) else 0)


def _client(url: str | None, registry: SchemaRegistry) -> SchemaRegistryClient:
    if url is None:
        message = "No registry: give --url, or --topics-from-config with schema_registry.url."
        raise click.UsageError(message)
    settings = {"url": url}
    if registry.ca_file:
        settings["ssl.ca.location"] = str(registry.ca_file)
    if registry.basic_auth_file:
        settings["basic.auth.user.info"] = read_secret(registry.basic_auth_file, text=True).decode()
    return SchemaRegistryClient(settings)


def _subjects(topics: TopicNames) -> list[tuple[str, str]]:
    """Subject and record of every topic that carries records of ours."""
    pairs = []
    for key, record in RECORD_OF_TOPIC.items():
        named = getattr(topics, key)
        pairs += [(subject_of(topic), record) for topic in (named if isinstance(named, tuple) else (named,))]
    return pairs


def _register(client: SchemaRegistryClient, subject: str, record: str) -> Registration:
    # The rule first, so that the registry holds this very schema to it.
    try:
        client.set_compatibility(subject, _COMPATIBILITY)
        schema_id = client.register_schema(subject, Schema(schemas.schema_text(record), "AVRO"))
    except SchemaRegistryError as error:
        return Registration(subject, record, None, f"HTTP {error.http_status_code}: {error.error_message}")
    except Exception as error:
        # The client passes on whatever its HTTP library raises; the next subject would meet it too.
        message = f"{subject}: {type(error).__name__}: {error}"
        raise click.ClickException(message) from error
    return Registration(subject, record, schema_id, None)


def _tell(results: list[Registration], output: str) -> None:
    if output == "json":
        click.echo(json.dumps([result._asdict() for result in results], indent=2))
        return
    for result in results:
        outcome = result.fault or f"id {result.schema_id}, {_COMPATIBILITY}"
        click.echo(f"{result.subject}: {result.record}: {outcome}")
