"""What the tests of the chart share."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import yaml

from connector.config import Role
from tests.fixtures.custom_resources import Schemas
from tests.helm.rendering import FULL, OPERATORS, ROLES, SMALLEST, Objects, render

AGAINST_SCHEMAS: Final = """
import json, sys
from jsonschema import Draft7Validator
for schema, item in json.load(sys.stdin):
    for error in Draft7Validator(schema).iter_errors(item):
        print(item["kind"], error.json_path, error.message)
"""


@pytest.fixture(params=[SMALLEST, FULL, OPERATORS], ids=["smallest", "full", "operators"])
def values(request: pytest.FixtureRequest) -> Path:
    """The smallest installation, one with every optional part of Kubernetes itself, one that leaves it to operators."""
    return Path(request.param)


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest) -> Role:
    """Each of the two roles."""
    role: Role = request.param
    return role


@pytest.fixture
def objects(helm4: Path, values: Path) -> Objects:
    """The rendered objects of an installation."""
    return render(helm4, values)


@pytest.fixture(scope="session")
def complaints(kubernetes_validate: Path, custom_kinds: Schemas) -> Callable[[str, str], str]:
    """A function: what a version of Kubernetes, or an operator, would say against manifests; empty when nothing."""

    def ask(module: list[str], text: str) -> str:
        environment = {"PYTHONPATH": str(kubernetes_validate)}
        done = subprocess.run(  # noqa: S603 - pinned programs
            [sys.executable, *module], input=text, env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    def check(manifests: str, version: str) -> str:
        items = list(yaml.safe_load_all(manifests))
        custom = [item for item in items if (item["apiVersion"], item["kind"]) in custom_kinds]
        # Strimzi's definition is in no package; a test of its own reads what is made.
        core = [item for item in items if item not in custom and not item["apiVersion"].startswith("kafka.strimzi.io/")]
        pairs = [(custom_kinds[item["apiVersion"], item["kind"]], item) for item in custom]
        return ask(
            ["-m", "kubernetes_validate", "--strict", "--quiet", "-k", version, "-"], yaml.safe_dump_all(core)
        ) + ask(["-c", AGAINST_SCHEMAS], json.dumps(pairs))

    return check
