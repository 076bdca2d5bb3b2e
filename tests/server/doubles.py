"""What stands in for the parts of the server that a test is not about."""

from dataclasses import dataclass, field

from pairsmith.server.audit import AuditEntry, AuditUnavailable


@dataclass
class MemoryAudit:
    """Entries in a list; ``broken`` refuses them; ``attempts`` counts both."""

    entries: list[AuditEntry] = field(default_factory=list)
    broken: bool = False
    attempts: int = 0

    async def recorded(self, entry: AuditEntry) -> None:
        """As the log's."""
        self.attempts += 1
        if self.broken:
            raise AuditUnavailable
        self.entries.append(entry)

    def close(self) -> None:
        """As the log's."""

    def check(self) -> None:
        """As the log's."""
        if self.broken:
            raise AuditUnavailable


@dataclass
class MemoryMetrics:
    """Observations in a list."""

    observed: list[tuple[str, str, str]] = field(default_factory=list)
    over_quota: list[str] = field(default_factory=list)

    def observe(
        self,
        operation: str,
        spec: str,
        code: str,
        _seconds: float,
        *,
        over_quota: bool = False,
    ) -> None:
        """As the real one."""
        self.observed.append((operation, spec, code))
        self.over_quota += [operation] if over_quota else []

    def render(self) -> tuple[bytes, str]:
        """As the real one."""
        return b"# nothing\n", "text/plain"
