"""The verdict about secrets: B2. PURE."""

from collections import Counter

from tests.chaos.ledgers import Storm
from tests.chaos.verdicts.verdict import Verdict, judged, not_measured


def b2(storm: Storm) -> Verdict:
    """No secret in any log, record or metric; no message text, no phone, nothing of a refused body in a log."""
    if storm.leaks is None or not any(storm.searched.values()):
        return not_measured("B2", "nothing was searched")
    counts = Counter((leak.what, leak.where) for leak in storm.leaks)
    figures = {**{f"{what} searched": count for what, count in storm.searched.items()}, "leaks": len(storm.leaks)}
    return judged("B2", figures, [f"{what} in {where}, {count} times" for (what, where), count in counts.items()])
