"""What the settings promise, each and together."""

import json
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from connector.config import ConfigurationError, Settings, load
from connector.config.librdkafka import FORBIDDEN, SECRET


def loaded(**sections: Any) -> Settings:
    """Settings with these sections, and defaults for the others."""
    return load(None, {f"CONNECTOR_{name.upper()}": yaml.safe_dump(value) for name, value in sections.items()})


def faults(**sections: Any) -> dict[str, str]:
    """Path and message of each fault, without the variable it came from."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(**sections)
    return {path: message.partition(" (from ")[0] for path, message in caught.value.faults}


def test_settings_never_change() -> None:
    """What was checked once stays as it was."""
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.admin.port = 1


def test_the_defaults_are_the_published_ones() -> None:
    """Names and figures that dashboards, charts and users rely on."""
    settings = Settings()
    crm, marketing = settings.delivery.commands
    assert (settings.ingress.port, settings.ingress.path, settings.admin.port) == (8080, "/webhook", 9090)
    assert settings.cloud_api.version == "v26.0"
    assert settings.delivery.group_id == "whatsapp-delivery-default"
    assert crm.model_dump() == {
        "topic": "whatsapp.outbound-commands.crm.v1",
        "priority": 0,
        "min_share": 0.0,
        "burst": True,
        "on_ambiguous": "RESEND",
        "expires_after_s": None,
    }
    assert marketing.model_dump() == {
        "topic": "whatsapp.outbound-commands.marketing.v1",
        "priority": 1,
        "min_share": 0.05,
        "burst": False,
        "on_ambiguous": "DEAD_LETTER",
        "expires_after_s": 86400,
    }


@pytest.mark.parametrize(
    ("session", "http", "lease", "drain"), [(45, 10, 22.5, 11.25), (20, 5, 10, 5), (6, 1.5, 3, 1.5), (60, 10, 30, 15)]
)
def test_the_budgets_follow_the_session(session: float, http: float, lease: float, drain: float) -> None:
    """http_timeout_s = min(10, S/4), lease_s = S/2, drain_s = S/4."""
    delivery = loaded(delivery={"session_timeout_s": session}).delivery
    assert (delivery.http_timeout_s, delivery.lease_s, delivery.drain_s) == (http, lease, drain)


def test_budgets_that_do_not_fit_the_session_are_refused_each_at_its_key() -> None:
    """A request that outlives the session could reach Meta after another worker has taken over."""
    found = faults(delivery={"session_timeout_s": 20, "http_timeout_s": 5.1, "lease_s": 10.1, "drain_s": 6})
    assert found == {
        "delivery.http_timeout_s": "must be 5 or less, a quarter of session_timeout_s; lower it or raise that",
        "delivery.lease_s": "must be 10 or less, half of session_timeout_s; lower it or raise that",
        "delivery.drain_s": "must be 5 or less, a quarter of session_timeout_s; lower it or raise that",
    }


def test_a_session_at_fault_does_not_accuse_what_is_derived_from_it() -> None:
    """Only the cause is told."""
    assert faults(delivery={"session_timeout_s": 1, "installation": "A"}) == {
        "delivery.session_timeout_s": "must be 6 or more",
        "delivery.installation": "must have only small letters, digits and inner dashes",
    }


@pytest.mark.parametrize("name", ["a", "crm-eu", "7", "a" * 32])
def test_the_installation_names_the_group(name: str) -> None:
    """One name goes into the envelope, the group id and the transactional ids."""
    assert loaded(delivery={"installation": name}).delivery.group_id == f"whatsapp-delivery-{name}"


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", "a b", "a" * 33, "ä", "a\n"])
def test_an_installation_that_does_not_fit_an_envelope_is_refused(name: str) -> None:
    """Its characters and length are what the envelope has room for."""
    assert list(faults(delivery={"installation": name})) == ["delivery.installation"]


@pytest.mark.parametrize("value", [0, 1001, "fast", 1.5, True, None])
def test_a_throughput_is_auto_or_a_level_meta_sells(value: object) -> None:
    """1000 messages a second is the highest level of a number."""
    assert faults(numbers=[{"phone_number_id": "1", "throughput_mps": value}]) == {
        "numbers[0].throughput_mps": "must be auto or a whole number from 1 to 1000"
    }


def test_an_id_in_digits_without_quotes_is_told_to_be_quoted() -> None:
    """YAML reads it as a number, and a number may lose digits."""
    assert faults(numbers=[{"phone_number_id": 106540352242922}]) == {
        "numbers[0].phone_number_id": 'must be text; put it in quotes: "..."'
    }


def test_numbers_and_command_topics_are_unique_and_there_is_a_command_topic() -> None:
    """Two entries for one thing would be a guess which one counts."""
    assert faults(
        numbers=[{"phone_number_id": "1"}, {"phone_number_id": "2"}, {"phone_number_id": "1"}],
        delivery={"commands": [{"topic": "a"}, {"topic": "a"}]},
    ) == {
        "numbers[2].phone_number_id": "is the same as in entry [0]; keep one",
        "delivery.commands[1].topic": "is the same as in entry [0]; keep one",
    }
    assert faults(delivery={"commands": []}) == {"delivery.commands": "must have at least 1 entries"}


def test_bad_entries_are_told_and_not_counted_as_missing() -> None:
    """A list with one bad entry is not an empty list."""
    assert faults(delivery={"commands": [{"topic": "a b"}]}) == {
        "delivery.commands[0].topic": "must be a topic name: letters, digits, dot, underscore and dash"
    }


def test_minimum_shares_leave_no_more_than_the_whole() -> None:
    """Three halves cannot be kept."""
    commands = [{"topic": name, "min_share": 0.4} for name in "abc"]
    assert faults(delivery={"commands": commands}) == {
        "delivery.commands": "min_share of all topics must be 1 or less together"
    }


def test_the_prefix_goes_before_every_name_and_dead_letters_keep_the_origin() -> None:
    """The dead-letter topic is the prefix, dlq. and the origin's name."""
    settings = loaded(topics={"prefix": "eu."}, delivery={"commands": [{"topic": "orders"}]})
    names = settings.topic_names
    assert names.inbound_messages == "eu.whatsapp.inbound-messages.v1"
    assert names.commands == ("eu.orders",)
    assert names.dead_letters_of("eu.orders") == "eu.dlq.orders"
    assert names.dead_letters_of("other") == "eu.dlq.other"
    owned = [value for key, value in names._asdict().items() if key not in {"commands", "prefix", "dead_letters"}]
    assert all(name.startswith("eu.") for name in owned)


