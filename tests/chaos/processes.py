"""Processes of the system under the bench's control: started again under one name, killed, frozen, ended."""

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx

from connector.clock import SystemClock
from tests.fixtures.mortal import run_mortal
from tests.integration.system import clean_environment

KILLED_WITHIN_S: Final = 10.0

_CLOCK: Final = SystemClock()


class Node:
    """One member of the system; its processes come and go, its name and its log stay.

    Args:
        name: as the plan names it.
        role: what it is.
        command: what is run.
        log: receives stdout and stderr of all its processes, one after another.
        admin_url: base URL of its admin port, None when it has none.
    """

    def __init__(self, name: str, role: str, command: Sequence[str], log: Path, admin_url: str | None = None) -> None:
        self.name = name
        self.role = role
        self.log = log
        self.admin_url = admin_url
        self.wanted = False
        self.starts = 0
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None while none runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """Of the last process; None while it runs or before the first."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Run a process, unless one runs."""
        if self.pid is not None:
            return
        self.wanted = True
        self.starts += 1
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C at the bench must not reach it before the bench has cleaned up.
            self._process = run_mortal(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**clean_environment(), "PYTHONFAULTHANDLER": "1"},
            )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL, and gone."""
        self.wanted = False
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(KILLED_WITHIN_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, if one runs."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def end(self, within_s: float) -> tuple[int | None, float]:
        """SIGTERM: the exit code and the seconds it took; None: it had to be killed."""
        self.wanted = False
        if self._process is None:
            return None, 0.0
        began = _CLOCK.monotonic()
        self.signal(signal.SIGTERM)
        try:
            code: int | None = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            code = None
            self._say_where()
            self.kill()
        return code, _CLOCK.monotonic() - began

    def _say_where(self) -> None:
        """Let a process that hangs write into its log where each of its threads is."""
        self.signal(signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._process is not None:
                self._process.wait(KILLED_WITHIN_S)

    def get(self, path: str) -> str | None:
        """The body at a path of the admin port; None while it does not answer 200."""
        try:
            answer = httpx.get(f"{self.admin_url}{path}", timeout=5, trust_env=False)
        except httpx.TransportError:
            return None
        return answer.text if answer.is_success else None

    def log_end(self, characters: int = 2000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else "never started"

    @property
    def ready(self) -> bool:
        """Whether ``/readyz`` says so."""
        return self.get("/readyz") is not None

    def memory_kib(self) -> Mapping[str, int]:
        """The kernel's figures of the process by name, such as ``VmRSS`` and ``VmHWM``."""
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii") if self.pid is not None else ""
        figures = (line.split() for line in text.splitlines() if line.startswith("Vm"))
        return {figure[0].rstrip(":"): int(figure[1]) for figure in figures}
