"""Write the reference pages that are made from code, or check that they are fresh.

usage: generate_docs.py --check | --write
"""

import argparse
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from connector.cli import connector
from connector.config import Settings
from connector.config.librdkafka import FORBIDDEN, SECRET
from connector.delivery.dispatcher import APP_HOLD_S, STOPPED_RETRY_S
from connector.delivery.retry import BACKOFF_FIRST_S, BACKOFF_MAX_S, SLOW_BACKOFF_S
from connector.telemetry.dashboard import dashboard
from connector.telemetry.instruments import OVERFLOW, VALUES_MAX, VALUES_MAX_OF, Row
from connector.telemetry.log_events import CATALOGUE as LOG_EVENTS
from connector.telemetry.metrics import CATALOGUE
from connector.telemetry.span_attributes import MEANINGS
from connector.telemetry.spans import CATALOGUE as SPANS
from connector.whatsapp.error_table import PERMISSION_CODES, RULES, Treatment
from connector.whatsapp.limits import MAINTENANCE_S

ROOT = Path(__file__).resolve().parent.parent
MADE = "<!-- Made by scripts/generate_docs.py from {source}; change that, then run it with --write. -->"
Schema = Mapping[str, Any]


def configuration() -> str:
    """docs/configuration.md, from the types of the settings."""
    schema = Settings.model_json_schema()
    parts = [
        "# Configuration",
        MADE.format(source="connector/config"),
        CONFIGURATION_INTRODUCTION,
    ]
    for name, field in schema["properties"].items():
        parts.extend(section(name, field, schema["$defs"]))
    parts.extend(librdkafka_rules())
    return page(*parts)


CONFIGURATION_INTRODUCTION = """\
One YAML file, named by `--config` or by `CONNECTOR_CONFIG`. Every key has a default unless it says *required*. All
faults are told at once, each with the path of its key; a key that nobody reads is a fault. `connector config check`
looks at the file, the environment and the secret files; `connector config schema` prints a JSON Schema for editors.

**Environment.** `CONNECTOR_<SECTION>__<KEY>` replaces the whole value of one key and holds YAML, so that lists and maps
work:

```sh
CONNECTOR_DELIVERY__INSTALLATION=crm-eu
CONNECTOR_INGRESS__APP_SECRET_FILES='[/run/secrets/app-secret, /run/secrets/app-secret-old]'
CONNECTOR_KAFKA__COMMON='{bootstrap.servers: "kafka:9093", security.protocol: SASL_SSL}'
```

`CONNECTOR_NUMBERS` sets the whole list of numbers. librdkafka's names have dots and are keys inside the YAML, never
part of a variable's name. Variables that Kubernetes makes for a Service called `connector…` are passed over.

**Secrets** are never in the file: keys that end in `_file` or `_files` name files, which are read again within a second
when they change; those under `kafka.secret_files` and `schema_registry` are read at start. One newline at the end is
not part of a secret.

**YAML** is read as YAML 1.2: `true` and `false` are the only booleans, ids in digits need quotes."""


def section(name: str, field: Schema, models: Schema) -> Iterable[str]:
    """One section, and the models inside its lists."""
    model = model_of(field, models)
    yield f"## `{name}`"
    yield model["description"] if "$ref" in field else f"{field['description']} Each entry: {model['description']}"
    yield table(model)
    for key, inner in model["properties"].items():
        entry = inner.get("items", {})
        if "$ref" in entry:
            yield f"### `{name}.{key}[]`"
            yield model_of(inner, models)["description"]
            yield table(model_of(inner, models))
            yield f"Default:\n\n```yaml\n{yaml.safe_dump(inner['default'], sort_keys=False)}```"


def model_of(field: Schema, models: Schema) -> Schema:
    """The model a field refers to, as itself or as the entries of its list."""
    reference: str = field["$ref"] if "$ref" in field else field["items"]["$ref"]
    model: Schema = models[reference.rsplit("/", 1)[1]]
    return model


