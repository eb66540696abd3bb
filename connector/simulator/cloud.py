"""The simulated API's decisions about messages: request bytes and time in, answer out.

No I/O; randomness is injected.
"""

from random import Random
from typing import Any, NamedTuple

import msgspec

from connector.simulator import errors, ids
from connector.simulator.business import Business
from connector.simulator.errors import Refusal
from connector.simulator.numbers import Number
from connector.simulator.observer import ACCEPTED, Observed, Observer
from connector.simulator.send_rules import Attempt, SendRules, Verdict, category_of
from connector.simulator.settings import Settings
from connector.simulator.templates import Template
from connector.simulator.tokens import MESSAGING, Token
from connector.simulator.validation import Message, ReadReceipt, Recipient, read_request

OVER_NUMBER_LIMIT = Refusal(
    130429, "Message failed to send because there were too many messages sent from this phone number in a short period."
)
OVER_PAIR_LIMIT = Refusal(
    131056, "Message failed to send because there were too many messages from this phone number to the same recipient."
)
HELD_BACK = Refusal(132015, "The template was paused while its quality was being assessed; the message is dropped.")
TOO_LARGE = Refusal(100, "The request body is too large.")
_SUCCESS = b'{"success":true}'


class Accepted(NamedTuple):
    """A message that was accepted: what the webhooks about it need to know.

    Attributes:
        fails_with: what the ``failed`` status that is to follow says, whatever the drawn shares.
        category: a template's, in lower case.
        held_s: seconds until anything follows.
        voice: it is a voice message, which can be played.
    """

    message_id: str
    number: Number
    recipient: Recipient
    type: str
    callback_data: str | None
    at_s: float
    wall_ms: int
    fails_with: Refusal | None = None
    category: str | None = None
    held_s: float = 0.0
    voice: bool = False


class Answer(NamedTuple):
    """An HTTP answer, and the message it accepted."""

    status: int
    body: bytes
    trace_id: str
    accepted: Accepted | None = None
    content_type: bytes | None = None


class Cloud:
    """The API of one simulated business.

    Attributes:
        business: everything it has.
        numbers: of the business.
        random: source of ids.

    Args:
        settings: the rules in force.
        random: see above.
        observer: told of every request to send.
        now_ms: of the start, milliseconds since the Unix epoch.
    """

    def __init__(self, settings: Settings, random: Random, observer: Observer, now_ms: int = 0) -> None:
        self._settings = settings
        self.random = random
        self._observer = observer
        self.business = Business(settings, random, now_ms)
        self.numbers = self.business.numbers
        self._rules = SendRules(settings, self.business, random)

    def refuse(self, refusal: Refusal) -> Answer:
        """The answer that ``refusal`` makes."""
        trace_id = ids.trace_id(self.random)
        return Answer(refusal.http_status, errors.body(refusal, trace_id), trace_id)

    def answer(self, found: dict[str, Any] | Refusal) -> Answer:
        """The answer that tells what was found, or why nothing was."""
        if isinstance(found, Refusal):
            return self.refuse(found)
        return Answer(200, msgspec.json.encode(found), ids.trace_id(self.random))

    def send(
        self,
        number_id: str,
        payload: bytes | None,
        authorization: bytes | None,
        *,
        at_s: float,
        wall_ms: int,
        marketing: bool = False,
    ) -> Answer:
        """Answer one POST to ``/messages`` or ``/marketing_messages``.

        Args:
            number_id: from the path.
            payload: the body's bytes; None when there were too many.
            authorization: the header's value.
            at_s: monotonic seconds, not going back from call to call.
            wall_ms: milliseconds since the Unix epoch.
            marketing: the marketing endpoint's rules.
        """
        number = self._number(number_id, authorization, wall_ms)
        if isinstance(number, Refusal):
            return self._refuse_unread(number_id, number, at_s, wall_ms)
        request = TOO_LARGE if payload is None else read_request(payload, marketing=marketing)
        if isinstance(request, Message):
            over_number, over_pair = _over_limits(number, request.recipient, at_s)
            return self._decide(Attempt(number, request, at_s, wall_ms, over_number, over_pair, marketing))
        request = self.business.usage.count(at_s) or request
        if isinstance(request, ReadReceipt):
            self._observer.add(Observed(at_s, wall_ms, number.id, "", "read", None, 200, ACCEPTED, None))
            return Answer(200, _SUCCESS, ids.trace_id(self.random))
        return self._refuse_unread(number_id, request, at_s, wall_ms)

    def _number(self, number_id: str, authorization: bytes | None, wall_ms: int) -> Number | Refusal:
        """The number to send from, or why this caller cannot."""
        token = self.business.tokens.authorize(authorization, wall_ms)
        if not isinstance(token, Token):
            return token
        lacking = token.lacks(MESSAGING, number_id=number_id)
        if lacking is not None:
            return lacking
        return self.numbers.find(number_id) or errors.unknown_object("post", number_id)

    def _refuse_unread(self, number_id: str, refusal: Refusal, at_s: float, wall_ms: int) -> Answer:
        """Refuse a request of which recipient and type are not known."""
        seen = Observed(at_s, wall_ms, number_id[:64], "", "", None, refusal.http_status, refusal.code, None)
        self._observer.add(seen, known=number_id in self.numbers)
        return self.refuse(refusal)

    def _decide(self, attempt: Attempt) -> Answer:
        over_quota = self.business.usage.count(attempt.at_s)
        if over_quota is not None:
            return self._refuse_message(attempt, over_quota)
        template = self._template(attempt)
        verdict = self._rules.verdict(attempt, template)
        if verdict is not None and not verdict.later:
            return self._refuse_message(attempt, verdict.refusal)
        if attempt.over_number and self._settings.number_limit:
            return self._refuse_message(attempt, OVER_NUMBER_LIMIT)
        if attempt.over_pair and self._settings.pair_limit:
            return self._refuse_message(attempt, OVER_PAIR_LIMIT)
        return self._accept(attempt, verdict, template if isinstance(template, Template) else None)

    def _template(self, attempt: Attempt) -> Template | Refusal | None:
        if attempt.message.type != "template":
            return None
        return self.business.templates.sent(attempt.number.waba_id, attempt.message.content)

    def _accept(self, attempt: Attempt, verdict: Verdict | None, template: Template | None) -> Answer:
        number, message, at_s = attempt.number, attempt.message, attempt.at_s
        recipient = message.recipient
        number.window.count(at_s)
        if recipient.kind != "group" and not attempt.over_pair:
            number.pairs.count(recipient.id, at_s)
        message_id = ids.outbound_message_id(self.random, recipient.id)
        self._record(attempt, 200, ACCEPTED, message_id)
        accepted = _accepted(attempt, message_id, verdict, template)
        status = _message_status(message.type, template)
        return Answer(200, success_body(recipient, message_id, status), ids.trace_id(self.random), accepted)

    def _refuse_message(self, attempt: Attempt, refusal: Refusal) -> Answer:
        self._record(attempt, refusal.http_status, refusal.code, None)
        return self.refuse(refusal)

    def _record(self, attempt: Attempt, status: int, code: int, message_id: str | None) -> None:
        message = attempt.message
        self._observer.add(
            Observed(
                attempt.at_s,
                attempt.wall_ms,
                attempt.number.id,
                message.recipient.id,
                message.type,
                message.callback_data,
                status,
                code,
                message_id,
                attempt.over_number,
                attempt.over_pair,
            )
        )


