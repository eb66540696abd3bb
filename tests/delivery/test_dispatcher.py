"""What the dispatcher does with priorities, holds and levels, one rule at a time, in virtual time."""

from collections import Counter
from dataclasses import replace
from typing import Final

import pytest

from connector.delivery.command import QueuedCommand, RetryAt, Settle, TopicPolicy, Verdict
from connector.delivery.dispatcher import APP_HOLD_S, LEVEL_WAIT_S, STOPPED_RETRY_S, Dispatcher
from connector.delivery.retry import RetryPolicy
from connector.delivery.throughput_limit import NEVER
from connector.whatsapp.error_table import Treatment
from connector.whatsapp.response import AttemptOutcome, Kind, maybe_sent, withheld
from tests.delivery.making import ACCEPTED, CRM, MARKETING, NUMBER, queued, result_of, seeded
from tests.delivery.world import START, Answer, World, always_well

OTHER: Final = "200"


def known(rate: int = 20) -> World:
    """A world in which Meta takes everything and has told the number's rate."""
    world = World(1, answer=always_well, rate=rate, in_flight_max=100)
    world.dispatcher.set_rate(NUMBER, rate, START)
    world.look_ahead_share = 0.0
    return world


def crowd(world: World, count: int, policy: TopicPolicy = CRM, *, number: str = NUMBER, name: str = "user") -> None:
    """So many commands at once, each to somebody else."""
    for each in range(count):
        world.feed(queued(f"{name} {each}", policy, number=number))


def topics(world: World) -> list[str]:
    """The topics of what left, in order."""
    return [command.policy.topic for _, command in world.let_go]


def times(world: World, number: str = NUMBER) -> list[float]:
    """When messages of a number left, in seconds from the start."""
    return [time - START for time, command in world.let_go if command.command.phone_number_id == number]


def test_crm_goes_first() -> None:
    """A campaign that came before waits behind CRM that came after it."""
    campaign = replace(MARKETING, min_share=0.0)
    world = known()
    crowd(world, 30, campaign, name="lead")
    world.run(START + 0.5)
    began = len(world.let_go)
    crowd(world, 30)
    world.run(START + 60.0)
    assert topics(world)[began:] == ["crm"] * 30 + ["marketing"] * (30 - began)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.5])
def test_marketing_keeps_its_share(share: float) -> None:
    """While both have more than can leave, the share that was promised goes to marketing, and no more."""
    world = known()
    crowd(world, 400)
    crowd(world, 400, replace(MARKETING, min_share=share), name="lead")
    world.run(START + 12.0)
    sent = Counter(topics(world))
    assert sent["crm"] + sent["marketing"] > 150
    assert sent["marketing"] / sent.total() == pytest.approx(share, abs=0.01)


def test_marketing_has_what_crm_leaves() -> None:
    """CRM to a user who has to wait takes nothing from the others."""
    world = known()
    for _ in range(60):
        world.feed(queued("one user", CRM))
    crowd(world, 30, MARKETING, name="lead")
    world.run(START + 10.0)
    assert Counter(topics(world))["marketing"] == 30


def test_a_share_does_not_pile_up_while_there_is_nothing_to_send() -> None:
    """Marketing that comes after an hour of CRM has no burst in credit."""
    world = known()
    crowd(world, 100)
    world.run(START + 4.0)
    crowd(world, 30, MARKETING, name="lead")
    began = len(world.let_go)
    world.run(START + 5.0)
    assert topics(world)[began : began + 15].count("marketing") <= 1


def test_users_of_one_topic_take_turns() -> None:
    """A user with many commands gets one message in each round, not all before the others."""
    world = known()
    for _ in range(5):
        world.feed(queued("talkative", CRM))
    crowd(world, 5)
    world.run(START + 1.2)
    assert [command.recipient for _, command in world.let_go][:2] == ["talkative", "user 0"]


class Answering(World):
    """Writes at once, and is answered after ``wait_s``."""

    wait_s = 0.2

    def delays(self) -> tuple[float, float]:
        """Chance decides nothing."""
        return 0.0, self.wait_s


def answering(answer: Answer, kind: type[Answering] = Answering) -> Answering:
    """A world of one number of 20 a second, and a hundred commands."""
    world = kind(1, answer=answer, rate=20, in_flight_max=100)
    world.dispatcher.set_rate(NUMBER, 20, START)
    world.look_ahead_share = 0.0
    crowd(world, 100)
    return world


