"""One message followed through, and one webhook: what the totals count, shown once in full. Pure."""

from collections.abc import Mapping
from typing import Any

from connector.demo.tally import ACCEPTED


class Story:
    """Keeps the first accepted command with its statuses, and the first inbound message, with their places in Kafka."""

    def __init__(self) -> None:
        self._outcome: Mapping[str, Any] | None = None
        self._outcome_at = ""
        self._statuses: list[str] = []
        self._inbound: Mapping[str, Any] | None = None
        self._inbound_at = ""

    def outcome(self, record: Mapping[str, Any], place: str) -> None:
        """A ``DeliveryOutcome`` at ``place`` (topic, partition, offset, size as text)."""
        if self._outcome is None and record["outcome"] == ACCEPTED:
            self._outcome, self._outcome_at = record, place

    def status(self, record: Mapping[str, Any], place: str) -> None:
        """A ``MessageStatus``; those of the followed command are kept."""
        if self._outcome is not None and record.get("command_id") == self._outcome["command_id"]:
            self._statuses.append(f"status   {record['status']:<9} with command id {record['command_id']}, {place}")

    def inbound_message(self, record: Mapping[str, Any], place: str) -> None:
        """An ``InboundMessage``."""
        if self._inbound is None:
            self._inbound, self._inbound_at = record, place

    def lines(self) -> list[str]:
        """The story so far."""
        lines = []
        if self._outcome is not None:
            outcome = self._outcome
            command_at = "{topic}[{partition}]".format_map(outcome["source"])
            waited_s = (outcome["first_attempt_at"] - outcome["queued_at"]) / 1000
            sent_as = outcome["message_id"][:18]
            lines += [
                f"command  {outcome['command_id']} ({outcome['type']}), JSON on {command_at}",
                f"send     attempt {outcome['attempts']} after {waited_s:.2f} s, accepted: {sent_as}…",
                f"outcome  {outcome['outcome']}, {self._outcome_at}",
                *self._statuses,
            ]
        if self._inbound is not None:
            text = (self._inbound.get("text") or {}).get("body", "")
            lines.append(f"webhook  a {self._inbound['type']} message, {text!r}, {self._inbound_at}")
        return lines
