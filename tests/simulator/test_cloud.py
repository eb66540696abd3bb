"""The API's decisions, in virtual time."""

import json
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.simulator.cloud import Answer, Cloud
from connector.simulator.observer import Observer
from connector.simulator.settings import Settings, from_mapping

TOKEN = b"Bearer simulator-token"


class Bench:
    """A cloud with its observer, and a short way to send."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.observer = Observer(10_000)
        self.cloud = Cloud(settings or Settings(), Random(7), self.observer)  # noqa: S311 - repeatable on purpose

    def send(self, at_s: float = 0.0, *, to: str = "+16505551234", number: str = "1", **body: Any) -> Answer:
        """Send a text, or the body given."""
        body = body or {"type": "text", "text": {"body": "x"}, "biz_opaque_callback_data": "data"}
        payload = json.dumps({"messaging_product": "whatsapp", "to": to, **body}).encode()
        return self.cloud.send(number, payload, TOKEN, at_s=at_s, wall_ms=int(at_s * 1000))

    def codes(self) -> list[int]:
        """Result codes of all requests so far."""
        return [found["code"] for found in self.observer.requests({})]


def error(answer: Answer) -> dict[str, Any]:
    """The error in an answer."""
    body: dict[str, Any] = json.loads(answer.body)["error"]
    return body


def test_an_accepted_message() -> None:
    """200, the recipient as given and as known, and a wamid of realistic form."""
    answer = Bench().send(to="+1 650-555-1234")
    body = json.loads(answer.body)
    assert answer.status == 200
    assert body["messaging_product"] == "whatsapp"
    assert body["contacts"] == [{"input": "+1 650-555-1234", "wa_id": "16505551234"}]
    assert body["messages"][0]["id"].startswith("wamid.")
    assert 40 <= len(body["messages"][0]["id"]) <= 256


def test_message_ids_are_unique() -> None:
    """Ten thousand messages, ten thousand ids."""
    bench = Bench(from_mapping({"number_limit": False, "pair_limit": False}))
    assert len({json.loads(bench.send().body)["messages"][0]["id"] for _ in range(10_000)}) == 10_000


def test_the_same_seed_gives_the_same_ids() -> None:
    """A run can be repeated."""
    assert Bench().send().body == Bench().send().body


def test_a_business_scoped_id_is_answered_with_user_id() -> None:
    """No phone number comes back for a user known by id only."""
    body = {"messaging_product": "whatsapp", "recipient": "US.1", "type": "text", "text": {"body": "x"}}
    answer = Bench().cloud.send("1", json.dumps(body).encode(), TOKEN, at_s=0.0, wall_ms=0)
    assert json.loads(answer.body)["contacts"] == [{"input": "US.1", "user_id": "US.1"}]


def test_a_group_is_answered_with_its_id() -> None:
    """The message belongs to the group."""
    answer = Bench().send(to="Y2FwaV9ncm91cDox", recipient_type="group", type="text", text={"body": "x"})
    assert json.loads(answer.body)["messages"][0]["group_id"] == "Y2FwaV9ncm91cDox"


def test_a_missing_or_wrong_token_is_code_190() -> None:
    """401 in the Graph's shape; the request is recorded as refused."""
    bench = Bench()
    for authorization in (None, b"", b"Bearer x", b"Basic simulator-token", b"simulator-token"):
        answer = bench.cloud.send("1", b"{}", authorization, at_s=0.0, wall_ms=0)
        assert (answer.status, error(answer)["code"]) == (401, 190)
    assert bench.codes() == [190] * 5


def test_nobody_without_a_token_creates_numbers() -> None:
    """A refused request leaves no number behind."""
    bench = Bench()
    bench.cloud.send("4711", b"{}", None, at_s=0.0, wall_ms=0)
    assert bench.cloud.numbers.all() == ()


def test_a_number_not_listed_does_not_exist() -> None:
    """Code 100, subcode 33."""
    answer = Bench(from_mapping({"numbers": [{"id": "1"}]})).send(number="2")
    assert (answer.status, error(answer)["code"], error(answer)["error_subcode"]) == (400, 100, 33)


def test_the_number_limit_is_a_true_sliding_second() -> None:
    """80 messages to 80 people in one second, not 81; room again one second after the first."""
    bench = Bench(from_mapping({"numbers": [{"id": "1"}]}))
    answers = [bench.send(index / 128, to=f"+1650555{index:04d}") for index in range(81)]
    assert [answer.status for answer in answers] == [200] * 80 + [400]
    assert error(answers[-1])["code"] == 130429
    assert bench.send(1.0).status == 200


def test_inbound_messages_take_room() -> None:
    """A number's messages in and out share its limit."""
    bench = Bench(from_mapping({"numbers": [{"id": "1", "mps": 3}]}))
    bench.cloud.numbers.all()[0].window.count(0.0)
    assert [bench.send(0.5, to=f"+1650555000{index}").status for index in range(3)] == [200, 200, 400]


