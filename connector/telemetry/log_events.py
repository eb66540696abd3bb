"""The catalogue of log lines: ``docs/logs.md`` is made from it, and a test holds it against the code.

A line's ``event`` is what alerts and searches on logs match, so it changes as rarely as a metric's name.
"""

from typing import Final, Literal, NamedTuple

Level = Literal["debug", "info", "warning", "error"]


class LogEvent(NamedTuple):
    """One kind of line.

    Attributes:
        event: The line's ``event``.
        level: Its level.
        fields: Names of what it tells beside, in order; not all of them each time.
        meaning: What has happened; for a warning or an error also what follows, or what to do.
    """

    event: str
    level: Level
    fields: tuple[str, ...]
    meaning: str


_NUMBER: Final = "phone_number_id"

_BOTH: Final = (
    LogEvent("started", "info", ("role", "version", "admin_port"), "The admin port answers; the role begins to start."),
    LogEvent("stopped", "info", ("role",), "The role has ended in good order."),
    LogEvent("readiness check changed", "info", ("check", "ok", "reason"), "One of the checks of `/readyz`."),
    LogEvent(
        "not ready yet, trying again",
        "warning",
        ("waiting_for", "every_s", "reason"),
        "Something outside is missing at start; the reason says what to do.",
    ),
    LogEvent(
        "not all schema ids are known beforehand",
        "warning",
        ("reason", "known"),
        "The registry did not answer at start; ids are asked for when a record brings one.",
    ),
    LogEvent(
        "kafka producer",
        "warning",
        ("error", "code"),
        "The client met an error that it repairs itself, such as a lost connection.",
    ),
    LogEvent(
        "kafka producer can never write again",
        "error",
        ("error",),
        "The process ends; its successor begins with a new client.",
    ),
    LogEvent("secret file read again", "info", ("file",), "It has changed, and is in use."),
    LogEvent(
        "secret file unusable, the last good content stays in use",
        "warning",
        ("file", "reason"),
        "Mend the file; it is looked at each second.",
    ),
)

_INGRESS: Final = (
    LogEvent("listening for webhooks", "info", ("port", "path", "replica"), "Kafka, topics and schemas are there."),
    LogEvent(
        "webhook",
        "debug",
        ("status", "duration_ms", "reason", "client"),
        "Each request to the webhook; with the reason and the sender when it was refused, else with its items by kind.",
    ),
    LogEvent(
        "webhook failed",
        "error",
        ("error", "place"),
        "A fault of ours; Meta was told 503 and sends it again. Report it: the place says where.",
    ),
    LogEvent(
        "webhooks not acknowledged by Kafka",
        "warning",
        ("error",),
        "Meta was told 503 and sends them again; told every 10 s at most while it lasts.",
    ),
    LogEvent(
        "a client showed the certificate of somebody else",
        "warning",
        ("common_names",),
        "Its connection was closed; see `ingress.client_common_name` when it was Meta.",
    ),
    LogEvent(
        "a topic takes no records as large as Meta's; large items are set aside in parts",
        "warning",
        ("setting", "wanted"),
        "Raise the topic's setting to what is wanted.",
    ),
    LogEvent(
        "number of slots not known",
        "warning",
        ("topic", "error"),
        "Kafka did not say; webhooks get 503 until it does.",
    ),
    LogEvent(
        "signals not published, tried again each second",
        "warning",
        ("error",),
        "Delivery hears of receipts and gaps later.",
    ),
)