def test_topics_that_share_a_name_are_refused() -> None:
    """Records of two kinds in one topic would be undecodable for everybody."""
    assert faults(topics={"message_statuses": "x", "account_events": "x"}) == {
        "topics.account_events": "is the name of topics.message_statuses too; give each its own"
    }
    assert faults(
        delivery={"commands": [{"topic": "whatsapp.delivery-outcomes.v1"}, {"topic": "whatsapp.webhooks"}]}
    ) == {
        "delivery.commands[0].topic": "is the name of another topic of ours; give it its own",
        "delivery.commands[1].topic": "has the dead-letter topic dlq.whatsapp.webhooks, which is in use; rename one",
    }


def test_a_topic_whose_dead_letter_topic_kafka_would_refuse_is_refused_now() -> None:
    """Kafka allows 249 characters; a dead letter that cannot be written would stop its slot."""
    sections: dict[str, Any] = {"topics": {"prefix": "eu."}, "delivery": {"commands": [{"topic": "a" * 242}]}}
    assert loaded(**sections).topic_names.dead_letters_of("eu." + "a" * 242) == "eu.dlq." + "a" * 242
    sections["delivery"]["commands"][0]["topic"] += "a"
    assert "must have at most 242 characters" in faults(**sections)["delivery.commands[0].topic"]


def test_a_hidden_conversation_key_needs_its_secret() -> None:
    """Without a secret anybody could compute who is behind a key."""
    assert list(faults(topics={"conversation_key": "hmac"})) == ["topics.conversation_key_secret_file"]
    loaded(topics={"conversation_key": "hmac", "conversation_key_secret_file": "/s"})


