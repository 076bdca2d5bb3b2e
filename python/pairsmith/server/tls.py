"""The certificate that the server shows: of a private CA made here, or the user's own.

A server certificate is made anew when it is about to end, is not valid yet, or lacks a
name that the settings ask for; clients, who trust the CA, notice nothing. What an
operator should know of in time is told by ``notices``.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.private_files import make_folder
from pairsmith.server import private_ca
from pairsmith.server.own_certificate import TlsError, check_pair, require_private_key
from pairsmith.server.private_ca import CA_FILE, read_certificate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cryptography.x509 import Certificate

__all__ = ["CA_FILE", "TlsError", "TlsFiles", "made_files", "notices", "own_files"]

TOLD_BEFORE = timedelta(days=30)
"""How long before its end a certificate of the user's own is spoken of."""

CA_TOLD_BEFORE = timedelta(days=90)
"""And the CA, whose successor has to be given to every client."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What a server and its clients are configured with.

    Attributes:
        certificate: The server's, with what leads to the CA.
        key: Its private key.
        ca: What clients trust; ``None`` with a certificate of the user's own.
        made: Whether clients have to be given the CA: it was made just now.
    """

    certificate: Path
    key: Path
    ca: Path | None
    made: bool

    @property
    def shown(self) -> Path:
        """The certificate whose end matters to people.

        A server certificate of our CA is renewed by itself, so it is that of the CA.
        """
        return self.certificate if self.ca is None else self.ca


def own_files(certificate: str, key: str) -> TlsFiles:
    """The user's own certificate and key.

    Raises:
        TlsError: They cannot be used, or others can read or replace the key.
    """
    files = TlsFiles(Path(certificate), Path(key), None, made=False)
    if files.key.is_file():  # else the check below says what to give
        require_private_key(files.key)
    check_pair(files.certificate, files.key)
    return files


def made_files(
    folder: Path, names: Iterable[str], now: datetime | None = None
) -> TlsFiles:
    """The files of the private CA, made or renewed as far as that is needed.

    Args:
        folder: Made 0700 if it is not there.
        names: Host names and addresses that clients use, besides those of this host.
        now: UTC; by default what the clock says.

    Raises:
        TlsError: They cannot be written or read, or others can read a private key.
    """
    now = datetime.now(UTC) if now is None else now
    try:
        folder = make_folder(folder)
        for name in private_ca.KEY_FILES:
            if os.path.lexists(folder / name):
                require_private_key(folder / name)
        made = private_ca.ensure_ca(folder, now)
        private_ca.ensure_server_certificate(folder, all_names(names), now)
    except (OSError, ValueError) as error:
        raise TlsError(f"The certificates in {folder}: {error}") from error
    return TlsFiles(
        folder / private_ca.SERVER_FILE,
        folder / private_ca.SERVER_KEY_FILE,
        folder / CA_FILE,
        made=made,
    )


def notices(files: TlsFiles, now: datetime | None = None) -> Iterator[str]:
    """What an operator should know of these certificates, a sentence each.

    Raises:
        TlsError: They cannot be read.
    """
    now = datetime.now(UTC) if now is None else now
    before = TOLD_BEFORE if files.ca is None else CA_TOLD_BEFORE
    path = files.shown
    certificate = _read(path)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begin:
        yield f"{path} is not valid before {begin}: look at this host's clock."
    if end <= now:
        yield f"{path} ended at {end}: clients refuse it. {_remedy(files)}"
    elif end - now <= before:
        yield f"{path} ends at {end}. {_remedy(files)}"


def is_valid_now(files: TlsFiles, now: datetime | None = None) -> bool:
    """Whether clients accept them at present.

    Raises:
        TlsError: They cannot be read.
    """
    now = datetime.now(UTC) if now is None else now
    return private_ca.is_valid(_read(files.shown), now)


def ends(certificate: Path) -> datetime:
    """When a certificate ends, UTC."""
    return _read(certificate).not_valid_after_utc


def all_names(names: Iterable[str]) -> list[str]:
    """Every name of this host, and those given, once each."""
    host = socket.gethostname()  # not the full name: asking for it may take seconds
    return list(dict.fromkeys(["localhost", "127.0.0.1", "::1", host, *names]))


def _remedy(files: TlsFiles) -> str:
    if files.ca is None:
        return "Replace tls.certificate and tls.key, then send SIGHUP."
    return (
        "At its end another is made, which every client has to be given. To choose "
        f"the moment yourself: move {files.ca.name} and {private_ca.CA_KEY_FILE} away, "
        "send SIGHUP, and give clients the new file."
    )


def _read(path: Path) -> Certificate:
    try:
        return read_certificate(path)
    except (OSError, ValueError) as error:
        raise TlsError(f"{path}: {error}") from error
