"""Worker processes: how the first process starts one, and what each does by itself.

Granian runs the server inside a worker; how many there are, and what becomes of one
that dies, is for ``supervision``. The first process opens the listening socket, and
every worker inherits it: a port is never shared with another server, and a connection
that arrives while workers are replaced waits for the next one.

A pipe leads from each worker to the first process. The worker says on it that it
serves; when it closes, the first process has died, and the worker ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shutil
import signal
import sys
import threading
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pipe
from typing import TYPE_CHECKING

from pairsmith.errors import PairsmithError
from pairsmith.process import ALLOW_TRACING, forbid_dumps
from pairsmith.registry.actor import Actor, act_by_default
from pairsmith.server import header_time, logs
from pairsmith.server.addresses import BACKLOG
from pairsmith.server.metrics_files import count_in
from pairsmith.server.services import require_database

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from granian.server.mp import MPServer
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pairsmith.server.metrics_files import FiguresFolder
    from pairsmith.server.settings import Settings
    from pairsmith.server.tls import TlsFiles

    Load = Callable[[Settings], ASGIApp]

READY = b"serving"
CANNOT_START = 3
SWITCH_SECONDS = 0.0002
"""After which a thread that waits for the interpreter is given it. The threads of the
audit log and of Granian have microseconds of work, and wait for it behind an event loop
that never rests; by default each time for 5 ms."""

MOMENT = 0.05
"""Between the application's start and Granian's listening lie a few microseconds."""


@dataclass(frozen=True, slots=True)
class Lifeline:
    """What a worker is given besides its settings; pickled into it.

    Attributes:
        pipe: Its end of the pipe to the first process.
        patience: Seconds to finish what was accepted.
        figures: The folder where workers add up what they count, if there is one.
        number: Which of its files are this worker's.
    """

    pipe: Connection
    patience: int
    figures: str | None
    number: int

    def watch(self) -> None:
        """End this process when the first one dies."""
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def serving(self) -> None:
        """Tell the first process that this one serves."""
        with contextlib.suppress(OSError):  # it is gone: the watch knows, too
            self.pipe.send_bytes(READY)

    def _watch(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            self.pipe.recv_bytes()  # nothing is ever sent: it ends when the pipe closes
        logs.logger().error("the first process is gone: this worker ends")
        if self.figures is not None:  # whose folder nobody else removes now
            shutil.rmtree(self.figures, ignore_errors=True)
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(self.patience)
        logs.flush()
        os._exit(1)


class WorkerProcess:
    """A worker as the first process sees it.

    Args:
        process: Started.
        pipe: This end of the pipe to it.
        number: What it was started with.
    """

    def __init__(self, process: BaseProcess, pipe: Connection, number: int) -> None:
        self._process = process
        self._pipe = pipe
        self._ready = self._silent = False
        self.number = number

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid or 0

    def is_ready(self) -> bool:
        """Whether it has said that it serves."""
        if not (self._ready or self._silent) and self._pipe.poll():
            try:
                self._ready = self._pipe.recv_bytes() == READY
            except (EOFError, OSError):
                self._silent = True
        return self._ready

    def has_ended(self) -> bool:
        """Whether its process is gone."""
        return not self._process.is_alive()

    def ending(self) -> str:
        """How it ended, for the log."""
        code = self._process.exitcode or 0
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def terminate(self) -> None:
        """Tell it to finish what it accepted and to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def waitables(self) -> list[Connection | int]:
        """What becomes readable when there is something to notice."""
        heard = self._ready or self._silent
        return [self._process.sentinel, *([] if heard else [self._pipe])]


