"""The right to start requests: renewed only by a successful transaction, because only that proves ownership.

A worker that polls happily may have lost its slots long ago, and one that cannot commit would send what nobody will
know of. The right counts from the beginning of the transaction, on a clock that runs while the host is suspended.
"""

RENEWALS_PER_LEASE = 3
"""An idle worker renews this often, so that one failed transaction does not stop it."""


class Lease:
    """``duration_s`` is half of the session: an owner that has lost its session stops before its successor starts."""

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s
        self._until = 0.0

    def renew(self, began: float) -> None:
        """A transaction that began then has been committed."""
        self._until = max(self._until, began + self._duration_s)

    def holds(self, now: float) -> bool:
        """Whether a request may still be started."""
        return now < self._until

    def is_due(self, now: float) -> bool:
        """Whether it should be renewed now, even when there is nothing to commit."""
        return now >= self._until - self._duration_s * (1 - 1 / RENEWALS_PER_LEASE)
