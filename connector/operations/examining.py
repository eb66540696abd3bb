"""Examines an installation from where it stands: files, Kafka, registry, Cloud API. Nothing is changed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, Self

import httpx

from connector.clock import Clock
from connector.config import ConfigurationError, Role, Settings, check_files
from connector.kafka.cluster import look
from connector.kafka.registry import RegistryUnavailableError, SchemaNotRegisteredError
from connector.kafka.topics import UnreachableError
from connector.kafka.transaction import FatalProducerError, UnreachableProducerError, fence
from connector.operations import cloud_findings, kafka_findings
from connector.operations.cloud_findings import Limits, mapping
from connector.operations.findings import Finding, fail, ok, warn
from connector.records import schemas
from connector.records.topic_plan import PlannedTopic
from connector.secrets import UnusableSecret, read_secret
from connector.service.schema_registry import open_registry, records_of_subjects
from connector.service.startup import client_config

ANSWER_S: Final = 10.0
ANSWER_MAX: Final = 1 << 20
PAGES_MAX: Final = 20


def files(settings: Settings, role: Role) -> Iterator[Finding]:
    """The secret files of a role."""
    try:
        check_files(settings, role)
    except ConfigurationError as error:
        for fault in error.faults:
            found, _, advice = fault.message.partition("; ")
            yield fail(fault.path, found, advice or "put the secret into that file, or name another")
    else:
        yield ok("secret files", f"those of {'both roles' if role == 'all' else role} are there")


def kafka(settings: Settings, role: Role, plan: Sequence[PlannedTopic]) -> Iterator[Finding]:
    """Reach, topics, rights; of the planned topics those that the role needs."""
    needed = needed_rights(settings)
    plan = [topic for topic in plan if role == "all" or topic.name in needed[role]]
    names = settings.topic_names
    servers = str(settings.kafka.common["bootstrap.servers"])
    try:
        config = client_config(settings, {})
        view = look(config, {*(t.name for t in plan), names.rerouted_commands}, settings.delivery.group_id)
    except (UnreachableError, UnusableSecret) as error:
        yield fail("Kafka", f"cannot be reached at {servers}: {error}", "check kafka.common and kafka.secret_files")
        return
    yield ok("Kafka", f"{view.brokers} broker{'s' if view.brokers > 1 else ''} at {servers}")
    decisive = view.topics.get(names.rerouted_commands)
    slots = decisive.partitions if decisive else None
    yield from kafka_findings.topic_findings(plan, view.topics, names.commands, slots, view.brokers)
    for which in ("ingress", "delivery"):
        if role in {which, "all"}:
            yield from kafka_findings.right_findings(needed[which], view.topics, which)
    if role in {"delivery", "all"}:
        yield kafka_findings.group_finding(settings.delivery.group_id, view.group_rights)
        transactional_id = f"{settings.delivery.installation}-doctor"
        yield kafka_findings.transaction_finding(transactional_id, _transaction_fault(settings, transactional_id))


def _transaction_fault(settings: Settings, transactional_id: str) -> str | None:
    try:
        fence(client_config(settings, settings.kafka.producer), transactional_id)
    except (FatalProducerError, UnreachableProducerError) as error:
        return str(error)
    return None


def needed_rights(settings: Settings) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Of each role what it does with which topics."""
    names = settings.topic_names
    events = (names.inbound_messages, names.message_statuses, names.account_events, names.webhook_rejects)
    dead_letters = [names.dead_letters_of(topic) for topic in names.commands]
    both = (names.rerouted_commands, names.delivery_outcomes, names.delivery_attempts, names.delivery_state)
    return {
        "ingress": dict.fromkeys((*events, names.number_signals), ("describe", "write")),
        "delivery": {
            **dict.fromkeys((*names.commands, names.number_signals), ("describe", "read")),
            **dict.fromkeys((*both, names.delivery_control, *dead_letters), ("describe", "read", "write")),
        },
    }


def registry(settings: Settings) -> Iterator[Finding]:
    """Whether the registry answers and has every schema of ours."""
    section = settings.schema_registry
    if section.url is None:
        yield ok("schema registry", "none is used: values are in Avro's single-object encoding")
        return
    missing = []
    try:
        client = open_registry(section)
        for subject, record in records_of_subjects(settings.topic_names, section.subject_name_strategy).items():
            try:
                client.id_of(subject, schemas.schema_text(record))
            except SchemaNotRegisteredError:
                missing.append(subject)
        client.close()
    except (RegistryUnavailableError, ConfigurationError, UnusableSecret) as error:
        yield fail("schema registry", str(error), "check schema_registry.url and its files")
        return
    register = "run `connector schemas register --topics-from-config`"
    yield from (fail(subject, "the current schema is not registered", register) for subject in missing)
    if not missing:
        yield ok("schema registry", f"has every schema at {section.url}")


