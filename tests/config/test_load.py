"""One file and the environment become settings, or every fault at once."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from connector.config import ConfigurationError, Fault, Settings, load

ROOT = Path(__file__).resolve().parents[2]


def written(tmp_path: Path, text: str) -> Path:
    """A configuration file with this text."""
    path = tmp_path / "connector.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path | None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Path and message of each fault."""
    with pytest.raises(ConfigurationError) as caught:
        load(path, environ or {})
    return dict(caught.value.faults)


def test_without_a_file_everything_has_its_default() -> None:
    """A laptop with Kafka on localhost needs no configuration."""
    assert load(None, {}) == Settings()


def test_the_example_is_the_smallest_configuration_and_loads() -> None:
    """examples/connector.yaml is good and has at most ten lines that are no comment."""
    path = ROOT / "examples" / "connector.yaml"
    settings = load(path, {})
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 10
    assert settings.kafka.common == {"bootstrap.servers": "localhost:9092"}
    assert settings.delivery.installation == "default"


def test_all_faults_are_told_at_once_with_the_path_of_each_key(tmp_path: Path) -> None:
    """Whoever starts the process with six faults repairs six, not one and then the next."""
    path = written(
        tmp_path,
        """
kafka: {common: {bootstrap.servers: "k:9092", acks: "1"}}
topics: {conversation_key: hmac}
ingres: {}
numbers: [{phone_number_id: "1", throughput_mps: 1001}]
delivery:
  commands:
    - {topic: a}
    - {topic: b, min_share: 0.6}
""",
    )
    found = faults(path, {"CONNECTOR_TELEMETRY__LOG_LEVEL": "loud"})
    assert set(found) == {
        "kafka.common.acks",
        "topics.conversation_key_secret_file",
        "ingres",
        "numbers[0].throughput_mps",
        "delivery.commands[1].min_share",
        "telemetry.log_level",
    }


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("ingres: {}", "ingres", "unknown key; did you mean ingress?"),
        ("delivery: {lease: 3}", "delivery.lease", "unknown key; did you mean lease_s?"),
        (
            "delivery: {commands: [{topc: a, topic: a}]}",
            "delivery.commands[0].topc",
            "unknown key; did you mean topic?",
        ),
        ("admin: {zzz: 1}", "admin.zzz", "unknown key; remove it, the keys here are host, port"),
    ],
)
def test_an_unknown_key_is_a_fault_that_names_the_nearest_known_one(
    tmp_path: Path, text: str, path: str, message: str
) -> None:
    """A key that nobody reads would otherwise be believed to work."""
    assert faults(written(tmp_path, text)) == {path: message}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kafka: [", "is not YAML at line 1, column 9"),
        ("kafka: {a: 1}\n kafka: 1", "is not YAML at line 2"),
        ("a: &x [*x]", "contains itself"),
        ("? [a]\n: b", "a key must be plain text (line 1)"),
        ("[1, 2]", "must hold a map of sections"),
        ("just text", "must hold a map of sections"),
        ("a: \x00", "is not YAML"),
        ('a: "\\UFFFFFFFF"', "is not YAML"),
        ("[" * 5000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_map_in_yaml_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    """A broken file gives one clear sentence, never a traceback."""
    ((_, told),) = faults(written(tmp_path, text)).items()
    assert message in told


def test_a_key_that_stands_twice_is_a_fault_with_its_line(tmp_path: Path) -> None:
    """YAML readers keep the last one without a word; then half of a merged file is silently lost."""
    path = written(tmp_path, "admin:\n  port: 1\n  port: 2\ningress: {path: /a, path: /b}\n")
    assert faults(path) == {
        "admin.port": "stands twice in the same map; keep one (line 3)",
        "ingress.path": "stands twice in the same map; keep one (line 4)",
    }


def test_a_missing_file_is_a_fault_that_names_it(tmp_path: Path) -> None:
    """The file's name and the reason stand in the message."""
    path = tmp_path / "missing.yaml"
    assert faults(path) == {str(path): "cannot be read (No such file or directory); name another with --config"}


def test_a_file_that_is_not_utf8_or_too_large_is_a_fault(tmp_path: Path) -> None:
    """Neither is a configuration file."""
    path = tmp_path / "connector.yaml"
    path.write_bytes(b"admin: {host: \xff}")
    assert "is not UTF-8 text (byte 14)" in faults(path)[str(path)]
    path.write_bytes(b"#" * 1_048_577)
    assert "is larger than 1048576 bytes" in faults(path)[str(path)]


def test_an_empty_file_and_an_empty_section_mean_the_defaults(tmp_path: Path) -> None:
    """A section whose keys are all commented out is null in YAML."""
    assert load(written(tmp_path, ""), {}) == Settings()
    assert load(written(tmp_path, "delivery:\n#  lease_s: 3\n"), {}) == Settings()


def test_the_variable_connector_config_names_the_file_and_the_option_wins(tmp_path: Path) -> None:
    """CONNECTOR_CONFIG is for containers, --config for people."""
    path = written(tmp_path, "admin: {port: 1234}")
    environ = {"CONNECTOR_CONFIG": str(path)}
    assert load(None, environ).admin.port == 1234
    other = tmp_path / "other.yaml"
    other.write_text("admin: {port: 4321}", encoding="utf-8")
    assert load(other, environ).admin.port == 4321


def test_a_variable_replaces_one_key_and_leaves_its_neighbours(tmp_path: Path) -> None:
    """The value is YAML: numbers, null, lists and maps work."""
    path = written(
        tmp_path, "admin: {port: 1, host: localhost}\nkafka: {common: {bootstrap.servers: a:1, log_level: 3}}"
    )
    settings = load(
        path,
        {
            "CONNECTOR_ADMIN__PORT": "2",
            "CONNECTOR_KAFKA__COMMON": '{bootstrap.servers: "b:1", security.protocol: SSL}',
            "CONNECTOR_INGRESS__APP_SECRET_FILES": "[/a, /b]",
            "CONNECTOR_SCHEMA_REGISTRY__URL": "null",
            "CONNECTOR_NUMBERS": '[{phone_number_id: "106540352242922"}]',
        },
    )
    assert (settings.admin.port, settings.admin.host) == (2, "localhost")
    assert settings.kafka.common == {"bootstrap.servers": "b:1", "security.protocol": "SSL"}
    assert settings.ingress.app_secret_files == (Path("/a"), Path("/b"))
    assert settings.numbers[0].phone_number_id == "106540352242922"


@pytest.mark.parametrize("text", ["4711", "007", "true", '"4711"', "a: b", "[x", "1.5"])
def test_a_key_that_takes_text_takes_it_without_quotes(text: str) -> None:
    """Quotes inside a shell's quotes are what people get wrong."""
    settings = load(None, {"CONNECTOR_CLOUD_API__ACCESS_TOKEN_FILE": text})
    assert str(settings.cloud_api.access_token_file) == text.strip('"')


def test_a_whole_section_comes_before_its_single_keys() -> None:
    """The more exact variable wins, whatever the order of the environment."""
    environ = {"CONNECTOR_ADMIN__PORT": "7", "CONNECTOR_ADMIN": "{port: 8, host: localhost}"}
    assert load(None, environ).admin.model_dump() == {"host": "localhost", "port": 7}


def test_a_variable_with_an_unknown_or_partial_key_is_a_fault() -> None:
    """A misspelt variable must not be believed to work; librdkafka's names are not part of a variable's name."""
    assert faults(
        None,
        {
            "CONNECTOR_TELEMETRY__LOG_LEVLE": "info",
            "CONNECTOR_INGRES__PORT": "1",
            "CONNECTOR_KAFKA__COMMON__BOOTSTRAP_SERVERS": "k:1",
            "CONNECTOR_INGRESS_PORT": "80",
            "CONNECTOR_NUMBERS": "[",
        },
    ) == {
        "CONNECTOR_TELEMETRY__LOG_LEVLE": "unknown key; did you mean log_level?",
        "CONNECTOR_INGRES__PORT": "unknown key; did you mean ingress?",
        "CONNECTOR_KAFKA__COMMON__BOOTSTRAP_SERVERS": (
            "names a part of kafka.common; set CONNECTOR_KAFKA__COMMON whole, as YAML"
        ),
        "CONNECTOR_INGRESS_PORT": "unknown key; did you mean ingress?",
        "CONNECTOR_NUMBERS": "is not YAML at line 1, column 2: expected the node content, but found '<stream end>'",
    }


def test_a_fault_in_a_value_from_the_environment_names_the_variable() -> None:
    """Otherwise people look for it in the file."""
    assert faults(None, {"CONNECTOR_ADMIN__PORT": "x"}) == {
        "admin.port": "must be a whole number, without quotes (from CONNECTOR_ADMIN__PORT)"
    }


def test_a_section_that_is_no_map_is_told_once_whatever_the_variables_say(tmp_path: Path) -> None:
    """The override of a key inside it has nowhere to go."""
    path = written(tmp_path, "admin: 5")
    assert faults(path, {"CONNECTOR_ADMIN__PORT": "1"}) == {
        "admin": "must be a map; write each key on a line of its own, as 'key: value'"
    }


def test_variables_that_kubernetes_makes_for_a_service_are_passed_over() -> None:
    """A Service called connector-ingress must not keep the Pod from starting."""
    environ = {
        "CONNECTOR_SERVICE_HOST": "10.0.0.1",
        "CONNECTOR_PORT": "tcp://10.0.0.1:80",
        "CONNECTOR_INGRESS_SERVICE_HOST": "10.0.0.1",
        "CONNECTOR_INGRESS_SERVICE_PORT": "80",
        "CONNECTOR_INGRESS_SERVICE_PORT_HTTP": "80",
        "CONNECTOR_INGRESS_PORT": "tcp://10.0.0.1:80",
        "CONNECTOR_INGRESS_PORT_80_TCP": "tcp://10.0.0.1:80",
        "CONNECTOR_INGRESS_PORT_80_TCP_PROTO": "tcp",
        "CONNECTOR_INGRESS_PORT_80_TCP_ADDR": "10.0.0.1",
        "PATH": "/bin",
    }
    assert load(None, environ) == Settings()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("010", "010"),
        ("12:30", "12:30"),
        ("2026-11-24", "2026-11-24"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("true", True),
        ("0", 0),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("'7'", "7"),
    ],
)
def test_yaml_is_read_as_yaml_1_2(tmp_path: Path, text: str, value: object) -> None:
    """Times, dates, octal numbers and yes or no stay the text that people wrote."""
    path = written(tmp_path, f"kafka: {{common: {{bootstrap.servers: k, x: {text}}}}}")
    found = load(path, {}).kafka.common["x"]
    assert (found, type(found)) == (value, type(value))


def test_an_alias_is_the_value_it_names_and_may_be_overridden_in_one_place(tmp_path: Path) -> None:
    """A variable for one section does not reach the other that shares its map."""
    path = written(tmp_path, "admin: &where {host: localhost, port: 1}\ningress: *where\n")
    settings = load(path, {"CONNECTOR_INGRESS__PORT": "2"})
    assert (settings.admin.port, settings.ingress.port, settings.ingress.host) == (1, 2, "localhost")


def test_a_fault_reads_as_path_and_message() -> None:
    """What people see on the terminal."""
    error = ConfigurationError([Fault("a.b", "must be 1"), Fault("c", "is required")])
    assert str(error) == "a.b: must be 1\nc: is required"
