"""The image itself, locked down as a careful cluster does it. ``make image-test`` builds it and names it."""

import json
import os
import subprocess
import time
import uuid
from typing import Any

import pytest

from connector.clock import SystemClock

IMAGE = os.environ.get("CONNECTOR_IMAGE", "")  # noqa: TID251 - the test run's own switch
LOCKED = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "10001:10001"]
CLOCK = SystemClock()
SIZE_MAX_BYTES = 250_000_000

pytestmark = pytest.mark.skipif(not IMAGE, reason="CONNECTOR_IMAGE names no image; make image-test builds one")


def docker(*words: str) -> subprocess.CompletedProcess[str]:
    """One call of Docker."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=150)  # noqa: S603, S607 - our own words, whichever Docker


def inspected() -> dict[str, Any]:
    """What Docker knows of the image."""
    found: list[dict[str, Any]] = json.loads(docker("image", "inspect", IMAGE).stdout)
    return found[0]


def test_it_is_small() -> None:
    """Below 250 MB, base included."""
    assert inspected()["Size"] < SIZE_MAX_BYTES


def test_it_says_what_it_is_and_how_it_is() -> None:
    """Labels of the Open Container Initiative, a user without rights, a health check, the command as process 1."""
    config = inspected()["Config"]
    assert config["Labels"]["org.opencontainers.image.version"]
    assert config["Labels"]["org.opencontainers.image.base.name"]
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert config["Entrypoint"] == ["connector"]


def test_the_demo_runs_where_nothing_may_be_written() -> None:
    """Both roles, a broker and a Cloud API in one locked container without a network, all totals equal."""
    done = docker("run", "--rm", "--network", "none", *LOCKED, IMAGE, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1208 = 1208" in done.stdout


def test_sigterm_ends_process_1() -> None:
    """``docker stop`` is obeyed once the program has said anything, and not by SIGKILL (137) after its patience."""
    name = f"connector-{uuid.uuid4().hex[:8]}"
    try:
        docker("run", "--detach", "--name", name, "--network", "none", *LOCKED, IMAGE, "simulator")
        deadline = CLOCK.monotonic() + 60
        while not docker("logs", name).stdout and CLOCK.monotonic() < deadline:
            time.sleep(0.2)
        docker("stop", "--time", "20", name)
        assert docker("wait", name).stdout.strip() == "0"
    finally:
        docker("rm", "--force", name)


def test_no_tool_of_the_build_is_left() -> None:
    """No compiler, no linker, no pip in the connector's environment."""
    done = docker("run", "--rm", "--entrypoint", "sh", IMAGE, "-c", "command -v strip ld gcc /opt/connector/bin/pip")
    assert done.stdout == ""
