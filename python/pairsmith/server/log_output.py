"""Where log lines are written: past Python's buffers, in pieces that stay whole.

A thread that is stopped within one of those buffers would abort the interpreter when it
ends; and of what is longer than ``PIPE_BUF``, parts may come between those of another
process that writes to the same pipe.
"""

from __future__ import annotations

import os
import select
import stat
from contextlib import suppress
from typing import TextIO

FILE_PIECE_BYTES = 256 * 1024

_HAS_NONE = (AttributeError, OSError)
"""What a stream without a descriptor raises when it is asked for it."""


class Output:
    """A stream's descriptor, or the stream if it has none.

    Args:
        stream: Such as ``sys.stderr``.

    Attributes:
        piece_bytes: How much is to be written at once, of more lines than one.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self.piece_bytes = FILE_PIECE_BYTES
        with suppress(ValueError, *_HAS_NONE):
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                self.piece_bytes = select.PIPE_BUF

    def encoded(self, text: str) -> bytes:
        """A text as it is written, whatever characters the stream can write."""
        return text.encode(self._encoding, "backslashreplace")

    def write(self, content: bytes) -> None:
        """Write all of it, however long that takes.

        Raises:
            Exception: It cannot be written; which ones is for the stream.
        """
        try:
            descriptor = self._stream.fileno()
        except _HAS_NONE:
            self._stream.write(content.decode(self._encoding))
            self._stream.flush()
            return
        while content:
            try:
                content = content[os.write(descriptor, content) :]
            except BlockingIOError:  # another process that has it open made it so
                waiting = select.poll()
                waiting.register(descriptor, select.POLLOUT)
                waiting.poll()
