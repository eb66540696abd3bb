"""The ingress's own work for one webhook: signature, parsing, mapping, encoding. Kafka and HTTP are left out."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from connector.ingress.events import Arrival, Event
from connector.ingress.mapping import map_facts
from connector.records.codec import Codec
from connector.whatsapp.notification import parse_notification
from connector.whatsapp.signature import verify

COUNT = 300
SECRET = b"secret"
CODEC = Codec()
ARRIVAL = Arrival(received_at=1_795_500_000_000, replica="bench", installation="default", slots=24)


def _body(changes: int, value: dict[str, Any]) -> bytes:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [change] * changes}]}
    ).encode()


_STATUS = {"id": "wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=", "status": "delivered",
           "timestamp": "1795500000", "recipient_id": "16505551234",
           "biz_opaque_callback_data": "wkc1:7,5,1,0,-:defaultc-123",
           "pricing": {"billable": True, "pricing_model": "PMP", "category": "utility", "type": "regular"}}  # fmt: skip
_MESSAGE = {"from": "16505551234", "id": "wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=",
            "timestamp": "1795500000", "type": "text", "text": {"body": "Does it come in another color?"}}  # fmt: skip
_CONTACTS = [{"profile": {"name": "Sheena Nelson"}, "wa_id": "16505551234"}]

STATUS_BODY = _body(1, {"statuses": [_STATUS]})
MESSAGE_BODY = _body(1, {"contacts": _CONTACTS, "messages": [_MESSAGE]})
BATCH_BODY = _body(20, {"statuses": [_STATUS]})


def _take(body: bytes) -> Callable[[], int]:
    signature = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()

    def run() -> int:
        for _ in range(COUNT):
            assert verify(body, signature, [SECRET])  # noqa: S101 - a bench that measured a refusal would be wrong
            for item in map_facts(parse_notification(body), ARRIVAL):
                if isinstance(item, Event):
                    for event in (*item.signals, item):
                        CODEC.encode(event.schema, event.record)
        return COUNT

    return run


BENCHES: dict[str, Callable[[], int]] = {
    "webhook with one status": _take(STATUS_BODY),
    "webhook with one message": _take(MESSAGE_BODY),
    "webhook with 20 statuses": _take(BATCH_BODY),
}