def test_the_pair_limit_is_strict() -> None:
    """45 at once to one person, then nothing for 270 seconds; others are not concerned."""
    bench = Bench(from_mapping({"numbers": [{"id": "1", "level": "HIGH"}]}))
    assert [bench.send(0.0).status for _ in range(45)] == [200] * 45
    assert error(bench.send(5.0))["code"] == 131056
    assert error(bench.send(269.0))["code"] == 131056
    assert bench.send(5.0, to="+16505550000").status == 200
    assert bench.send(270.0).status == 200


def test_one_person_is_one_pair_however_the_number_is_written() -> None:
    """Spaces and a missing plus make no second recipient."""
    bench = Bench(from_mapping({"numbers": [{"id": "1", "level": "HIGH"}]}))
    for _ in range(45):
        bench.send(0.0, to="+1 650 555 1234")
    assert bench.send(0.0, to="16505551234").status == 400


def test_groups_have_no_pair_limit() -> None:
    """Meta's pair is a number and a user."""
    bench = Bench(from_mapping({"numbers": [{"id": "1", "level": "HIGH"}]}))
    statuses = [bench.send(to="g", recipient_type="group", type="text", text={"body": "x"}).status for _ in range(50)]
    assert statuses == [200] * 50


def test_a_refused_message_counts_towards_neither_limit() -> None:
    """Being refused by one limit uses up nothing of the other."""
    bench = Bench(from_mapping({"numbers": [{"id": "1", "mps": 46}]}))
    for _ in range(60):
        bench.send(0.0)
    assert bench.codes().count(131056) == 15
    assert bench.send(0.0, to="+16505550000").status == 200
    assert error(bench.send(0.0, to="+16505550001"))["code"] == 130429
    assert bench.send(1.5, to="+16505550001").status == 200


def test_switched_off_limits_are_still_watched() -> None:
    """Nothing is refused, every violation is counted."""
    bench = Bench(from_mapping({"numbers": [{"id": "1", "mps": 50}], "number_limit": False, "pair_limit": False}))
    assert {bench.send(0.0).status for _ in range(60)} == {200}
    tally = bench.observer.summary()["numbers"]["1"]
    assert (tally["pair_violations"], tally["number_limit_violations"]) == (15, 10)


def test_magic_recipients_refuse_or_fail_later() -> None:
    """The code is in the number."""
    bench = Bench()
    assert error(bench.send(to="+9990131047"))["code"] == 131047
    accepted = bench.send(to="+9991131026").accepted
    assert accepted is not None
    assert accepted.fails_with is not None
    assert accepted.fails_with.code == 131026


def test_a_number_cannot_write_to_itself() -> None:
    """Code 131021."""
    bench = Bench(from_mapping({"numbers": [{"id": "1", "display_phone_number": "15550783881"}]}))
    assert error(bench.send(to="+1 555 078 3881"))["code"] == 131021


def test_read_receipts_are_answered_with_success_and_cost_nothing() -> None:
    """They are no messages."""
    bench = Bench(from_mapping({"numbers": [{"id": "1", "mps": 1}]}))
    for _ in range(3):
        assert bench.send(status="read", message_id="wamid.x").body == b'{"success":true}'
    assert bench.send().status == 200
    assert bench.observer.summary()["numbers"]["1"]["read_receipts"] == 3


def test_an_oversized_body_is_refused_and_recorded() -> None:
    """The server passes no body at all then."""
    bench = Bench()
    answer = bench.cloud.send("1", None, TOKEN, at_s=0.0, wall_ms=0)
    assert (answer.status, bench.codes()) == (400, [100])


def test_the_observer_records_who_what_and_when() -> None:
    """Everything a test of a sender needs to judge it."""
    bench = Bench()
    answer = bench.send(2.5)
    assert bench.observer.requests({}) == [
        {
            "at_s": 2.5,
            "wall_ms": 2500,
            "number": "1",
            "recipient": "16505551234",
            "type": "text",
            "callback_data": "data",
            "http_status": 200,
            "code": 0,
            "message_id": json.loads(answer.body)["messages"][0]["id"],
            "over_number_limit": False,
            "over_pair_limit": False,
            "fault": None,
            "fault_id": None,
            "accepted": True,
            "command": "data",
        }
    ]


@given(
    gaps=st.lists(st.integers(0, 5), max_size=150),
    to=st.lists(st.integers(0, 3), min_size=150, max_size=150),
)
def test_acceptances_never_break_a_limit(gaps: list[int], to: list[int]) -> None:
    """Whatever is sent whenever: judged from the log alone, no second and no pair holds too much."""
    bench = Bench(from_mapping({"numbers": [{"id": "1", "mps": 20}]}))
    now = 0.0
    for gap, recipient in zip(gaps, to, strict=False):
        now += gap / 16
        bench.send(now, to=f"+1650555000{recipient}")
    accepted = bench.observer.requests({"code": 0})
    times = [found["at_s"] for found in accepted]
    assert all(sum(end - 1 < time <= end for time in times) <= 20 for end in times)
    for recipient in range(4):
        own = [found["at_s"] for found in accepted if found["recipient"] == f"1650555000{recipient}"]
        assert sum(time < own[0] + 6 for time in own) <= 45 if own else True