def test_a_receiver_that_falls_silent_has_one_seconds_messages_under_way() -> None:
    """All of them may arrive when it goes on; when they are given up, as many are tried again, until it answers."""
    world = answering(lambda _, __: ACCEPTED if world.now < START + 1.0 else maybe_sent("TimeoutError"))
    world.run(START + 1.0)
    world.wait_s = 30.0
    world.run(START + 30.0)
    assert 15 < sum(at > 1.2 for at in times(world)) <= 20
    world.run(START + 40.0)
    assert 15 < sum(at > 31.0 for at in times(world)) <= 20


def test_what_was_never_written_does_not_count_as_unanswered() -> None:
    """The journal is away: as many such failures as a second has messages would have stopped the number for ever."""
    away = START + 1.0

    class Withholding(Answering):
        """Nothing is written while the journal is away."""

        def _written(self, command: QueuedCommand) -> None:
            if not away < self.now < away + 4.0:
                super()._written(command)

    world = answering(
        lambda _, __: withheld("journal_unavailable") if away < world.now < away + 4.0 else ACCEPTED, kind=Withholding
    )
    world.run(START + 30.0)
    assert world.dispatcher.in_flight() == 0
    assert sum(at > 6.0 for at in times(world)) > 20


def test_a_number_that_rests_delays_no_other() -> None:
    """131057, a lost token, silence: the other number leaves at the very same times as if it were alone."""

    class SteadyWorld(World):
        """Chance decides nothing, or one number would change the other one's."""

        def delays(self) -> tuple[float, float]:
            return 0.01, 0.2

    def run(answer: AttemptOutcome | None) -> list[float]:
        world = SteadyWorld(1, rate=20, in_flight_max=100)
        for number in (NUMBER, OTHER):
            world.dispatcher.set_rate(number, 20, START)
        world.answer = lambda command, _: answer if answer and command.command.phone_number_id == NUMBER else ACCEPTED
        if answer:
            crowd(world, 50)
        crowd(world, 100, number=OTHER)
        world.run(START + 20.0)
        return times(world, OTHER)

    alone = run(None)
    assert len(alone) == 100
    for answer in (result_of(131057), result_of(190), maybe_sent("TimeoutError")):
        assert run(answer) == alone


def test_a_user_who_has_to_wait_delays_no_other() -> None:
    """131056 for one user; all others have their message within the time that the rate takes."""
    world = known()
    world.answer = lambda command, _: result_of(131056) if command.recipient == "refused" else ACCEPTED
    world.feed(queued("refused", CRM))
    crowd(world, 60)
    world.run(START + 4.5)
    assert len({command.recipient for _, command in world.let_go}) == 61


def test_an_ambiguous_campaign_does_not_block_crm_to_the_same_user() -> None:
    """The marketing command waits for its retry; CRM passes it."""
    again = replace(MARKETING, resend_ambiguous=True)
    world = known()
    world.answer = lambda command, _: ACCEPTED if command.policy is CRM else maybe_sent("TimeoutError")
    world.feed(queued("user", again))
    world.run(START + 7.0)
    world.feed(queued("user", CRM))
    world.run(START + 40.0)
    assert "crm" in topics(world)[:4]


HOLDS: Final = {131057: 60.0, 190: STOPPED_RETRY_S, 131031: STOPPED_RETRY_S, 4: APP_HOLD_S}


@pytest.mark.parametrize("code", HOLDS)
def test_after_a_hold_one_message_tells_whether_it_is_over(code: int) -> None:
    """While it is not over, one request in each round is all that Meta sees; then everything flows."""
    world = known()
    mended_at = START + 2.5 * HOLDS[code]
    world.answer = lambda *_: ACCEPTED if world.now >= mended_at else result_of(code)
    crowd(world, 100)
    world.run(START + 200.0)
    first_round = [time for time in times(world) if time < 1.0]
    probes = [time for time in times(world) if 1.0 < time < mended_at - START]
    assert 1 <= len(first_round) <= 10
    assert len(probes) == 2
    assert len({command for _, command in world.let_go}) == 100
    assert all(command.failures == 0 for _, command in world.let_go)


def test_a_message_that_was_under_way_does_not_end_the_caution() -> None:
    """Accepted during the hold, it was sent before it."""
    dispatcher = alone()
    first, second, third, fourth = (queued(f"user {n}") for n in range(4))
    for command in (first, second, third, fourth):
        dispatcher.accept(command, START)
    let_go = due_until(dispatcher, START + 1.0, 2)
    dispatcher.on_result(let_go[0], result_of(190), START + 1.0)
    dispatcher.on_result(let_go[1], ACCEPTED, START + 1.1)
    after = START + 1.0 + STOPPED_RETRY_S
    assert len(dispatcher.due(after + 5.0).attempts) == 1
    assert dispatcher.next_wakeup() == NEVER


