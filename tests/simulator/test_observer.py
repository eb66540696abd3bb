"""The referee: what it remembers, what it sums up, and that its peaks are true."""

from hypothesis import given
from hypothesis import strategies as st

from connector.simulator.observer import NO_CODE, UNDER_FAULT, Observed, Observer, Peak, UnderFault


def seen(
    at_s: float = 0.0, *, number: str = "1", code: int = 0, kind: str = "text", data: str | None = None
) -> Observed:
    """One request."""
    return Observed(at_s, int(at_s * 1000), number, "1650", kind, data, 200 if code == 0 else 400, code, "wamid.x")


@given(gaps=st.lists(st.integers(0, 12), max_size=200))
def test_a_peak_is_the_fullest_sliding_second(gaps: list[int]) -> None:
    """The same figure as counting every window that ends at an event."""
    now, times, peak = 0.0, list[float](), Peak()
    for gap in gaps:
        now += gap / 8
        times.append(now)
        peak.add(now)
    assert peak.highest == max((sum(end - 1 < time <= end for time in times) for end in times), default=0)


def test_sums_by_number() -> None:
    """Requests, acceptances, refusals by code, receipts and inbound messages, each number for itself."""
    observer = Observer(100)
    for at_s, code, kind in [(0.0, 0, "text"), (0.5, 0, "text"), (0.75, 130429, "text"), (2.0, 0, "read")]:
        observer.add(seen(at_s, code=code, kind=kind))
    observer.add(seen(number="2"))
    observer.add_inbound("1", 0.75)
    summary = observer.summary()
    assert (summary["requests"], summary["accepted"]) == (5, 3)
    one = summary["numbers"]["1"]
    assert (one["requests"], one["accepted"], one["read_receipts"], one["inbound"]) == (4, 2, 1, 1)
    assert one["refused"] == {"130429": 1}
    assert (one["accepted_max_1s"], one["requests_max_1s"], one["accepted_and_inbound_max_1s"]) == (2, 3, 3)
    assert (one["span_s"], one["accepted_mean_per_s"]) == (2.0, 1.0)


def test_violations_are_counted_whether_refused_or_not() -> None:
    """With a limit switched off the summary still tells who broke it."""
    observer = Observer(10)
    observer.add(seen()._replace(over_pair_limit=True))
    observer.add(seen(code=130429)._replace(over_number_limit=True))
    one = observer.summary()["numbers"]["1"]
    assert (one["pair_violations"], one["number_limit_violations"]) == (1, 1)


def test_memory_is_bounded_and_says_so() -> None:
    """The oldest requests go; the sums stay."""
    observer = Observer(3)
    for index in range(5):
        observer.add(seen(float(index)))
    summary = observer.summary()
    assert (summary["requests"], summary["remembered"], summary["forgotten"]) == (5, 3, 2)
    assert [found["at_s"] for found in observer.requests({})] == [2.0, 3.0, 4.0]


def test_acceptances_outlive_refusals() -> None:
    """A flood of refused requests does not drive them out; what is forgotten of them is counted by itself."""
    observer = Observer(2)
    observer.add(seen(0.0, data="first"))
    for index in range(5):
        observer.add(seen(1.0 + index, code=130429))
    assert [accepted.callback_data for accepted in observer.acceptances()] == ["first"]
    assert observer.summary()["acceptances_forgotten"] == 0


def test_what_a_fault_did_to_a_request_is_recorded_with_it() -> None:
    """The API itself knows nothing of it: what it decided counts, what the caller was told is the fault's."""
    observer = Observer(10)
    token = UNDER_FAULT.set(UnderFault("reset_after", "fault-1", 0))
    observer.add(seen())
    UNDER_FAULT.reset(token)
    observer.add(seen())
    told = [(found["fault"], found["http_status"], found["accepted"]) for found in observer.requests({})]
    assert told == [("reset_after", 0, True), (None, 200, True)]
    assert observer.summary()["numbers"]["1"]["faults"] == {"reset_after": 1}


def test_requests_without_a_code_are_neither_accepted_nor_refused() -> None:
    """They are counted by themselves."""
    observer = Observer(10)
    observer.add(seen(code=NO_CODE))
    one = observer.summary()["numbers"]["1"]
    assert (one["requests"], one["accepted"], one["refused"], one["without_code"]) == (1, 0, {}, 1)


def test_unknown_numbers_share_one_sum() -> None:
    """Requests to made-up numbers cannot fill the memory with sums."""
    observer = Observer(10)
    for index in range(5):
        observer.add(seen(number=f"x{index}", code=100), known=False)
    assert observer.summary()["to_unknown_numbers"] == 5
    assert observer.summary()["numbers"] == {}


def test_requests_are_filtered_and_paged() -> None:
    """By any field, in either direction, page by page."""
    observer = Observer(10)
    for index in range(6):
        observer.add(seen(float(index), data="even" if index % 2 == 0 else "odd"))
    assert [found["at_s"] for found in observer.requests({"callback_data": "even"})] == [0.0, 2.0, 4.0]
    assert [found["at_s"] for found in observer.requests({}, start=1, limit=2)] == [1.0, 2.0]
    assert [found["at_s"] for found in observer.requests({}, limit=2, newest_first=True)] == [5.0, 4.0]


def test_reset_forgets_everything() -> None:
    """The next test starts from nothing."""
    observer = Observer(10)
    observer.add(seen())
    observer.reset()
    assert observer.summary() == Observer(10).summary()