def table(model: Schema) -> str:
    """The keys of one model."""
    required = model.get("required", [])
    rows = [
        (f"`{key}`", kind(field), "*required*" if key in required else default(field), field["description"])
        for key, field in model["properties"].items()
    ]
    return markdown_table(("Key", "Value", "Default", "Meaning"), rows)


def kind(field: Schema) -> str:
    """What a value may be."""
    if "anyOf" in field:
        return " or ".join(kind(option) for option in field["anyOf"])
    if "const" in field or "enum" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        entry = "map" if "$ref" in field["items"] else kind(field["items"])
        return f"list of {entry}{limits(field, 'minItems', 'maxItems')}"
    if field.get("type") == "object":
        return f"map of names to {kind(field['additionalProperties'])}"
    if field.get("format") == "path":
        return "file"
    return scalar_kind(field)


def scalar_kind(field: Schema) -> str:
    """What a plain value may be."""
    name = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
    low = "minimum" if "minimum" in field else "exclusiveMinimum"
    text = name.get(field["type"], "`null`") + limits(field, low, "maximum")
    if "maxLength" in field:
        text += f", at most {field['maxLength']} characters"
    return text + (f", `{field['pattern'][1:-1]}`" if "pattern" in field else "")


def limits(field: Schema, low: str, high: str) -> str:
    """The range of a value or of a count, in words."""
    least, most = field.get(low), field.get(high)
    more = ", more than" if low.startswith("exclusive") else ", from" if most is not None else ", at least"
    below = "" if least is None else f"{more} {least}"
    return below + ("" if most is None else f" to {most}" if below else f", at most {most}")


