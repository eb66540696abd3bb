"""Python's search for cycles of objects, kept out of the way of the work."""

import gc
from typing import Final

THRESHOLD: Final = 10_000
"""Objects that are made and not freed before cycles are looked for; Python's own is 700, two webhooks' worth. What is
looked at lives, for the most part: ten thousand of them are a pause of some milliseconds, which a number at full speed
can take."""

OLD_EVERY: Final = 5000
"""Such searches between two among the older objects, which is a pause of 0.3 s with a hundred thousand commands known:
every seven minutes at 1000 messages a second. Sixty objects a second wait for it (measured)."""


def calm_the_collector() -> None:
    """Webhooks and commands make no cycles: they are freed by count, and a search walks over them in vain.

    With Python's own thresholds that is a tenth of an ingress's CPU under load, and pauses that cost a number its
    rate. What was made at start is not looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD, OLD_EVERY, 20)
