"""Running commands."""

from collections.abc import Callable

import pytest

from connector.cli import run
from tests.cli.told import Told


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Run one command of the command line in this process."""

    def call(*words: object) -> Told:
        capsys.readouterr()
        code = run([str(word) for word in words])
        said = capsys.readouterr()
        return Told(code, said.out, said.err)

    return call
