"""Log lines on their way to stderr: they wait in memory, and a thread writes them.

A stderr that nobody reads stops that thread and nothing else. Lines of requests wait a
moment for others and are written together. How much may wait is bounded; lines beyond
that are dropped, counted, and told of once there is room again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from threading import Condition, Lock, RLock, Thread, get_ident
from typing import TYPE_CHECKING

from pairsmith.registry.forks import watch_forks

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairsmith.server.log_output import Output

ROOM_BYTES = 8 * 1024 * 1024
"""How much may wait: some 20,000 lines of requests."""

SPARE_BYTES = 1024 * 1024
"""What other lines may take beyond that, for there are few of them and they matter."""

MOMENT_SECONDS = 0.05
"""How long lines of requests wait for others."""

FLUSH_SECONDS = 1.0
"""How long a thread waits for its lines to be written while none at all is."""

END_SECONDS = 5.0
"""The same at the end of a process, where what is not written is lost."""


class LogLines:
    """The lines of this process; safe for threads and forks.

    A forked child begins without lines, and with a thread of its own.

    Args:
        output: Where they are written.
        loss: Gives the line that tells how many were lost.
        moment_seconds: How long ``add`` lets lines wait for others.
        flush_seconds: How long ``flush`` waits while nothing is written.
    """

    _lines: deque[bytes]
    _thread: Thread | None
    _is_stuck: bool

    def __init__(
        self,
        output: Output,
        loss: Callable[[int], bytes],
        moment_seconds: float = MOMENT_SECONDS,
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        self._output = output
        self._loss = loss
        self._moment_seconds = moment_seconds
        self._flush_seconds = flush_seconds
        self._start_afresh()
        watch_forks(self)

    def write_to(self, output: Output) -> None:
        """Write to this from now on, and what was added before to the one before."""
        self.flush()
        self._output = output

    def encoded(self, text: str) -> bytes:
        """A text as it can be written."""
        return self._output.encoded(text)

    def add(self, line: bytes, room_bytes: int = ROOM_BYTES) -> None:
        """Let a line be written within a moment; returns at once.

        Args:
            line: With the line break at its end.
            room_bytes: It is dropped, and counted, if more than that waits.
        """
        with self._lock:
            if self._waiting_bytes > room_bytes:
                self._lost += 1
                return
            self._lines.append(line)
            self._waiting_bytes += len(line)
            if not self._is_awake:
                self._wake()

    def flush(self, seconds: float | None = None) -> None:
        """Let everything be written that was added, and wait for it.

        Not within an event loop, which waits for nobody. Elsewhere the wait ends when
        nothing at all was written for some time; from then on nobody waits until
        something is.

        Args:
            seconds: That time; by default that of the class.
        """
        seconds = self._flush_seconds if seconds is None else seconds
        with self._changed:
            if not (self._lines or self._in_hand) or self._is_of_this_thread():
                return
            self._is_urgent = True
            self._wake()
            is_written_elsewhere = self._thread is not None
            if self._is_stuck or (is_written_elsewhere and _is_in_event_loop()):
                return
            if is_written_elsewhere:
                goal = self._done + self._in_hand + len(self._lines)
                self._is_stuck = not self._has_done(goal, seconds)
        if not is_written_elsewhere:
            self._write_what_waits(seconds)

    def close(self) -> None:
        """Write everything and end the thread; lines added later wait for ``flush``."""
        self.flush(END_SECONDS)
        with self._changed:
            thread, self._thread = self._thread, None
            self._is_closed = True
            self._changed.notify_all()
        if thread is not None:
            thread.join(0 if self._is_stuck else END_SECONDS)
        self.flush(END_SECONDS)

    def before_fork(self) -> None:
        """Do nothing: what waits is written by the parent."""

    def after_fork_in_parent(self) -> None:
        """Do nothing."""

    def after_fork_in_child(self) -> None:
        """Begin without the parent's lines."""
        self._start_afresh()

    def _start_afresh(self) -> None:
        # Whoever holds it may take it again: the garbage collector may run anything at
        # any moment, and that may log.
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._writing = Lock()
        self._writer: int | None = None
        self._lines = deque()
        self._waiting_bytes = self._lost = self._in_hand = self._done = 0
        self._thread = None
        self._is_awake = self._is_urgent = self._is_stuck = self._is_closed = False

    def _wake(self) -> None:
        self._is_awake = True
        if self._thread is None and not self._is_closed:
            self._thread = Thread(
                target=self._write_on, name="pairsmith-logs", daemon=True
            )
            try:
                self._thread.start()
            except RuntimeError:  # there can be no more threads: ``flush`` writes
                self._thread, self._is_awake = None, False
        self._changed.notify_all()

    def _has_done(self, goal: int, seconds: float) -> bool:
        """Wait until so many lines are done with; give up when none is for so long."""
        while self._done < goal:
            before = self._done
            has_moved = partial(self._is_past, before)
            if not self._changed.wait_for(has_moved, seconds):
                return False
        return True

    def _is_past(self, before: int) -> bool:
        return self._done > before

    def _is_of_this_thread(self) -> bool:
        """Whether this thread would wait for itself."""
        writing = (self._writer, None if self._thread is None else self._thread.ident)
        return get_ident() in writing

    # The thread that writes.

    def _write_on(self) -> None:
        while True:
            with self._changed:
                self._is_awake = bool(self._lines)
                self._changed.wait_for(lambda: self._lines or self._is_closed)
                if self._is_closed:
                    return
                self._changed.wait_for(lambda: self._is_urgent, self._moment_seconds)
            self._write_what_waits()

    def _write_what_waits(self, seconds: float = -1) -> None:
        """Write what has been added so far, in as few pieces as may be.

        Args:
            seconds: How long to wait for another thread that writes; for ever if -1.
        """
        if not self._writing.acquire(timeout=seconds):
            return
        self._writer = get_ident()
        try:
            with self._lock:
                self._is_urgent = False
                left, lost = len(self._lines), self._lost
            is_written = False
            while left > 0:
                count, is_written = self._write_piece(left)
                left -= count
            if is_written:
                self._tell_loss(lost)
        finally:
            self._writer = None
            self._writing.release()

    def _write_piece(self, most: int) -> tuple[int, bool]:
        """Write some of the first lines; give how many, and whether they are."""
        with self._lock:
            piece = self._next_piece(most)
            self._in_hand = len(piece)
        is_written = self._is_written(piece)
        with self._changed:
            self._in_hand = 0
            self._done += len(piece)
            self._lost += 0 if is_written else len(piece)
            self._is_stuck = False
            self._changed.notify_all()
        return len(piece), is_written

    def _next_piece(self, most: int) -> list[bytes]:
        piece: list[bytes] = []
        size = 0
        while len(piece) < most:
            line_bytes = len(self._lines[0])
            if piece and size + line_bytes > self._output.piece_bytes:
                break
            piece.append(self._lines.popleft())
            size += line_bytes
        self._waiting_bytes -= size
        return piece

    def _is_written(self, piece: list[bytes]) -> bool:
        try:
            self._output.write(b"".join(piece))
        except Exception:  # noqa: BLE001 -- a full disk, a pipe whose reader has left, ...
            return False
        return True

    def _tell_loss(self, lost: int) -> None:
        """Tell what was lost before a group was taken, or all if nothing else waits."""
        with self._lock:
            lost = lost if self._lines else self._lost
        if lost and self._is_written([self._loss(lost)]):
            with self._lock:
                self._lost -= lost


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
