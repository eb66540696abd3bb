"""The topics an installation needs: their partition counts and the properties that its promises rest on."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

_DAY_MS: Final = 86_400_000
_ANY_TIME: Final = (1 << 63) - 1
_LARGE: Final = 8 * 1024 * 1024
"""Meta's webhook bodies reach 3 MiB; none may be refused by Kafka for ever (Meta, webhooks overview, 2026-09-11)."""


class PlannedTopic(NamedTuple):
    """A topic as it should be. ``slotted``: its partition count is the number of slots, and must not change."""

    name: str
    partitions: int
    slotted: bool
    config: Mapping[str, str]


def planned(
    *,
    events: Sequence[str],
    rejects: str,
    commands: Sequence[str],
    dead_letters: Sequence[str],
    rerouted: str,
    outcomes: str,
    attempts: str,
    state: str,
    signals: str,
    control: str,
    slots: int,
) -> tuple[PlannedTopic, ...]:
    """Every topic, with ``slots`` partitions where it matters; retention in milliseconds as the broker names it."""
    week = {"cleanup.policy": "delete", "retention.ms": str(7 * _DAY_MS)}
    # Copies of what others wrote: with their size, their headers and ours, and their own time, however old.
    copies = {"max.message.bytes": str(_LARGE), "message.timestamp.before.max.ms": str(_ANY_TIME)}
    month = {"cleanup.policy": "delete", "retention.ms": str(30 * _DAY_MS)}
    return (
        *(
            PlannedTopic(name, slots, slotted=False, config=month | {"max.message.bytes": str(_LARGE)})
            for name in events
        ),
        PlannedTopic(rejects, slots, slotted=False, config=month | {"max.message.bytes": str(_LARGE)}),
        *(PlannedTopic(name, slots, slotted=True, config=week) for name in commands),
        *(PlannedTopic(name, slots, slotted=True, config=month | copies) for name in dead_letters),
        PlannedTopic(rerouted, slots, slotted=True, config=week | copies),
        PlannedTopic(outcomes, slots, slotted=True, config=month),
        PlannedTopic(attempts, slots, slotted=True, config=week),
        PlannedTopic(state, slots, slotted=True, config={"cleanup.policy": "compact"}),
        PlannedTopic(signals, slots, slotted=True, config=week),
        PlannedTopic(control, 1, slotted=False, config={"cleanup.policy": "compact"}),
    )
