"""Check the Avro schemas offline, or register them."""

import json
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, get_args

import click

from connector.cli import EXIT_FAILED, config_option, output_option
from connector.config import Delivery, SchemaRegistry, Topics, load_from_environment
from connector.config.settings import topic_names
from connector.kafka.registry import Registry, RegistryUnavailableError, SchemaRefusedError
from connector.records import compatibility, schemas
from connector.records.subjects import SubjectNameStrategy
from connector.service.schema_registry import open_registry, records_of_subjects

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
    "--topics-from-config",
    is_flag=True,
    help="Take topics, subject names, registry and its credentials from the configuration.",
)
@click.option(
    "--subject-name-strategy",
    type=click.Choice(get_args(SubjectNameStrategy)),
    help="What a subject is named after. Default: topic_name, or the configuration's with --topics-from-config.",
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
    subject_name_strategy: SubjectNameStrategy | None,
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
        topics, section = settings.topic_names, settings.schema_registry
    else:
        topics, section = topic_names(Topics(prefix=prefix or ""), Delivery()), SchemaRegistry()
    if url is None and section.url is None:
        message = "No registry: give --url, or --topics-from-config with schema_registry.url."
        raise click.UsageError(message)
    records = records_of_subjects(topics, subject_name_strategy or section.subject_name_strategy)
    with closing(open_registry(section, url)) as registry:
        results = [_register(registry, subject, record) for subject, record in records.items()]
    _tell(results, output)
    ctx.exit(EXIT_FAILED if any(result.fault for result in results) else 0)


def _register(registry: Registry, subject: str, record: str) -> Registration:
    try:
        schema_id = registry.register(subject, schemas.schema_text(record), _COMPATIBILITY)
    except SchemaRefusedError as error:
        return Registration(subject, record, None, str(error))
    except RegistryUnavailableError as error:
        # The next subject would meet it too.
        message = f"{subject}: {error}"
        raise click.ClickException(message) from error
    return Registration(subject, record, schema_id, None)


def _tell(results: list[Registration], output: str) -> None:
    if output == "json":
        click.echo(json.dumps([result._asdict() for result in results], indent=2))
        return
    for result in results:
        outcome = result.fault or f"id {result.schema_id}, {_COMPATIBILITY}"
        click.echo(f"{result.subject}: {result.record}: {outcome}")
