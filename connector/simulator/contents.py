"""What each message type must hold: Meta's documented limits as data.

Source: Meta, message pages of the Cloud API guides, 2026-03 and 2026-09-11, and Meta's OpenAPI description v23.0. Only
what Meta documents as hard is checked; new members and new template parameters pass.
"""

from typing import Any

from connector.simulator.rules import (
    INVALID_PARAMETER,
    INVALID_VALUE,
    Figure,
    Items,
    Object,
    OneOf,
    Rule,
    Text,
    Variant,
    Violation,
    anything,
    flag,
)

_CAPTION = Text(1024, shortest=0, code=INVALID_PARAMETER)
_LINK = Text()
_ID = Text()


def _uri(value: Any) -> None:
    """A medium's address, in the few respects in which it can be told without fetching it."""
    _LINK(value)
    if "://" not in value:
        raise Violation(INVALID_PARAMETER, "is not a valid URI.")


_MEDIA: dict[str, Rule] = {"id": _ID, "link": _uri}


def _media(**also: Rule) -> Object:
    return Object(optional={**_MEDIA, **also}, exactly_one=("id", "link"))


def _list_rows(interactive: Any) -> None:
    rows = [row for section in interactive["action"]["sections"] for row in section["rows"]]
    if len(rows) > 10:  # noqa: PLR2004 - Meta, interactive list messages: 10 rows over all sections
        raise Violation(INVALID_VALUE, f"has {len(rows)} rows over all sections. Max: 10.", "action", "sections")
    _unique([row["id"] for row in rows], "row ids", "action", "sections")
    if len(interactive["action"]["sections"]) > 1 and any("title" not in s for s in interactive["action"]["sections"]):
        raise Violation(INVALID_VALUE, "needs a title in each of several sections.", "action", "sections")


def _reply_buttons(interactive: Any) -> None:
    replies = [button["reply"] for button in interactive["action"]["buttons"]]
    _unique([reply["title"] for reply in replies], "button titles", "action", "buttons")
    _unique([reply["id"] for reply in replies], "button ids", "action", "buttons")


def _unique(values: list[str], what: str, *path: str) -> None:
    if len(set(values)) != len(values):
        raise Violation(INVALID_VALUE, f"has {what} that are not unique.", *path)


def _product_count(interactive: Any) -> None:
    items = sum(len(section["product_items"]) for section in interactive["action"]["sections"])
    if items > 30:  # noqa: PLR2004 - Meta, multi-product messages: 30 items over all sections
        raise Violation(INVALID_VALUE, f"has {items} products over all sections. Max: 30.", "action", "sections")


def _flow_reference(interactive: Any) -> None:
    if not {"flow_id", "flow_name"} & set(interactive["action"]["parameters"]):
        raise Violation(INVALID_VALUE, "needs flow_id or flow_name.", "action", "parameters")


def _body(longest: int = 1024) -> Object:
    return Object(required={"text": Text(longest)})


_TEXT_HEADER = Object(required={"type": OneOf(("text",)), "text": Text(60)})
_HEADER = Variant(
    "type",
    {
        "text": _TEXT_HEADER,
        "image": Object(required={"image": _media()}),
        "video": Object(required={"video": _media()}),
        "document": Object(required={"document": _media()}),
    },
)
_FOOTER = Object(required={"text": Text(60)})
_FRAME: dict[str, Rule] = {"header": _HEADER, "footer": _FOOTER}


def _named(name: str, **parameters: Rule) -> Object:
    """An action that is told by its name and takes parameters."""
    required: dict[str, Rule] = {"name": OneOf((name,))}
    if parameters:
        required["parameters"] = Object(required=parameters)
    return Object(required=required)


_BUTTON = Object(
    required={
        "type": OneOf(("reply",)),
        "reply": Object(required={"id": Text(256), "title": Text(20)}),
    }
)
_SECTION = Object(
    required={
        "rows": Items(
            Object(required={"id": Text(200), "title": Text(24)}, optional={"description": Text(72, shortest=0)}),
            most=10,
        )
    },
    optional={"title": Text(24)},
)
_PRODUCTS = Object(
    required={"product_items": Items(Object(required={"product_retailer_id": _ID}), most=30)},
    optional={"title": Text(24)},
)
_CARD = Object(
    required={"card_index": Figure(0, 9), "action": Object()},
    optional={"header": _HEADER, "body": _body(160), "type": OneOf(("cta_url", "product"))},
)

