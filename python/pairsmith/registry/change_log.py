"""The change log: one line for each write transaction, chained and authenticated."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from pairsmith._core import ServiceKey
from pairsmith.registry.schema import changes

PLACE = "change"


@dataclass(frozen=True, slots=True)
class Head:
    """The last line: all that the next one needs."""

    sequence: int = 0
    hash: bytes = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one line tells."""

    operation: str
    time_ms: int
    noted: Mapping[str, object]

    def text(self, sequence: int) -> str:
        """Write the line of that number."""
        told = {
            "sequence": sequence,
            "time_ms": self.time_ms,
            "operation": self.operation,
            "outcome": "OK",
            "noted": self.noted,
        }
        return json.dumps(told, default=str)


def append(
    connection: sa.Connection, service_key: ServiceKey, previous: Head, entry: Entry
) -> Head:
    """Write the next line in the present transaction.

    Args:
        connection: In a transaction that writes.
        service_key: Authenticates the line.
        previous: The last line, as page 0 of the revisions has it and not as the table
            does: lines that somebody took away stay missed.
        entry: What the line tells.
    """
    sequence = previous.sequence + 1
    text = entry.text(sequence)
    digest = hashlib.sha256(previous.hash + text.encode()).digest()
    connection.execute(
        sa.insert(changes).values(
            sequence=sequence,
            entry=text,
            hash=digest,
            mac=service_key.mac(PLACE, digest),
        )
    )
    return Head(sequence, digest)
