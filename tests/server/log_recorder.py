"""What stands in for the stderr that log lines are written to."""

import io
import threading

from pairsmith.server.log_output import FILE_PIECE_BYTES, Output
from waiting import PATIENCE_SECONDS


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