def _over_limits(number: Number, recipient: Recipient, at_s: float) -> tuple[bool, bool]:
    """Whether one more message breaks the number's limit, and the pair's; groups have no pair limit."""
    over_number = not number.window.has_room(at_s)
    over_pair = recipient.kind != "group" and number.pairs.free_at(recipient.id, at_s) > at_s
    return over_number, over_pair


def _accepted(attempt: Attempt, message_id: str, verdict: Verdict | None, template: Template | None) -> Accepted:
    message = attempt.message
    fails_with = None if verdict is None else verdict.refusal
    held_s = 0.0
    if template is not None and template.held != "no":
        held_s = template.held_s
        fails_with = HELD_BACK if template.held == "dropped" else fails_with
    category = category_of(attempt, template)
    if category == "MARKETING" and attempt.marketing:
        category = "MARKETING_LITE"
    return Accepted(
        message_id,
        attempt.number,
        message.recipient,
        message.type,
        message.callback_data,
        attempt.at_s,
        attempt.wall_ms,
        fails_with,
        None if category is None else category.lower(),
        held_s,
        message.type == "audio" and bool(message.content.get("voice")),
    )


def _message_status(message_type: str, template: Template | None) -> str | None:
    """``message_status`` of the answer: templates alone have one (Meta, send messages page, 2026-09-11)."""
    if message_type != "template":
        return None
    return "accepted" if template is None or template.held == "no" else "held_for_quality_assessment"


def success_body(recipient: Recipient, message_id: str, message_status: str | None = None) -> bytes:
    """The body of an accepted send: ``wa_id`` for phones and groups, ``user_id`` for business-scoped ids."""
    known_as = "user_id" if recipient.kind == "user" else "wa_id"
    message = {"id": message_id}
    if recipient.kind == "group":
        message["group_id"] = recipient.id
    if message_status is not None:
        message["message_status"] = message_status
    return msgspec.json.encode(
        {
            "messaging_product": "whatsapp",
            "contacts": [{"input": recipient.given, known_as: recipient.id}],
            "messages": [message],
        }
    )