INTERACTIVE = Variant(
    "type",
    {
        "button": Object(
            required={"body": _body(), "action": Object(required={"buttons": Items(_BUTTON, most=3)})},
            optional=_FRAME,
            together=(_reply_buttons,),
        ),
        "list": Object(
            required={
                "body": _body(4096),
                "action": Object(required={"button": Text(20), "sections": Items(_SECTION, most=10)}),
            },
            optional={"header": _TEXT_HEADER, "footer": _FOOTER},
            together=(_list_rows,),
        ),
        "cta_url": Object(
            required={"body": _body(), "action": _named("cta_url", display_text=Text(20), url=_LINK)}, optional=_FRAME
        ),
        "flow": Object(
            required={
                "body": _body(),
                "action": _named("flow", flow_message_version=anything, flow_cta=Text(30)),
            },
            optional=_FRAME,
            together=(_flow_reference,),
        ),
        "product": Object(
            required={"action": Object(required={"catalog_id": _ID, "product_retailer_id": _ID})},
            optional={"body": _body(), "footer": _FOOTER},
            forbidden=("header",),
        ),
        "product_list": Object(
            required={
                "header": _TEXT_HEADER,
                "body": _body(),
                "action": Object(required={"catalog_id": _ID, "sections": Items(_PRODUCTS, most=10)}),
            },
            optional={"footer": _FOOTER},
            together=(_product_count,),
        ),
        "catalog_message": Object(required={"body": _body(), "action": _named("catalog_message")}, optional=_FRAME),
        "location_request_message": Object(required={"body": _body(), "action": _named("send_location")}),
        "address_message": Object(
            required={"body": _body(), "action": _named("address_message", country=Text(2, shortest=2))},
            optional=_FRAME,
        ),
        "carousel": Object(
            required={"body": _body(), "action": Object(required={"cards": Items(_CARD, fewest=2, most=10)})},
            forbidden=("header", "footer"),
        ),
        "call_permission_request": Object(required={"action": _named("call_permission_request")}, optional=_FRAME),
        "voice_call": Object(required={"body": _body(), "action": _named("voice_call")}, optional=_FRAME),
        "order_details": Object(required={"body": _body(), "action": _named("review_and_pay")}, optional=_FRAME),
        "order_status": Object(required={"body": _body(), "action": _named("review_order")}, optional=_FRAME),
        "request_contact_info": Object(
            required={"body": _body(), "action": _named("request_contact_info")}, optional=_FRAME
        ),
    },
)

_PARAMETERS = Items(Object(required={"type": Text()}), fewest=0)
_TEMPLATE_CARD = Object(
    required={
        "components": Items(Object(required={"type": Text()}, optional={"parameters": _PARAMETERS}), fewest=0),
    }
)
TEMPLATE = Object(
    required={
        "name": Text(512),
        "language": Object(required={"code": Text()}),
    },
    optional={
        "components": Items(
            Object(required={"type": Text()}, optional={"parameters": _PARAMETERS, "cards": Items(_TEMPLATE_CARD)}),
            fewest=0,
        )
    },
)

CONTENTS: dict[str, Rule] = {
    "text": Object(required={"body": Text(4096, code=INVALID_PARAMETER)}, optional={"preview_url": flag}),
    "image": _media(caption=_CAPTION),
    "audio": _media(voice=flag),
    "video": _media(caption=_CAPTION),
    "document": _media(caption=_CAPTION, filename=Text(shortest=0)),
    "sticker": _media(),
    "location": Object(
        required={"latitude": Figure(-90, 90), "longitude": Figure(-180, 180)},
        optional={"name": Text(shortest=0), "address": Text(shortest=0)},
    ),
    "contacts": Items(Object(required={"name": Object(required={"formatted_name": Text()})})),
    "reaction": Object(required={"message_id": _ID}, optional={"emoji": Text(shortest=0)}),
    "template": TEMPLATE,
    "interactive": INTERACTIVE,
    "pin": Object(),
}

GROUP_TYPES = ("text", "image", "audio", "video", "document", "sticker", "template", "pin")