class CloudApi:
    """Asks the Cloud API about tokens, numbers and accounts.

    Args:
        settings: of the installation.
        clock: compared with the API's.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._http = httpx.Client(timeout=ANSWER_S, follow_redirects=False, trust_env=False)
        self._base = f"{settings.cloud_api.base_url.rstrip('/')}/{settings.cloud_api.version}"
        self._apps: dict[Path, str | None] = {}
        self._skew_s: float | None = None

    def __enter__(self) -> Self:
        """Connections are made when they are needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them."""
        self._http.close()

    def findings(self, numbers: Sequence[str], wabas: Sequence[str]) -> Iterator[Finding]:
        """Tokens, then accounts with their numbers, then the numbers that were named; the clocks last."""
        own = {number.phone_number_id: number for number in self._settings.numbers}
        default = self._settings.cloud_api.access_token_file
        files_ = dict.fromkeys([default, *(n.access_token_file for n in own.values() if n.access_token_file)])
        for file in files_:
            yield from self._token(file)
        found = dict.fromkeys([*numbers, *own])
        accounts = dict.fromkeys([*wabas, *(number.waba_id for number in own.values() if number.waba_id)])
        for waba in accounts:
            of_waba = next((n.access_token_file for n in own.values() if n.waba_id == waba), None)
            yield from self._account(waba, of_waba or default, found if waba in wabas else {})
        if not accounts:
            advice = "name the account: --waba ID, or numbers[].waba_id"
            yield warn("webhook subscription", "not looked at: no WhatsApp Business Account is known", advice)
        for number_id in found:
            node = self._number(number_id, cloud_findings.NUMBER_FIELDS)
            mps = own[number_id].throughput_mps if number_id in own else "auto"
            yield from [node] if isinstance(node, Finding) else cloud_findings.number_findings(number_id, node, mps)
        if self._skew_s is not None:
            yield cloud_findings.skew_finding("clock", self._skew_s)

    def limits(self, number_id: str) -> Limits | Finding:
        """Throughput level of a number and messaging limit of its portfolio, or why they are not told."""
        node = self._number(number_id, cloud_findings.LIMIT_FIELDS)
        return node if isinstance(node, Finding) else cloud_findings.limits(node)

    def _number(self, number_id: str, fields: str) -> dict[str, Any] | Finding:
        own = (n.access_token_file for n in self._settings.numbers if n.phone_number_id == number_id)
        file = next((file for file in own if file), self._settings.cloud_api.access_token_file)
        return self._ask(cloud_findings.about_number(number_id), number_id, file, fields=fields)

    def _token(self, file: Path) -> Iterator[Finding]:
        about = f"token of {file}"
        try:
            token = read_secret(file, text=True).decode()
        except UnusableSecret:
            return  # told by the look at the files
        answer = self._ask(about, "debug_token", file, input_token=token)
        if isinstance(answer, Finding):
            yield answer
            return
        data = mapping(answer.get("data"))
        self._apps[file] = str(data["app_id"]) if data.get("app_id") else None
        yield from cloud_findings.token_findings(about, data, self._clock.wall_ms())

    def _account(self, waba: str, file: Path, numbers: dict[str, None]) -> Iterator[Finding]:
        about = cloud_findings.about_account(waba)
        apps = self._list(about, f"{waba}/subscribed_apps", file)
        if isinstance(apps, Finding):
            yield apps
            return
        yield cloud_findings.subscription_finding(waba, apps, self._apps.get(file))
        listed = self._list(about, f"{waba}/phone_numbers", file)
        if isinstance(listed, Finding):
            yield listed
        else:
            numbers |= {str(id_): None for node in listed if (id_ := mapping(node).get("id"))}

    def _list(self, about: str, path: str, file: Path) -> list[Any] | Finding:
        found: list[Any] = []
        after: dict[str, str] = {}
        for _ in range(PAGES_MAX):
            answer = self._ask(about, path, file, **after)
            if isinstance(answer, Finding):
                return answer
            data, paging = answer.get("data"), mapping(answer.get("paging"))
            found += data if isinstance(data, list) else []
            cursor = mapping(paging.get("cursors")).get("after")
            if "next" not in paging or cursor is None:
                break
            after = {"after": str(cursor)}
        return found

    def _ask(self, about: str, path: str, file: Path, **query: str) -> dict[str, Any] | Finding:
        try:
            token = read_secret(file, text=True).decode()
        except UnusableSecret as error:
            return fail(about, f"cannot be asked about: {error}", "put the token into that file")
        began_ms = self._clock.wall_ms()
        try:
            response, answer = self._get(path, token, query)
        except (httpx.HTTPError, ValueError) as error:
            # The error's own text may name the address, and with it the token.
            advice = "check cloud_api.base_url, and that this host may reach it"
            return fail(about, f"no answer from {self._base}: {type(error).__name__}", advice)
        self._compare_clocks(response, (began_ms + self._clock.wall_ms()) / 2)
        if response.is_success and isinstance(answer, dict):
            return answer
        return cloud_findings.refused(about, response.status_code, mapping(mapping(answer).get("error")))

    def _get(self, path: str, token: str, query: Mapping[str, str]) -> tuple[httpx.Response, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        body = b""
        with self._http.stream("GET", f"{self._base}/{path}", params=query, headers=headers) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > ANSWER_MAX:
                    message = "the answer is too long"
                    raise ValueError(message)
        return response, json.loads(body)

    def _compare_clocks(self, response: httpx.Response, at_ms: float) -> None:
        try:
            told = parsedate_to_datetime(response.headers["date"])
        except (KeyError, ValueError):
            return
        # The header is cut to whole seconds.
        self._skew_s = at_ms / 1000 - (told.timestamp() + 0.5)
