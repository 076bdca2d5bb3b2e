"""The first process: it waits for signals and for its workers, and lets them be kept.

SIGTERM and SIGINT end the server, SIGHUP reloads. A reload is prepared here; what is
wrong with it is logged, and the workers go on with what they have.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, cast

from pairsmith.errors import PairsmithError
from pairsmith.server.logs import logger

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from pairsmith.server.supervision import Start, Supervisor
    from pairsmith.server.workers import WorkerProcess

STOPPING = (signal.SIGTERM, signal.SIGINT)
HEARD = (*STOPPING, signal.SIGHUP)


def supervise(
    supervisor: Supervisor, listener: socket.socket, replan: Callable[[], Start]
) -> None:
    """Keep workers serving until a signal ends the server.

    Args:
        supervisor: Knows what is to be done when.
        listener: Where connections arrive; while nobody will serve them, they are
            closed at once here, so that clients look elsewhere.
        replan: Gives how workers are started after a reload, or raises why not.
    """
    with _signals() as signals:
        while True:
            moment = supervisor.step(time.monotonic())
            if supervisor.is_done():
                return
            things = _things_of(supervisor)
            if supervisor.is_refusing():
                _refuse(listener)
                things.append(listener)
            for number in signals(things, moment):
                if number in STOPPING:
                    logger().info("stopping", signal=signal.Signals(number).name)
                    supervisor.stop(time.monotonic())
                elif number == signal.SIGHUP:
                    _reload(supervisor, replan)


def _refuse(listener: socket.socket) -> None:
    """Close the connections that wait to be accepted."""
    with suppress(OSError):  # there is none, or it is gone already
        while True:
            listener.accept()[0].close()


def _reload(supervisor: Supervisor, replan: Callable[[], Start]) -> None:
    try:
        start = replan()
    except Exception as error:  # noqa: BLE001 -- whatever it is, those there go on
        known = isinstance(error, (PairsmithError, OSError))
        logger().error(
            "reload refused: workers go on with what they had",
            reason=str(error) if known else type(error).__name__,
        )
        return
    supervisor.reload(start, time.monotonic())


def _things_of(supervisor: Supervisor) -> list[object]:
    workers = cast("list[WorkerProcess]", list(supervisor.workers()))
    return [thing for worker in workers for thing in worker.waitables()]


@contextmanager
def _signals() -> Iterator[Callable[[list[object], float | None], list[int]]]:
    """Catch signals, and give what waits for them and for other things."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    before = {number: signal.signal(number, _caught) for number in HEARD}
    wakeup = signal.set_wakeup_fd(writing)

    def await_any(things: list[object], moment: float | None) -> list[int]:
        seconds = None if moment is None else max(0.0, moment - time.monotonic())
        ready = wait([reading, *things], seconds)  # type: ignore[list-item]
        return list(os.read(reading, 64)) if reading in ready else []

    try:
        yield await_any
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def _caught(_number: int, _frame: object) -> None:
    """Do nothing: the number of the signal is read from the pipe."""
