"""Who sits at the command line. Nothing here is a command."""

import getpass
import os
import socket


def whoever() -> str:
    """User and host, for records of what people did; a user without a name, as containers have them, by number."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"
