"""A network namespace for one worker, joined to this machine by a pair of virtual Ethernet devices, and cut at will.

A cut loses packets silently both ways, as a broken switch does: each side is told a wrong hardware address of the
other, so that neither connections nor routes notice. Traffic stays on this machine.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

NAME_PREFIX: Final = "wkc-chaos-"
WRONG_ADDRESS: Final = "02:00:00:00:00:99"


class NetworkUnavailable(Exception):  # noqa: N818 - a state of the machine, not an error
    """No namespace can be made here; the message says why."""


class Namespace:
    """One namespace; ``host_address`` is this machine as seen from inside, ``address`` the inside as seen from here."""

    def __init__(self, owner: int) -> None:
        self.name = f"{NAME_PREFIX}{owner}"
        # Names of devices are at most 15 characters; a process id has at most 7.
        self._outside, self._inside = f"wkco{owner}", f"wkci{owner}"
        # One /30 of the block for benchmarks of devices (RFC 2544), which nobody routes.
        block = owner % 16_384 * 4
        prefix = f"198.19.{block // 256}"
        self.host_address, self.address = f"{prefix}.{block % 256 + 1}", f"{prefix}.{block % 256 + 2}"

    @property
    def prefix(self) -> list[str]:
        """Words before a command that is to run inside."""
        return ["ip", "netns", "exec", self.name]

    def make(self) -> None:
        """Create it.

        Raises:
            NetworkUnavailable: the tools or the rights are missing.
        """
        if shutil.which("ip") is None:
            message = "ip (iproute2) is not installed"
            raise NetworkUnavailable(message)
        try:
            _ip("netns", "add", self.name)
            _ip("link", "add", self._outside, "type", "veth", "peer", "name", self._inside, "netns", self.name)
            _ip("addr", "add", f"{self.host_address}/30", "dev", self._outside)
            _ip("link", "set", self._outside, "up")
            _ip("-n", self.name, "addr", "add", f"{self.address}/30", "dev", self._inside)
            _ip("-n", self.name, "link", "set", self._inside, "up")
            _ip("-n", self.name, "link", "set", "lo", "up")
        except subprocess.CalledProcessError as error:
            self.remove()
            raise NetworkUnavailable(error.stderr.strip() or "ip failed") from error

    def cut(self) -> None:
        """Lose every packet from now on."""
        _ip("neigh", "replace", self.address, "lladdr", WRONG_ADDRESS, "dev", self._outside, "nud", "permanent")
        _ip(
            "-n", self.name,
            "neigh", "replace", self.host_address, "lladdr", WRONG_ADDRESS, "dev", self._inside, "nud", "permanent",
        )  # fmt: skip

    def heal(self) -> None:
        """Let packets through again."""
        _ip("neigh", "del", self.address, "dev", self._outside)
        _ip("-n", self.name, "neigh", "del", self.host_address, "dev", self._inside)

    def remove(self) -> None:
        """Take everything away, however much of it is there; the pair of devices goes with either end."""
        for words in (("link", "del", self._outside), ("netns", "del", self.name)):
            with contextlib.suppress(subprocess.CalledProcessError, FileNotFoundError):
                _ip(*words)


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """A namespace of this process; those of dead benches are removed first.

    Raises:
        NetworkUnavailable: none can be made here.
    """
    _remove_orphans()
    made = Namespace(os.getpid())
    made.make()
    try:
        yield made
    finally:
        made.remove()


def _remove_orphans() -> None:
    folder = Path("/run/netns")
    for path in folder.glob(f"{NAME_PREFIX}*") if folder.is_dir() else ():
        owner = int(path.name.removeprefix(NAME_PREFIX))
        if not Path(f"/proc/{owner}").exists():
            Namespace(owner).remove()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)  # noqa: S603, S607 - iproute2 of the system