class WorkerFactory:
    """Starts workers that all serve the same.

    Args:
        settings: What each opens for itself.
        files: The certificate; ``None`` for plain HTTP.
        listener: Where connections arrive.
        load: Builds the application in a worker, which gets it pickled.
        figures: The folder where workers add up what they count.

    Raises:
        OSError: The certificate cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        files: TlsFiles | None,
        listener: socket.socket,
        load: Load,
        figures: FiguresFolder,
    ) -> None:
        self._settings = settings
        self._load = load
        self._figures = figures
        self._granian = _granian(settings, files, listener)

    def start(self, number: int) -> WorkerProcess:
        """Start one.

        Args:
            number: That no other living worker has.

        Raises:
            OSError: There can be no more processes, or no more open files.
        """
        here, there = Pipe()
        with there:
            lifeline = Lifeline(
                there,
                self._settings.limits.shutdown_seconds,
                self._figures.ensure(),
                number,
            )
            target = partial(load_worker, self._load, self._settings, lifeline)
            # What Granian makes is a process that serves; its own keeping is not used.
            granian = self._granian
            serve = granian._spawn_asgi_lifespan_worker  # noqa: SLF001
            process = granian._spawn_worker(number, serve, target).inner  # noqa: SLF001
            process.start()
        return WorkerProcess(process, here, number)


def load_worker(load: Load, settings: Settings, lifeline: Lifeline) -> ASGIApp:
    """Build the application in the worker process that serves it.

    A failure that has a reason ends the process with a line in the log.
    """
    logs.configure_server(settings)
    act_by_default(Actor("server"))
    protect_process()
    lifeline.watch()
    count_in(lifeline.figures, lifeline.number)
    try:
        require_database(settings.database.url)
        app = Announced(load(settings), lifeline)
    except (PairsmithError, OSError) as error:
        logs.logger().error("the worker cannot start", reason=str(error))
        sys.exit(CANNOT_START)
    spare_the_collector()
    sys.setswitchinterval(SWITCH_SECONDS)
    return app


def spare_the_collector() -> None:
    """Let the garbage collector look at what requests make, and at nothing older.

    What was loaded so far stays until the end; to look through all of it takes a tenth
    of a second, in which nobody is served.
    """
    gc.collect()
    gc.freeze()


def protect_process() -> None:
    """Forbid core dumps and tracing of this process; a log line says where that fails.

    Each process of a server does so itself: what a process executes begins anew.
    """
    try:
        if not forbid_dumps():
            logs.logger().warning(
                "debuggers and core dumps may read every key of this process",
                reason=f"{ALLOW_TRACING}=1",
            )
    except OSError as error:
        logs.logger().warning(
            "core dumps and tracing cannot be forbidden", reason=str(error)
        )


class Announced:
    """An application that tells the first process when it serves.

    Args:
        app: What answers.
        lifeline: Where to tell it.
    """

    def __init__(self, app: ASGIApp, lifeline: Lifeline) -> None:
        self._app = app
        self._lifeline = lifeline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live from the start to the end."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                # Granian stops this loop now, begins to listen, and runs it again: a
                # timer rings only then.
                loop = asyncio.get_running_loop()
                loop.call_later(MOMENT, self._lifeline.serving)

        await self._app(scope, receive, told)


def _granian(
    settings: Settings, files: TlsFiles | None, listener: socket.socket
) -> MPServer:
    """A server that is never served with: it knows how to start one worker."""
    from granian._granian import SocketHolder
    from granian.constants import (
        HTTPModes,
        Interfaces,
        Loops,
        RuntimeModes,
        SSLProtocols,
    )
    from granian.http import HTTP1Settings
    from granian.server.mp import MPServer

    listen, limits = settings.listen, settings.limits
    server = MPServer(
        "pairsmith",
        interface=Interfaces.ASGI,
        runtime_mode=RuntimeModes.mt,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=max(1, listen.connections // listen.workers),
        http1_settings=HTTP1Settings(
            header_read_timeout=header_time.granian_milliseconds(limits),
            max_buffer_size=64 * 1024,
        ),
        ssl_cert=files.certificate if files else None,
        ssl_key=files.key if files else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    logs.configure_server(settings)  # Granian has set up its own
    # What Granian does itself where there is no SO_REUSEPORT: the descriptor keeps its
    # number in the worker, to which the socket is pickled beside it.
    holder = SocketHolder(listener.fileno(), False, BACKLOG)  # type: ignore[call-arg]  # noqa: FBT003
    for name, value in {"_ssp": None, "_shd": holder, "_sso": listener}.items():
        setattr(server, name, value)
    return server
