"""Inbound messages: who writes, and the webhooks of one message.

Source: Meta, message webhook references and business-scoped user ids page, 2026-03 and 2026-09-11.
"""

from typing import Any

from connector.simulator import errors, ids
from connector.simulator.inbound_kinds import CONTENTS, WITHOUT_CONTACT, Scene, User
from connector.simulator.numbers import Number
from connector.simulator.settings_webhooks import InboundKind
from connector.simulator.webhooks import Change, Update, metadata

_NAMES = (
    "Sheena Nelson",
    "Zoë Müller",
    "José Ángel Ñuñez",
    "李雷",
    "Анна Петрова",
    "محمد علي",
    "Renée 🌻 O'Hara",
    "a/b <c> 100% @d",
)
REAL_TEXT = "I saw your ad. Is it still available?"


def user(index: int, *, hidden: bool = False) -> User:
    """The user number ``index`` of the population; a hidden one shows no phone, but a user name."""
    wa_id = f"1650{2_000_000 + index:07d}"
    username = f"@user{index}" if hidden else None
    return User(None if hidden else wa_id, _NAMES[index % len(_NAMES)], ids.user_id(wa_id), username)


def known_as(sender: str) -> User:
    """The user with this phone (digits) or business-scoped user id."""
    if sender.isdigit():
        return User(sender, "Test User", ids.user_id(sender))
    return User(None, "Test User", sender, "@testuser")


def message(scene: Scene, kind: InboundKind) -> dict[str, Any]:
    """The members of a message of ``kind`` that do not depend on who sends it when."""
    return CONTENTS[kind](scene)


def updates(
    scene: Scene,
    kind: InboundKind,
    content: dict[str, Any] | None,
    *,
    message_id: str,
    due_s: float,
    ghost_s: float,
) -> list[Update | Change]:
    """What is posted about one message: one update, two for a ghost.

    Args:
        scene: who writes to whom when.
        kind: what it is, unless ``content`` says so.
        content: the message's own members; sender, id and timestamp are added where they lack.
        message_id: of the message, unless ``content`` has one.
        due_s: monotonic seconds of now.
        ghost_s: how much later a ghost's content comes.
    """
    if content is not None:
        return [update(scene, content, message_id=message_id, due_s=due_s)]
    if kind == "errors":
        return [value_errors(scene, due_s)]
    contact = kind not in WITHOUT_CONTACT
    first = update(scene, message(scene, kind), message_id=message_id, due_s=due_s, contact=contact)
    if kind != "ghost":
        return [first]
    real = {"type": "text", "text": {"body": REAL_TEXT}}
    return [first, update(scene, real, message_id=message_id, due_s=due_s + ghost_s)]


def update(scene: Scene, content: dict[str, Any], *, message_id: str, due_s: float, contact: bool = True) -> Update:
    """The webhook of one message from the scene's sender; what ``content`` has of its own stays."""
    sender, number = scene.sender, scene.number
    item = {
        **({} if sender.wa_id is None else {"from": sender.wa_id}),
        "from_user_id": sender.user_id,
        "id": message_id,
        "timestamp": str(scene.now_s),
        **content,
    }
    return Update(
        due_s=due_s,
        waba_id=number.waba_id,
        phone_number_id=number.id,
        display_phone_number=number.display_phone_number,
        member="messages",
        item=item,
        contact=sender.contact if contact else None,
    )


def value_errors(scene: Scene, due_s: float) -> Change:
    """A change that holds nothing but ``errors`` (Meta, errors webhook reference, 2026-09-11)."""
    number: Number = scene.number
    details = "Message failed to send because there were too many messages sent from this phone number."
    value = {**metadata(number.display_phone_number, number.id), "errors": [errors.in_webhook(130429, details)]}
    return Change(due_s, number.waba_id, "messages", value)
