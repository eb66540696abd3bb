"""Posts recorded webhooks at an ingress and checks that all of them arrive on Kafka, item by item, unchanged.

Every ``*.json`` below a folder that is a webhook body is signed and posted; 200 is expected. Then the topics are read
from where they ended before, and every message, every status and every other event must be there at least once, with
the business account and number of its change and with the same JSON as was sent: numbers are compared by their text.
A change that holds an array of events (calls, groups, echoes, the chat history, ...) has to bring each of them, and
what stands around them. What cannot be an item (no object, or without an id) is expected among the rejects, and nothing
else is.

An ingress drops what it has seen before: for a second run restart it, or set ``ingress.repeat_window`` to 0.

The script shares no code with the connector: it walks the bodies itself. It needs confluent-kafka and fastavro. Other
traffic on the same topics counts as unexpected.

Exit codes: 0 all there, 1 something is not, 2 wrong usage.
"""

import argparse
import hashlib
import hmac
import http.client
import json
import sys
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from fastavro import parse_schema, schemaless_reader
from fastavro.schema import fingerprint, to_parsing_canonical_form

OBJECT = "whatsapp_business_account"
OK = 200
CONTEXT = {"messaging_product", "metadata", "contacts"}
ITEM_ARRAYS = {"messages": "messages", "statuses": "statuses"}
GROUPS = [["groups"]]
ECHOES = [["message_echoes"]]
EVENT_ARRAYS = {
    "messages": [["user_actions"], *ECHOES],
    "standby": ECHOES,
    "smb_message_echoes": ECHOES,
    "message_echoes": ECHOES,
    "history": [["history", "threads", "messages"], ["messages"], *ECHOES],
    "smb_app_state_sync": [["state_sync"]],
    "calls": [["calls"], ["statuses"]],
    "user_preferences": [["user_preferences"]],
    "user_id_update": [["user_id_update"]],
    "automatic_events": [["automatic_events"]],
    "group_lifecycle_update": GROUPS,
    "group_participants_update": GROUPS,
    "group_participant_update": GROUPS,
    "group_settings_update": GROUPS,
    "group_status_update": GROUPS,
}
NOTHING: tuple[Any, ...] = (None, [], {})
TOPICS = {
    "messages": ("whatsapp.inbound-messages.v1", "InboundMessage"),
    "statuses": ("whatsapp.message-statuses.v1", "MessageStatus"),
    "changes": ("whatsapp.account-events.v1", "AccountEvent"),
    "rejects": ("dlq.whatsapp.webhooks", None),
}


class Item(NamedTuple):
    """One thing that has to arrive; two are the same when all of it is equal."""

    kind: str
    waba_id: str
    phone_number_id: str
    content: Hashable

    @property
    def label(self) -> str:
        """What a person can find it by."""
        names = dict(self.content[1]) if isinstance(self.content, tuple) and self.content[0] == "object" else {}
        return " ".join(str(names[name][1]) for name in ("id", "field") if name in names) or "-"