@pytest.mark.parametrize("result", [maybe_sent("TimeoutError"), result_of(190)], ids=["silence", "stopped"])
def test_caution_ends_when_meta_takes_a_message(result: AttemptOutcome) -> None:
    """Neither silence nor the same refusal ends it; any other answer of Meta does."""
    dispatcher, now = stopped()
    (probe,) = dispatcher.due(now).attempts
    dispatcher.on_result(probe, result, now)
    assert len(due_until(dispatcher, now + 100.0, 5)) == 1
    dispatcher, now = stopped()
    (probe,) = dispatcher.due(now).attempts
    dispatcher.on_result(probe, result_of(131026), now)
    assert len(due_until(dispatcher, now + 100.0, 5)) == 5


def alone(rate: int = 20, in_flight_max: int = 100) -> Dispatcher:
    """A dispatcher that knows one number's rate."""
    dispatcher = Dispatcher(RetryPolicy(), seeded(1), default_rate=rate, in_flight_per_number=in_flight_max)
    dispatcher.set_rate(NUMBER, rate, START)
    return dispatcher


def stopped() -> tuple[Dispatcher, float]:
    """A dispatcher whose number was stopped, and the time at which it tries again."""
    dispatcher = alone()
    for each in range(20):
        dispatcher.accept(queued(f"user {each}"), START)
    (first,) = due_until(dispatcher, START, 1)
    dispatcher.on_result(first, result_of(190), START)
    return dispatcher, START + STOPPED_RETRY_S


def due_until(dispatcher: Dispatcher, until: float, count: int) -> list[QueuedCommand]:
    """What is let go up to a time, so many at most; all of it is written at once."""
    found: list[QueuedCommand] = []
    now = START
    while len(found) < count and (now := max(now, dispatcher.next_wakeup())) <= until:
        attempts = dispatcher.due(now).attempts
        for command in attempts:
            dispatcher.on_written(command, now)
        found += attempts
    return found


def test_a_hold_of_the_app_is_a_hold_of_all_numbers() -> None:
    """Also of those that come later; what Meta asks for is waited for, and a shorter hold does not shorten it."""
    dispatcher = alone()
    dispatcher.set_rate(OTHER, 20, START)
    for user in "ab":
        dispatcher.accept(queued(user), START)
    first, second = due_until(dispatcher, START + 1.0, 2)
    slow_down = AttemptOutcome(Kind.THROTTLED, "4", Treatment.APP_LIMIT, retry_after_s=600.0)
    dispatcher.on_result(first, slow_down, START + 1.0)
    dispatcher.on_result(second, result_of(4), START + 1.1)
    dispatcher.accept(queued("c", number=OTHER), START + 2.0)
    dispatcher.due(START + 2.0)
    assert dispatcher.next_wakeup() == START + 601.0


def test_a_new_number_waits_for_its_level() -> None:
    """Three seconds; then it starts at the default rate."""
    dispatcher = Dispatcher(RetryPolicy(), seeded(1), default_rate=20, in_flight_per_number=9)
    assert dispatcher.accept(queued(), START)
    assert dispatcher.due(START).attempts == []
    assert dispatcher.next_wakeup() == START + LEVEL_WAIT_S


def test_a_number_starts_when_its_level_is_told() -> None:
    """At once, at that rate."""
    dispatcher = Dispatcher(RetryPolicy(), seeded(1), default_rate=20, in_flight_per_number=9)
    dispatcher.accept(queued(), START)
    dispatcher.set_rate(NUMBER, 80, START + 0.5)
    assert len(dispatcher.due(START + 0.5).attempts) == 1
    (state,) = dispatcher.numbers(START + 0.5)
    assert (state.rate, state.in_flight, state.held_s) == (80, 1, 0.0)


def test_a_level_does_not_end_another_hold() -> None:
    """The level is read again while the number rests: it rests on."""
    dispatcher, now = stopped()
    dispatcher.set_rate(NUMBER, 80, now - 10.0)
    assert dispatcher.due(now - 9.0).attempts == []
    assert dispatcher.next_wakeup() == now


