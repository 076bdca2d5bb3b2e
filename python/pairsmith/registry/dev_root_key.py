"""Root keys of dev servers: marked, and refused by everything else.

The first half of such a key says what it is (``DEV_MARK``), so the mark goes wherever
the key is copied, and a database that it wraps opens with no other: whichever way the
key is given, as a file, in the environment, by a command or by a provider of the
caller's own, the core sees the mark.
"""

from collections.abc import Iterable

from pairsmith._core import RootKey
from pairsmith.errors import RootKeyError
from pairsmith.registry.key_file import FileRootKey
from pairsmith.registry.key_file_creation import DEV_MARK, create_key_file


class DevRootKey(FileRootKey):
    """The marked root key file of a dev folder; made on first use, it opens no other.

    Only ``pairsmith serve --dev`` and what looks into its folder on purpose name one.

    Args:
        path: The file, such as ``pairsmith.db.root-key``.
    """

    def _create(self) -> None:
        create_key_file(self.path, DEV_MARK)


def require_fitting(provider: object, keys: Iterable[RootKey]) -> None:
    """See that dev root keys come from dev providers, and nothing else does.

    Raises:
        RootKeyError: It is not so.
    """
    for key in keys:
        if key.is_dev and not isinstance(provider, DevRootKey):
            raise RootKeyError(
                f"The root key {key.root_key_id} was made by pairsmith serve --dev, "
                "for tests and never for secrets: only --dev opens what it wraps. Name "
                "a root key of your own."
            )
        if isinstance(provider, DevRootKey) and not key.is_dev:
            raise RootKeyError(
                f"The keys in {provider.path.parent} were not made by --dev: serve "
                "them without it, or give --dev a --folder of its own."
            )
