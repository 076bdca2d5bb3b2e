"""What stands in for the parts of the server that a test is not about."""

import io
import threading
from dataclasses import dataclass, field

from pairsmith.server.audit import AuditEntry, AuditUnavailable
from pairsmith.server.log_output import FILE_PIECE_BYTES, Output
from waiting import PATIENCE_SECONDS


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


class Recorder(Output):
    """An output of log lines that keeps them, while its gate is open."""

    def __init__(self, piece_bytes: int = FILE_PIECE_BYTES) -> None:
        super().__init__(io.StringIO())
        self.piece_bytes = piece_bytes
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()
        self.written: list[bytes] = []
        self.failure: OSError | None = None

    def write(self, content: bytes) -> None:
        """As the real one, or fail."""
        self.reached.set()
        assert self.gate.wait(PATIENCE_SECONDS)
        if self.failure is not None:
            raise self.failure
        self.written.append(content)

    @property
    def lines(self) -> list[bytes]:
        """All of them, in their order."""
        return b"".join(self.written).splitlines(keepends=True)
