"""Who is on record for what people did."""

import getpass
import os

import pytest

from connector.cli.person import whoever


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """A container may run as any number: Python says so in one of two ways."""

    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert whoever().startswith(f"{os.getuid()}@")
