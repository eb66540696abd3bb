"""Entry point of the ``connector`` command: hands over to :mod:`connector.cli`."""

import signal
import sys
from typing import Final, NoReturn

TERMINATED: Final = 128 + signal.SIGTERM
"""What a shell tells of a process that SIGTERM has ended."""


def main() -> NoReturn:
    """Run one command and leave with its exit code, also when it is told to end while its libraries load.

    Process 1 of a container gets no signal that it has no handler for: a stop in the first seconds would be lost,
    and Kubernetes would wait out the whole grace period.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    from connector.cli import main as run  # noqa: PLC0415 - the handler comes first

    run()


if __name__ == "__main__":
    main()
