"""A root key in a file, and the successor beside it while a re-wrap is under way.

A successor's name holds the ids of the root key that it replaces and of its own, and
its own is drawn afresh each time, so no two re-wraps ever mean the same name. It takes
its file's place by one rename, which can happen once only: whoever comes late, after
minutes of suspension, finds nothing to rename and does no harm.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pairsmith._core import RootKey
from pairsmith.errors import RootKeyError
from pairsmith.registry.key_bytes import parse_root_key, read_descriptor
from pairsmith.registry.key_file_creation import create_key_file, create_successor
from pairsmith.registry.key_file_permissions import require_private
from pairsmith.registry.key_file_place import (
    require_replaceable,
    synchronise_directory,
)

SUCCESSOR = re.compile(r"\.([0-9a-f]{16})\.[0-9a-f]{16}\.next")
"""What follows the file's name: the id of the present root key, and of its own."""

OWN_DRAFT = re.compile(r"\.[0-9a-f]{16}\.draft")
SUCCESSOR_DRAFT = re.compile(r"\.[0-9a-f]{16}\.[0-9a-f]{16}\.draft")


@dataclass(frozen=True, slots=True)
class Successor:
    """A root key that waits beside a file to take its place."""

    path: Path
    replaces: str
    """The id of the root key in the file."""
    root_key: RootKey


class FileRootKey:
    """A file that only its owner can read; made on first use.

    A symbolic link stays one: what is made or replaced is the file at its end.

    Args:
        path: The file, such as ``kms.db.root-key``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self.successor: Successor | None = None
        """The one that ``replace_by_successor`` means."""

    def __repr__(self) -> str:
        """Show the path, never the key."""
        return f"FileRootKey({str(self.path)!r})"

    def load(self) -> list[RootKey]:
        """Read the file, and what is to replace it if a re-wrap is under way."""
        # Successors first: should one take this file's place meanwhile, the key it
        # holds is read twice, and never missed.
        following = [each.root_key for each in self.successors()]
        return [self._present(), *following]

    def load_or_create(self) -> list[RootKey]:
        """Read the file, or write a new one with mode 0600."""
        if _read(self.path) is None:
            self._create()
        else:
            # Another process may have made it a moment ago, and not yet for good.
            with suppress(OSError):
                synchronise_directory(self.place.parent)
        return self.load()

    @property
    def place(self) -> Path:
        """Where the file itself is: at the end of every symbolic link."""
        return Path(os.path.realpath(self.path))

    def successors(self) -> list[Successor]:
        """Read what waits to take this file's place."""
        found = []
        for path, said in self._beside(SUCCESSOR):
            root_key = _read(path)
            if root_key is not None:  # or it has just taken its place
                found.append(Successor(path, said[1], root_key))
        return found

    def add_successor(self) -> RootKey:
        """Make the root key that will replace this one, durably; nothing else changes.

        One that a killed re-wrap has left unused is taken again. The caller holds the
        database's write lock, so no other re-wrap is between this and noting it.

        Raises:
            RootKeyError: This file is not ours to replace; the message says why.
        """
        self._unlink_drafts()
        require_replaceable(self.path, self.place)
        present = self._present().root_key_id
        for left in self.successors():
            if left.replaces == present:
                FileRootKey(left.path).make_durable()
                return left.root_key
        return create_successor(self.place, present)

    def replace_by_successor(self) -> None:
        """Put the successor in this file's place, atomically and durably.

        Nothing happens if another process has just done so.

        Raises:
            RootKeyError: It could not be done; both files are as they were.
        """
        successor, present = self.successor, self._present().root_key_id
        if successor is None:
            return
        if present not in (successor.replaces, successor.root_key.root_key_id):
            raise RootKeyError(
                f"{successor.path} holds the root key now in use, but {self.path} "
                f"holds {present} instead of {successor.replaces}, which it replaces: "
                "see to whom that belongs, then move the first in its place."
            )
        try:
            with suppress(FileNotFoundError):
                successor.path.replace(self.place)
            synchronise_directory(self.place.parent)
        except OSError as error:
            raise RootKeyError(
                f"{successor.path} holds the root key now in use, but it could not "
                f"take the place of {self.path} ({error.strerror}): move it there."
            ) from error

    def make_durable(self) -> None:
        """See that a file of this user's is on the disk, before anything relies on it.

        Raises:
            RootKeyError: It cannot be written there.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if os.fstat(descriptor).st_uid != os.geteuid():
                    return  # mounted by somebody else, who answers for it
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            synchronise_directory(self.place.parent)
        except OSError as error:
            raise RootKeyError(
                f"The root key {self.path} cannot be written to the disk for good "
                f"({error.strerror}): name another place for it."
            ) from error

    def _create(self) -> None:
        create_key_file(self.path)

    def _present(self) -> RootKey:
        present = _read(self.path)
        if present is None:
            raise RootKeyError(
                f"There is no root key at {self.path}: restore the file from its "
                "backup; without it the keys in the database do not open."
            )
        return present

    def _unlink_drafts(self) -> None:
        """Take away what a kill left, in making this file or its successor."""
        drafts = [path for path, _ in self._beside(SUCCESSOR_DRAFT)]
        for path, _ in self._beside(OWN_DRAFT):
            with suppress(OSError):
                if path.samefile(self.place):  # a second name of this very file
                    drafts.append(path)
        for path in drafts:
            with suppress(OSError):
                path.unlink()

    def _beside(self, form: re.Pattern[str]) -> Iterator[tuple[Path, re.Match[str]]]:
        """Find files that are named after this one, and what their names say."""
        place = self.place
        try:
            files = sorted(place.parent.iterdir())
        except OSError:
            return  # missing, or not ours to look at: then nothing is beside it
        for file in files:
            said = form.fullmatch(file.name.removeprefix(place.name))
            if said and file.name.startswith(place.name):
                yield file, said


def _read(path: Path) -> RootKey | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            require_private(descriptor, path)
            return parse_root_key(read_descriptor(descriptor), str(path))
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RootKeyError(
            f"The root key cannot be read from {path} ({reason}): let this "
            "user read the file."
        ) from error