def test_a_rate_outlives_its_number() -> None:
    """A slot that comes back does not ask for the level again; a rate that was forgotten does."""
    dispatcher = alone()
    assert not dispatcher.accept(queued(), START)
    dispatcher.drop([0])
    assert not dispatcher.accept(queued(), START)
    assert len(dispatcher.due(START).attempts) == 1
    dispatcher.drop([0])
    dispatcher.forget_rate(NUMBER)
    assert dispatcher.accept(queued(), START)


def test_a_result_after_its_slot_has_gone_is_void() -> None:
    """Also when the slot has come back, and has read the very same record again."""
    dispatcher = alone()
    command = queued()
    dispatcher.accept(command, START)
    (attempt,) = dispatcher.due(START).attempts
    dispatcher.drain([0])
    dispatcher.drop([0])
    again = queued(read=command.reading.record, epoch=2)
    dispatcher.accept(again, START)
    assert dispatcher.on_result(attempt, ACCEPTED, START + 1.0) is None
    (attempt,) = due_until(dispatcher, START + 2.0, 1)
    assert attempt is again


def test_a_result_while_its_slot_is_given_up_counts() -> None:
    """It is what the drain waits for."""
    dispatcher = alone()
    for user in "ab":
        dispatcher.accept(queued(user), START)
    (attempt,) = due_until(dispatcher, START, 1)
    dispatcher.drain([0])
    assert dispatcher.in_flight([0]) == dispatcher.in_flight() == 1
    assert dispatcher.in_flight([1]) == 0
    effect = dispatcher.on_result(attempt, ACCEPTED, START + 1.0)
    assert isinstance(effect, Settle)
    assert dispatcher.in_flight([0]) == 0
    assert dispatcher.due(START + 9.0).attempts == []


def test_attempts_are_counted_and_failures_apart() -> None:
    """Two throttled requests and a failed one: three attempts, one failure."""
    dispatcher = alone()
    command = queued()
    dispatcher.accept(command, START)
    now = START
    for result in (result_of(131056), result_of(131056), result_of(131000)):
        (attempt,) = due_until(dispatcher, now + 100.0, 1)
        effect = dispatcher.on_result(attempt, result, now)
        now += 100.0
        assert isinstance(effect, RetryAt)
    assert (command.attempts, command.failures) == (3, 1)


def test_a_command_that_expires_in_flight_is_expired_by_a_failure_only() -> None:
    """Accepted late is accepted; refused for a while, it is not tried again."""
    for result, verdict in ((ACCEPTED, Verdict.ACCEPTED), (result_of(131056), Verdict.EXPIRED)):
        dispatcher = alone()
        dispatcher.accept(queued(expires_at=START + 5.0), START)
        (attempt,) = dispatcher.due(START).attempts
        assert dispatcher.due(START + 6.0).expired == []
        effect = dispatcher.on_result(attempt, result, START + 7.0)
        assert isinstance(effect, Settle)
        assert effect.verdict is verdict


def test_a_command_that_has_expired_before_it_was_read_is_told_at_once() -> None:
    """It is never sent, and what stands behind it is not held up."""
    dispatcher = alone()
    late, behind = queued(expires_at=START - 10.0), queued()
    dispatcher.accept(late, START)
    dispatcher.accept(behind, START)
    due = dispatcher.due(START)
    assert (due.expired, due.attempts) == ([late], [behind])


def test_a_command_expires_while_its_number_is_held() -> None:
    """Its time is its own."""
    dispatcher, _ = stopped()
    command = queued("late", expires_at=START + 5.0)
    dispatcher.accept(command, START + 1.0)
    assert dispatcher.due(START + 1.0).expired == []
    assert dispatcher.next_wakeup() == START + 5.0
    assert dispatcher.due(START + 5.0).expired == [command]


def test_a_command_expires_behind_another_one() -> None:
    """The one ahead waits for tomorrow; the one behind it is over today."""
    dispatcher = alone()
    ahead, behind = queued(retry_at=START + 86_400.0), queued(expires_at=START + 60.0)
    dispatcher.accept(ahead, START)
    dispatcher.accept(behind, START)
    dispatcher.due(START)
    assert dispatcher.next_wakeup() == START + 60.0
    assert dispatcher.due(START + 60.0).expired == [behind]
    assert dispatcher.due(START + 86_400.0).attempts == [ahead]


