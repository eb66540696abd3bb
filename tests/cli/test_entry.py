"""The entry point of the program, as process 1 of a container meets it."""

import signal
import subprocess
import sys
import textwrap

AT_ONCE = textwrap.dedent(
    """
    import builtins, os, signal, sys
    real = builtins.__import__

    def slow(name, *rest):
        if name == "connector.cli":  # the moment in which the libraries load
            os.kill(os.getpid(), signal.SIGTERM)
        return real(name, *rest)

    sys.argv = ["connector", "--help"]
    from connector.__main__ import main
    builtins.__import__ = slow
    main()
    """
)


def test_sigterm_is_heard_before_anything_is_loaded() -> None:
    """There is a handler by then: without one, process 1 would not even be told."""
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "", "")
