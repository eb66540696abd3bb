"""Switches for tests, and the webhooks that follow from them: in virtual time."""

import json
from random import Random
from typing import Any

import pytest

from connector.simulator import ids
from connector.simulator.app import Simulator
from connector.simulator.settings import from_mapping

ACCOUNT = "102290129340398"
NUMBER = "106540352242922"
TOKEN = "simulator-token"


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now_s

    def wall_ms(self) -> int:
        """The same, as milliseconds."""
        return int(self.now_s * 1000)


class Bench:
    """A simulator that nobody serves."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        webhooks = {"url": "http://localhost/webhook", "gather_ms": 0, "updates_max": 1}
        values = {"numbers": [{"id": NUMBER}], "webhooks": webhooks, **settings}
        self.simulator = Simulator(from_mapping(values), self.clock, Random(7))  # noqa: S311 - repeatable on purpose

    async def request(self, method: str, path: str, content: bytes = b"", token: str = "") -> tuple[int, Any]:
        """Status and body of the answer."""
        headers = [(b"host", b"simulator:8900"), (b"authorization", f"Bearer {token}".encode())]
        path, _, query = path.partition("?")
        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers}
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.simulator(scope, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    async def switch(self, path: str, **body: Any) -> dict[str, Any]:
        """POST to a switch, which must take it."""
        status, answer = await self.request("POST", f"/_admin/{path}", json.dumps(body).encode())
        assert (status, "error" in answer) == (200, False), answer
        found: dict[str, Any] = answer
        return found

    async def send(self, token: str = TOKEN, **also: Any) -> int:
        """Send a text; the error code, or 0."""
        body = {"messaging_product": "whatsapp", "to": "+16505551234", "type": "text", "text": {"body": "x"}, **also}
        _, answer = await self.request("POST", f"/{NUMBER}/messages", json.dumps(body).encode(), token)
        code: int = answer.get("error", {}).get("code", 0)
        return code

    async def read(self, path: str) -> Any:
        """GET a node."""
        return (await self.request("GET", path, token=TOKEN))[1]

    def posted(self) -> list[tuple[str, dict[str, Any]]]:
        """Field and value of every webhook due by now, but for those of messages."""
        found = []
        while (delivery := self.simulator.sender.outbox.take(self.clock.now_s)) is not None:
            entries = json.loads(delivery.body)["entry"]
            found += [(change["field"], change["value"]) for entry in entries for change in entry["changes"]]
        return [(field, value) for field, value in found if field != "messages"]


async def test_a_number_is_made_and_changed() -> None:
    """What is not given stays."""
    bench = Bench()
    await bench.switch("numbers/2", level="HIGH", quality_rating="YELLOW")
    assert await bench.switch("numbers/2", registered=True) == {"id": "2", "level": "HIGH", "mps": 1000}
    assert (await bench.read("/2?fields=quality_rating"))["quality_rating"] == "YELLOW"


async def test_a_number_is_unregistered_and_registered() -> None:
    """133010 in between."""
    bench = Bench()
    await bench.switch(f"numbers/{NUMBER}", registered=False)
    assert await bench.send() == 133010
    await bench.switch(f"numbers/{NUMBER}", registered=True)
    assert await bench.send() == 0


async def test_a_number_becomes_a_test_number_and_a_real_one() -> None:
    """With a list, and without one again."""
    bench = Bench()
    await bench.switch(f"numbers/{NUMBER}", allowed=["16505550000"])
    assert await bench.send() == 131030
    await bench.switch(f"numbers/{NUMBER}", allowed=["16505551234"])
    assert await bench.send() == 0
    await bench.switch(f"numbers/{NUMBER}", allowed=None)
    assert await bench.send(to="+16505559999") == 0


async def test_an_upgrade_takes_its_time() -> None:
    """131057 for so long, then the new level, and the webhook no earlier."""
    bench = Bench()
    await bench.switch(f"numbers/{NUMBER}/upgrade", downtime_s=30)
    assert await bench.send() == 131057
    assert (await bench.read(f"/{NUMBER}?fields=throughput"))["throughput"] == {"level": "STANDARD"}
    bench.clock.now_s += 29.9
    assert (await bench.send(), bench.posted()) == (131057, [])
    bench.clock.now_s += 0.2
    assert (await bench.read(f"/{NUMBER}?fields=throughput"))["throughput"] == {"level": "HIGH"}
    ((field, value),) = bench.posted()
    assert (field, value["event"], value["display_phone_number"]) == (
        "phone_number_quality_update",
        "THROUGHPUT_UPGRADE",
        bench.simulator.cloud.numbers.all()[0].display_phone_number,
    )
    assert await bench.send() == 0


async def test_a_messaging_limit_is_the_portfolios() -> None:
    """Number and account tell it, two webhooks say so."""
    bench = Bench()
    await bench.switch(f"numbers/{NUMBER}", messaging_limit="TIER_2K")
    field = "whatsapp_business_manager_messaging_limit"
    for node in (NUMBER, ACCOUNT):
        assert (await bench.read(f"/{node}?fields={field}"))[field] == "TIER_2K"
    posted = dict(bench.posted())
    assert posted["business_capability_update"]["max_daily_conversations_per_business"] == "TIER_2K"
    quality = posted["phone_number_quality_update"]
    assert (quality["event"], quality["old_limit"], quality["current_limit"]) == (
        "DOWNGRADE",
        "TIER_UNLIMITED",
        "TIER_2K",
    )


@pytest.mark.parametrize(
    ("block", "code", "told", "lifted"),
    [
        ("locked", 131031, ["DISABLED_UPDATE"], ["DISABLED_UPDATE"]),
        ("disabled", 368, ["DISABLED_UPDATE"], ["DISABLED_UPDATE"]),
        ("restricted", 368, ["ACCOUNT_VIOLATION", "ACCOUNT_RESTRICTION"], []),
        ("payment", 131042, [], []),
    ],
)
async def test_an_account_is_blocked_and_freed(block: str, code: int, told: list[str], lifted: list[str]) -> None:
    """Sends are refused in between; webhooks as far as Meta documents any."""
    bench = Bench()
    await bench.switch(f"accounts/{ACCOUNT}", block=block)
    assert await bench.send() == code
    health = (await bench.read(f"/{ACCOUNT}?fields=health_status"))["health_status"]
    assert health["can_send_message"] == "BLOCKED"
    assert [value["event"] for _, value in bench.posted()] == told
    await bench.switch(f"accounts/{ACCOUNT}", block=None)
    assert await bench.send() == 0
    assert [value["event"] for _, value in bench.posted()] == lifted


async def test_the_same_block_again_says_nothing() -> None:
    """No second webhook."""
    bench = Bench()
    await bench.switch(f"accounts/{ACCOUNT}", block="locked")
    bench.posted()
    await bench.switch(f"accounts/{ACCOUNT}", block="locked", marketing_on_messages=False)
    assert bench.posted() == []


@pytest.mark.parametrize(("state", "subcode"), [("expired", 463), ("invalid", 467)])
async def test_a_token_is_switched_off_and_on(state: str, subcode: int) -> None:
    """190 with the subcode of its state; debug_token says the same."""
    bench = Bench(access_tokens=["simulator-token", "other"])
    await bench.switch("tokens", token="other", state=state)
    assert await bench.send(token="other") == 190
    debugged = (await bench.read("/debug_token?input_token=other"))["data"]
    assert (debugged["is_valid"], debugged["error"]["subcode"]) == (False, subcode)
    assert await bench.send() == 0
    await bench.switch("tokens", token="other", state="valid")
    assert await bench.send(token="other") == 0


async def test_a_token_is_made_with_an_expiry() -> None:
    """It opens what it is for, until then."""
    bench = Bench()
    await bench.switch("tokens", token="new", expires_in_s=60)
    assert await bench.send(token="new") == 0
    bench.clock.now_s += 60
    assert await bench.send(token="new") == 190


async def test_a_tokens_bounds_are_changed() -> None:
    """Numbers and permissions."""
    bench = Bench()
    await bench.switch("tokens", token="new", numbers=["2"])
    assert await bench.send(token="new") == 200
    await bench.switch("tokens", token="new", numbers=None, scopes=["whatsapp_business_management"])
    assert await bench.send(token="new") == 10


PROMO: dict[str, Any] = {"type": "template", "template": {"name": "promo", "language": {"code": "en_US"}}}


async def test_a_template_is_made_paused_and_disabled() -> None:
    """Each with its code, and a webhook that names template, status and why."""
    bench = Bench()
    made = await bench.switch("templates", name="promo", category="MARKETING")
    assert await bench.send(**PROMO) == 0
    codes = []
    for status in ("PAUSED", "APPROVED", "DISABLED"):
        await bench.switch("templates/promo", status=status)
        codes.append(await bench.send(**PROMO))
    assert codes == [132015, 0, 132016]
    posted = bench.posted()
    assert {field for field, _ in posted} == {"message_template_status_update"}
    assert [value["event"] for _, value in posted] == ["APPROVED", "PAUSED", "APPROVED", "DISABLED"]
    assert {value["message_template_id"] for _, value in posted} == {int(made["id"])}
    assert [value.get("other_info", {}).get("title") for _, value in posted] == [
        None,
        "FIRST_PAUSE",
        "UNPAUSE",
        "DISABLED",
    ]


async def test_a_templates_category_and_quality_change() -> None:
    """A webhook for each, with before and after."""
    bench = Bench(templates=[{"name": "promo"}, {"name": "promo", "language": "de"}])
    changed = await bench.switch("templates/promo", language="de", category="MARKETING", quality="RED", held="dropped")
    assert len(changed["changed"]) == 1
    posted = dict(bench.posted())
    assert posted["template_category_update"]["previous_category"] == "UTILITY"
    assert posted["template_category_update"]["new_category"] == "MARKETING"
    assert posted["message_template_quality_update"]["new_quality_score"] == "RED"
    assert {value["message_template_language"] for value in posted.values()} == {"de"}


async def test_a_user_stops_and_resumes_marketing() -> None:
    """131050 in between; a webhook for each."""
    bench = Bench(templates=[{"name": "promo", "category": "MARKETING"}], marketing={"by": "answer"})
    await bench.switch("users/16505551234", marketing="stop")
    assert await bench.send(**PROMO) == 131050
    await bench.switch(f"users/{ids.user_id('16505551234')}", marketing="resume")
    assert await bench.send(**PROMO) == 0
    values = [value["user_preferences"][0] for field, value in bench.posted() if field == "user_preferences"]
    assert [value["value"] for value in values] == ["stop", "resume"]
    assert [value.get("wa_id") for value in values] == ["16505551234", None]


async def test_events_are_sent_on_demand() -> None:
    """Of any field; members given replace the sample's."""
    bench = Bench()
    await bench.switch("events", field="account_update", event="DISABLED_UPDATE")
    await bench.switch("events", field="security", value={"requester": "me"}, count=2)
    await bench.switch("events", field="user_preferences", user="US.1", event="resume")
    await bench.switch("events", field="next_years_field", value={"a": 1})
    posted = bench.posted()
    assert [field for field, _ in posted] == [
        "account_update",
        "security",
        "security",
        "user_preferences",
        "next_years_field",
    ]
    assert posted[0][1]["ban_info"]["waba_ban_state"] == "DISABLE"
    assert (posted[1][1]["event"], posted[1][1]["requester"]) == ("PIN_CHANGED", "me")
    assert posted[3][1]["user_preferences"][0]["user_id"] == "US.1"
    assert posted[4][1] == {"a": 1}
    assert await bench.send() == 0


