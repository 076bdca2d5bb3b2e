"""Serving: what the first process makes and checks, and the processes that it starts.

The first process opens nothing that a worker uses: each worker opens its own. They meet
in the database, in the guard's lock files and in the audit log.
"""

from __future__ import annotations

import ipaddress
import logging
import multiprocessing
import os
import signal
import tempfile
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pairsmith.errors import InvalidParameter
from pairsmith.server import header_time, logs, tls
from pairsmith.server.metrics import share_between_processes
from pairsmith.server.services import open_instance, open_services

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from pairsmith.server.settings import Settings
    from pairsmith.server.tls import TlsFiles

    Load = Callable[[Settings], ASGIApp]

RENEWAL_SECONDS = 6 * 3600
"""How often the certificate is looked at while the server runs."""

FIRST_CLIENT_RULE = "pairs,pairs-without-plaintext,decrypt,crypto:*"
"""What the client key of the first start may do: every operation on data."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What serving begins with.

    Attributes:
        address: Where clients connect, as a URL.
        tls: The certificate; ``None`` for plain HTTP.
        made: What was made just now, and where it is.
    """

    address: str
    tls: TlsFiles | None
    made: tuple[tuple[str, str], ...]


def prepare(settings: Settings) -> Prepared:
    """Make whatever is not there yet: database, certificates, a first client key.

    Raises:
        PairsmithError: Something cannot be made or used; the message says what to do.
    """
    made: list[tuple[str, str]] = []
    files = _tls_files(settings)
    if files is not None and files.made:
        made.append(("CA for clients", str(files.ca)))
    made += _first_client(settings)
    scheme = "http" if files is None else "https"
    host = settings.listen.host
    shown = f"[{host}]" if ":" in host else host
    return Prepared(f"{scheme}://{shown}:{settings.listen.port}", files, tuple(made))


def serve(settings: Settings, prepared: Prepared, load: Load | None = None) -> None:
    """Serve until a signal ends it; finish what was accepted before returning.

    Args:
        settings: As given to ``prepare``.
        prepared: What that gave.
        load: Builds the application in a worker, which gets it pickled; by default
            ``load_app``.
    """
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, SSLProtocols
    from granian.http import HTTP1Settings

    listen, limits = settings.listen, settings.limits
    # Workers start from nothing: no thread, lock or connection from here is theirs.
    multiprocessing.set_start_method("spawn", force=True)
    with tempfile.TemporaryDirectory(prefix="pairsmith-metrics-") as figures:
        share_between_processes(figures)
        server = Granian(
            "pairsmith",
            address=listen.host,
            port=listen.port,
            interface=Interfaces.ASGI,
            workers=listen.workers,
            http=HTTPModes.http1,
            websockets=False,
            backlog=1024,
            backpressure=max(1, listen.connections // listen.workers),
            http1_settings=HTTP1Settings(
                header_read_timeout=header_time.granian_milliseconds(limits),
                max_buffer_size=64 * 1024,
            ),
            ssl_cert=prepared.tls.certificate if prepared.tls else None,
            ssl_key=prepared.tls.key if prepared.tls else None,
            ssl_protocol_min=SSLProtocols.tls12,
            respawn_failed_workers=True,
            workers_kill_timeout=limits.shutdown_seconds,
        )
        configure_logs(settings)
        if prepared.tls is not None and prepared.tls.ca is not None:
            server.on_startup(partial(_renew_for_ever, settings))
        target = partial(load or load_app, settings)
        server.serve(target_loader=target, wrap_loader=False)


def load_app(settings: Settings) -> ASGIApp:
    """Build the application, in the worker process that serves it."""
    from pairsmith.server.app import create_app

    configure_logs(settings)
    return create_app(open_services(settings))


def configure_logs(settings: Settings) -> None:
    """Send everything where our own logs go; Granian has set up others before."""
    for name in ("_granian", "granian.access"):
        theirs = logging.getLogger(name)
        theirs.handlers.clear()
        theirs.propagate = True
    form: Literal["json", "console"] = (
        "json" if settings.logs.format == "json" else "console"
    )
    logs.configure(form, settings.logs.level.upper())


def _tls_files(settings: Settings) -> TlsFiles | None:
    chosen = settings.tls
    if chosen.insecure_http:
        if not _is_loopback(settings.listen.host):
            raise InvalidParameter(
                "tls.insecure_http",
                f"plain HTTP is for loopback only, and {settings.listen.host} is none: "
                "leave it out, or listen on 127.0.0.1.",
            )
        return None
    if chosen.certificate or chosen.key:
        return tls.own_files(chosen.certificate, chosen.key)
    return tls.made_files(
        Path(settings.files.folder) / "tls", certificate_names(settings)
    )


def certificate_names(settings: Settings) -> list[str]:
    """The names that the settings ask the certificate to have."""
    given = [name.strip() for name in settings.listen.names.split(",")]
    host = settings.listen.host
    if not _is_unspecified(host):
        given.append(host)
    return [name for name in given if name]


def _first_client(settings: Settings) -> list[tuple[str, str]]:
    """Make a client key if there is none, so that the first request can be signed."""
    from pairsmith.server.access.policy import parse_policy
    from pairsmith.server.access.store import AccessStore

    with open_instance(settings) as instance:
        access = AccessStore(instance.registry)
        try:
            if access.clients():
                return []
            new = access.create_client("first", parse_policy([FIRST_CLIENT_RULE]))
            folder = Path(settings.files.folder) / "clients"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            key_file = folder / f"clientKey_{new.key.id}.json"
            password_file = folder / f"clientKey_{new.key.id}_Password.txt"
            write_secret(key_file, new.credential_json)
            write_secret(password_file, new.password)
        finally:
            access.close()
    return [("Client key", str(key_file)), ("Its password", str(password_file))]


def write_secret(path: Path, content: str) -> None:
    """Write a new file that only its owner may read."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)


def _renew_for_ever(settings: Settings) -> None:
    """Look at the certificate now and then; let new workers read one made anew."""
    folder, names = Path(settings.files.folder) / "tls", certificate_names(settings)

    def look() -> None:
        while not stopped.wait(RENEWAL_SECONDS):
            before = (folder / "server.pem").stat().st_mtime_ns
            files = tls.made_files(folder, names)
            if files.certificate.stat().st_mtime_ns != before:
                os.kill(os.getpid(), signal.SIGHUP)

    stopped = threading.Event()
    threading.Thread(target=look, name="certificate", daemon=True).start()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