@dataclass
class Report:
    """What was seen. ``files``: path and reason; the counts of items are by kind."""

    posted: int = 0
    answered_200: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    expected: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything that was to arrive has, and nothing else."""
        return not (self.refused or self.missing or self.different or self.unexpected) and self.posted > 0


def no_constant(text: str) -> NoReturn:
    """NaN and Infinity are not JSON."""
    message = f"{text} is not JSON"
    raise ValueError(message)


def parse(text: str) -> Any:
    """JSON as Python has it, each number as a pair that no JSON text makes otherwise."""

    def number(digits: str) -> tuple[str, str]:
        return ("number", digits)

    return json.loads(text, parse_int=number, parse_float=number, parse_constant=no_constant)


def frozen(value: Any) -> Hashable:
    """A value that can be counted and compared: order of members does not matter, everything else does."""
    if isinstance(value, dict):
        return ("object", tuple(sorted((name, frozen(member)) for name, member in value.items())))
    if isinstance(value, list):
        return ("array", tuple(frozen(member) for member in value))
    return value if isinstance(value, tuple) else (type(value).__name__, value)


def text_of(value: Any) -> str:
    """An id, sent as a string or as a number."""
    if isinstance(value, tuple):
        return value[1] if value[1].lstrip("-").isdigit() else ""
    return value if isinstance(value, str) else ""


def why_not_webhook(body: Any) -> str | None:
    """The reason why a JSON value is no webhook body; None when it is one."""
    if not isinstance(body, dict):
        return "not an object"
    if body.get("object") != OBJECT:
        return f"object is not {OBJECT}"
    return None if isinstance(body.get("entry"), list) else "entry is not an array"


def items_of(body: dict[str, Any]) -> Iterator[Item]:
    """Everything one body has to bring onto Kafka."""
    for entry in body["entry"]:
        changes = entry.get("changes") if isinstance(entry, dict) else None
        if not isinstance(changes, list):
            yield reject(entry)
            continue
        for change in changes:
            yield from items_of_change(text_of(entry.get("id")), change)


def items_of_change(waba_id: str, change: Any) -> Iterator[Item]:
    """Messages and statuses one by one; then the events of any other kind."""
    if not isinstance(change, dict) or not isinstance(change.get("field"), str):
        yield reject(change)
        return
    field, value = change["field"], change.get("value")
    inner = opened(field, value)
    arrays = [name for name in ITEM_ARRAYS if inner.get(name) not in NOTHING]
    if field not in {"messages", "standby"} or not arrays:
        yield from events_of(waba_id, change)
        return
    metadata = inner.get("metadata")
    number = text_of(metadata.get("phone_number_id")) if isinstance(metadata, dict) else ""
    for name in arrays:
        if not isinstance(inner[name], list):
            yield reject(inner[name])
            continue
        for item in inner[name]:
            sound = isinstance(item, dict) and text_of(item.get("id"))
            yield Item(ITEM_ARRAYS[name], waba_id, number, frozen(item)) if sound else reject(item)
    rest = {name: member for name, member in inner.items() if name not in ITEM_ARRAYS}
    beside = [member for name, member in rest.items() if name not in CONTEXT]
    beside += [member for name, member in change.items() if name not in {"field", "value"}]
    if any(member not in NOTHING for member in beside):
        yield from events_of(waba_id, {**change, "value": rest})


def opened(field: str, value: Any) -> dict[str, Any]:
    """The object that holds the arrays: the value, and with ``standby`` what is nested in it."""
    if not isinstance(value, dict):
        return {}
    nested = value.get("standby") if field == "standby" else None
    outer = {name: member for name, member in value.items() if name != "standby"}
    return {**outer, **nested} if isinstance(nested, dict) else value


def events_of(waba_id: str, change: Any) -> Iterator[Item]:
    """The events of a change, each with the names of its arrays; and what stands around them, to be found once.

    The same for what was sent and for the text of a record: a change that is one event is one item.
    """
    field, value = change["field"], opened(change["field"], change.get("value"))
    number = number_of_change(value)
    paths = [path for path in EVENT_ARRAYS.get(field, []) if value.get(path[0]) not in NOTHING]
    found = [event for path in paths for event in walk(value, path)]
    events = [event for event in found if isinstance(event[1], dict)]
    if not events:
        yield Item("changes", waba_id, number, frozen({**change, "value": value or change.get("value")}))
        return
    for names, event in found:
        sound = isinstance(event, dict)
        yield (
            Item("changes", waba_id, number, frozen({"field": field, **event, "": list(names)}))
            if sound
            else reject(event)
        )
    around = {name: member for name, member in value.items() if name not in {path[0] for path in paths}}
    yield Item("around", waba_id, number, frozen({**change, "value": around}))


def walk(holder: Any, path: Sequence[str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The elements at the end of a path of arrays; one that holds no further array is an end itself."""
    name, *deeper = path
    for element in holder[name] if isinstance(holder[name], list) else [holder[name]]:
        if not deeper or not isinstance(element, dict) or element.get(deeper[0]) in NOTHING:
            yield (name,), element
        else:
            yield from (((name, *names), event) for names, event in walk(element, deeper))


def number_of_change(value: Any) -> str:
    """The business number a change names: in its metadata, else in itself."""
    places = [value.get("metadata"), value] if isinstance(value, dict) else []
    named = [place["phone_number_id"] for place in places if isinstance(place, dict) and "phone_number_id" in place]
    return text_of(named[0]) if named else ""


def reject(value: Any) -> Item:
    """What can only be set aside."""
    return Item("rejects", "", "", frozen(value))