def default(field: Schema) -> str:
    """The default, or a word for one that is derived or too long for a cell."""
    if "default" not in field:
        return "*derived*"
    value = field["default"]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "*below*"
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value)}`"


def librdkafka_rules() -> Iterable[str]:
    """What kafka.* may not set."""
    yield "## librdkafka properties that cannot be set"
    yield "Each carries a promise of the connector; setting it is a fault."
    yield markdown_table(("Property", "Why"), [(f"`{name}`", why) for name, why in sorted(FORBIDDEN.items())])
    yield f"Secrets, which belong in `kafka.secret_files`: {', '.join(f'`{name}`' for name in sorted(SECRET))}."


def metrics() -> str:
    """docs/metrics.md, from the catalogue."""
    introduction = (
        "On `/metrics` of the admin port in Prometheus' text format, and by OTLP when `telemetry.otlp_endpoint` is "
        "set. Beside these there are `process_*` (memory, CPU, open files) and `target_info` (version, role).\n\n"
        f"Labels are bounded: the first {VALUES_MAX} values of a label are kept ({bounds_in_words()}), later ones are "
        f"`{OVERFLOW}`. Users are never a label. `_bucket`, `_count` and `_sum` follow the name of a histogram."
    )
    rows = [
        (f"`{row.prometheus_name}`", f"`{row.name}`", row.kind, f"`{row.unit}`", labels(row), row.description)
        for row in CATALOGUE
    ]
    buckets = [(f"`{row.name}`", ", ".join(f"{bound:g}" for bound in row.bounds)) for row in CATALOGUE if row.bounds]
    return page(
        "# Metrics",
        MADE.format(source="connector/telemetry/metrics.py"),
        introduction,
        markdown_table(("Prometheus", "OpenTelemetry", "Kind", "Unit", "Labels", "Meaning"), rows),
        "## Buckets of the histograms",
        markdown_table(("OpenTelemetry", "Upper bounds in seconds"), buckets),
    )


def bounds_in_words() -> str:
    """Labels with a limit of their own."""
    return ", ".join(f"{count} of `{name}`" for name, count in VALUES_MAX_OF.items())


def labels(row: Row) -> str:
    """The labels of an instrument, or a dash."""
    return ", ".join(f"`{name}`" for name in row.labels) or "-"


TRACES_INTRODUCTION = """\
By OTLP to `telemetry.otlp_endpoint`; without one there are none, and nothing is spent on them. Whether a trace is
recorded is decided by whoever began it: a command whose `traceparent` says *sampled* is recorded, one that says
otherwise is not, and of the traces that begin here `telemetry.trace_ratio` are.

**One trace from the CRM to the phone.** The CRM puts `traceparent` (W3C Trace Context) into the headers of its command.
`process` continues it, each `attempt` stands under it, and the attempt's own `traceparent` travels through Meta in the
envelope of the message ([schemas](schemas.md)), so that the `send` of each status stands under the attempt it is about:
one trace id from the CRM's request to *read*, with no lookup in between. The outcome and the status event carry it on
in their `traceparent` header; a forwarded command and a dead letter keep the header they came with. Meta is sent no
trace header. The trace is the first thing that is left out of an envelope that gets too long; the status then stands
under its webhook.

A webhook can hold items of many commands, so it has a trace of its own; the `send` of a status links to it when both
are recorded. An inbound message's `send` stands under its webhook, and its event's `traceparent` lets a consumer go on.

**Nothing waits for a collector.** Ended spans go into a queue of 4096 that another thread empties; what finds no room
is dropped, and a stop waits 5 s for it at most. A process that is killed, or loses its slots, takes open spans with it:
what was sent under them is still in the trace, and the slot's next owner goes on with a `process` of its own under the
same parent. Commands that were given back before their first attempt have none.

A recorded command costs about a tenth of a millisecond of CPU. A CRM that records everything at 1000 messages a second
makes about 6000 spans a second; let it record less."""


def traces() -> str:
    """docs/traces.md, from the catalogue."""
    rows = [(f"`{row.name}`", row.kind.name, row.parent, row.description) for row in SPANS]
    used = {name: [row.name for row in SPANS if name in row.attributes] for name in MEANINGS}
    attributes = [(f"`{name}`", ", ".join(f"`{span}`" for span in used[name]), MEANINGS[name]) for name in MEANINGS]
    return page(
        "# Traces",
        MADE.format(source="connector/telemetry/spans.py and span_attributes.py"),
        TRACES_INTRODUCTION,
        "## Spans",
        markdown_table(("Name", "Kind", "Stands under", "Meaning"), rows),
        "## Attributes",
        "None holds a secret, a text that people wrote, or a user's number; each has 256 characters at most.",
        markdown_table(("Attribute", "Of", "Meaning"), attributes),
    )


LOGS_INTRODUCTION = """\
On stderr, one JSON object a line (`telemetry.log_format: console`: text for people), from `telemetry.log_level` on.
Each has `event`, `level` and `timestamp` (UTC), and the fields below. A line that is written during an attempt whose
[trace](traces.md) is recorded has `trace_id` and `span_id`; `delivery.attempt_failed` and `delivery.request_not_made`
have `exception`. Phones, user ids and message ids are masked; secrets and texts of messages are never there. Lines of
Kafka's client, with `logger` `librdkafka`, are in its own words, one of a kind every 10 s."""


def logs() -> str:
    """docs/logs.md, from the catalogue."""
    parts = ["# Logs", MADE.format(source="connector/telemetry/log_events.py"), LOGS_INTRODUCTION]
    for about, events in LOG_EVENTS.items():
        rows = [
            (f"`{event.event}`", event.level, ", ".join(f"`{name}`" for name in event.fields), event.meaning)
            for event in events
        ]
        parts += [f"## {about}", markdown_table(("Event", "Level", "Fields", "Meaning"), rows)]
    return page(*parts)


TREATMENTS: Mapping[Treatment, tuple[str, str, str]] = {
    Treatment.RETRY: (
        "this command",
        f"Pauses {BACKOFF_FIRST_S:g} s, doubled up to {BACKOFF_MAX_S:g} s, with jitter; `Retry-After` is waited out",
        "`attempts_exhausted`, after `delivery.attempts_max` failures or `delivery.retry_age_max_s`",
    ),
    Treatment.RETRY_ONCE: ("this command", "Tries once more: the cause is sometimes a passing one", "`refused`"),
    Treatment.RETRY_SLOWLY: (
        "this command",
        f"Tries again after {SLOW_BACKOFF_S / 60:g} minutes: Meta's own cure takes that long",
        "`attempts_exhausted`, as above",
    ),
    Treatment.PAIR_LIMIT: (
        "this recipient of this number",
        "Waits 4^X s, X growing with each refusal in a row; costs no attempt",
        "never",
    ),
    Treatment.NUMBER_LIMIT: (
        "this number",
        "Pauses, longer each time in a row, and sends with more distance from then on; costs no attempt",
        "never",
    ),
    Treatment.NUMBER_REST: ("this number", f"Rests {MAINTENANCE_S:g} s; costs no attempt", "never"),
    Treatment.APP_LIMIT: (
        "every number of the app, or of the account",
        f"Rests {APP_HOLD_S:g} s, or as long as `Retry-After` says; costs no attempt",
        "never",
    ),
    Treatment.STOPPED: (
        "this number",
        f"Stops; asks its health, then tries one message, every {STOPPED_RETRY_S:g} s and longer; costs no attempt",
        "never",
    ),
    Treatment.UNDELIVERABLE: ("this command", "Gives up: the recipient is the reason", "`undeliverable`"),
    Treatment.REFUSED: ("this command", "Gives up: the message or the business is the reason", "`refused`"),
}
"""Whom a treatment is about, what the connector does, and the class of the dead letter it can end in."""

ERRORS_INTRODUCTION = """\
What the connector does with each of Meta's error codes in the answer to a send. Codes and meanings are Meta's (Cloud
API, error codes, page of 2026-09-11); the treatment is our judgement. The HTTP status is not looked at when the table
has the code."""

ERRORS_REST = """\
## What is in no table

* **A code that is not above** is tried once more and then given up (`refused`). With an HTTP status of 500 or more, or
  with Meta's hint `is_transient`, it is treated as `retry`; with HTTP 429 as `app_limit`.
* **`is_transient`** on a code that the table gives up at once earns it one more try.
* **Code 100 with subcode 33** is no bad parameter: the number is gone or not ours, as with code 33.
* **An answer without a Graph error**: 500 and above is *ambiguous*, for nobody knows whether Meta took the message; 429
  is `app_limit`; anything else is `retry`. A success without a message id is ambiguous too.
* **No answer**: when the request did not leave, `retry`; when it may have left, ambiguous.

What follows from *ambiguous* is `on_ambiguous` of the command or its topic: `RESEND` tries again as `retry` does,
`DEAD_LETTER` gives up. The class of the dead letter is `ambiguous`.

A code in a status webhook is about a message that was accepted before: it stands in `MessageStatus.errors`, and the
connector does not send again."""


def errors() -> str:
    """docs/errors.md, from Meta's codes and their treatment."""
    words = [(f"`{treatment}`", *TREATMENTS[treatment]) for treatment in Treatment]
    rows = [(f"{rule.code}", rule.title, f"`{rule.treatment}`") for rule in RULES]
    permission = (f"{PERMISSION_CODES[0]} to {PERMISSION_CODES[-1]}", "Permission missing", f"`{Treatment.STOPPED}`")
    rows.insert(sum(rule.code < PERMISSION_CODES[0] for rule in RULES), permission)
    return page(
        "# Error codes",
        MADE.format(source="connector/whatsapp/error_table.py"),
        ERRORS_INTRODUCTION,
        "## Treatments",
        markdown_table(("Treatment", "About", "The connector", "Dead letter of class"), words),
        "## Codes",
        markdown_table(("Code", "Meaning", "Treatment"), rows),
        ERRORS_REST,
    )


def page(*parts: str) -> str:
    """Its parts, an empty line between two of them."""
    return "\n\n".join(parts) + "\n"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, with what would break a cell escaped."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


VALUES_BEGIN = MADE.format(source="values.yaml")
VALUES_END = "<!-- End of what is made. -->"


def chart() -> str:
    """The chart's README, with the table of its values from the comments of values.yaml."""
    folder = ROOT / "helm" / "whatsapp-kafka-connector"
    before, _, rest = (folder / "README.md").read_text(encoding="utf-8").partition(VALUES_BEGIN)
    _, _, after = rest.partition(VALUES_END)
    rows = list(chart_values((folder / "values.yaml").read_text(encoding="utf-8")))
    made = markdown_table(("Value", "Default", "Meaning"), rows)
    return f"{before}{VALUES_BEGIN}\n\n{made}\n\n{VALUES_END}{after}"


def chart_values(text: str) -> Iterable[tuple[str, str, str]]:
    """Each value, its default and what stands above it; a group with a comment has a row of its own."""
    path: list[str] = []
    comment: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        depth, content = (len(line) - len(line.lstrip())) // 2, line.strip()
        if content.startswith("#"):
            comment.append(content[1:].strip())
            continue
        key, _, value = content.partition(": ")
        path[depth:] = [key.removesuffix(":")]
        if value or comment:
            yield f"`{'.'.join(path)}`", f"`{value}`" if value else "", " ".join(comment)
        comment = []


COMMAND_LINE_INTRODUCTION = """\
Every command has `--help`. `--output json` is for programs; tables and bars are for people, and bars are only shown to
them. Phones and user ids are masked unless `--show-users` is given; secrets and messages are never shown. `--config`
names the [configuration](configuration.md), or else `CONNECTOR_CONFIG` does. `connector completion` makes a shell
complete all of it.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted."""


def command_line() -> str:
    """docs/command-line.md, from the commands themselves."""
    source = MADE.format(source="connector/cli")
    parts = ["# Command line", source, COMMAND_LINE_INTRODUCTION, *described(connector, click.Context(connector), [])]
    return page(*parts)


def described(command: click.Command, context: click.Context, words: list[str]) -> Iterable[str]:
    """A command and those below it."""
    if words:
        arguments = [p.make_metavar(context) for p in command.params if isinstance(p, click.Argument)]
        title = " ".join(["connector", *words])
        yield f"{'#' * (len(words) + 1)} `{title}`"
        usage = f"**Usage:** `{' '.join([title, *arguments])}`"
        yield from [usage] if arguments else []
        yield from help_parts(command.help or "")
        options = [p for p in command.params if isinstance(p, click.Option)]
        yield from [option_table(options, context)] if options else []
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from described(found, click.Context(found, parent=context, info_name=name), [*words, name])


def help_parts(text: str) -> Iterable[str]:
    """The paragraphs of a help text; what click keeps line by line becomes a block."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b\n"):
            heading, *lines = paragraph.splitlines()[1:]
            yield f"{heading}\n\n```sh\n{textwrap.dedent(chr(10).join(lines))}\n```"
        else:
            yield " ".join(paragraph.split()).replace("<", "&lt;")


def option_table(options: Sequence[click.Option], context: click.Context) -> str:
    """The options of one command."""
    rows = []
    for option in options:
        value = "" if option.is_flag else " " + option.make_metavar(context)
        shown = f"`{option.default}`" if option.show_default else ""
        rows.append((f"`{option.opts[0]}{value}`", shown, (option.help or "").replace("<", "&lt;")))
    return markdown_table(("Option", "Default", "Meaning"), rows)


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/command-line.md": command_line,
    "docs/configuration.md": configuration,
    "docs/metrics.md": metrics,
    "docs/traces.md": traces,
    "docs/logs.md": logs,
    "docs/errors.md": errors,
    "helm/whatsapp-kafka-connector/README.md": chart,
    "helm/whatsapp-kafka-connector/files/dashboard.json": lambda: json.dumps(dashboard(), indent=2) + "\n",
}


def main() -> int:
    """Exit code 1: with --check, when a page is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true", help="fail when a page is not what the code says")
    mode.add_argument("--write", action="store_true", help="write all pages")
    write = parser.parse_args().write
    stale = []
    for name, page in PAGES.items():
        path, content = ROOT / name, page()
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        stale.append(name)
        if write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
    for name in stale:
        print(f"{name}: written" if write else f"{name}: stale; run scripts/generate_docs.py --write")
    return 1 if stale and not write else 0


if __name__ == "__main__":
    sys.exit(main())
