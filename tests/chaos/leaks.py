"""Looks for what must not be there: secrets in logs, records and metrics, private matters in logs."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from tests.chaos.ledgers import Leak

PRIVATE: Final = re.compile(rb"between-us|\b16505\d{6}\b|\b49151\d{7}\b")
"""What the driver's messages say, and the phones of the users it made up."""

_HEX_DIGEST: Final = re.compile(rb"\b[0-9a-f]{64}\b")


def in_logs(
    logs: Mapping[str, bytes], secrets: Mapping[str, str], signatures: frozenset[str], forged: Iterable[str]
) -> list[Leak]:
    """Leaks in logs.

    Args:
        logs: by process.
        secrets: by name.
        signatures: right signatures in hex.
        forged: ids of facts that stood in refused bodies only.
    """
    refused = [fact_id.encode() for fact_id in forged]
    found = []
    for process, text in logs.items():
        where = f"log of {process}"
        found += in_text(where, text, secrets, signatures)
        found += [Leak("private matters", where) for _ in PRIVATE.finditer(text)]
        found += [Leak("something of a refused body", where) for fact_id in refused if fact_id in text]
    return found


def in_text(where: str, text: bytes, secrets: Mapping[str, str], signatures: frozenset[str]) -> list[Leak]:
    """Secrets and signatures in some text."""
    found = [Leak(what, where) for what, secret in secrets.items() if secret.encode() in text]
    digests = {digest.decode() for digest in _HEX_DIGEST.findall(text)}
    return found + [Leak("a computed signature", where) for _ in digests & signatures]