def read_bodies(folder: Path, report: Report) -> dict[str, tuple[bytes, list[Item]]]:
    """Every webhook body below a folder, by its path; the others go into the report."""
    bodies = {}
    for path in sorted(folder.rglob("*.json")):
        name = str(path.relative_to(folder))
        raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        try:
            body = parse(raw.decode())
        except (ValueError, RecursionError) as error:
            report.skipped[name] = f"not JSON in UTF-8: {type(error).__name__}"
            continue
        reason = why_not_webhook(body)
        if reason is not None:
            report.skipped[name] = reason
        else:
            bodies[name] = (raw, list(items_of(body)))
    return bodies


def post(url: urllib.parse.SplitResult, secret: bytes, raw: bytes) -> str | None:
    """Post one signed body; None when it was answered with 200, else what happened."""
    connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = connect(url.hostname or "", url.port, timeout=60)
    signature = "sha256=" + hmac.new(secret, raw, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": signature}
    try:
        connection.request("POST", url.path or "/", raw, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
    return None if status == OK else str(status)


def post_all(arguments: argparse.Namespace, bodies: dict[str, tuple[bytes, list[Item]]], report: Report) -> None:
    """Post every body as often as asked."""
    url = urllib.parse.urlsplit(arguments.url)
    secret = arguments.app_secret_file.read_bytes().strip()
    work = [(name, raw) for _ in range(arguments.repeat) for name, (raw, _items) in bodies.items()]
    with ThreadPoolExecutor(arguments.concurrency) as pool:
        answers = pool.map(lambda job: (job[0], post(url, secret, job[1])), work)
        for name, fault in answers:
            report.posted += 1
            report.answered_200 += fault is None
            if fault is not None:
                report.refused[name] = fault


class Decoder:
    """Reads Avro values: single-object encoding by the schemas of a folder, or the registry's format."""

    def __init__(self, folder: Path, registry_url: str | None) -> None:
        self._registry_url = registry_url
        self._known: dict[bytes, Any] = {}
        for path in folder.rglob("*.avsc"):
            schema = json.loads(path.read_text())
            canonical = to_parsing_canonical_form(schema)
            self._known[bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))] = parse_schema(schema)

    def decode(self, value: bytes) -> dict[str, Any]:
        """The record; raises ValueError for bytes of another kind, or of a schema nobody knows."""
        if value[:2] == b"\xc3\x01":
            schema, body = self._known.get(value[2:10]), value[10:]
        elif value[:1] == b"\x00" and self._registry_url is not None:
            schema, body = self._from_registry(value[1:5]), value[5:]
        else:
            schema, body = None, b""
        if schema is None:
            message = f"no schema for a value that begins with {value[:10].hex()}"
            raise ValueError(message)
        record = schemaless_reader(BytesIO(body), schema, None)
        if not isinstance(record, dict):
            message = "not a record"
            raise TypeError(message)
        return record

    def _from_registry(self, id_: bytes) -> Any:
        if id_ not in self._known:
            url = f"{self._registry_url}/schemas/ids/{int.from_bytes(id_, 'big')}"
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - the user names the registry
                self._known[id_] = parse_schema(json.loads(json.load(answer)["schema"]))
        return self._known[id_]