async def test_events_about_the_account_say_when() -> None:
    """In the entry; those about users do not."""
    bench = Bench()
    await bench.switch("events", field="account_alerts")
    await bench.switch("events", field="partner_solutions")
    await bench.switch("events", field="user_preferences")
    outbox = bench.simulator.sender.outbox
    bodies = [delivery.body for delivery in iter(lambda: outbox.take(bench.clock.now_s), None)]
    entries = [json.loads(body)["entry"][0] for body in bodies]
    assert [entry.get("time") for entry in entries] == [1000, 1000, None]
    assert [entry["id"] for entry in entries] == [ACCOUNT, bench.simulator.settings.business_id, ACCOUNT]


async def test_webhooks_can_be_disturbed_at_run_time() -> None:
    """What is not given stays as it was, the URL included."""
    bench = Bench()
    answer = await bench.switch("webhook", lost=1.0)
    assert answer == {"url": "http://localhost/webhook"}
    await bench.switch("events", field="security")
    assert bench.posted() == []
    await bench.switch("webhook", lost=0.0, order="strict", muted=["security"])
    await bench.switch("events", field="security")
    counts = bench.simulator.sender.outbox.summary()["updates"]
    assert (counts["lost"], counts["muted"], counts["pending"]) == (1, 1, 0)
    assert await bench.switch("webhook", url=None) == {"url": None}


