"""What the audit log tells of one operation."""

from dataclasses import dataclass
from datetime import datetime


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
        time: When it arrived, UTC.
        duration_seconds: Until its outcome was known.
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
