"""What messages are refused for beyond their form, and which fail later: in virtual time."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.simulator import ids
from connector.simulator.cloud import Answer, Cloud
from connector.simulator.multipart import Part
from connector.simulator.observer import Observer
from connector.simulator.settings import from_mapping

BEARER = b"Bearer simulator-token"
PHONE = "16505551234"
PROMO: dict[str, Any] = {"type": "template", "template": {"name": "promo", "language": {"code": "en_US"}}}


class Bench:
    """A cloud with these settings, and short ways to use it."""

    def __init__(self, **settings: Any) -> None:
        self.observer = Observer(10_000)
        numbers = {"numbers": [{"id": "1", "level": "HIGH"}], **settings}
        self.cloud = Cloud(from_mapping(numbers), Random(7), self.observer)  # noqa: S311 - repeatable on purpose
        self.business = self.cloud.business

    def send(self, at_s: float = 0.0, *, edge: str = "messages", token: bytes = BEARER, **body: Any) -> Answer:
        """Send a text, or the body given, to one user."""
        content = body or {"type": "text", "text": {"body": "x"}}
        recipient = {} if "recipient" in content else {"to": f"+{PHONE}"}
        payload = json.dumps({"messaging_product": "whatsapp", **recipient, **content}).encode()
        wall_ms = int(at_s * 1000)
        marketing = edge == "marketing_messages"
        return self.cloud.send("1", payload, token, at_s=at_s, wall_ms=wall_ms, marketing=marketing)

    def upload(self, mime_type: str, number: str = "1") -> str:
        """Upload a file; its id."""
        fields = {"messaging_product": b"whatsapp", "type": mime_type.encode()}
        form = {name: Part(None, None, value) for name, value in fields.items()}
        medium_id = self.business.media.upload(number, {**form, "file": Part("x", mime_type, b"x")}, 0)
        assert isinstance(medium_id, str)
        return medium_id


def code(answer: Answer) -> int:
    """The error code with which it was refused; 0 when it was accepted."""
    found: int = json.loads(answer.body).get("error", {}).get("code", 0)
    return found


def failure(answer: Answer) -> int:
    """The code of the failed status that is to follow; 0 when none is."""
    assert answer.accepted is not None
    return answer.accepted.fails_with.code if answer.accepted.fails_with is not None else 0


def template(**also: Any) -> dict[str, Any]:
    """Settings of the template that PROMO sends."""
    return {"name": "promo", "category": "MARKETING", **also}


def test_a_blocked_account_is_refused_with_the_recipient_known() -> None:
    """The observer can say whom it would have gone to."""
    bench = Bench(accounts=[{"id": "102290129340398", "block": "payment"}])
    assert code(bench.send()) == 131042
    assert [(seen["code"], seen["recipient"]) for seen in bench.observer.requests({})] == [(131042, PHONE)]


def test_a_test_number_writes_to_its_list_only() -> None:
    """Others are 131030."""
    bench = Bench(numbers=[{"id": "1", "allowed": ["16505550000"]}])
    assert code(bench.send()) == 131030
    assert code(bench.send(to="+1 650 555 0000", type="text", text={"body": "x"})) == 0


def test_a_token_for_another_number_sends_nothing() -> None:
    """Code 200; and nothing without the permission, code 10."""
    bench = Bench(tokens=[{"token": "other", "numbers": ["2"]}, {"token": "reader", "scopes": []}])
    assert code(bench.send(token=b"Bearer other")) == 200
    assert code(bench.send(token=b"Bearer reader")) == 10


def test_an_upgrade_refuses_until_it_is_over() -> None:
    """131057 with HTTP 500, then more messages a second than before."""
    bench = Bench(numbers=[{"id": "1"}])
    bench.cloud.numbers.all()[0].upgrade("HIGH", ready_s=60.0)
    answer = bench.send(59.0)
    assert (code(answer), answer.status) == (131057, 500)
    assert code(bench.send(60.0)) == 0


def test_without_a_window_only_templates_go() -> None:
    """131047 until the user writes, and again a day later."""
    bench = Bench(customer_service_window="answer")
    assert code(bench.send(0.0)) == 131047
    assert code(bench.send(0.0, **PROMO)) == 0
    bench.business.people.heard("1", ids.user_id(PHONE), 10.0)
    assert code(bench.send(10.0)) == 0
    by_id: dict[str, Any] = {"recipient": ids.user_id(PHONE), "type": "text", "text": {"body": "x"}}
    assert code(bench.send(10.0, **by_id)) == 0
    assert code(bench.send(86_410.0)) == 131047


def test_a_closed_window_may_be_told_by_webhook() -> None:
    """Accepted, then failed, as public reports have it."""
    answer = Bench(customer_service_window="webhook").send()
    assert (code(answer), failure(answer)) == (0, 131047)


def test_groups_have_no_window() -> None:
    """Nor does anybody while the rule is off."""
    to_group: dict[str, Any] = {"to": "g", "recipient_type": "group", "type": "text", "text": {"body": "x"}}
    assert code(Bench(customer_service_window="answer").send(**to_group)) == 0
    assert code(Bench().send()) == 0


def test_read_receipts_need_no_window() -> None:
    """They are no messages."""
    assert code(Bench(customer_service_window="answer").send(status="read", message_id="wamid.x")) == 0


def test_a_template_must_exist_once_there_are_any() -> None:
    """132001, HTTP 404."""
    answer = Bench(templates=[{"name": "other"}]).send(**PROMO)
    assert (code(answer), answer.status) == (132001, 404)


def test_a_templates_parameters_are_checked() -> None:
    """132000."""
    components = [{"type": "BODY", "text": "Hi {{1}}"}]
    assert code(Bench(templates=[template(components=components)]).send(**PROMO)) == 132000


def test_a_held_template_is_answered_so() -> None:
    """Statuses follow after its release."""
    answer = Bench(templates=[template(held="released", held_ms=5000)]).send(**PROMO)
    assert json.loads(answer.body)["messages"][0]["message_status"] == "held_for_quality_assessment"
    assert answer.accepted is not None
    assert (answer.accepted.held_s, failure(answer)) == (5.0, 0)


def test_a_held_template_may_be_dropped() -> None:
    """132015, after as long."""
    answer = Bench(templates=[template(held="dropped", held_ms=5000)]).send(**PROMO)
    assert answer.accepted is not None
    assert (answer.accepted.held_s, failure(answer)) == (5.0, 132015)


def test_other_templates_are_answered_accepted() -> None:
    """Messages that are none say nothing of a status."""
    assert json.loads(Bench().send(**PROMO).body)["messages"][0]["message_status"] == "accepted"
    assert set(json.loads(Bench().send().body)["messages"][0]) == {"id"}


def test_the_category_is_the_templates() -> None:
    """By the marketing endpoint it is marketing_lite; utility when nothing is known."""
    bench = Bench(templates=[template()])
    for edge, category in (("messages", "marketing"), ("marketing_messages", "marketing_lite")):
        accepted = bench.send(edge=edge, **PROMO).accepted
        assert accepted is not None
        assert accepted.category == category
    unknown = Bench().send(**PROMO).accepted
    assert unknown is not None
    assert unknown.category == "utility"


def test_the_marketing_endpoint_sends_marketing_only() -> None:
    """134100 for other categories."""
    assert code(Bench(templates=[template(category="UTILITY")]).send(edge="marketing_messages", **PROMO)) == 134100


def test_an_account_may_have_marketing_elsewhere() -> None:
    """131063 on the plain endpoint."""
    accounts = [{"id": "102290129340398", "marketing_on_messages": False}]
    bench = Bench(templates=[template()], accounts=accounts)
    assert code(bench.send(**PROMO)) == 131063
    assert code(bench.send(edge="marketing_messages", **PROMO)) == 0


def test_authentication_needs_a_phone() -> None:
    """131062 for a business-scoped user id."""
    bench = Bench(templates=[template(category="AUTHENTICATION")])
    assert code(bench.send(recipient="US.1", **PROMO)) == 131062
    assert code(bench.send(**PROMO)) == 0


@pytest.mark.parametrize(("by", "refused", "fails"), [("answer", 131050, None), ("webhook", 0, 131050)])
def test_who_opted_out_gets_no_marketing(by: str, refused: int, fails: int | None) -> None:
    """131050, with the answer or by webhook; other messages go."""
    bench = Bench(templates=[template(), {"name": "order"}], marketing={"by": by})
    bench.business.people.stop_marketing(ids.user_id(PHONE))
    answer = bench.send(**PROMO)
    assert code(answer) == refused
    assert fails is None or failure(answer) == fails
    order: dict[str, Any] = {"type": "template", "template": {"name": "order", "language": {"code": "en_US"}}}
    assert failure(bench.send(**order)) == 0


def test_an_experiment_is_about_users() -> None:
    """The same users each time, as many as the share says."""
    bench = Bench(templates=[template()], marketing={"experiment": 0.3}, pair_limit=False)
    users = [f"+1650{index:07d}" for index in range(1000, 2000)]
    times = iter(range(2000))
    first, second = ([failure(bench.send(next(times), to=user, **PROMO)) for user in users] for _ in range(2))
    assert first == second
    assert set(first) == {0, 130472}
    assert first.count(130472) == pytest.approx(300, rel=0.2)


def test_some_marketing_is_withheld() -> None:
    """A share of the messages, 131049."""
    bench = Bench(templates=[template()], marketing={"withheld": 0.3}, pair_limit=False)
    failures = [failure(bench.send(float(index), **PROMO)) for index in range(1000)]
    assert failures.count(131049) == pytest.approx(300, rel=0.2)


def image(**medium: str) -> dict[str, Any]:
    """An image message."""
    return {"type": "image", "image": medium}


def test_an_id_must_have_been_uploaded_for_the_number() -> None:
    """Anything else is code 100, with the words that public threads quote."""
    bench = Bench(numbers=[{"id": "1"}, {"id": "2"}])
    assert code(bench.send(**image(id=bench.upload("image/jpeg")))) == 0
    for medium_id in ("4711", bench.upload("image/jpeg", "2")):
        answer = bench.send(**image(id=medium_id))
        assert code(answer) == 100
        words = "Param image['id'] is not a valid whatsapp business account media attachment ID"
        assert json.loads(answer.body)["error"]["message"] == f"(#100) {words}"


def test_an_upload_is_too_old_after_30_days() -> None:
    """The id is as good as made up."""
    bench = Bench()
    medium_id = bench.upload("image/jpeg")
    assert code(bench.send(30 * 86_400 - 1.0, **image(id=medium_id))) == 0
    assert code(bench.send(30 * 86_400.0, **image(id=medium_id))) == 100


def test_ids_may_go_unchecked() -> None:
    """For senders that have no media."""
    assert code(Bench(media={"check_ids": False}).send(**image(id="4711"))) == 0


def test_a_file_of_the_wrong_type_fails_later() -> None:
    """131053 by webhook: Meta looks at files after it has accepted the message."""
    bench = Bench()
    assert failure(bench.send(**image(id=bench.upload("application/pdf")))) == 131053
    voice: dict[str, Any] = {"type": "audio", "audio": {"id": bench.upload("audio/mpeg"), "voice": True}}
    assert failure(bench.send(**voice)) == 131053


@pytest.mark.parametrize(
    ("link", "fails"),
    [
        ("https://example.com/a.jpg", 0),
        ("https://cdn.example.invalid/a.jpg", 131053),
        ("https://slow.example.com/a.jpg", 131053),
        ("https://[broken/a.jpg", 131053),
    ],
)
def test_a_link_that_cannot_be_fetched_fails_later(link: str, fails: int) -> None:
    """By rule, or because no host ends in invalid."""
    assert failure(Bench(media={"broken_links": ["slow."]}).send(**image(link=link))) == fails


def header(medium: dict[str, str]) -> dict[str, Any]:
    """A header that holds an image."""
    return {"type": "image", "image": medium}


def parameter(medium: dict[str, str]) -> list[dict[str, Any]]:
    """Template components with that image in the header."""
    return [{"type": "header", "parameters": [header(medium)]}]


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (
            {**PROMO, "template": {**PROMO["template"], "components": parameter({"id": "4711"})}},
            "template['components'][0]['parameters'][0]['image']",
        ),
        (
            {
                "type": "interactive",
                "interactive": {
                    "type": "cta_url",
                    "header": header({"id": "4711"}),
                    "body": {"text": "x"},
                    "action": {"name": "cta_url", "parameters": {"display_text": "x", "url": "https://example.com"}},
                },
            },
            "interactive['header']['image']",
        ),
        (
            {
                "type": "interactive",
                "interactive": {
                    "type": "carousel",
                    "body": {"text": "x"},
                    "action": {
                        "cards": [
                            {"card_index": 0, "action": {}, "header": header({"link": "https://example.com/a.jpg"})},
                            {"card_index": 1, "action": {}, "header": header({"id": "4711"})},
                        ]
                    },
                },
            },
            "interactive['action']['cards'][1]['header']['image']",
        ),
        (
            {
                "type": "template",
                "template": {
                    "name": "promo",
                    "language": {"code": "en_US"},
                    "components": [
                        {"type": "carousel", "cards": [{"card_index": 0, "components": parameter({"id": "4711"})}]}
                    ],
                },
            },
            "template['components'][0]['cards'][0]['components'][0]['parameters'][0]['image']",
        ),
    ],
)
def test_media_are_found_wherever_they_are(message: dict[str, Any], path: str) -> None:
    """In template parameters, headers and the cards of carousels; the answer names the place."""
    answer = Bench().send(**message)
    assert code(answer) == 100
    assert f"Param {path}['id']" in json.loads(answer.body)["error"]["message"]


def test_the_limits_hold_for_what_fails_later_too() -> None:
    """A message is accepted before it fails."""
    bench = Bench(numbers=[{"id": "1", "mps": 1}])
    broken = image(link="https://x.invalid/a.jpg")
    assert [code(bench.send(0.0, **broken)), code(bench.send(0.0, **broken))] == [0, 130429]


def test_beyond_the_quota_sends_are_refused() -> None:
    """Read receipts too; each is recorded."""
    bench = Bench(usage={"calls": 2, "block_s": 60})
    receipt: dict[str, Any] = {"status": "read", "message_id": "wamid.x"}
    answers = [bench.send(), bench.send(**receipt), bench.send(), bench.send(**receipt), bench.send(60.0)]
    assert [code(answer) for answer in answers] == [0, 0, 80007, 80007, 0]
    assert [seen["code"] for seen in bench.observer.requests({})] == [0, 0, 80007, 80007, 0]


HEADED: dict[str, Any] = {
    "type": "interactive",
    "interactive": {
        "type": "carousel",
        "header": header({"id": "4711"}),
        "body": {"text": "x"},
        "action": {
            "name": "send_location",
            "buttons": [{"type": "reply", "reply": {"id": "1", "title": "x"}}],
            "cards": [{"card_index": index, "action": {}, "header": header({"id": "4711"})} for index in range(2)],
        },
    },
}
RICH: list[dict[str, Any]] = [
    {"type": "text", "text": {"body": "x", "preview_url": True}, "context": {"message_id": "wamid.x"}},
    image(id="4711"),
    image(link="https://example.com/a.jpg"),
    {"type": "audio", "audio": {"id": "4711", "voice": True}},
    *({**HEADED, "interactive": {**HEADED["interactive"], "type": kind}} for kind in ("carousel", "button", "flow")),
    {**HEADED, "interactive": {**HEADED["interactive"], "type": "location_request_message"}},
    {
        "type": "template",
        "template": {
            "name": "promo",
            "language": {"code": "en_US"},
            "components": [
                {"type": "header", "parameters": [header({"id": "4711"})]},
                {"type": "body", "parameters": [{"type": "text", "parameter_name": "a", "text": "x"}]},
                {"type": "button", "sub_type": "url", "index": 0, "parameters": [{"type": "text", "text": "x"}]},
                {"type": "carousel", "cards": [{"card_index": 0, "components": parameter({"id": "4711"})}]},
            ],
        },
    },
]
LISTED = [
    {"type": "HEADER", "format": "IMAGE"},
    {"type": "BODY", "text": "Hi {{a}}"},
    {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://example.com/{{1}}"}]},
    {"type": "CAROUSEL", "cards": [{"components": [{"type": "HEADER", "format": "IMAGE"}]}]},
]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.just("9" * 5000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "text", "x"]), inner),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every value inside ``value``."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in members for found in [(*path, key), *places(inner, (*path, key))]]


@given(body=st.sampled_from(RICH), data=st.data())
def test_whatever_a_body_holds_it_is_accepted_or_refused(body: dict[str, Any], data: st.DataObject) -> None:
    """Any one value in it replaced by any JSON: an answer comes, in Graph's shape."""
    changed = json.loads(json.dumps(body))
    *path, last = data.draw(st.sampled_from(places(changed)))
    inside = changed
    for key in path:
        inside = inside[key]
    inside[last] = data.draw(JSON)
    answer = Bench(templates=[template(components=LISTED)], customer_service_window="answer").send(**changed)
    assert answer.status == 200 or code(answer) > 0
