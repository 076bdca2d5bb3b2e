"""The root key of a dev folder: marked, so that nobody takes it for another.

Its first half says what it is, its second half is random. ``--dev`` opens a folder with
such a root key or an empty one, and nothing else: what was made in production cannot
be served with the tools of a test.
"""

import os
import secrets
from pathlib import Path

from pairsmith.errors import RootKeyError
from pairsmith.registry.key_bytes import KEY_BYTES
from pairsmith.registry.key_file_creation import DEV_MARK

DATABASE = "pairsmith.db"
ROOT_KEY = f"{DATABASE}.root-key"


def database_url(folder: Path) -> str:
    """The one database that is opened in a dev folder."""
    return f"sqlite:///{folder / DATABASE}"


def ensure_marked(folder: Path) -> None:
    """Make the marked root key of a new folder, or see that a folder has one.

    Raises:
        RootKeyError: There is a database or a root key that ``--dev`` has not made.
    """
    if not (folder / ROOT_KEY).exists() and not (folder / DATABASE).exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        descriptor = os.open(folder / ROOT_KEY, flags, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(DEV_MARK + secrets.token_bytes(KEY_BYTES - len(DEV_MARK)))
    require_marked(folder)


def require_marked(folder: Path) -> None:
    """See that a folder's root key was made by ``--dev``.

    Raises:
        RootKeyError: It was not, or there is none.
    """
    try:
        with (folder / ROOT_KEY).open("rb") as file:
            marked = file.read(len(DEV_MARK)) == DEV_MARK
    except OSError:
        marked = False
    if not marked:
        raise RootKeyError(
            f"The keys in {folder} were not made by --dev: serve them without it, or "
            "give --dev a --folder of its own."
        )
