"""Webhooks of many sizes, each with what has to be on Kafka once it was answered 200. PURE."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from connector.records.envelope import Envelope, seal

_SIZES: Final = (1,) * 80 + (2, 3, 5, 20) * 4 + (200,) * 2 + (1000,)
_NUMBERS: Final = 5
_TIMESTAMP: Final = "1795500000"
# A body is whole or it is not, however its facts are spread over partitions.
_MESSAGE_EVERY: Final = 3


@dataclass(frozen=True, slots=True)
class Body:
    """One webhook.

    Attributes:
        name: unique in a run.
        content: the bytes.
        messages: ids of its inbound messages.
        statuses: ids of the messages that it tells as sent.
    """

    name: str
    content: bytes
    messages: tuple[str, ...]
    statuses: tuple[str, ...]


@dataclass
class BodyLoad:
    """Draws bodies; the same seed gives the same ones."""

    seed: int
    _made: int = 0
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - load, nothing secret

    def following(self) -> Body:
        """The next body: most have one update, some have a thousand."""
        self._made += 1
        name = f"{self.seed}.{self._made}"
        ids = [f"wamid.{name}.{place}" for place in range(self._random.choice(_SIZES))]
        is_message = {id_: self._random.randrange(_MESSAGE_EVERY) == 0 for id_ in ids}
        changes = [self._change(_message(id_) if is_message[id_] else _status(id_)) for id_ in ids]
        content = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "W", "changes": changes}]})
        return Body(
            name,
            content.encode(),
            tuple(id_ for id_ in ids if is_message[id_]),
            tuple(id_ for id_ in ids if not is_message[id_]),
        )

    def _change(self, items: dict[str, Any]) -> dict[str, Any]:
        metadata = {"phone_number_id": str(100 + self._random.randrange(_NUMBERS))}
        return {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **items}}


def _message(id_: str) -> dict[str, Any]:
    message = {"id": id_, "from": _user(id_), "timestamp": _TIMESTAMP, "type": "text", "text": {"body": id_}}
    return {"messages": [message]}


def _status(id_: str) -> dict[str, Any]:
    opaque = seal(Envelope("default", id_, 1))
    status = {"id": id_, "status": "sent", "timestamp": _TIMESTAMP, "recipient_id": _user(id_)}
    return {"statuses": [{**status, "biz_opaque_callback_data": opaque}]}


def _user(id_: str) -> str:
    return f"1650{sum(id_.encode()):07}"
