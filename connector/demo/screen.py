"""What a person sees: a live table on a terminal, plain lines elsewhere, and the same summary at the end."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from connector.demo.tally import Check

COLUMNS: Final = (
    "number", "limit", "rate", "queued", "flying", "accepted", "failed", "sent", "delivered", "read", "inbound",
)  # fmt: skip


class Row(NamedTuple):
    """One number at one moment; rates in messages per second."""

    number: str
    limit: int
    rate: float
    queued: int
    in_flight: int
    accepted: int
    failed: int
    sent: int
    delivered: int
    read: int
    inbound: int


class Screen:
    """Draws rows; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        """Take the terminal, if there is one."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back; the last table stays."""
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, highlight=False, soft_wrap=True)

    def show(self, rows: Sequence[Row], elapsed_s: float) -> None:
        """The table as it is now: redrawn on a terminal, one line of sums elsewhere."""
        if self._live is not None:
            self._live.update(_table(rows, f"{elapsed_s:.0f} s"), refresh=True)
            return
        rate = sum(row.rate for row in rows)
        self.say(
            f"{elapsed_s:5.1f} s  {rate:6.1f}/s  queued {sum(row.queued for row in rows)}, "
            f"in flight {sum(row.in_flight for row in rows)}, accepted {sum(row.accepted for row in rows)}, "
            f"failed {sum(row.failed for row in rows)}, sent back {sum(row.sent for row in rows)}, "
            f"inbound {sum(row.inbound for row in rows)}"
        )

    def summary(self, rows: Sequence[Row], checks: Iterable[Check], facts: Iterable[str]) -> None:
        """The closing table and the totals against each other."""
        if self._live is None:
            self._console.print(_table(rows, "the whole run"))
        for fact in facts:
            self.say(fact)
        self.say("")
        for check in checks:
            sign = "=" if check.ok else "is not"
            self.say(f"{'ok  ' if check.ok else 'FAIL'}  {check.text}: {check.left} {sign} {check.right}")


def _table(rows: Sequence[Row], title: str) -> Table:
    table = Table(title=title, box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "number" else "right", no_wrap=True)
    for row in rows:
        table.add_row(f"…{row.number[-6:]}", *(_cell(value) for value in row[1:]))
    return table


def _cell(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
