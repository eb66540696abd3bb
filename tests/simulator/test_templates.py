"""Templates: what a send must give for one, and what the API lists."""

from typing import Any

import pytest

from connector.simulator.accounts import Account
from connector.simulator.errors import Refusal
from connector.simulator.settings import AccountSettings, TemplateSettings
from connector.simulator.settings_business import DEFAULT_ACCOUNT, TemplateStatus
from connector.simulator.templates import Template, Templates

ORDER: tuple[dict[str, Any], ...] = (
    {"type": "HEADER", "format": "IMAGE"},
    {"type": "BODY", "text": "Hi {{1}}, your order {{2}} is on its way."},
    {"type": "FOOTER", "text": "Bye"},
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "QUICK_REPLY", "text": "Stop"},
            {"type": "URL", "text": "Track", "url": "https://example.com/{{1}}"},
            {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550783881"},
        ],
    },
)
IMAGE = {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://example.com/x.jpg"}}]}
TRACK = {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "4711"}]}


def text(*values: str) -> list[dict[str, Any]]:
    """Positional parameters."""
    return [{"type": "text", "text": value} for value in values]


def body(*values: str) -> dict[str, Any]:
    """A body component."""
    return {"type": "body", "parameters": text(*values)}


def refusal(template: tuple[dict[str, Any], ...], *sent: dict[str, Any]) -> tuple[int, str] | None:
    """Code and details with which a send of these components is refused."""
    found = Template(TemplateSettings(name="x", components=template)).refusal({"components": list(sent)})
    return None if found is None else (found.code, found.details)


def test_a_send_that_gives_everything_is_taken() -> None:
    """Whatever the case of types, and the index as a figure or a string."""
    assert refusal(ORDER, IMAGE, body("Zoë", "4711"), TRACK) is None
    shouted = {**TRACK, "type": "BUTTON", "sub_type": "URL", "index": 1}
    assert refusal(ORDER, {**IMAGE, "type": "HEADER"}, body("Zoë", "4711"), shouted) is None


@pytest.mark.parametrize("values", [(), ("Zoë",), ("Zoë", "4711", "more")])
def test_another_number_of_parameters_is_132000(values: tuple[str, ...]) -> None:
    """The details give both figures."""
    found = refusal(ORDER, IMAGE, body(*values), TRACK)
    assert found == (
        132000,
        f"body: number of localizable_params ({len(values)}) does not match the expected number of params (2)",
    )


def test_parameters_for_what_has_none_are_132000() -> None:
    """A template without a header takes no header."""
    plain = ({"type": "BODY", "text": "Hello"},)
    assert refusal(plain) is None
    assert (refusal(plain, {"type": "header", "parameters": text("x")}) or (0,))[0] == 132000
    assert (refusal(plain, {"type": "carousel", "cards": [{"components": []}]}) or (0,))[0] == 132000


@pytest.mark.parametrize(
    ("header", "received"), [([], "UNKNOWN"), (text("x"), "TEXT"), ([{"type": "video", "video": {}}], "VIDEO")]
)
def test_another_medium_in_the_header_is_132012(header: list[dict[str, Any]], received: str) -> None:
    """Expected and received are named."""
    found = refusal(ORDER, {"type": "header", "parameters": header}, body("a", "b"), TRACK)
    assert found == (132012, f"header: Format mismatch, expected IMAGE, received {received}")


def test_a_medium_instead_of_text_is_132012() -> None:
    """In the body."""
    sent = {"type": "body", "parameters": [*text("a"), {"type": "image", "image": {}}]}
    assert refusal(ORDER, IMAGE, sent, TRACK) == (132012, "body: Format mismatch, expected TEXT, received IMAGE")


def test_currency_and_date_are_text() -> None:
    """Older parameters with a fallback."""
    sent = {
        "type": "body",
        "parameters": [{"type": "currency", "currency": {}}, {"type": "date_time", "date_time": {}}],
    }
    assert refusal(ORDER, IMAGE, sent, TRACK) is None


