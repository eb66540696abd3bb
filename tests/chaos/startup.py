"""Roles started with a wrong configuration."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.chaos.probe_ledgers import Startup
from tests.integration.system import clean_environment

ROLES: Final = ("ingress", "delivery")
WRONG: Final = """
ingress: {port: 99999}
delivery: {session_timeout_s: 12, lease_s: 11, instalation: x, attempts_max: many}
cloud_api: {version: 26, base_url: nowhere}
kafka: {producer: {acks: 1}}
"""
KEYS: Final = (
    "ingress.port",
    "delivery.lease_s",
    "delivery.instalation",
    "delivery.attempts_max",
    "cloud_api.version",
    "cloud_api.base_url",
    "kafka.producer.acks",
)
ENDED_WITHIN_S: Final = 60.0


async def startups(folder: Path) -> tuple[Startup, ...]:
    """Each role once, with the same faults."""
    config = folder / "wrong.yaml"
    config.write_text(WRONG)
    return tuple(await asyncio.gather(*(asyncio.to_thread(_start, role, config) for role in ROLES)))


def _start(role: str, config: Path) -> Startup:
    command = [sys.executable, "-m", "connector", role, "--config", str(config)]
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, text=True, timeout=ENDED_WITHIN_S, check=False, env=clean_environment()
        )
    except subprocess.TimeoutExpired:
        return Startup(role, None, KEYS, (), traceback=False)
    told = done.stdout + done.stderr
    return Startup(role, done.returncode, KEYS, tuple(key for key in KEYS if key in told), "Traceback" in told)