async def test_inbound_messages_from_a_user_id() -> None:
    """And of any kind."""
    bench = Bench()
    answer = await bench.switch("inbound", sender="US.13491208655302741918", kind="ghost")
    bench.clock.now_s += 10
    outbox = bench.simulator.sender.outbox
    bodies = [delivery.body for delivery in iter(lambda: outbox.take(bench.clock.now_s), None)]
    messages = [json.loads(body)["entry"][0]["changes"][0]["value"]["messages"][0] for body in bodies]
    assert [message["type"] for message in messages] == ["unsupported", "text"]
    assert [[message["id"]] for message in messages] == [answer["ids"]] * 2
    assert "from" not in messages[0]


@pytest.mark.parametrize("kind", ["number_changed", "user_id_changed", "identity_changed", "errors"])
async def test_what_no_user_wrote_opens_no_window(kind: str) -> None:
    """Nor does it count as an inbound message."""
    bench = Bench(customer_service_window="answer")
    await bench.switch("inbound", sender="16505551234", kind=kind)
    assert await bench.send() == 131047
    assert bench.simulator.observer.summary()["numbers"].get(NUMBER, {}).get("inbound", 0) == 0
    await bench.switch("inbound", sender="16505551234")
    assert await bench.send() == 0


async def test_inbound_media_can_be_downloaded() -> None:
    """By the id and by the URL of the webhook."""
    bench = Bench()
    await bench.switch("inbound", kind="image")
    delivery = bench.simulator.sender.outbox.take(bench.clock.now_s)
    assert delivery is not None
    image = json.loads(delivery.body)["entry"][0]["changes"][0]["value"]["messages"][0]["image"]
    node = await bench.read(f"/{image['id']}")
    assert (node["mime_type"], node["url"]) == ("image/jpeg", image["url"])
    assert image["url"].startswith("http://simulator:8900/")


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("numbers/x", {}, "no phone number id"),
        ("numbers/1", {"level": "LOW"}, "level"),
        ("numbers/4711/upgrade", {}, "not known"),
        (f"numbers/{NUMBER}/upgrade", {"downtime_s": -1}, "downtime_s"),
        ("accounts/4711", {"block": None}, "no account"),
        (f"accounts/{ACCOUNT}", {"block": "soft"}, "block"),
        ("tokens", {"token": ""}, "token"),
        ("templates", {"name": "Not A Name"}, "name"),
        ("templates", {"name": "x", "components": [{"type": "HEADER"}]}, "listing"),
        ("templates/nothing", {"status": "PAUSED"}, "no template nothing"),
        ("users/nobody", {"marketing": "stop"}, "Expected"),
        ("users/16505551234", {"marketing": "maybe"}, "marketing"),
        ("events", {"field": "Not A Field"}, "field"),
        ("events", {"field": "security", "number": "4711"}, "not known"),
        ("webhook", {"lost": 2}, "lost"),
    ],
)
async def test_what_makes_no_sense_changes_nothing(path: str, body: dict[str, Any], words: str) -> None:
    """And is answered with why, HTTP 400."""
    status, answer = await Bench().request("POST", f"/_admin/{path}", json.dumps(body).encode())
    assert status == 400
    assert words in answer["error"]