def test_a_button_without_its_parameter_is_131008() -> None:
    """A URL with a placeholder cannot do without."""
    found = refusal(ORDER, IMAGE, body("a", "b"))
    assert found == (131008, "buttons: Button at index 1 of type Url requires a parameter")


@pytest.mark.parametrize(
    "button",
    [{**TRACK, "index": "0"}, {**TRACK, "index": "9"}, {**TRACK, "sub_type": "flow"}, {**TRACK, "index": "x"}],
)
def test_a_button_that_is_not_there_is_132012(button: dict[str, Any]) -> None:
    """Or is of another type."""
    assert (refusal(ORDER, IMAGE, body("a", "b"), TRACK, button) or (0,))[0] == 132012


@pytest.mark.parametrize(
    ("kind", "sub_type", "parameter"),
    [
        ("OTP", "url", {"type": "text", "text": "123456"}),
        ("COPY_CODE", "copy_code", {"type": "coupon_code", "coupon_code": "SAVE20"}),
        ("MPM", "mpm", {"type": "action", "action": {}}),
    ],
)
def test_buttons_that_need_a_parameter(kind: str, sub_type: str, parameter: dict[str, Any]) -> None:
    """Of their own type."""
    template = ({"type": "BODY", "text": "Hi"}, {"type": "BUTTONS", "buttons": [{"type": kind}]})
    sent = {"type": "button", "sub_type": sub_type, "index": 0, "parameters": [parameter]}
    assert refusal(template, sent) is None
    assert (refusal(template) or (0,))[0] == 131008


@pytest.mark.parametrize("kind", ["QUICK_REPLY", "FLOW", "CATALOG", "URL", "PHONE_NUMBER"])
def test_buttons_that_need_none(kind: str) -> None:
    """They can be left out of the send."""
    assert refusal(({"type": "BODY", "text": "Hi"}, {"type": "BUTTONS", "buttons": [{"type": kind}]})) is None


NAMED = ({"type": "BODY", "text": "Hi {{first_name}}, {{order_id}} is here."},)


def named(**values: str) -> dict[str, Any]:
    """A body with named parameters."""
    parameters = [{"type": "text", "parameter_name": name, "text": value} for name, value in values.items()]
    return {"type": "body", "parameters": parameters}


def test_named_parameters_come_in_any_order() -> None:
    """Their names matter."""
    assert refusal(NAMED, named(order_id="1", first_name="Zoë")) is None


def test_named_parameters_without_or_with_other_names() -> None:
    """100 for a missing name, 132012 for a wrong one, 132000 for too few."""
    assert refusal(NAMED, body("Zoë", "1")) == (100, "body: Parameter name is missing or empty")
    assert (refusal(NAMED, named(order_id="1", name="Zoë")) or (0,))[0] == 132012
    assert (refusal(NAMED, named(order_id="1")) or (0,))[0] == 132000