@pytest.mark.parametrize("section", ["common", "producer", "consumer", "secret_files"])
@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_a_property_that_carries_a_promise_cannot_be_overridden(section: str, name: str) -> None:
    """Each is refused by name, with the reason, wherever it stands."""
    kafka = {"common": {"bootstrap.servers": "k:1"}, section: {"bootstrap.servers": "k:1", name: "x"}}
    assert faults(kafka=kafka)[f"kafka.{section}.{name}"] == f"cannot be set here: {FORBIDDEN[name]}"


@pytest.mark.parametrize("name", sorted(SECRET))
def test_a_secret_in_the_file_is_refused_and_never_repeated(name: str) -> None:
    """Its value stays out of the message, and the message says where secrets go."""
    found = faults(kafka={"common": {"bootstrap.servers": "k:1", name: "hunter2"}})
    assert "kafka.secret_files" in found[f"kafka.common.{name}"]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("section", ["common", "secret_files"])
def test_a_property_has_a_name_and_a_plain_value(section: str) -> None:
    """Nested maps and lists mean nothing to librdkafka."""
    kafka: dict[str, Any] = {"common": {"bootstrap.servers": "k:1", "a": [1]}, "secret_files": {"b": ""}}
    kafka[section][""] = "x"
    found = faults(kafka=kafka)
    assert found["kafka.common.a"] == "must be text, a number, true or false"
    assert found["kafka.secret_files.b"] == "must be the path of a file"
    assert found[f'kafka.{section}.""'] == "must be the name of a librdkafka property"


@pytest.mark.parametrize("path", ["", ".", "a\0b", 5])
def test_a_file_is_a_path(path: object) -> None:
    """An empty path would be the working directory."""
    assert faults(cloud_api={"access_token_file": path}) == {
        "cloud_api.access_token_file": "must be the path of a file"
    }


def test_brokers_are_named_once_for_all_clients() -> None:
    """A transaction spans what producers write and consumers read: one cluster."""
    assert faults(kafka={"common": {"linger.ms": 5}}) == {
        "kafka.common.bootstrap.servers": "is required; set it to host:port, several with commas"
    }
    assert list(faults(kafka={"producer": {"bootstrap.servers": "k:1"}})) == ["kafka.producer.bootstrap.servers"]


@pytest.mark.parametrize(
    "url",
    ["graph.facebook.com", "ftp://a", "https://", "https://u:p@a", "https://a?x=1", "https://a:99999", "http://[", 3],
)
def test_a_base_url_has_a_scheme_and_a_host_and_no_secret(url: object) -> None:
    """A password in a URL would end up in logs."""
    assert list(faults(cloud_api={"base_url": url})) == ["cloud_api.base_url"]


def test_a_slash_at_the_end_of_a_base_url_is_dropped() -> None:
    """Paths are appended with their own."""
    assert loaded(cloud_api={"base_url": "http://simulator:8000/"}).cloud_api.base_url == "http://simulator:8000"


def test_two_servers_do_not_share_a_port() -> None:
    """Unless each takes a free one."""
    assert list(faults(admin={"port": 8080})) == ["admin.port"]
    assert loaded(admin={"port": 0}, ingress={"port": 0}).admin.port == 0


def test_the_json_schema_tells_limits_patterns_and_closed_maps() -> None:
    """Editors find what the connector would find, apart from rules between keys."""
    schema = json.loads(json.dumps(Settings.model_json_schema()))
    delivery = schema["$defs"]["Delivery"]
    assert delivery["additionalProperties"] is False
    assert delivery["properties"]["installation"]["pattern"] == "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
    assert schema["$defs"]["CommandTopic"]["properties"]["min_share"]["maximum"] == 0.5


def test_every_key_says_what_it_means() -> None:
    """A key without a description would be a hole in the reference."""
    schema = Settings.model_json_schema()
    for model in [schema, *schema["$defs"].values()]:
        assert model["description"]
        assert [key for key, field in model["properties"].items() if not field.get("description")] == []
