"""One installation at work, shared by the tests of commands that look at one."""

import json
import uuid
from collections.abc import Callable, Iterator

import pytest

from connector.cli import run
from connector.simulator.pytest_plugin import simulating
from tests.cli.installation import NUMBER, WABA, Installation, Told, simulator_settings
from tests.integration.system import System


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str) -> Iterator[Installation]:
    """Started once: tests use command ids of their own."""
    folder = tmp_path_factory.mktemp("installation")
    system = System(folder, kafka_bootstrap, f"t{uuid.uuid4().hex[:12]}.")
    system.values["numbers"] = [{"phone_number_id": NUMBER, "waba_id": WABA}]
    with simulating(simulator_settings(system.webhook_url)) as simulator:
        system.use_cloud_api(simulator.base_url)
        system.create_topics()
        config = folder / "cli.yaml"
        config.write_text(json.dumps(system.values))
        with system.running("delivery") as delivery, system.running("ingress") as ingress:
            delivery.wait_ready()
            ingress.wait_ready()
            yield Installation(system, simulator, config)


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Run one command of the command line in this process."""

    def call(*words: object) -> Told:
        capsys.readouterr()
        code = run([str(word) for word in words])
        said = capsys.readouterr()
        return Told(code, said.out, said.err)

    return call
