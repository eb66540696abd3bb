"""The plan: one seed, one schedule, within its bounds."""

from itertools import pairwise

from tests.chaos.plan import IN_NAMESPACE, RECOVERS_S, WORKERS, Action, Fault, Kind, Plan, make_plan

NUMBERS = ["1", "2", "3"]
SESSION_S = 8.0
SEEDS = range(200)


def plan(seed: int = 1, seconds: float = 95.0, *, can_cut: bool = True) -> Plan:
    """A plan as the bench makes it; the seed is printed, so that a failure tells it."""
    print(f"seed {seed}")  # noqa: T201 - shown with a failure
    return make_plan(seed, seconds, session_s=SESSION_S, can_cut=can_cut, numbers=NUMBERS)


def running_before_each(actions: tuple[Action, ...]) -> list[tuple[set[str], Action]]:
    """Workers that run when each action begins, and the action."""
    running = {WORKERS[0]}
    found = []
    for action in actions:
        found.append((set(running), action))
        if action.kind is Kind.SCALE_UP:
            running |= set(action.targets)
        elif action.kind in {Kind.SCALE_DOWN, Kind.KILL_FOR_GOOD}:
            running -= set(action.targets)
    return found


def test_one_seed_makes_one_plan() -> None:
    """The same seed gives the same plan, other seeds give others."""
    assert plan(7) == plan(7)
    assert len({plan(seed).actions for seed in SEEDS}) > len(SEEDS) // 2


def test_everything_happens_within_the_time() -> None:
    """Each action has settled before the next begins, and the last one before the load ends."""
    for seed in SEEDS:
        made = plan(seed, 200.0)
        for earlier, later in pairwise(made.actions):
            assert later.at_s >= earlier.at_s + earlier.settles_s
        last = made.actions[-1]
        assert last.at_s + last.settles_s <= 200.0
        assert all(fault.at_s + fault.lasts_s <= 200.0 for fault in made.faults)


def done_to_those_that_run(actions: tuple[Action, ...]) -> None:
    """Whoever is killed, frozen or ended runs, whoever is started did not, and nobody ends the last worker."""
    for running, action in running_before_each(actions):
        workers = set(action.targets) & set(WORKERS)
        if action.kind is Kind.SCALE_UP:
            assert not workers & running
            assert workers | running == set(WORKERS)
        else:
            assert workers <= running
        if action.kind in {Kind.SCALE_DOWN, Kind.KILL_FOR_GOOD}:
            assert running - workers


def test_actions_are_done_to_those_that_run() -> None:
    """Nobody is killed twice, what is started did not run, and at least one worker always stays."""
    for seed in SEEDS:
        done_to_those_that_run(plan(seed, 300.0).actions)


def test_the_default_time_suffices_for_every_kind() -> None:
    """One round has every disturbance once; nothing is left out."""
    for seed in SEEDS:
        made = plan(seed)
        assert sorted(action.kind for action in made.actions) == sorted(Kind)
        assert made.left_out == ()


def test_a_pause_and_a_cut_outlast_the_session() -> None:
    """Otherwise nobody would take over, and there would be nothing to see."""
    lasting = [action for action in plan().actions if action.kind in {Kind.PAUSE, Kind.CUT}]
    assert len(lasting) == 2
    assert all(action.lasts_s > SESSION_S for action in lasting)


def test_only_the_worker_in_the_namespace_is_cut_off_and_it_is_never_gone() -> None:
    """It is the only one with a network of its own."""
    for seed in SEEDS:
        for action in plan(seed).actions:
            if action.kind is Kind.CUT:
                assert action.targets == (IN_NAMESPACE,)
            if action.kind is Kind.KILL_FOR_GOOD:
                assert IN_NAMESPACE not in action.targets


def test_what_cannot_be_done_is_said() -> None:
    """Without a namespace there is no cut, and the table says why; the same for want of time."""
    made = plan(can_cut=False)
    assert all(action.kind is not Kind.CUT for action in made.actions)
    assert made.left_out == ("network cut: no network namespace can be made here",)
    short = plan(seconds=13.0)
    assert len(short.actions) == 1
    assert "scale down: the time does not suffice" in short.left_out


def test_faults_of_a_number_leave_it_time_to_recover() -> None:
    """A throttle storm and an expired token hit two numbers, early enough to be over and drained."""
    for seed in SEEDS:
        made = plan(seed)
        numbers = [fault.number for fault in made.faults if fault.kind is not Fault.RESET_AFTER]
        assert len(numbers) == len(set(numbers)) == 2
        for fault in made.faults:
            if fault.kind is not Fault.RESET_AFTER:
                assert fault.at_s + fault.lasts_s + RECOVERS_S <= made.seconds
        assert [fault.share for fault in made.faults if fault.kind is Fault.RESET_AFTER] == [0.01]


def test_a_long_run_has_many_rounds() -> None:
    """Rounds follow one another for as long as there is time."""
    kinds = [action.kind for action in plan(3, 1200.0).actions]
    assert kinds.count(Kind.SCALE_UP) >= 10
    assert kinds.count(Kind.CUT) >= 10
