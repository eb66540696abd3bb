"""The simulated API's decisions: request bytes and time in, answer out. No I/O; randomness is injected."""

import hmac
from random import Random
from typing import NamedTuple

import msgspec

from connector.simulator import errors, ids
from connector.simulator.errors import Refusal
from connector.simulator.numbers import DEFAULT_FIELDS, Number, Numbers
from connector.simulator.observer import ACCEPTED, Observed, Observer
from connector.simulator.recipients import Provocations
from connector.simulator.settings import Settings
from connector.simulator.validation import Message, ReadReceipt, Recipient, read_request

OVER_NUMBER_LIMIT = Refusal(
    130429, "Message failed to send because there were too many messages sent from this phone number in a short period."
)
OVER_PAIR_LIMIT = Refusal(
    131056, "Message failed to send because there were too many messages from this phone number to the same recipient."
)
SENT_TO_ITSELF = Refusal(131021, "Sender and recipient phone number are the same.")
BAD_TOKEN = Refusal(190, message="Invalid OAuth access token - Cannot parse access token")
NO_TOKEN = Refusal(190, message="An access token is required to request this resource.")
TOO_LARGE = Refusal(100, "The request body is too large.")
_SUCCESS = b'{"success":true}'


class Accepted(NamedTuple):
    """A message that was accepted: what the webhooks about it need to know.

    Attributes:
        fails_with: the error code of the ``failed`` status that is to follow whatever the drawn shares say.
    """

    message_id: str
    number: Number
    recipient: Recipient
    type: str
    callback_data: str | None
    at_s: float
    wall_ms: int
    fails_with: int | None


class Answer(NamedTuple):
    """An HTTP answer, and the message it accepted."""

    status: int
    body: bytes
    trace_id: str
    accepted: Accepted | None = None


class _Attempt(NamedTuple):
    """A well-formed message at the moment of the decision."""

    number: Number
    message: Message
    at_s: float
    wall_ms: int
    over_number: bool
    over_pair: bool


class Cloud:
    """All numbers of one simulated business.

    Args:
        settings: the rules in force.
        random: source of ids.
        observer: told of every request.
    """

    def __init__(self, settings: Settings, random: Random, observer: Observer) -> None:
        self._settings = settings
        self._random = random
        self._observer = observer
        self._tokens = [token.encode() for token in settings.access_tokens]
        self._provocations = Provocations(settings.recipients, magic=settings.magic_recipients)
        self.numbers = Numbers(settings.numbers, create=settings.creates_numbers)

    def refuse(self, refusal: Refusal) -> Answer:
        """The answer that ``refusal`` makes."""
        trace_id = ids.trace_id(self._random)
        return Answer(refusal.http_status, errors.body(refusal, trace_id), trace_id)

    def authorize(self, authorization: bytes | None) -> Refusal | None:
        """Check the Authorization header's value."""
        if not authorization:
            return NO_TOKEN
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() == b"bearer" and any(hmac.compare_digest(token, known) for known in self._tokens):
            return None
        return BAD_TOKEN

    def read_number(self, number_id: str, fields: str | None) -> Answer:
        """Answer ``GET /{number}?fields=...``."""
        number = self.numbers.find(number_id)
        if number is None:
            return self.refuse(errors.unknown_object("get", number_id))
        names = [name.split("{")[0].strip() for name in fields.split(",")] if fields else DEFAULT_FIELDS
        found = number.read(names)
        if isinstance(found, Refusal):
            return self.refuse(found)
        return Answer(200, msgspec.json.encode(found), ids.trace_id(self._random))

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
        refusal = self.authorize(authorization)
        number = self.numbers.find(number_id) if refusal is None else None
        if number is None:
            refusal = refusal or errors.unknown_object("post", number_id)
            return self._refuse_unread(number_id, refusal, at_s, wall_ms)
        request = TOO_LARGE if payload is None else read_request(payload, marketing=marketing)
        if isinstance(request, Message):
            over_number, over_pair = _over_limits(number, request.recipient, at_s)
            return self._decide(_Attempt(number, request, at_s, wall_ms, over_number, over_pair))
        if isinstance(request, ReadReceipt):
            self._observer.add(Observed(at_s, wall_ms, number.id, "", "read", None, 200, ACCEPTED, None))
            return Answer(200, _SUCCESS, ids.trace_id(self._random))
        return self._refuse_unread(number_id, request, at_s, wall_ms)

    def _refuse_unread(self, number_id: str, refusal: Refusal, at_s: float, wall_ms: int) -> Answer:
        """Refuse a request of which recipient and type are not known."""
        seen = Observed(at_s, wall_ms, number_id[:64], "", "", None, refusal.http_status, refusal.code, None)
        self._observer.add(seen, known=number_id in self.numbers)
        return self.refuse(refusal)

    def _decide(self, attempt: _Attempt) -> Answer:
        recipient = attempt.message.recipient
        provoked = self._provocations.of(recipient)
        if provoked is not None and provoked.by == "answer":
            return self._refuse_message(attempt, Refusal(provoked.code))
        if recipient.id == attempt.number.display_phone_number:
            return self._refuse_message(attempt, SENT_TO_ITSELF)
        if attempt.over_number and self._settings.number_limit:
            return self._refuse_message(attempt, OVER_NUMBER_LIMIT)
        if attempt.over_pair and self._settings.pair_limit:
            return self._refuse_message(attempt, OVER_PAIR_LIMIT)
        return self._accept(attempt, None if provoked is None else provoked.code)

    def _accept(self, attempt: _Attempt, fails_with: int | None) -> Answer:
        number, message, at_s, wall_ms, _, over_pair = attempt
        recipient = message.recipient
        number.window.count(at_s)
        if recipient.kind != "group" and not over_pair:
            number.pairs.count(recipient.id, at_s)
        message_id = ids.outbound_message_id(self._random, recipient.id)
        self._record(attempt, 200, ACCEPTED, message_id)
        accepted = Accepted(
            message_id, number, recipient, message.type, message.callback_data, at_s, wall_ms, fails_with
        )
        return Answer(200, success_body(recipient, message_id), ids.trace_id(self._random), accepted)

    def _refuse_message(self, attempt: _Attempt, refusal: Refusal) -> Answer:
        self._record(attempt, refusal.http_status, refusal.code, None)
        return self.refuse(refusal)

    def _record(self, attempt: _Attempt, status: int, code: int, message_id: str | None) -> None:
        number, message, at_s, wall_ms, over_number, over_pair = attempt
        self._observer.add(
            Observed(
                at_s,
                wall_ms,
                number.id,
                message.recipient.id,
                message.type,
                message.callback_data,
                status,
                code,
                message_id,
                over_number,
                over_pair,
            )
        )


def _over_limits(number: Number, recipient: Recipient, at_s: float) -> tuple[bool, bool]:
    """Whether one more message breaks the number's limit, and the pair's; groups have no pair limit."""
    over_number = not number.window.has_room(at_s)
    over_pair = recipient.kind != "group" and number.pairs.free_at(recipient.id, at_s) > at_s
    return over_number, over_pair


def success_body(recipient: Recipient, message_id: str) -> bytes:
    """The body of an accepted send: ``wa_id`` for phones and groups, ``user_id`` for business-scoped ids."""
    known_as = "user_id" if recipient.kind == "user" else "wa_id"
    message = {"id": message_id}
    if recipient.kind == "group":
        message["group_id"] = recipient.id
    return msgspec.json.encode(
        {
            "messaging_product": "whatsapp",
            "contacts": [{"input": recipient.given, known_as: recipient.id}],
            "messages": [message],
        }
    )
