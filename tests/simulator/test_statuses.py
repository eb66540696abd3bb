"""What follows an accepted message."""

from collections import Counter
from random import Random
from typing import Any

import pytest

from connector.simulator import statuses
from connector.simulator.cloud import Accepted
from connector.simulator.errors import Refusal
from connector.simulator.numbers import Number
from connector.simulator.settings import NumberSettings, StatusSettings
from connector.simulator.statuses import Step
from connector.simulator.validation import Recipient

ALWAYS = StatusSettings(sent=1, delivered=1, read=1, jitter=0)
UNDELIVERABLE = Refusal(131026, "No WhatsApp there.")
NUMBER = Number(NumberSettings(id="1", waba_id="7", display_phone_number="15550783881"))


def random() -> Random:
    """Repeatable draws."""
    return Random(7)  # noqa: S311 - repeatable on purpose


def accepted(recipient: Recipient | None = None, *, data: str | None = "data", **also: Any) -> Accepted:
    """A text accepted at second 100, wall time 1700000000."""
    recipient = recipient or Recipient("phone", "+16505551234", "16505551234")
    return Accepted("wamid.x", NUMBER, recipient, "text", data, 100.0, 1_700_000_000_000)._replace(**also)


def test_sent_delivered_and_read_follow_in_time() -> None:
    """With every share at one and no jitter, three statuses at the configured delays."""
    assert statuses.plan(ALWAYS, random(), accepted()) == [Step("sent", 0.1), Step("delivered", 0.7), Step("read", 3.0)]


def test_a_provoked_failure_is_the_only_status() -> None:
    """Whatever the shares say."""
    failing = accepted(fails_with=UNDELIVERABLE)
    assert statuses.plan(ALWAYS, random(), failing) == [Step("failed", 0.4, UNDELIVERABLE)]


def test_what_is_held_begins_later() -> None:
    """Delays count from the release."""
    assert statuses.plan(ALWAYS, random(), accepted(held_s=60.0))[0] == Step("sent", 60.1)


def test_a_voice_message_can_be_played() -> None:
    """After it was read; other messages never are."""
    settings = StatusSettings(sent=0, delivered=1, read=1, played=1, jitter=0)
    voice = statuses.plan(settings, random(), accepted(type="audio", voice=True))
    assert [step.status for step in voice] == ["delivered", "read", "played"]
    assert [step.status for step in statuses.plan(settings, random(), accepted())] == ["delivered", "read"]


def test_in_order_jitter_swaps_nothing() -> None:
    """Sent, delivered, read, however close they are."""
    settings = StatusSettings(sent=1, delivered=1, read=1, sent_ms=10, delivered_ms=10, read_ms=10, jitter=1)
    drawn = random()
    for _ in range(100):
        times = [step.after_s for step in statuses.plan(settings, drawn, accepted(), in_order=True)]
        assert times == sorted(times)


def test_shares_are_kept() -> None:
    """Of ten thousand messages the configured shares get each status; read is a share of the delivered."""
    settings = StatusSettings(sent=0.9, delivered=0.8, read=0.5, failed=0.1, failed_code=131049)
    drawn = random()
    counts = Counter(step.status for _ in range(10_000) for step in statuses.plan(settings, drawn, accepted()))
    assert counts["failed"] == pytest.approx(1_000, rel=0.1)
    assert counts["sent"] == pytest.approx(8_100, rel=0.05)
    assert counts["delivered"] == pytest.approx(7_200, rel=0.05)
    assert counts["read"] == pytest.approx(3_600, rel=0.05)


def test_jitter_stays_within_its_share() -> None:
    """0.5 means from half to one and a half times the delay."""
    settings = StatusSettings(jitter=0.5, delivered=0, sent_ms=100)
    drawn = random()
    delays = [step.after_s for _ in range(1_000) for step in statuses.plan(settings, drawn, accepted())]
    assert 0.05 <= min(delays) < 0.06
    assert 0.14 < max(delays) <= 0.15


def test_a_sent_status_as_meta_writes_it() -> None:
    """Recipient by phone and by id, opaque data echoed, priced, timestamps as strings."""
    update = statuses.update(accepted(), Step("sent", 2.5))
    assert (update.due_s, update.member, update.waba_id, update.phone_number_id) == (102.5, "statuses", "7", "1")
    user_id = update.item["recipient_user_id"]
    assert update.item == {
        "id": "wamid.x",
        "status": "sent",
        "timestamp": "1700000002",
        "recipient_id": "16505551234",
        "recipient_user_id": user_id,
        "biz_opaque_callback_data": "data",
        "pricing": {"billable": False, "pricing_model": "PMP", "type": "free_customer_service", "category": "service"},
    }
    assert update.contact == {"wa_id": "16505551234", "user_id": user_id}


def test_a_template_is_billed() -> None:
    """In its category; the price is on sent and delivered, not on read."""
    template = accepted(type="template", category="marketing")
    sent, read = (statuses.update(template, Step(status, 0.0)) for status in ("sent", "read"))
    assert (sent.item["pricing"]["billable"], sent.item["pricing"]["category"]) == (True, "marketing")
    assert "pricing" not in read.item


def test_no_opaque_data_no_member() -> None:
    """Meta echoes it only when it was set."""
    assert "biz_opaque_callback_data" not in statuses.update(accepted(data=None), Step("sent", 0.0)).item


def test_a_failed_status_has_errors_and_no_contact() -> None:
    """The code tells why; contacts are never beside failed."""
    update = statuses.update(accepted(), Step("failed", 0.0, UNDELIVERABLE))
    assert update.item["errors"][0]["code"] == 131026
    assert update.item["errors"][0]["error_data"] == {"details": "No WhatsApp there."}
    assert update.contact is None
    assert update.item["biz_opaque_callback_data"] == "data"


def test_a_message_to_a_business_scoped_id_shows_no_number() -> None:
    """recipient_id is absent, not empty."""
    update = statuses.update(accepted(Recipient("user", "US.1", "US.1")), Step("delivered", 0.0))
    assert update.item["recipient_user_id"] == "US.1"
    assert "recipient_id" not in update.item
    assert update.contact == {"user_id": "US.1"}


def test_a_group_status_names_the_participant() -> None:
    """recipient_id is the group."""
    item = statuses.update(accepted(Recipient("group", "g", "g")), Step("delivered", 0.0)).item
    assert (item["recipient_id"], item["recipient_type"]) == ("g", "group")
    assert item["recipient_participant_id"]
