"""What a contact says and no field of its record carries. PURE."""

import json
from collections.abc import Collection

from connector.whatsapp.facts import Contact


def contact_json(contact: Contact, told: Collection[object]) -> str | None:
    """The contact's text, when it has unknown members or says something else than the item it belongs to.

    Args:
        contact: The contact.
        told: What the record says of the person.
    """
    if contact.raw is not None:
        return contact.raw
    said = (
        contact.wa_id,
        contact.user_id,
        contact.parent_user_id,
        contact.username,
        contact.profile_name,
        contact.identity_key_hash,
    )
    if {None, *told}.issuperset(said):
        return None
    profile = {"name": contact.profile_name, "username": contact.username}
    members = {
        "profile": {name: value for name, value in profile.items() if value is not None},
        "wa_id": contact.wa_id,
        "user_id": contact.user_id,
        "parent_user_id": contact.parent_user_id,
        "identity_key_hash": contact.identity_key_hash,
    }
    return json.dumps({name: value for name, value in members.items() if value}, ensure_ascii=False)
