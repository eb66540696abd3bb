"""Secrets in files, read again when the file changes: rotation needs no restart.

A secret that was good once is kept while its file is missing, empty or unreadable, for a mount that is being replaced
must not stop traffic; the fault is logged once, and once more when it is over.
"""

from pathlib import Path
from typing import NamedTuple

import structlog

from connector.clock import Clock

SECRET_MAX_BYTES = 65_536
# A rotated secret is in use after this many seconds. A look costs a stat call, and each send asks for its token.
LOOK_INTERVAL_S = 1.0

log = structlog.get_logger()


class UnusableSecret(Exception):  # noqa: N818 - it says what the file is, and callers read it as a word
    """A secret file that cannot be used; the message names the file and the reason, never the content."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} {reason}")


class _Version(NamedTuple):
    """What changes when a file is written or replaced; Kubernetes replaces, editors and scripts do either."""

    device: int
    inode: int
    modified_ns: int
    size: int


def read_secret(path: Path, *, text: bool = False) -> bytes:
    """The content of a secret file without one trailing newline.

    With ``text`` it must also be printable UTF-8, as a token in a header has to be.

    Raises:
        UnusableSecret: missing, unreadable, blank, over 64 KiB, or no text where text is asked for.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SECRET_MAX_BYTES + 1)
    except OSError as error:
        raise UnusableSecret(path, f"cannot be read ({error.strerror}); mount it, or name another") from None
    if len(data) > SECRET_MAX_BYTES:
        raise UnusableSecret(path, f"is larger than {SECRET_MAX_BYTES} bytes; this is no secret")
    data = data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\n") else data
    if not data.strip():
        raise UnusableSecret(path, "is empty; write the secret into it")
    if text and not _printable(data):
        raise UnusableSecret(path, "must hold one line of printable UTF-8 text")
    return data


def _printable(data: bytes) -> bool:
    try:
        return data.decode().isprintable()
    except UnicodeDecodeError:
        return False


class SecretFile:
    """The current content of one secret file.

    Args:
        path: The file; may be a symbolic link that is replaced.
        clock: Limits how often the file is looked at: once a second.
        text: The content must be printable text.

    Raises:
        UnusableSecret: there is no good content at the start.
    """

    __slots__ = ("_clock", "_failing", "_looked_at", "_path", "_text", "_value", "_version")

    def __init__(self, path: Path, clock: Clock, *, text: bool = False) -> None:
        self._path = path
        self._clock = clock
        self._text = text
        self._failing = False
        self._looked_at = clock.monotonic()
        self._version = self._current_version()
        self._value = read_secret(path, text=text)

    def __repr__(self) -> str:
        return f"SecretFile({str(self._path)!r})"

    def reveal(self) -> bytes:
        """The secret, at most a second old."""
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOK_INTERVAL_S:
            self._looked_at = now
            self._look()
        return self._value

    def reveal_text(self) -> str:
        """The secret as text, at most a second old; for files opened with ``text``."""
        return self.reveal().decode()

    def _look(self) -> None:
        version = self._current_version()
        if version == self._version and not self._failing:
            return
        try:
            value = read_secret(self._path, text=self._text)
        except UnusableSecret as error:
            self._failed(error.reason)
            return
        self._succeeded(value)
        # Taken before the read: a write between the two is seen as a change at the next look.
        self._version = version

    def _current_version(self) -> _Version | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return _Version(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)

    def _failed(self, reason: str) -> None:
        if not self._failing:
            log.warning("secret file unusable, the last good content stays in use", file=str(self._path), reason=reason)
        self._failing = True

    def _succeeded(self, value: bytes) -> None:
        if self._failing or value != self._value:
            log.info("secret file read again", file=str(self._path))
        self._failing = False
        self._value = value
