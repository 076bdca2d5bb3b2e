"""Which files may hold a root key: those that nobody else can read or replace.

The file belongs to this process's user and its mode gives nothing to group and others.
Or it is a secret that systemd or Kubernetes has mounted: it belongs to root, others
have nothing, nobody but root can write it, and whoever can read it besides root is this
process's user (by an access control list, as systemd grants it) or one of this
process's groups (as Kubernetes grants it with ``fsGroup``). Who else is in such a group
cannot be told from here.
"""

import errno
import os
import shlex
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from pairsmith.errors import RootKeyError

ROOT = 0
READ, WRITE = 4, 2

ACL_ATTRIBUTE = "system.posix_acl_access"
ACL_VERSION = 2
ACL_ENTRY = struct.Struct("<HHI")
"""Tag, permissions and id, as ``linux/posix_acl_xattr.h`` has them."""

USER, OWNING_GROUP, GROUP, MASK = 0x02, 0x04, 0x08, 0x10
"""The tags that matter; what the owner and all others may do is in the mode, too."""

Grant = tuple[str, int, int]
"""``user`` or ``group``, its id, and what it may do: sums of ``READ`` and ``WRITE``."""


def require_private(descriptor: int, path: Path) -> None:
    """See that an open file may hold a root key.

    Raises:
        RootKeyError: It may not; the message says what to do.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise RootKeyError(f"{path} is not a file: name the root key's file.")
    if status.st_uid not in (ROOT, os.geteuid()):
        raise RootKeyError(
            "The root key belongs to another user, who could replace it: "
            f"chown {os.geteuid()} {shlex.quote(str(path))}"
        )
    if not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return
    if status.st_uid == ROOT and _is_mounted_secret(descriptor, status):
        return
    raise RootKeyError(_too_open(status, path))


def is_private(path: Path) -> bool:
    """Whether a file that this process can read may hold a root key."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        require_private(descriptor, path)
    except RootKeyError:
        return False
    finally:
        os.close(descriptor)
    return True


def _is_mounted_secret(descriptor: int, status: os.stat_result) -> bool:
    if status.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        return False
    groups = {os.getegid(), *os.getgroups()}
    own = {"user": {ROOT, os.geteuid()}, "group": groups}
    acl = _access_control_list(descriptor)
    if acl is None:
        return status.st_gid in groups
    return all(
        identity in own[kind] and not allowed & WRITE
        for kind, identity, allowed in _grants(acl, status)
        if allowed
    )


def _access_control_list(descriptor: int) -> bytes | None:
    """Read the list as the kernel keeps it; ``None`` where there is none."""
    if not hasattr(os, "getxattr"):
        return None
    try:
        return os.getxattr(descriptor, ACL_ATTRIBUTE)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP):
            return None
        raise


def _grants(acl: bytes, status: os.stat_result) -> Iterator[Grant]:
    """Whom an access control list lets in, apart from the owner.

    In the place of the group's bits ``st_mode`` shows the mask, the most that any of
    these entries can give.
    """
    header = struct.unpack_from("<I", acl)[0]
    if header != ACL_VERSION:
        yield "user", -1, READ | WRITE  # not understood: somebody else may do anything
        return
    entries = list(ACL_ENTRY.iter_unpack(acl[4:]))
    mask = next((allowed for tag, allowed, _ in entries if tag == MASK), READ | WRITE)
    for tag, allowed, identity in entries:
        if tag == USER:
            yield "user", identity, allowed & mask
        elif tag == GROUP:
            yield "group", identity, allowed & mask
        elif tag == OWNING_GROUP:
            yield "group", status.st_gid, allowed & mask


def _too_open(status: os.stat_result, path: Path) -> str:
    quoted = shlex.quote(str(path))
    if status.st_uid == os.geteuid():
        return f"Other users can read the root key: chmod 600 {quoted}"
    return (
        f"Others than this process can read or change the root key {path} (mode "
        f"{stat.S_IMODE(status.st_mode):04o}): let it be root's with mode 0440 and a "
        "group that only this process has (in Kubernetes defaultMode: 0440 with "
        f"fsGroup). If it must stay as it is, name it as command:cat {quoted}"
    )
