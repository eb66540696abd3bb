"""What can go wrong on purpose: one type per kind of fault, as JSON and YAML have it. PURE data."""

from typing import Annotated, Literal

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=3_600_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=31_536_000)]
NumberId = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,32}$")]
Recipient = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
# Meta, error codes, 2026-09-11: number, pair, app and business account over their limits.
ThrottleCode = Literal[130429, 131056, 4, 80007]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What all kinds have in common. A request is hit when it matches every filter given, and the draw says so.

    Attributes:
        share: of the matching requests.
        numbers: ``phone_number_id`` in the path; none: all.
        recipients: digits of the phone, user id or group id in the body; none: all.
        methods: of HTTP; none: all.
        from_s: seconds after it was added before which it does nothing.
        for_s: seconds it lasts from then on; for ever when missing.
        count: requests it hits at most.
        seed: makes its draws repeatable by themselves; from the simulator's own seed when missing.
    """

    share: Share = 1.0
    numbers: tuple[NumberId, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    methods: tuple[Method, ...] = ()
    from_s: Seconds = 0.0
    for_s: Seconds | None = None
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seed: int | None = None

    @property
    def kind(self) -> str:
        """Its name in JSON."""
        return str(self.__struct_config__.tag)


class Latency(Fault, frozen=True, tag="latency"):
    """Answers take longer; several add up, and add to every other fault.

    Attributes:
        distribution: ``fixed`` takes ``ms``, ``lognormal`` ``median_ms`` and ``p99_ms``, ``uniform`` ``min_ms`` and
            ``max_ms``.
    """

    distribution: Literal["fixed", "lognormal", "uniform"] = "fixed"
    ms: Milliseconds | None = None
    median_ms: Annotated[float, msgspec.Meta(gt=0, le=3_600_000)] | None = None
    p99_ms: Milliseconds | None = None
    min_ms: Milliseconds | None = None
    max_ms: Milliseconds | None = None

    def __post_init__(self) -> None:
        """Exactly the figures of the distribution, in order."""
        given = {name for name in ("ms", "median_ms", "p99_ms", "min_ms", "max_ms") if getattr(self, name) is not None}
        wanted = {"fixed": {"ms"}, "lognormal": {"median_ms", "p99_ms"}, "uniform": {"min_ms", "max_ms"}}
        names = wanted[self.distribution]
        if given != names:
            message = f"distribution {self.distribution} takes {' and '.join(sorted(names))}, nothing else"
            raise ValueError(message)
        if (self.p99_ms or 0) < (self.median_ms or 0) or (self.max_ms or 0) < (self.min_ms or 0):
            message = "the higher figure is below the lower one"
            raise ValueError(message)


class RefuseConnections(Fault, frozen=True, tag="refuse_connections"):
    """New connections fail; open ones end with the answer under way when it begins.

    Attributes:
        mode: ``closed``: nobody listens (ECONNREFUSED); ``reset``: accepted, then reset at once, by ``share``.
    """

    mode: Literal["closed", "reset"] = "closed"

    def __post_init__(self) -> None:
        """A connection tells no number, recipient or method; a closed door is closed to all."""
        if self.numbers or self.recipients or self.methods:
            message = "a connection has no number, recipient or method"
            raise ValueError(message)
        if self.mode == "closed" and (self.share != 1 or self.count is not None):
            message = "mode closed takes neither share nor count; mode reset does"
            raise ValueError(message)


class ResetBefore(Fault, frozen=True, tag="reset_before"):
    """The connection is reset and the request has no effect.

    Attributes:
        read: whether the body is read first, which only the observer can tell; without, nobody knows what it was.
    """

    read: bool = True

    def __post_init__(self) -> None:
        """The recipient is in the body."""
        if self.recipients and not self.read:
            message = "recipients are in the body: needs read"
            raise ValueError(message)


class ResetAfter(Fault, frozen=True, tag="reset_after"):
    """The request takes effect, statuses follow, then the connection is reset without an answer."""


class Error(Fault, frozen=True, tag="error"):
    """An HTTP error and no effect.

    Attributes:
        http_status: of the answer.
        code: in Graph's shape; without one the body is a proxy's page of HTML.
        subcode: as ``error_subcode``.
        details: as ``error_data.details``.
    """

    http_status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    code: Annotated[int, msgspec.Meta(ge=0)] | None = None
    subcode: int | None = None
    details: str = ""

    def __post_init__(self) -> None:
        """A page of HTML has no code to go with."""
        if self.code is None and (self.subcode is not None or self.details):
            message = "subcode and details need a code"
            raise ValueError(message)


class Throttle(Fault, frozen=True, tag="throttle"):
    """Refused as if over a limit."""

    code: ThrottleCode = 130429


class TokenExpired(Fault, frozen=True, tag="token_expired"):
    """No token is good: 190 with subcode 463."""


class BlackHole(Fault, frozen=True, tag="black_hole"):
    """Read and never answered; the connection stays open until the caller has had enough.

    Attributes:
        processed: whether the request takes effect.
    """

    processed: bool = False


class SlowBody(Fault, frozen=True, tag="slow_body"):
    """The request takes effect; headers come at once, the body in small pieces.

    Attributes:
        takes_ms: from the first byte to the last.
    """

    takes_ms: Milliseconds = 5_000.0


class Truncate(Fault, frozen=True, tag="truncate"):
    """The request takes effect; its answer ends half-way, and the connection is closed."""


class Garbage(Fault, frozen=True, tag="garbage"):
    """The request takes effect; the answer is 200 with a body that nobody can read."""


AnyFault = (
    Latency
    | RefuseConnections
    | ResetBefore
    | ResetAfter
    | Error
    | Throttle
    | TokenExpired
    | BlackHole
    | SlowBody
    | Truncate
    | Garbage
)


def takes_effect(fault: AnyFault) -> bool:
    """Whether a request that is hit counts all the same: accepted or refused by the rules, with its statuses."""
    if isinstance(fault, BlackHole):
        return fault.processed
    return isinstance(fault, Latency | ResetAfter | SlowBody | Truncate | Garbage)
