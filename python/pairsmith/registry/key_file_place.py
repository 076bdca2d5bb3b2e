"""Where a root key's file lies: whether it may be replaced there, and writing durably.

A file that is replaced by a rename must afterwards be what it was: as much this user's,
with the same mode and group, under every name it has. Where that cannot be, a re-wrap
is refused before it has begun.
"""

import errno
import os
import re
import shlex
import stat
from pathlib import Path

from pairsmith.errors import RootKeyError
from pairsmith.private_files import open_new, synchronise
from pairsmith.trusted_folders import require_trusted

MOUNTS = Path("/proc/self/mountinfo")
MOUNT_POINT_FIELD = 4
KUBERNETES_LINK = "..data"
"""The link that Kubernetes swaps when a mounted secret changes."""


def require_replaceable(path: Path, place: Path) -> None:
    """See that a root key's file can be replaced by another one.

    Args:
        path: As it was named.
        place: The file itself, behind every symbolic link.

    Raises:
        RootKeyError: It cannot; the message says why, and what can be done instead.
    """
    try:
        reason = _reason_against(path, place)
    except OSError as error:
        reason = f"it cannot be looked at ({error.strerror})"
    if reason is not None:
        raise RootKeyError(
            f"The root key's file {path} cannot be replaced: {reason}. Nothing was "
            "changed. Name the new root key instead: pairsmith rewrap --to file:PATH "
            "(or env:NAME, or command:PROGRAM), and open the database with that one "
            "from then on."
        )


def write_new(path: Path, key: bytearray, *, like: Path | None = None) -> None:
    """Write a key to a file that does not exist, for its owner only, and wipe it.

    Args:
        path: The file; when this returns, what it holds is on the disk.
        key: The bytes.
        like: A file of this user's, whose mode and group it gets.

    Raises:
        OSError: It cannot be written, or others can change the folder.
    """
    require_trusted(path.parent)
    descriptor = open_new(path)
    try:
        if like is not None:
            status = like.stat()
            os.fchown(descriptor, -1, status.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
        if os.write(descriptor, key) != len(key):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        key[:] = bytes(len(key))
        os.close(descriptor)


synchronise_directory = synchronise
"""Make what was renamed or linked in a folder survive a power cut."""


def _reason_against(path: Path, place: Path) -> str | None:
    status = place.stat()
    reason = None
    if any((each.parent / KUBERNETES_LINK).is_symlink() for each in (path, place)):
        reason = "Kubernetes has mounted it, and would put the old one back"
    elif status.st_uid != os.geteuid():
        reason = f"it belongs to user {status.st_uid}, and a new one would not"
    elif status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        reason = "others may read it, and that cannot be kept"
    elif status.st_nlink > 1:
        reason = (
            f"it has {status.st_nlink} names, and the others would keep the old root "
            f"key (find / -samefile {shlex.quote(str(place))} shows them)"
        )
    elif _is_mount_point(place):
        reason = "a mount holds it in its place"
    elif not os.access(place.parent, os.W_OK | os.X_OK, effective_ids=True):
        reason = f"this process cannot write in {place.parent}"
    return reason


def _is_mount_point(place: Path) -> bool:
    """Whether a file is mounted by itself, as containers do; it resists a rename."""
    try:
        lines = MOUNTS.read_bytes().splitlines()
    except OSError:
        return False  # another system: there the rename itself would fail
    return os.fsencode(place) in (
        _unescaped(line.split()[MOUNT_POINT_FIELD]) for line in lines
    )


def _unescaped(field: bytes) -> bytes:
    return re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), field)
