"""The Dockerfile, read by hadolint and held against what the chart and the configuration say."""

import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from connector.config import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FINAL_STAGE = DOCKERFILE.rpartition("\nFROM ")[2]


def complaints(hadolint: Path, dockerfile: str) -> str:
    """What hadolint says with the project's settings; empty when nothing."""
    command = [str(hadolint), "--config", str(ROOT / ".hadolint.yaml"), "-"]
    done = subprocess.run(command, input=dockerfile, capture_output=True, text=True, check=False)  # noqa: S603 - pinned
    return done.stdout + done.stderr


def test_hadolint_has_nothing_to_say(hadolint: Path) -> None:
    """The Dockerfile follows every rule of hadolint; none is switched off."""
    assert complaints(hadolint, DOCKERFILE) == ""


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("--no-cache-dir --require-hashes", "--require-hashes", "DL3042"),
        ("WORKDIR /src", "WORKDIR src", "DL3000"),
        ('ENTRYPOINT ["connector"]', "ENTRYPOINT connector", "DL3025"),
        ('image.licenses="Apache-2.0"', 'image.license="Apache-2.0"', "DL3049"),
        ("USER 10001:10001", "USER root", "DL3002"),
    ],
)
def test_a_planted_mistake_is_found(hadolint: Path, right: str, wrong: str, rule: str) -> None:
    """The linter is not blind: each of these would be reported."""
    assert right in DOCKERFILE
    assert rule in complaints(hadolint, DOCKERFILE.replace(right, wrong))


def test_any_builder_can_build_it() -> None:
    """Nothing in it needs a frontend from a registry or BuildKit."""
    assert not re.search(r"^#\s*syntax\s*=", DOCKERFILE, re.MULTILINE)
    assert "--mount" not in DOCKERFILE
    assert "--link" not in DOCKERFILE


def test_everything_copied_is_in_the_build_context() -> None:
    """Each source of COPY exists and is let through by .dockerignore, which lets nothing else through."""
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    ]
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert "*" in rules
    assert {word.partition("/")[0] for word in copied} == allowed
    assert all((ROOT / word).exists() for word in copied)


def test_nothing_private_is_in_the_build_context() -> None:
    """A file of secrets in the checkout cannot slip into a layer."""
    allowed = [rule.removeprefix("!") for rule in (ROOT / ".dockerignore").read_text().splitlines() if rule[:1] == "!"]
    for name in (".git", ".env", ".venv", "config.yaml", "secrets", "tests"):
        assert not any(fnmatch(name, rule) for rule in allowed)


def test_the_user_is_the_one_the_chart_names() -> None:
    """Image and chart agree on a numeric user without rights; Kubernetes sees that it is not root."""
    template = (ROOT / "helm" / "whatsapp-kafka-connector" / "templates" / "_pod.tpl").read_text()
    (user,) = re.findall(r"^USER (\d+):\1$", FINAL_STAGE, re.MULTILINE)
    assert int(user) > 0
    assert f"runAsUser: {user}" in template
    assert f"fsGroup: {user}" in template


def test_ports_are_those_of_the_configuration() -> None:
    """EXPOSE and HEALTHCHECK name the connector's default ports, and so do the chart's values."""
    values = yaml.safe_load((ROOT / "helm" / "whatsapp-kafka-connector" / "values.yaml").read_text())["config"]
    ports = (Settings().ingress.port, Settings().admin.port)
    assert f"EXPOSE {ports[0]} {ports[1]}" in FINAL_STAGE
    assert f"127.0.0.1:{ports[1]}/livez" in FINAL_STAGE
    assert (values["ingress"]["port"], values["admin"]["port"]) == ports


def test_the_connector_is_the_program_of_the_container() -> None:
    """In exec form, so that it is process 1 and gets SIGTERM itself."""
    assert 'ENTRYPOINT ["connector"]' in FINAL_STAGE