class Topics:
    """The four topics, from a place noted before."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        config = dict(pair.split("=", 1) for pair in arguments.kafka_config)
        self._timeout_s = arguments.timeout_s
        self._consumer = Consumer(
            {
                "group.id": f"replay-{uuid.uuid4().hex}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                **config,
                "bootstrap.servers": arguments.bootstrap_servers,
            }
        )
        self.names = {kind: arguments.topics_prefix + getattr(arguments, f"topic_{kind}") for kind in TOPICS}
        self._begin = self._ends()

    def read(self) -> Iterator[tuple[str, bytes]]:
        """Kind and value of every record written since."""
        kinds = {name: kind for kind, name in self.names.items()}
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in self._begin.items()])
        unread = set(self._begin)
        while unread:
            message = self._consumer.poll(self._timeout_s)
            if message is None:
                error = f"no end of {sorted(unread)} within {self._timeout_s} s"
                raise TimeoutError(error)
            place = (message.topic() or "", message.partition() or 0)
            fault = message.error()
            if fault is None:
                yield kinds[place[0]], message.value() or b""
            elif fault.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the binding's public name for it
                unread.discard(place)
            else:
                raise KafkaException(fault)

    def _ends(self) -> dict[tuple[str, int], int]:
        ends = {}
        for topic in self.names.values():
            found = self._consumer.list_topics(topic, timeout=self._timeout_s).topics[topic]
            if found.error is not None:
                raise KafkaException(found.error)
            for partition in found.partitions:
                place = TopicPartition(topic, partition)
                ends[topic, partition] = self._consumer.get_watermark_offsets(place, timeout=self._timeout_s)[1]
        return ends


def found_items(kind: str, value: bytes, decoder: Decoder) -> list[Item]:
    """What one record says it is."""
    if kind == "rejects":
        try:
            return [reject(parse(value.decode()))]
        except ValueError:
            return [Item("rejects", "", "", ("bytes", value))]
    record = decoder.decode(value)
    raw = parse(record["raw"])
    if kind == "changes":
        # Not the number of the record: it may be one that the text displays without its id.
        return list(events_of(record["waba_id"], raw))
    return [Item(kind, record["waba_id"], record["phone_number_id"] or "", frozen(raw))]


def compare(expected: Iterable[Item], found: Iterable[Item], report: Report) -> None:
    """Every expected item at least once, and nothing else; one under the name of another is different, not missing.

    What stands around events has to be found with one of them; with the others there may be less.
    """
    wanted, seen = Counter(expected), Counter(found)
    for counts, total in ((wanted, report.expected), (seen, report.found)):
        for item, count in counts.items():
            if item.kind != "around":
                total[item.kind] += count
    strangers = {(item.kind, item.label): item for item in seen if item not in wanted and item.kind != "around"}
    for item in wanted:
        if item not in seen:
            changed = strangers.pop((item.kind, item.label), None)
            (report.missing if changed is None else report.different).append(f"{item.kind}: {item.label}")
    report.unexpected += [f"{kind}: {label}" for kind, label in strangers]


def print_table(report: Report) -> None:
    """For people."""
    print(f"{'kind':<10}{'expected':>10}{'found':>10}")
    for kind in TOPICS:
        print(f"{kind:<10}{report.expected[kind]:>10}{report.found[kind]:>10}")
    print(f"\nposted {report.posted}, answered 200: {report.answered_200}, files skipped: {len(report.skipped)}")
    for title in ("skipped", "refused"):
        for name, reason in getattr(report, title).items():
            print(f"{title}: {name}: {reason}")
    for title in ("missing", "different", "unexpected"):
        found = getattr(report, title)
        print(f"{title}: {len(found)}")
        for label in found:
            print(f"  {label}")
    print("PASSED" if report.passed else "FAILED")


def arguments_of(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with webhook bodies, *.json at any depth")
    parser.add_argument("--url", required=True, help="address of the webhook, such as http://localhost:8080/webhook")
    parser.add_argument("--app-secret-file", required=True, type=Path, help="file with the app secret that signs")
    parser.add_argument("--bootstrap-servers", required=True, help="Kafka, host:port")
    parser.add_argument("--kafka-config", action="append", default=[], metavar="K=V", help="librdkafka property")
    parser.add_argument("--topics-prefix", default="", help="goes before every topic name")
    for kind, (name, _) in TOPICS.items():
        parser.add_argument(f"--topic-{kind}", default=name, help=f"topic of {kind}, default {name}")
    parser.add_argument("--schema-registry-url", help="for values in the registry's format")
    schemas = Path(__file__).parents[1] / "schemas"
    parser.add_argument("--schemas", type=Path, default=schemas, help="folder with *.avsc, default: the checkout's")
    parser.add_argument("--repeat", type=int, default=1, help="post everything so many times")
    parser.add_argument("--concurrency", type=int, default=4, help="so many posts at once")
    parser.add_argument("--timeout-s", type=float, default=30.0, help="seconds to wait for Kafka")
    parser.add_argument("--output", choices=["table", "json"], default="table")
    arguments = parser.parse_args(argv)
    if not arguments.folder.is_dir():
        parser.error(f"{arguments.folder} is not a folder")
    if any("=" not in pair for pair in arguments.kafka_config):
        parser.error("--kafka-config takes name=value")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Post, read, compare."""
    arguments = arguments_of(argv)
    report = Report()
    bodies = read_bodies(arguments.folder, report)
    topics = Topics(arguments)
    post_all(arguments, bodies, report)
    decoder = Decoder(arguments.schemas, arguments.schema_registry_url)
    found = [item for kind, value in topics.read() for item in found_items(kind, value, decoder)]
    expected = [item for name, (_, items) in bodies.items() if name not in report.refused for item in items]
    compare(expected * arguments.repeat, found, report)
    if arguments.output == "json":
        print(json.dumps({**vars(report), "passed": report.passed}, indent=2))
    else:
        print_table(report)
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
