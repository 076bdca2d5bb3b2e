"""The audit log: who did what, durable before it is answered, and chained."""

from pairsmith.server.audit.entry import AuditEntry
from pairsmith.server.audit.errors import AuditUnavailable
from pairsmith.server.audit.log import AuditLog

__all__ = ["AuditEntry", "AuditLog", "AuditUnavailable"]
