"""Who sits at the command line. Nothing here is a command."""

import getpass
import socket


def whoever() -> str:
    """User and host, for records of what people did."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
