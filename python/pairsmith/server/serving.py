"""Serving: what the first process makes and checks, and what it does at a reload.

The first process keeps nothing open that a worker uses but the listening socket: each
worker opens its own. They meet in the database, in the guard's lock files and in the
audit log.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.errors import InvalidParameter, PairsmithError
from pairsmith.server import logs, tls
from pairsmith.server.addresses import Address, without_brackets
from pairsmith.server.first_start import ensure_first_client
from pairsmith.server.metrics_files import FiguresFolder
from pairsmith.server.processes import supervise
from pairsmith.server.services import open_services, require_database
from pairsmith.server.supervision import Place, Supervisor
from pairsmith.server.workers import WorkerFactory, protect_process

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from pairsmith.server.settings import Settings
    from pairsmith.server.supervision import Start
    from pairsmith.server.tls import TlsFiles

    Load = Callable[[Settings], ASGIApp]
    Reread = Callable[[], Settings]

RENEWAL_SECONDS = 6 * 3600
"""How often the certificate is looked at while the server runs."""

FIXED = ("host", "port", "workers")
"""Settings of ``[listen]`` that a reload does not change."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What serving begins with.

    Attributes:
        address: Where clients connect, as a URL.
        tls: The certificate; ``None`` for plain HTTP.
        made: What was made just now, and where it is.
        listener: Where connections arrive, from now on.
    """

    address: str
    tls: TlsFiles | None
    made: tuple[tuple[str, str], ...]
    listener: socket.socket


@dataclass(slots=True)
class _Present:
    """What the newest workers are started with.

    Attributes:
        settings: Those of the start or of the last reload.
        files: The certificate that belongs to them.
    """

    settings: Settings
    files: TlsFiles | None


def prepare(settings: Settings, *, loopback_only: str = "") -> Prepared:
    """Take the port; make what is not there yet: database, certificates, a client key.

    Args:
        settings: As the operator gave them.
        loopback_only: Why nobody outside this host may connect; empty if they may.

    Raises:
        PairsmithError: Something cannot be made or used; the message says what to do.
    """
    address = Address.find(settings.listen.host, settings.listen.port)
    if loopback_only:
        require_loopback(address, loopback_only)
    if settings.tls.insecure_http and not address.is_loopback:
        raise InvalidParameter(
            "tls.insecure_http",
            f"plain HTTP is for loopback only, and {address.host} is none: leave it "
            "out, or listen on 127.0.0.1.",
        )
    listener = address.listen()
    try:
        files = tls_files(settings)
        made = ensure_first_client(settings)
    except BaseException:
        listener.close()
        raise
    if files is not None and files.made:
        made = [("CA for clients", str(files.ca)), *made]
    scheme = "http" if files is None else "https"
    return Prepared(address.url(scheme), files, tuple(made), listener)


def require_loopback(address: Address, reason: str) -> None:
    """See that only this host can connect.

    Raises:
        InvalidParameter: Others can.
    """
    if not address.is_loopback:
        raise InvalidParameter(
            "listen.host", f"{reason}; {address.host} is no loopback such as 127.0.0.1."
        )


def serve(
    settings: Settings,
    prepared: Prepared,
    load: Load | None = None,
    reread: Reread | None = None,
) -> None:
    """Serve until a signal ends it; finish what was accepted before returning.

    Args:
        settings: As given to ``prepare``.
        prepared: What that gave.
        load: Builds the application in a worker, which gets it pickled; by default
            ``load_app``.
        reread: Gives the settings of a reload; by default they stay.
    """
    # Workers start from nothing: no thread, lock or connection from here is theirs.
    multiprocessing.set_start_method("spawn", force=True)
    logs.configure_server(settings)
    protect_process()
    figures, listener = FiguresFolder(), prepared.listener
    present = _Present(settings, prepared.tls)

    def plan() -> Start:
        return WorkerFactory(
            present.settings, present.files, listener, load or load_app, figures
        ).start

    def replan() -> Start:
        chosen = settings if reread is None else _kept(settings, reread())
        files = tls_files(chosen)
        require_database(chosen.database.url)
        warn_of(files)
        present.settings, present.files = chosen, files
        return plan()

    places = [Place() for _ in range(settings.listen.workers)]
    patience = settings.limits.shutdown_seconds
    supervisor = Supervisor(plan(), places, patience)
    warn_of(prepared.tls)
    _look_at_certificate_for_ever(present)
    try:
        supervise(supervisor, listener, replan)
    finally:
        listener.close()
        figures.remove()


def load_app(settings: Settings) -> ASGIApp:
    """Build the application, in the worker process that serves it."""
    from pairsmith.server.app import Application

    return Application(open_services(settings))


def tls_files(settings: Settings) -> TlsFiles | None:
    """The certificate that the settings mean, made if it is ours to make.

    Raises:
        TlsError: It cannot be used.
    """
    chosen = settings.tls
    if chosen.insecure_http:
        return None
    if chosen.certificate or chosen.key:
        return tls.own_files(chosen.certificate, chosen.key)
    return tls.made_files(
        Path(settings.files.folder) / "tls", certificate_names(settings)
    )


def certificate_names(settings: Settings) -> list[str]:
    """The names that the settings ask the certificate to have."""
    listen = settings.listen
    given = [name.strip() for name in listen.names.split(",")]
    address = Address.find(listen.host, listen.port)
    if not address.is_unspecified:
        given += [without_brackets(listen.host), address.number]
    return list(dict.fromkeys(name for name in given if name))


def warn_of(files: TlsFiles | None) -> None:
    """Write to the log what an operator should know of the certificates."""
    if files is None:
        return
    if files.made:
        logs.logger().warning(
            "a CA was made: give its file to every client", path=str(files.ca)
        )
    for notice in tls.notices(files):
        logs.logger().warning(notice)


def _kept(settings: Settings, anew: Settings) -> Settings:
    """The settings of a reload, with those in place that take a new start."""
    before, after = settings.listen, anew.listen
    changed = [name for name in FIXED if getattr(before, name) != getattr(after, name)]
    if settings.tls.insecure_http != anew.tls.insecure_http:
        raise InvalidParameter("tls.insecure_http", "changing it takes a new start.")
    for name in changed:
        logs.logger().warning(f"listen.{name} stays: changing it takes a new start")
    kept = {name: getattr(before, name) for name in FIXED}
    return replace(anew, listen=replace(after, **kept))


def _look_at_certificate_for_ever(present: _Present) -> None:
    """Speak of its end in time; where it is ours, renew it and let workers read it."""

    def look() -> None:
        while not stopped.wait(RENEWAL_SECONDS):
            try:
                if look_at_certificate(present.settings, present.files):
                    os.kill(os.getpid(), signal.SIGHUP)
            except (PairsmithError, OSError) as error:
                logs.logger().error("the certificate", reason=str(error))

    stopped = threading.Event()
    threading.Thread(target=look, name="certificate", daemon=True).start()


def look_at_certificate(settings: Settings, files: TlsFiles | None) -> bool:
    """Renew a certificate of ours if need be; give whether workers have to read it.

    Raises:
        TlsError: It cannot be read, or made anew.
        OSError: Likewise.
    """
    if files is None:
        return False
    before = files.certificate.read_bytes()
    found = files if files.ca is None else tls_files(settings)
    warn_of(found)
    return files.ca is not None and files.certificate.read_bytes() != before