def test_cards_of_a_carousel_are_checked_each() -> None:
    """As many as the template has, each with its own header and body."""
    card = {"components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "{{1}}"}]}
    template = ({"type": "BODY", "text": "Hi"}, {"type": "CAROUSEL", "cards": [card, card]})
    sent = {"card_index": 0, "components": [IMAGE, body("a")]}
    assert refusal(template, {"type": "carousel", "cards": [sent, sent]}) is None
    assert (refusal(template, {"type": "carousel", "cards": [sent]}) or (0,))[0] == 132000
    bare = {"card_index": 1, "components": [body("a")]}
    assert (refusal(template, {"type": "carousel", "cards": [sent, bare]}) or (0,))[0] == 132012


@pytest.mark.parametrize(
    ("status", "code"), [("PAUSED", 132015), ("DISABLED", 132016), ("PENDING", 132001), ("REJECTED", 132001)]
)
def test_a_template_that_is_not_approved(status: TemplateStatus, code: int) -> None:
    """Each status with Meta's code; not approved is as good as not there."""
    found = Template(TemplateSettings(name="x", status=status)).refusal({})
    assert found is not None
    assert found.code == code


def test_a_template_is_of_one_account_name_and_language() -> None:
    """Anything else is 132001, HTTP 404."""
    known = Templates([TemplateSettings(name="x")])
    found = known.sent(DEFAULT_ACCOUNT, {"name": "x", "language": {"code": "en_US"}})
    assert isinstance(found, Template)
    for account, name, language in (("7", "x", "en_US"), (DEFAULT_ACCOUNT, "y", "en_US"), (DEFAULT_ACCOUNT, "x", "de")):
        missing = known.sent(account, {"name": name, "language": {"code": language}})
        assert isinstance(missing, Refusal)
        assert (missing.code, missing.http_status) == (132001, 404)
        assert missing.details == f"template name ({name}) does not exist in {language}"


def test_without_any_template_all_are_taken() -> None:
    """Simple senders need none."""
    assert Templates([]).sent("1", {"name": "whatever", "language": {"code": "xx"}}) is None


@pytest.mark.parametrize("components", [({"text": "no type"},), ({"type": "HEADER"},), ({"type": "BODY", "text": 5},)])
def test_components_of_another_shape_are_refused(components: tuple[dict[str, Any], ...]) -> None:
    """When the template is made."""
    with pytest.raises(ValueError, match="listing"):
        Template(TemplateSettings(name="x", components=components))


def listed(**query: str) -> list[dict[str, Any]]:
    """Rows of the listing of five templates."""
    known = Templates(
        [
            TemplateSettings(name="order", components=ORDER),
            TemplateSettings(name="order", language="de"),
            TemplateSettings(name="promo", category="MARKETING", status="PAUSED"),
            TemplateSettings(name="named", components=NAMED),
            TemplateSettings(name="other", waba_id="7"),
        ]
    )
    found = known.page(DEFAULT_ACCOUNT, query, "http://localhost/x")
    assert isinstance(found, dict)
    rows: list[dict[str, Any]] = found["data"]
    return rows


def test_the_listing_shows_an_accounts_templates() -> None:
    """With their components as they were given."""
    rows = listed()
    assert [(row["name"], row["language"]) for row in rows] == [
        ("order", "en_US"),
        ("order", "de"),
        ("promo", "en_US"),
        ("named", "en_US"),
    ]
    assert rows[0]["components"] == list(ORDER)
    assert (rows[0]["parameter_format"], rows[3]["parameter_format"]) == ("POSITIONAL", "NAMED")
    assert len({row["id"] for row in rows}) == 4


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"name": "order"}, ["order", "order"]),
        ({"language": "de"}, ["order"]),
        ({"status": "paused"}, ["promo"]),
        ({"category": "UTILITY"}, ["order", "order", "named"]),
        ({"limit": "1"}, ["order"]),
    ],
)
def test_the_listing_can_be_narrowed(query: dict[str, str], names: list[str]) -> None:
    """By name, language, status or category, and by pages."""
    assert [row["name"] for row in listed(**query)] == names


def test_the_listing_has_the_fields_asked_for() -> None:
    """And the id."""
    assert set(listed(fields="status,quality_score")[0]) == {"status", "quality_score", "id"}


def test_a_templates_health_is_its_accounts_too() -> None:
    """Blocked when either is."""
    account = Account(AccountSettings(id=DEFAULT_ACCOUNT))
    paused = Template(TemplateSettings(name="x", status="PAUSED")).read(["health_status"], account)
    assert isinstance(paused, dict)
    assert paused["health_status"]["can_send_message"] == "BLOCKED"
    assert paused["health_status"]["entities"][0]["entity_type"] == "MESSAGE_TEMPLATE"
