"""The ingress as a process, killed and restarted, and its broker with it, while webhooks come."""

from pathlib import Path

import pytest

from tests.fixtures.broker import Broker
from tests.ingress.chaos.findings import findings
from tests.ingress.chaos.stage import Stage, Step

SEED = 7


@pytest.mark.alone
@pytest.mark.kafka
async def test_kills_of_the_ingress_and_its_broker_lose_nothing(
    tmp_path: Path, kafka_broker: Broker, topic_prefix: str
) -> None:
    """What was answered 200 is there; who redelivers ends with everything; silence and receipts can be relied on."""
    stage = Stage(tmp_path, kafka_broker, topic_prefix, print)
    steps = [Step(0.5, "kill", "ingress"), Step(1.0, "kill", "broker")]
    run = await stage.run(SEED, rate=60, seconds=2.5, steps=steps)
    assert [name for name, _ in run.disturbances] == ["kill ingress", "kill broker"]
    for finding in findings(run):
        assert not finding.faults, f"seed {SEED}: {finding.line}"
