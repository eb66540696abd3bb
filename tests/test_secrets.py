"""Secret files rotate without a restart, and a broken mount stops nothing."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connector.secrets import SecretFile, UnusableSecret, read_secret


class FakeClock:
    """Time that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def wall_ms(self) -> int:
        """Milliseconds."""
        return int(self.now * 1000)


@pytest.fixture
def clock() -> FakeClock:
    """A clock of this test's own."""
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A secret file that holds ``first``."""
    file = tmp_path / "secret"
    file.write_text("first\n", encoding="utf-8")
    return file


def replace(path: Path, content: bytes) -> None:
    """Put a new file in place of the old one, as Kubernetes does."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.rename(path)


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"a", b"a"),
        (b"a\n", b"a"),
        (b"a\r\n", b"a"),
        (b"a\n\n", b"a\n"),
        (b" a ", b" a "),
        (b"\x00\xff", b"\x00\xff"),
        (b"a\r", b"a\r"),
    ],
)
def test_one_newline_at_the_end_is_not_part_of_the_secret(path: Path, content: bytes, secret: bytes) -> None:
    """Editors and echo add it; everything else may be the secret's own."""
    path.write_bytes(content)
    assert read_secret(path) == secret


@pytest.mark.parametrize("content", [b"", b"\n", b" \n", b"x" * 65_537])
def test_a_blank_or_huge_file_is_no_secret(path: Path, content: bytes, clock: FakeClock) -> None:
    """A mounted log file must not be read into a header, nor an empty secret accept every signature."""
    path.write_bytes(content)
    with pytest.raises(UnusableSecret):
        SecretFile(path, clock)


@pytest.mark.parametrize("content", [b"two\nlines", b"\xff", b"tab\t", b"null\x00"])
def test_a_token_is_one_line_of_printable_text(path: Path, content: bytes) -> None:
    """A line break in a header would be another header."""
    path.write_bytes(content)
    with pytest.raises(UnusableSecret, match="one line of printable"):
        read_secret(path, text=True)


def test_a_replaced_file_is_in_use_after_a_second(path: Path, clock: FakeClock) -> None:
    """Rotation needs no restart; in between the file is not looked at."""
    secret = SecretFile(path, clock, text=True)
    replace(path, b"second\n")
    clock.now += 0.9
    assert secret.reveal_text() == "first"
    clock.now += 0.1
    assert secret.reveal_text() == "second"


def test_a_file_written_in_place_is_in_use_after_a_second(path: Path, clock: FakeClock) -> None:
    """Not every deployment replaces files whole."""
    secret = SecretFile(path, clock)
    path.write_bytes(b"another")
    clock.now += 1
    assert secret.reveal() == b"another"


def test_a_replaced_folder_behind_a_link_is_seen(tmp_path: Path, clock: FakeClock) -> None:
    """Kubernetes swaps a link to a folder, the file's own name never changes."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(name, encoding="utf-8")
    (tmp_path / "data").symlink_to("old")
    (tmp_path / "token").symlink_to("data/token")
    secret = SecretFile(tmp_path / "token", clock)
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").rename(tmp_path / "data")
    clock.now += 1
    assert secret.reveal() == b"new"


@pytest.mark.parametrize("broken", [None, b"", b"two\nlines"])
def test_a_broken_file_keeps_the_last_good_secret_and_is_logged_once(
    path: Path, clock: FakeClock, broken: bytes | None
) -> None:
    """A mount that is being replaced stops no traffic; the log tells the beginning and the end, not every second."""
    secret = SecretFile(path, clock, text=True)
    with capture_logs() as logs:
        path.unlink()
        if broken is not None:
            path.write_bytes(broken)
        for _ in range(3):
            clock.now += 1
            assert secret.reveal_text() == "first"
        path.write_bytes(b"second")
        clock.now += 1
        assert secret.reveal_text() == "second"
    assert [line["log_level"] for line in logs] == ["warning", "info"]
    assert logs[0]["file"] == str(path)


def test_an_unchanged_file_is_not_read_again(path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look costs one stat."""
    secret = SecretFile(path, clock)
    monkeypatch.setattr("connector.secrets.read_secret", lambda *_args, **_kwargs: pytest.fail("read again"))
    clock.now += 5
    assert secret.reveal() == b"first"


def test_a_secret_is_never_printed(path: Path, clock: FakeClock) -> None:
    """Neither the object nor its errors nor its logs hold the content."""
    secret = SecretFile(path, clock, text=True)
    with capture_logs() as logs:
        replace(path, b"hunter2\n")
        clock.now += 1
        secret.reveal()
        replace(path, b"hunter2\nhunter3\n")
        clock.now += 1
        secret.reveal()
    assert len(logs) == 2
    shown = f"{secret} {secret!r} {vars(type(secret))} {logs}"
    assert "first" not in f"{secret} {secret!r}"
    assert "hunter" not in shown
