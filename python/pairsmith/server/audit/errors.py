"""What goes wrong with an audit log."""

from pairsmith.errors import ServiceUnavailable


class AuditUnavailable(ServiceUnavailable):
    """The audit log cannot be written: no operation may be answered."""
