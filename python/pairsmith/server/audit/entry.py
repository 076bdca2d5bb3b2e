"""What the audit log tells of one operation."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from pairsmith.server.audit.bounds import (
    OWN_CHARACTERS,
    TEXT_CHARACTERS,
    bounded,
)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One operation: who, what, with which key, and how it ended.

    Attributes:
        operation: Its name on the wire.
        principal_id: The client key or access key; as claimed if it was refused.
        principal_name: Its name; empty if nobody was recognised.
        request_id: As answered.
        key_id: The real id, or as it was asked for; empty without one.
        key_version_id: The version used; empty if none was.
        spec: Of a pair; else empty.
        code: ``OK`` or the error code.
        http_status: As answered.
        remote_address: Where the request came from.
        time: When it arrived.
        duration_seconds: Until its outcome was known.
        peer_address: The trusted proxy that told where it came from; empty without one.
        source_key_id: Of a re-encryption, the key that the old blob was under; what it
            names if that was refused. The others are those of the new blob.
        source_key_version_id: And the version that opened it.
        key_ids: Of an operation on several keys, all of them; ``key_id`` is the first.
        purpose: Of what was opened: ``message``, ``data key``, ``pair`` or ``job``.
        request: What was asked for, by the names on the wire; never a secret.
        result: What was made or shown, likewise.
    """

    operation: str
    principal_id: str
    principal_name: str
    request_id: str
    key_id: str
    key_version_id: str
    spec: str
    code: str
    http_status: int
    remote_address: str
    time: datetime
    duration_seconds: float
    peer_address: str = ""
    source_key_id: str = ""
    source_key_version_id: str = ""
    key_ids: tuple[str, ...] = ()
    purpose: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give what a line tells, in the order of the fields; empty ones left out."""
        told: dict[str, Any] = {"time": moment_text(self.time)}
        for name in _TEXTS:
            text = getattr(self, name)
            if text:
                told[name] = text[:TEXT_CHARACTERS]
        if len(self.key_ids) > 1:
            told["key_ids"] = [key_id[:TEXT_CHARACTERS] for key_id in self.key_ids]
        if self.request:
            told["request"] = bounded(self.request)
        if self.result:
            told["result"] = bounded(self.result, OWN_CHARACTERS)
        told["http_status"] = self.http_status
        told["duration_seconds"] = round(self.duration_seconds, 6)
        return told


# Found once: every request that is served writes an entry.
_TEXTS = tuple(each.name for each in fields(AuditEntry) if each.type is str)


def moment_text(moment: datetime) -> str:
    """Write a moment in UTC to the microsecond, always of the same length."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
