"""The record of an outbound command. See ``types.py``."""

from typing import Literal, NotRequired, TypedDict

from connector.records.event_types import ContactCard


class OutboundText(TypedDict):
    """A text message."""

    body: NotRequired[str]
    preview_url: NotRequired[bool | None]


class OutboundMedia(TypedDict):
    """An image, audio, video, document or sticker: by id or by link."""

    id: NotRequired[str | None]
    link: NotRequired[str | None]
    caption: NotRequired[str | None]
    filename: NotRequired[str | None]
    voice: NotRequired[bool | None]


class OutboundLocation(TypedDict):
    """A place."""

    latitude: NotRequired[float]
    longitude: NotRequired[float]
    name: NotRequired[str | None]
    address: NotRequired[str | None]


class OutboundReaction(TypedDict):
    """An emoji on an earlier message."""

    message_id: NotRequired[str]
    emoji: NotRequired[str]


class OutboundTemplate(TypedDict):
    """An approved template and its parameters."""

    name: NotRequired[str]
    language_code: NotRequired[str]
    language_policy: NotRequired[str | None]
    components_json: NotRequired[str | None]


class OutboundInteractive(TypedDict):
    """A message with buttons, lists, flows or products."""

    type: NotRequired[str]
    header_json: NotRequired[str | None]
    body_text: NotRequired[str | None]
    footer_text: NotRequired[str | None]
    action_json: NotRequired[str | None]


class OutboundContext(TypedDict):
    """The message replied to."""

    message_id: NotRequired[str]


OnAmbiguous = Literal["DEFAULT", "RESEND", "DEAD_LETTER"]


class OutboundCommand(TypedDict):
    """One message to be sent."""

    command_id: NotRequired[str | None]
    phone_number_id: str
    to: NotRequired[str | None]
    recipient: NotRequired[str | None]
    recipient_type: NotRequired[str | None]
    type: str
    text: NotRequired[OutboundText | None]
    image: NotRequired[OutboundMedia | None]
    audio: NotRequired[OutboundMedia | None]
    video: NotRequired[OutboundMedia | None]
    document: NotRequired[OutboundMedia | None]
    sticker: NotRequired[OutboundMedia | None]
    location: NotRequired[OutboundLocation | None]
    contacts: NotRequired[list[ContactCard] | None]
    reaction: NotRequired[OutboundReaction | None]
    template: NotRequired[OutboundTemplate | None]
    interactive: NotRequired[OutboundInteractive | None]
    message_json: NotRequired[str | None]
    context: NotRequired[OutboundContext | None]
    opaque_data: NotRequired[str | None]
    not_before: NotRequired[int | None]
    expires_at: NotRequired[int | None]
    on_ambiguous: NotRequired[OnAmbiguous]
    source: NotRequired[str | None]
    created_at: NotRequired[int | None]