def test_requests_in_flight_are_bounded() -> None:
    """When answers hang, so many requests of a number are under way and no more."""
    dispatcher = alone(in_flight_max=3)
    for each in range(10):
        dispatcher.accept(queued(f"user {each}"), START)
    attempts = due_until(dispatcher, START + 100.0, 10)
    assert len(attempts) == 3
    assert dispatcher.next_wakeup() == NEVER
    dispatcher.on_result(attempts[0], ACCEPTED, START + 100.0)
    assert len(dispatcher.due(START + 100.0).attempts) == 1


def test_operators_see_what_a_number_does() -> None:
    """Rate, what is queued by priority, what is in flight, and what it waits for."""
    dispatcher, now = stopped()
    dispatcher.accept(queued("lead", MARKETING), now - 10.0)
    (state,) = dispatcher.numbers(now - 10.0)
    assert (state.phone_number_id, state.slot, state.rate, state.in_flight) == (NUMBER, 0, 20, 0)
    assert state.queued == {0: 20, 1: 1}
    assert (state.held_s, state.held_reason) == (10.0, "190")
    (state,) = dispatcher.numbers(now + 1.0)
    assert (state.held_s, state.held_reason) == (0.0, None)


def test_a_number_without_work_is_forgotten_when_it_owes_nothing() -> None:
    """Not while its last pair is paid back, not while something is queued, in flight or held."""
    dispatcher = alone()
    dispatcher.accept(queued(), START)
    dispatcher.forget_idle(START)
    (attempt,) = due_until(dispatcher, START, 1)
    dispatcher.forget_idle(START + 50.0)
    dispatcher.on_result(attempt, ACCEPTED, START + 50.0)
    dispatcher.forget_idle(START + 5.0)
    assert dispatcher.knows(NUMBER)
    dispatcher.forget_idle(START + 7.0)
    assert not dispatcher.knows(NUMBER)
    assert list(dispatcher.numbers(START + 7.0)) == []


def sent_through(dispatcher: Dispatcher, commands: int, *, expires_in_s: float, answer_s: float = 0.0) -> float:
    """So many commands, one after another and each to somebody else, are taken, sent and accepted; when that was."""
    now = START
    for each in range(commands):
        dispatcher.accept(queued(f"user {each}", expires_at=now + expires_in_s), now)
        while not (attempts := dispatcher.due(now).attempts):
            now = dispatcher.next_wakeup()
        dispatcher.on_written(attempts[0], now)
        now += answer_s
        dispatcher.on_result(attempts[0], ACCEPTED, now)
    return now


def test_what_was_sent_today_is_not_kept_until_it_would_have_expired_tomorrow() -> None:
    """A day's campaign leaves no command, no timer and no user behind in memory."""
    dispatcher = alone(rate=200)
    sent_through(dispatcher, 5000, expires_in_s=86_400.0)
    (number,) = dispatcher._numbers.values()
    assert len(number._expiring) < 200
    assert len(number._waiting) < 200
    assert len(dispatcher._wakeups) < 200
    assert len(number._pairs) <= 2 * 200 * 6.25 + 1024


def test_what_expires_behind_a_command_that_waits_is_not_kept() -> None:
    """A lane whose first command is for next month holds what is alive."""
    dispatcher = alone()
    dispatcher.accept(queued(retry_at=START + 30 * 86_400.0), START)
    for each in range(1000):
        now = START + each
        dispatcher.accept(queued(expires_at=now + 1.0), now)
        dispatcher.due(now)
    (number,) = dispatcher._numbers.values()
    (pair,) = number._pairs.values()
    assert len(pair.lanes["crm"].commands) <= 3


def test_refused_users_are_not_kept_for_ever() -> None:
    """A thousand users who were refused once and never written to again: an hour later there is none."""
    dispatcher = alone(rate=1000)
    for each in range(1000):
        command = queued(f"user {each}", expires_at=START + each + 0.9)
        dispatcher.accept(command, START + each)
        for attempt in dispatcher.due(START + each).attempts:
            dispatcher.on_result(attempt, result_of(131056), START + each)
        dispatcher.due(START + each + 0.9)
    dispatcher.forget_idle(START + 4600.0)
    assert not dispatcher.knows(NUMBER)


def test_seeds_decide_about_nothing_but_jitter() -> None:
    """Two dispatchers with different randomness send a healthy queue at the same times."""
    runs = []
    for seed in (1, 2):
        dispatcher = Dispatcher(RetryPolicy(), seeded(seed), default_rate=20, in_flight_per_number=9)
        dispatcher.set_rate(NUMBER, 20, START)
        runs.append(sent_through(dispatcher, 50, expires_in_s=60.0))
    assert runs[0] == runs[1]