_GROUP: Final = (
    LogEvent("delivery.assigned", "info", ("partitions",), "The group has given this worker partitions."),
    LogEvent("delivery.revoked", "info", ("partitions",), "It has given them back, settled and committed."),
    LogEvent(
        "delivery.lost",
        "warning",
        ("partitions",),
        "The session was over before they could be given back; what was not committed is read again elsewhere.",
    ),
    LogEvent(
        "delivery.uncommitted_at_revoke",
        "warning",
        ("pending",),
        "Kafka refused the last transaction; the next owner reads these again.",
    ),
    LogEvent("delivery.drain_incomplete", "warning", ("in_flight",), "Requests took longer than `delivery.drain_s`."),
    LogEvent("delivery.slots", "info", ("started",), "How many slots are at work here."),
    LogEvent(
        "delivery.slots_incomplete",
        "warning",
        ("slots",),
        "Not all partitions of these slots are here; they rest. While a rebalance lasts that is usual.",
    ),
    LogEvent(
        "delivery.past_read",
        "info",
        ("slots", "records", "bytes", "seconds"),
        "What earlier owners have left on Kafka was read.",
    ),
    LogEvent(
        "delivery.slot_started",
        "info",
        ("slot", "outcomes", "cursors", "tried", "open", "evidence"),
        "A slot is at work, knowing so many outcomes, deferred units, and commands that were tried, left open, or "
        "answered and not committed.",
    ),
    LogEvent(
        "delivery.takeover_waits",
        "warning",
        ("slots", "reason"),
        "The past could not be read; it is tried again, and these slots rest.",
    ),
    LogEvent("delivery.owner_shut_out", "info", ("transactional_id",), "An earlier owner can write nothing any more."),
    LogEvent(
        "delivery.transaction_aborted",
        "warning",
        ("reason", "settlements"),
        "Nothing of it became visible; all of it is written again.",
    ),
    LogEvent(
        "delivery.transaction_undone",
        "warning",
        ("settlements",),
        "The broker lost the one before it as well, although it was committed (KAFKA-20734); it is written again.",
    ),
    LogEvent(
        "transactional client replaced",
        "warning",
        ("reason",),
        "The old one could not end its transaction; the new one has shut it out.",
    ),
    LogEvent(
        "delivery.record_refused",
        "error",
        ("topic", "partition", "dropped"),
        "Kafka never takes this record; it goes without its value, or not at all. See the topic's limits.",
    ),
    LogEvent(
        "delivery.registry_unavailable",
        "warning",
        ("reason",),
        "A record names a schema that is not known here; reading waits for the registry.",
    ),
    LogEvent(
        "delivery.forward_only",
        "warning",
        ("topics", "slots"),
        "These topics of commands have another number of partitions; each of their records is forwarded once.",
    ),
    LogEvent("delivery.news_interrupted", "warning", ("reason",), "Holds and signals are read again from Kafka soon."),
    LogEvent(
        "delivery.news_unreadable",
        "warning",
        ("topic", "reason"),
        "Somebody else has written to this topic of ours; the record is passed over.",
    ),
    LogEvent(
        "retention of the command topics is not known",
        "info",
        ("reason",),
        "The right DescribeConfigs is missing; the alert on retention has nothing to go by.",
    ),
)

_COMMANDS: Final = (
    LogEvent(
        "delivery.settled",
        "debug",
        ("command_id", _NUMBER, "outcome", "dead_letter_class", "attempts"),
        "An outcome is committed.",
    ),
    LogEvent("delivery.retry", "debug", (_NUMBER, "reason"), "An attempt did not settle its command."),
    LogEvent("delivery.ambiguous", "info", (_NUMBER, "reason"), "Nobody knows whether the attempt arrived."),
    LogEvent("delivery.ambiguous_resolved", "info", (_NUMBER, "how"), "It is known, or decided on."),
    LogEvent(
        "delivery.late_receipt",
        "warning",
        (_NUMBER,),
        "What was sent again, or given up, had arrived: there may be two messages.",
    ),
    LogEvent(
        "delivery.late_result",
        "warning",
        (_NUMBER, "kind"),
        "An answer came after its slot was given up; the next owner looks for a receipt.",
    ),
    LogEvent(
        "delivery.journal_unavailable",
        "warning",
        (_NUMBER, "reason"),
        "The beginning of an attempt could not be written, so nothing was sent; it is tried again.",
    ),
    LogEvent(
        "delivery.request_not_made",
        "error",
        (_NUMBER,),
        "A fault before sending, such as an access token that cannot be read; it is tried again.",
    ),
    LogEvent("delivery.attempt_failed", "error", (_NUMBER,), "A fault of ours; the attempt is ambiguous. Report it."),
    LogEvent(
        "delivery.number_stopped",
        "warning",
        (_NUMBER, "asked_again_in_s"),
        "Meta says that the number may not send; see WhatsApp Manager.",
    ),
    LogEvent("delivery.number_resumed", "info", (_NUMBER,), "Meta says that it may again."),
)

CATALOGUE: Final = {
    "Both roles": _BOTH,
    "Ingress": _INGRESS,
    "Delivery: slots and Kafka": _GROUP,
    "Delivery: commands": _COMMANDS,
}
"""The lines by whom they are about."""
