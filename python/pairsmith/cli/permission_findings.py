"""What ``doctor`` finds about files: whose they are, and who else gets at them.

Permissions are read, not tried: root may do everything, and what it finds is the same.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.cli.findings import Finding, Verdict
from pairsmith.cli.initialise import root_key_place
from pairsmith.cli.opening import sqlite_path
from pairsmith.cli.server_findings import server_settings
from pairsmith.errors import PairsmithError
from pairsmith.trusted_folders import Untrusted, require_trusted, trusted_owners

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pairsmith.cli.settings import Settings

SUBJECT = "Permissions"


def permission_findings(settings: Settings) -> Iterator[Finding]:
    """Files for their owner only, in folders that nobody else can change."""
    path = sqlite_path(settings.database)
    root_key = _root_key_file(settings)
    files = list(dict.fromkeys(_files_of(path, root_key)))
    found = [
        *(finding for file in files for finding in _file(file, root_key)),
        *_folders(list(dict.fromkeys(file.parent for file in files)), path),
    ]
    yield from found
    looked_at = sum(os.path.lexists(file) for file in files)
    if not found and looked_at:
        yield Finding(SUBJECT, Verdict.GOOD, f"{looked_at} files, owner only")


def _files_of(database: Path | None, root_key: Path | None) -> Iterator[Path]:
    """All that belongs to an instance and to a server with the settings of here."""
    if database is not None:
        yield from sorted(database.parent.glob(f"{database.name}*"))
    if root_key is not None:
        yield root_key
    try:
        settings = server_settings()
    except PairsmithError:
        return  # the certificate's finding tells why
    folder = Path(settings.files.folder).absolute()
    for made in ("tls", "clients", "openapi"):
        yield from sorted((folder / made).glob("*"))
    audit = Path(settings.files.audit or folder / "audit.log").absolute()
    yield from sorted(audit.parent.glob(f"{audit.name}*"))
    if settings.tls.key:
        yield Path(settings.tls.key).absolute()


def _root_key_file(settings: Settings) -> Path | None:
    kind, _, place = root_key_place(settings).partition(":")
    return Path(place).absolute() if kind == "file" else None


def _file(file: Path, root_key: Path | None) -> Iterator[Finding]:
    try:
        status = file.stat()
    except OSError:
        return  # what needs the file tells of one that is missing
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISREG(status.st_mode):
        return
    if status.st_uid not in trusted_owners():
        yield Finding(
            SUBJECT,
            Verdict.PROBLEM,
            f"{file} belongs to user {status.st_uid}, who may change it",
            f"chown {os.geteuid()} {shlex.quote(str(file))}",
        )
    if file == root_key and _may_be_root_key(file):
        return
    if mode & (0o022 if _is_public(file) else 0o077):
        yield Finding(
            SUBJECT,
            Verdict.PROBLEM,
            f"others may use {file} ({mode:04o})",
            f"chmod {'go-w' if _is_public(file) else '600'} {file}",
        )


def _is_public(file: Path) -> bool:
    """The CA is what clients are given."""
    return file.suffix == ".pem" and file.parent.name == "tls"


def _folders(folders: list[Path], database: Path | None) -> Iterator[Finding]:
    told = set()
    for folder in folders:
        try:
            require_trusted(folder)
        except Untrusted as error:
            text, _, remedy = str(error.strerror).rpartition(": ")
            if error.strerror not in told:  # a folder that several are in
                yield Finding(SUBJECT, Verdict.PROBLEM, text or remedy, remedy)
            told.add(error.strerror)
        except OSError:
            continue  # missing: then there is nothing in it
        holds_database = database is not None and folder == database.parent
        if holds_database and not os.access(folder, os.W_OK, effective_ids=True):
            yield Finding(
                SUBJECT,
                Verdict.PROBLEM,
                f"this user may not write in {folder}",
                "SQLite puts its journal there.",
            )


def _may_be_root_key(file: Path) -> bool:
    """A mounted secret is root's, and may be readable by a group of this process."""
    from pairsmith.registry.key_file_permissions import is_private

    try:
        return is_private(file)
    except OSError:
        return True  # the root key's finding tells why it cannot be read
