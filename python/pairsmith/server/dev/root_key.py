"""The root key of a dev folder: marked, so that nobody takes it for another.

``--dev`` opens a folder with such a root key or an empty one, and nothing else: what
was made in production cannot be served with the tools of a test. The other way round,
nothing but ``--dev`` opens what such a root key wraps: ``registry/dev_root_key.py``.
"""

from pathlib import Path

from pairsmith.errors import RootKeyError
from pairsmith.private_files import make_folder
from pairsmith.registry.dev_root_key import DevRootKey, require_fitting

DATABASE = "pairsmith.db"
ROOT_KEY = f"{DATABASE}.root-key"


def database_url(folder: Path) -> str:
    """The one database that is opened in a dev folder."""
    return f"sqlite:///{folder / DATABASE}"


def dev_root_key(folder: Path) -> DevRootKey:
    """What opens that database."""
    return DevRootKey(folder / ROOT_KEY)


def ensure_marked(folder: Path) -> None:
    """Make the marked root key of a new folder, or see that a folder has one.

    Raises:
        RootKeyError: There is a database or a root key that ``--dev`` has not made, or
            none can be made.
    """
    if not (folder / ROOT_KEY).exists() and not (folder / DATABASE).exists():
        try:
            make_folder(folder)
        except OSError as error:
            raise RootKeyError(
                f"{folder} cannot be the folder of --dev: {error.strerror}."
            ) from error
        dev_root_key(folder).load_or_create()
    require_marked(folder)


def require_marked(folder: Path) -> None:
    """See that a folder's root key was made by ``--dev``.

    Raises:
        RootKeyError: It was not, it cannot be read, or there is none.
    """
    if not (folder / ROOT_KEY).exists():
        raise RootKeyError(
            f"The keys in {folder} were not made by --dev: serve them without it, or "
            "give --dev a --folder of its own."
        )
    root_key = dev_root_key(folder)
    require_fitting(root_key, root_key.load())
