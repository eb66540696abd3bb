"""The attributes of the spans: each type names those of one span, and :data:`MEANINGS` says what each is."""

from collections.abc import Mapping
from typing import Final, TypedDict

Process = TypedDict(
    "Process",
    {
        "messaging.system": str,
        "messaging.operation.name": str,
        "messaging.operation.type": str,
        "messaging.destination.name": str,
        "messaging.destination.partition.id": str,
        "messaging.kafka.offset": int,
        "whatsapp.connector.phone_number_id": str,
        "whatsapp.connector.command_id": str,
        "whatsapp.connector.message_type": str,
        "whatsapp.connector.queue_s": float,
        "whatsapp.connector.outcome": str,
        "whatsapp.connector.dead_letter_class": str,
        "whatsapp.connector.attempts": int,
        "error.type": str,
    },
    total=False,
)

Attempt = TypedDict(
    "Attempt",
    {
        "whatsapp.connector.phone_number_id": str,
        "whatsapp.connector.attempt": int,
        "whatsapp.connector.result": str,
        "whatsapp.connector.error_code": int,
        "error.type": str,
    },
    total=False,
)

Request = TypedDict(
    "Request",
    {
        "http.request.method": str,
        "url.full": str,
        "url.template": str,
        "server.address": str,
        "server.port": int,
        "http.request.resend_count": int,
        "http.response.status_code": int,
        "whatsapp.connector.fbtrace_id": str,
        "error.type": str,
    },
    total=False,
)

Webhook = TypedDict(
    "Webhook",
    {
        "http.request.method": str,
        "url.scheme": str,
        "url.path": str,
        "http.route": str,
        "http.request.body.size": int,
        "http.response.status_code": int,
        "error.type": str,
    },
    total=False,
)

Send = TypedDict(
    "Send",
    {
        "messaging.system": str,
        "messaging.operation.name": str,
        "messaging.operation.type": str,
        "messaging.destination.name": str,
        "cloudevents.event_id": str,
        "whatsapp.connector.phone_number_id": str,
        "whatsapp.connector.status": str,
        "error.type": str,
    },
    total=False,
)

MEANINGS: Final[Mapping[str, str]] = {
    "messaging.system": "`kafka`",
    "messaging.operation.name": "`process` or `send`",
    "messaging.operation.type": "`process` or `send`",
    "messaging.destination.name": "Full name of the topic",
    "messaging.destination.partition.id": "Partition of the record that was read",
    "messaging.kafka.offset": "Offset of the record that was read",
    "cloudevents.event_id": "`event_id` of the record",
    "http.request.method": "`POST`",
    "http.request.body.size": "Bytes of the webhook",
    "http.request.resend_count": "How many attempts were made before; none for the first",
    "http.response.status_code": "Status of the answer, 200 of whatever was accepted; none without one",
    "http.route": "`ingress.path`",
    "server.address": "Host of `cloud_api.base_url`",
    "server.port": "Port of `cloud_api.base_url`",
    "url.full": "URL of the request; Meta's tokens are in a header",
    "url.path": "Path of the request",
    "url.scheme": "`http` or `https`, as the request arrived",
    "url.template": "`/{phone_number_id}/messages`",
    "error.type": "What went wrong: a dead letter's class, the attempt's reason, an HTTP status, or an error's name",
    "whatsapp.connector.phone_number_id": "Id of the business number",
    "whatsapp.connector.command_id": "Id of the command, with runs of 7 and more digits masked",
    "whatsapp.connector.message_type": "Kind of message, such as `template`",
    "whatsapp.connector.queue_s": "Seconds from the record's own time to its reading; to its commit if settled at once",
    "whatsapp.connector.outcome": "As in its outcome; `FORWARDED` to its home slot, `LEFT` to the next owner",
    "whatsapp.connector.dead_letter_class": "Class of the dead letter",
    "whatsapp.connector.attempts": "How many attempts were made",
    "whatsapp.connector.attempt": "Which attempt, from 1",
    "whatsapp.connector.result": "What the attempt came to: accepted, throttled, transient, permanent or ambiguous",
    "whatsapp.connector.error_code": "Meta's error code",
    "whatsapp.connector.fbtrace_id": "Meta's own trace id, for its support",
    "whatsapp.connector.status": "What the status says: `sent`, `delivered`, `read`, `failed`",
}
