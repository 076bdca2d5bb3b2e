"""The first start: a client key with its two files, made together or not at all.

The files are written under names of their own first, then the registry learns of the
client key, then the files get their names. A later start finds what a crash has left
and goes on from there: files whose client key the registry knows get their names, and
others are removed.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.errors import StorageError
from pairsmith.private_files import DRAFTS, create_file, make_folder, synchronise
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.services import open_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pairsmith.server.access.model import NewClient
    from pairsmith.server.settings import Settings

FIRST_CLIENT_RULE = "pairs,pairs-without-plaintext,decrypt,crypto:*"
"""What the client key of the first start may do: every operation on data."""

PENDING = ".pending"
"""Ends the name of a file whose client key the registry may not know yet."""


def ensure_first_client(settings: Settings) -> list[tuple[str, str]]:
    """Make a client key if there is none, so that the first request can be signed.

    Returns:
        What was made and where it is; empty if there was a client key before.

    Raises:
        StorageError: The folder cannot be written; then nothing was made.
        PairsmithError: The instance cannot be opened.
    """
    folder = Path(settings.files.folder) / "clients"
    with (
        open_instance(settings) as instance,
        closing(AccessStore(instance.registry)) as access,
    ):
        try:
            with _alone_in(folder):
                return _finish(access, folder) or _make(access, folder)
        except OSError as error:
            raise StorageError(
                f"The client keys in {folder}: {error.strerror}. Let this user write "
                "there, or give another --folder."
            ) from error


def write_secret(path: Path, content: str) -> None:
    """Write a new file that only its owner may read, and let it reach the disk."""
    create_file(path, content.encode())


_sync = synchronise


def _finish(access: AccessStore, folder: Path) -> list[tuple[str, str]]:
    """Go on where a start was interrupted; give what that one would have told."""
    known = {client.id for client in access.clients()}
    for draft in folder.glob(DRAFTS):
        draft.unlink()
    finished: list[tuple[str, str]] = []
    for pending in folder.glob(f".clientKey_*{PENDING}"):
        path = _final(pending)
        client_id = path.stem.removeprefix("clientKey_").removesuffix("_Password")
        if client_id not in known:
            pending.unlink()
            continue
        pending.replace(path)
        finished.append(_fact(path))
    return sorted(finished)


def _make(access: AccessStore, folder: Path) -> list[tuple[str, str]]:
    if access.clients():
        return []
    written: list[Path] = []

    def keep(new: NewClient) -> None:
        name = f".clientKey_{new.key.id}"
        for path, content in (
            (folder / f"{name}.json{PENDING}", new.credential_json),
            (folder / f"{name}_Password.txt{PENDING}", new.password),
        ):
            write_secret(path, content)
            written.append(path)
        _sync(folder)

    access.create_client("first", parse_policy([FIRST_CLIENT_RULE]), keep=keep)
    for path in written:
        path.replace(_final(path))
    _sync(folder)
    return [_fact(_final(path)) for path in written]


def _final(pending: Path) -> Path:
    return pending.with_name(pending.name.removeprefix(".").removesuffix(PENDING))


def _fact(path: Path) -> tuple[str, str]:
    kind = "Its password" if path.stem.endswith("_Password") else "Client key"
    return kind, str(path)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Make the folder; let no other start work in it at the same time."""
    folder = make_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
