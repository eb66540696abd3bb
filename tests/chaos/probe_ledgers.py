"""Ledgers of the probes: small scenes, each about one guarantee that a storm would blur. PURE."""

from dataclasses import dataclass

from tests.chaos.ledgers import Outcome, Request, Stop, Storm


@dataclass(frozen=True)
class Throttled:
    """Commands that were refused for a while because of the number's or the pair's limit.

    Attributes:
        attempts_max: failures after which a command is given up.
        wanted: names of the commands.
    """

    attempts_max: int
    wanted: tuple[str, ...]
    requests: tuple[Request, ...]
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A stopped number with more commands than its window, and a healthy one in the same slot.

    Attributes:
        window: commands of a number and topic that are kept in memory.
        queued: commands of the stopped number.
        neighbour: commands of the healthy one.
        neighbour_sent: how many of them left while the other was stopped.
        neighbour_s: seconds until the last of them had left; None: not in ``neighbour_allowed_s``.
        resumed: commands of the stopped number that left after it was mended.
        resumed_s: seconds from its mending until all had left; None: not in ``resumed_allowed_s``.
    """

    window: int
    queued: int
    neighbour: int
    neighbour_sent: int
    neighbour_s: float | None
    neighbour_allowed_s: float
    resumed: int
    resumed_s: float | None
    resumed_allowed_s: float


@dataclass(frozen=True)
class Priority:
    """CRM commands that come when the number has a backlog of marketing.

    Attributes:
        marketing: names of the backlog's commands.
        crm: names of the CRM's commands.
        from_ms: when Kafka had acknowledged the last of the CRM's.
        limit: messages a second of the number.
        min_share: what is kept for marketing.
        requests: all acceptances of the number.
    """

    marketing: frozenset[str]
    crm: frozenset[str]
    from_ms: int
    limit: int
    min_share: float
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """A worker beside a backlog far larger than its windows; memory in KiB.

    Attributes:
        commands: in the backlog.
        command_bytes: size of one.
        window_commands: how many the windows hold.
        read_ahead_kib: what the Kafka client may fetch ahead of its reader.
        idle_kib: resident before there was a backlog.
        peak_kib: the most that was ever resident afterwards.
        read: commands that the worker read by its own count.
    """

    commands: int
    command_bytes: int
    window_commands: int
    read_ahead_kib: int
    idle_kib: int
    peak_kib: int
    read: int


@dataclass(frozen=True, slots=True)
class Restart:
    """What a worker did that found history but no offsets.

    Attributes:
        mode: ``on_missing_offsets``.
        new: commands without an outcome by then.
        sent_again: commands with an outcome that were accepted once more.
        sent_new: new commands that were accepted.
        exit_code: None: it went on running.
    """

    mode: str
    new: int
    sent_again: int
    sent_new: int
    exit_code: int | None


@dataclass(frozen=True)
class History:
    """``settled`` commands, then the offsets are deleted and a worker starts, once for each mode."""

    settled: int
    restarts: tuple[Restart, ...]


@dataclass(frozen=True, slots=True)
class Startup:
    """A role started with a wrong configuration.

    Attributes:
        faults: keys that are wrong.
        told: those of them that it named.
        traceback: whether it printed one.
    """

    role: str
    exit_code: int | None
    faults: tuple[str, ...]
    told: tuple[str, ...]
    traceback: bool


@dataclass(frozen=True)
class Run:
    """Everything a run has to show; what was not done is None or empty."""

    storm: Storm | None = None
    throttled: Throttled | None = None
    held: Held | None = None
    priority: Priority | None = None
    backlog: Backlog | None = None
    history: History | None = None
    startups: tuple[Startup, ...] = ()
    stops: tuple[Stop, ...] = ()