@pytest.mark.parametrize("path", ["nothing", "numbers", "numbers/1/2/3", "templates/", "tokens/x"])
async def test_switches_that_do_not_exist(path: str) -> None:
    """HTTP 404."""
    assert (await Bench().request("POST", f"/_admin/{path}", b"{}"))[0] == 404


@pytest.mark.parametrize(
    ("bound", "path", "body", "words"),
    [
        ("tokens.TOKENS_MAX", "tokens", {"token": "one more"}, "too many tokens"),
        ("templates.TEMPLATES_MAX", "templates", {"name": "one_more"}, "too many templates"),
        ("numbers.NUMBERS_MAX", "numbers/4711", {}, "too many numbers"),
    ],
)
async def test_what_can_be_made_is_bounded(
    monkeypatch: pytest.MonkeyPatch, bound: str, path: str, body: dict[str, Any], words: str
) -> None:
    """However long somebody goes on."""
    monkeypatch.setattr(f"connector.simulator.{bound}", 0)
    status, answer = await Bench().request("POST", f"/_admin/{path}", json.dumps(body).encode())
    assert status == 400
    assert words in answer["error"]


async def test_there_must_be_a_number_to_tell_about() -> None:
    """Events are about one."""
    bench = Bench(numbers=[])
    status, answer = await bench.request("POST", "/_admin/events", b'{"field": "security"}')
    assert (status, answer) == (400, {"error": "there is no number yet"})
