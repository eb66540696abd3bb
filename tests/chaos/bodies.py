"""The webhooks the driver posts itself: several facts in a body, odd numbers, malformed items. PURE: seeded.

Bodies are put together as text, so that the driver knows the exact text of each item.
"""

import json
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.chaos.ledgers import Fact, FactKind

FIRST_SECOND: Final = 1_790_000_000
"""Meta's own time of the first fact; each one has its own second."""

ODD_NUMBERS: Final = "[1.10,1e2,-0.0,12345678901234567890123,3.141592653589793238462643]"
"""Numbers that a reader into doubles writes back differently."""

MALFORMED_SHARE: Final = 0.15
WHOLLY_MALFORMED_SHARE: Final = 0.02
CONVERSATIONS_PER_LANE: Final = 3
FACTS_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Body:
    """One webhook; its facts in the order of their places."""

    facts: tuple[Fact, ...]
    content: bytes


class BodyLoad:
    """Makes bodies; no two facts are alike.

    Args:
        seed: decides everything that is left open.
        number: the business number that is written to.
        lane_index: users of one lane write through one replica, one body after another.
    """

    def __init__(self, seed: int, number: str, lane_index: int) -> None:
        self._random = Random(f"{seed} {lane_index}")  # noqa: S311 - load, nothing secret
        self._number = number
        self._lane = f"lane{lane_index}"
        # Lane and user are in the phone: nobody shares a conversation.
        self._users = [f"49151{lane_index:03d}{index:04d}" for index in range(CONVERSATIONS_PER_LANE)]
        self._sequences: Counter[str] = Counter()
        self._count = 0

    def following(self) -> Body:
        """The next body."""
        if self._random.random() < WHOLLY_MALFORMED_SHARE:
            return self._wholly_malformed()
        facts = [self._fact() for _ in range(self._random.randint(1, FACTS_MAX))]
        if self._random.random() < MALFORMED_SHARE:
            facts.insert(self._random.randint(0, len(facts)), self._malformed())
        return Body(*self._packed(facts))

    def again(self, body: Body) -> Body:
        """The same facts packed otherwise, as a later delivery may: one of them alone."""
        good = [fact for fact in body.facts if fact.kind is not FactKind.MALFORMED]
        return Body(*self._packed([self._random.choice(good)])) if good else body

    def _fact(self) -> Fact:
        self._count += 1
        drawn = self._random.random()
        if drawn < 0.1:
            return self._account()
        return self._status() if drawn < 0.35 else self._message()

    def _message(self) -> Fact:
        user, message_id = self._random.choice(self._users), f"wamid.{self._lane}.{self._count}"
        kind = self._random.choice(("text", "text", "image", "unsupported", "brand_new_kind"))
        content = {
            "text": '{"body":"Gr\\u00fc\\u00dfe \\ud83d\\udce6, between-us"}',
            "image": '{"id":"1234","mime_type":"image\\/jpeg","sha256":"AAAA"}',
            "unsupported": '{"type":"poll"}',
            "brand_new_kind": '{"half":"\\ud83d","deep":[[[[1]]]]}',
        }[kind]
        raw = (
            f'{{"from":"{user}","id":"{message_id}","timestamp":"{FIRST_SECOND + self._count}","type":"{kind}",'
            f'"{kind}":{content},"x_new": {ODD_NUMBERS}}}'
        )
        class_ = "unsupported" if kind == "unsupported" else "content"
        return self._kept(FactKind.MESSAGE, f"message/{self._number}/{message_id}/{class_}", raw, user)

    def _status(self) -> Fact:
        user, message_id = self._random.choice(self._users), f"wamid.{self._lane}.s{self._count}"
        status = self._random.choice(("sent", "delivered", "read", "failed", "brand_new_status"))
        raw = (
            f'{{"id":"{message_id}","status":"{status}","timestamp":"{FIRST_SECOND + self._count}",'
            f'"recipient_id":"{user}","x_new":{ODD_NUMBERS} }}'
        )
        return self._kept(FactKind.STATUS, f"status/{self._number}/{message_id}/{status}", raw, user)

    def _account(self) -> Fact:
        marker = f"account-{self._lane}-{self._count}"
        value = f'{{"event":"BRAND_NEW","marker":"{marker}","x_new":{ODD_NUMBERS}}}'
        raw = f'{{"field":"{self._random.choice(("account_alerts", "brand_new_field"))}","value":{value}}}'
        return Fact(FactKind.ACCOUNT, f"account/{marker}", raw, self._number)

    def _malformed(self) -> Fact:
        self._count += 1
        raw = self._random.choice((
            f'{{"from":"4915","type":"text","lacks":"an id {self._lane} {self._count}"}}',
            f'"no object {self._lane} {self._count}"',
            f'{{"id":"wamid.{self._lane}.{self._count}", broken}}',
        ))  # fmt: skip
        return Fact(FactKind.MALFORMED, f"malformed/{raw}", raw, self._number)

    def _wholly_malformed(self) -> Body:
        self._count += 1
        raw = f'{{"object":"page","entry":[],"x":"{self._lane} {self._count}"}}'
        return Body((Fact(FactKind.MALFORMED, f"malformed/{raw}", raw, self._number),), raw.encode())

    def _kept(self, kind: FactKind, fact_id: str, raw: str, user: str) -> Fact:
        self._sequences[user] += 1
        return Fact(kind, fact_id, raw, self._number, user, self._sequences[user])

    def _packed(self, facts: list[Fact]) -> tuple[tuple[Fact, ...], bytes]:
        """Messages first, then statuses, as they stand in one change; account events are changes of their own."""
        statuses = [fact for fact in facts if fact.kind is FactKind.STATUS]
        accounts = [fact for fact in facts if fact.kind is FactKind.ACCOUNT]
        messages = [fact for fact in facts if fact not in statuses and fact not in accounts]
        members = [
            '"messaging_product":"whatsapp"',
            f'"metadata":{{"display_phone_number":"15550001111","phone_number_id":"{self._number}"}}',
            *([f'"messages":[{",".join(fact.raw for fact in messages)}]'] if messages else []),
            *([f'"statuses":[{",".join(fact.raw for fact in statuses)}]'] if statuses else []),
        ]
        change = [f'{{"field":"messages","value":{{{",".join(members)}}}}}'] if messages or statuses else []
        changes = ",".join([*change, *(fact.raw for fact in accounts)])
        waba = json.dumps("102290129340398")
        text = f'{{"object":"whatsapp_business_account","entry":[{{"id":{waba},"changes":[{changes}]}}]}}'
        return (*messages, *statuses, *accounts), text.encode()
