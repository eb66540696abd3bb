"""What a well-formed message is refused for, or accepted for and then not delivered. PURE.

Source of the codes: Meta, error codes, 2026-09-11. Where Meta documents a code without saying whether it comes with the
answer or by webhook, public reports decide, or a setting.
"""

import hashlib
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

from connector.simulator import media_kinds
from connector.simulator.business import Business
from connector.simulator.errors import Refusal
from connector.simulator.numbers import NOT_ALLOWED, Number
from connector.simulator.people import person
from connector.simulator.recipients import Provocations
from connector.simulator.references import MEDIA_TYPES, Reference, references
from connector.simulator.settings import Settings
from connector.simulator.templates import Template
from connector.simulator.validation import Message

SENT_TO_ITSELF = Refusal(131021, "Sender and recipient phone number are the same.")
WINDOW_CLOSED = Refusal(131047, "More than 24 hours have passed since the recipient last wrote to this number.")
NO_USER_ID = Refusal(131062, "Authentication templates need a phone number.")
ONLY_MARKETING = Refusal(134100, "Only marketing templates are sent by this endpoint.")
MARKETING_ELSEWHERE = Refusal(131063, "Marketing templates of this account go through the marketing endpoint.")
OPTED_OUT = Refusal(131050, "The recipient has chosen to stop marketing messages from this business.")
IN_EXPERIMENT = Refusal(130472, "The message was not sent as the recipient takes part in an experiment.")
WITHHELD = Refusal(131049, "The message was not delivered to keep the ecosystem healthy.")
_WITH_MEDIA = (*MEDIA_TYPES, "template", "interactive")


class Attempt(NamedTuple):
    """A well-formed message at the moment of the decision.

    Attributes:
        marketing: it came by the marketing endpoint.
    """

    number: Number
    message: Message
    at_s: float
    wall_ms: int
    over_number: bool
    over_pair: bool
    marketing: bool = False


class Verdict(NamedTuple):
    """What is wrong with a message, and whether the answer says so or a ``failed`` status does later."""

    refusal: Refusal
    later: bool = False


class SendRules:
    """All rules but the two limits, in order; the first that speaks wins.

    Args:
        settings: the rules in force.
        business: what they look at.
        random: of draws for single messages.
    """

    def __init__(self, settings: Settings, business: Business, random: Random) -> None:
        self._business = business
        self._random = random
        self._provocations = Provocations(settings.recipients, magic=settings.magic_recipients)
        self._window = settings.customer_service_window
        self._marketing = settings.marketing
        self._media = settings.media

    def verdict(self, attempt: Attempt, template: Template | Refusal | None) -> Verdict | None:
        """What is wrong with ``attempt``; ``template`` is what the registry says to it, if it is one."""
        refusal = attempt.number.unavailable(attempt.at_s)
        if refusal is not None:
            return Verdict(refusal)
        recipient = attempt.message.recipient
        provoked = self._provocations.of(recipient)
        if provoked is not None:
            return Verdict(Refusal(provoked.code), later=provoked.by == "webhook")
        if recipient.id == attempt.number.display_phone_number:
            return Verdict(SENT_TO_ITSELF)
        if attempt.number.allowed is not None and recipient.id not in attempt.number.allowed:
            return Verdict(NOT_ALLOWED)
        if isinstance(template, Refusal):
            return Verdict(template)
        return self._content(attempt, template)

    def _content(self, attempt: Attempt, template: Template | None) -> Verdict | None:
        kind = attempt.message.type
        found = self._of_media(attempt) if kind in _WITH_MEDIA else None
        if found is not None:
            return found
        if kind == "template":
            return self._of_template(attempt, template)
        return self._of_window(attempt)

    def _of_window(self, attempt: Attempt) -> Verdict | None:
        recipient = attempt.message.recipient
        if self._window == "off" or recipient.kind == "group":
            return None
        if self._business.people.window_open(attempt.number.id, person(recipient), attempt.at_s):
            return None
        return Verdict(WINDOW_CLOSED, later=self._window == "webhook")

    def _of_template(self, attempt: Attempt, template: Template | None) -> Verdict | None:
        category = category_of(attempt, template)
        if attempt.marketing and category != "MARKETING":
            return Verdict(ONLY_MARKETING)
        if category == "AUTHENTICATION" and attempt.message.recipient.kind == "user":
            return Verdict(NO_USER_ID)
        if category != "MARKETING":
            return None
        if not attempt.marketing and not attempt.number.account.marketing_on_messages:
            return Verdict(MARKETING_ELSEWHERE)
        return self._of_marketing(attempt)

    def _of_marketing(self, attempt: Attempt) -> Verdict | None:
        settings, user_id = self._marketing, person(attempt.message.recipient)
        refusal = None
        if not self._business.people.takes_marketing(user_id):
            refusal = OPTED_OUT
        elif settings.experiment > 0 and _lot(user_id) < settings.experiment:
            refusal = IN_EXPERIMENT
        elif settings.withheld > 0 and self._random.random() < settings.withheld:
            refusal = WITHHELD
        return None if refusal is None else Verdict(refusal, later=settings.by == "webhook")

    def _of_media(self, attempt: Attempt) -> Verdict | None:
        for reference in references(attempt.message.type, attempt.message.content):
            found = self._of_reference(attempt, reference)
            if found is not None:
                return found
        return None

    def _of_reference(self, attempt: Attempt, reference: Reference) -> Verdict | None:
        media_id, link = reference.media.get("id"), reference.media.get("link")
        if media_id is None:
            return self._of_link(link) if isinstance(link, str) else None
        medium = self._business.media.sendable(attempt.number.id, str(media_id), attempt.wall_ms)
        if medium is None:
            return Verdict(_no_such_medium(reference)) if self._media.check_ids else None
        if not media_kinds.fits(reference.kind, medium.mime_type, voice=bool(reference.media.get("voice"))):
            details = f"A message of type {reference.kind} cannot hold a file of type {medium.mime_type}."
            return Verdict(Refusal(131053, details), later=True)
        return None

    def _of_link(self, link: str) -> Verdict | None:
        broken = any(part in link for part in self._media.broken_links) or _unresolvable(link)
        return Verdict(Refusal(131053, "The media could not be fetched from the link."), later=True) if broken else None


def category_of(attempt: Attempt, template: Template | None) -> str | None:
    """The category a template message is billed in; None for other messages.

    Without a registry the endpoint decides.
    """
    if attempt.message.type != "template":
        return None
    if template is not None:
        return template.category
    return "MARKETING" if attempt.marketing else "UTILITY"


def _no_such_medium(reference: Reference) -> Refusal:
    what = f"(#100) Param {reference.path}['id'] is not a valid whatsapp business account media attachment ID"
    return Refusal(100, message=what)


def _unresolvable(link: str) -> bool:
    """Whether the host can never be found: the top-level domain invalid is reserved for that (RFC 6761)."""
    try:
        host = urlsplit(link).hostname
    except ValueError:
        return True
    return host is not None and host.endswith(".invalid")


def _lot(user_id: str) -> float:
    """A figure from 0 to 1 that is always the same for a user."""
    return int.from_bytes(hashlib.sha256(user_id.encode()).digest()[:6], "big") / 2**48
