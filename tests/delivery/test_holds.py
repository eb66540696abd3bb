"""What a worker tells all others of a hold, and how long a hold stands."""

from connector.delivery.holds import AUTO, ControlWriter, Holds, control_record
from connector.records.codec import Codec
from tests.delivery.making import NUMBER, WALL_MS

WABA = "102290129340398"


def test_what_a_worker_writes_is_what_all_read() -> None:
    """One record for the whole scope, a CloudEvent like all others, and it ends by itself."""
    codec = Codec()
    key = f"waba:{WABA}/{AUTO}"
    record = control_record(
        f"waba:{WABA}", actor="worker", action="HOLD", reason="80007", at_ms=WALL_MS, until_ms=WALL_MS + 60_000
    )
    output = ControlWriter("control", "worker", codec).output(key, record)
    assert (output.topic, output.partition, output.key) == ("control", 0, key.encode())
    assert dict(output.headers) == {
        "ce_id": f"{key}/{WALL_MS}".encode(),
        "ce_type": b"whatsapp.connector.v1.DeliveryControl",
        "ce_source": b"/whatsapp-kafka-connector/worker",
        "ce_specversion": b"1.0",
    }
    holds = Holds("default")
    holds.apply(key, codec.decode("DeliveryControl", output.value or b""))
    assert [holds.by_key[key].stands(WALL_MS + after) for after in (0, 59_999, 60_000)] == [True, True, False]
    assert holds.on(NUMBER, WABA, WALL_MS) == holds.by_key[key]
