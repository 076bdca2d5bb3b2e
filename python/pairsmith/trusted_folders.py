"""Folders that nobody else can change, so that what is in them stays what it is.

Every folder from the root down, and every symbolic link on the way, belongs to root or
to this process's user, and nobody else may write there: then no other user can put a
link, a file or another folder in the place of what was looked at. A sticky folder such
as ``/tmp`` may be written by all, for there nobody replaces what belongs to others.

A group may write if nobody but this user (and root) is known to be in it, as in the
group that many systems make for each user.

Root may be a *guest*: make files in the folders of one other user, as containers do in
a folder of their host. It trusts that user then, and nobody else.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

ROOT = 0
LINKS = 40
"""Symbolic links behind each other at most, as for the kernel."""

ALL_USERS = 0xFFFFFFFF
"""How many user ids the first user namespace of a host has."""

ACL_ATTRIBUTE = "system.posix_acl_access"


class Untrusted(PermissionError):  # noqa: N818 -- as in errors.py
    """Others could change a file or folder; the message says what to do."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(errno.EACCES, reason, str(path))


def require_trusted(folder: Path) -> Path:
    """See that only this user and root can change a folder, or put another there.

    For making files there: root may be a guest.

    Args:
        folder: As it was named; relative to the current folder.

    Returns:
        The folder itself, without symbolic links: what it leads to from now on.

    Raises:
        Untrusted: Others can.
        OSError: There is no such folder, or it cannot be looked at.
    """
    found = resolve_trusted(folder, as_guest=True)
    if not found.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    return found


def resolve_trusted(
    path: Path, *, may_be_missing: bool = False, as_guest: bool = False
) -> Path:
    """Follow a path as the kernel does; refuse it if others could lead it elsewhere.

    Args:
        path: What is at its end may be of any kind; whose it is, is looked at only if
            it is a folder or a link.
        may_be_missing: Whether there may be nothing at its end.
        as_guest: Whether root may go through the folders of one other user.

    Returns:
        The path without symbolic links.

    Raises:
        Untrusted, OSError: As for ``require_trusted``.
    """
    here, owners = Path("/"), trusted_owners()
    may_be_guest = as_guest and os.geteuid() == ROOT
    _require_unchanged(here, here.lstat(), owners)
    parts = list(reversed(path.absolute().parts[1:]))
    links = 0
    while parts:
        name = parts.pop()
        if name == "..":
            here = here.parent  # which is no link: those were followed
            continue
        here /= name
        try:
            found = here.lstat()
        except FileNotFoundError:
            if parts or not may_be_missing:
                raise
            return here
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            _require_owner(here, found, "the symbolic link", owners)
            target = here.readlink()
            here = Path("/") if target.is_absolute() else here.parent
            parts += reversed(target.parts[target.is_absolute() :])
        elif stat.S_ISDIR(found.st_mode):
            is_shared = found.st_mode & stat.S_ISVTX
            if may_be_guest and not is_shared and found.st_uid not in owners:
                owners, may_be_guest = owners | {found.st_uid}, False
            _require_unchanged(here, found, owners)
        elif parts:
            raise NotADirectoryError(
                errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(here)
            )
    return here


def others_may_write(
    path: Path, found: os.stat_result, owners: set[int] | None = None
) -> str:
    """Say who else may write to a file or folder, by owner, mode and group.

    Args:
        path: What it is called.
        found: What it is.
        owners: Who may own it; by default ``trusted_owners``.

    Returns:
        What is wrong and what to do; empty if nobody may.
    """
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid not in (trusted_owners() if owners is None else owners):
        return (
            f"{path} belongs to user {found.st_uid}, who may change it: let it be of "
            f"user {os.geteuid()} or of root"
        )
    if mode & stat.S_IWOTH:
        return f"everybody may write to {path} ({mode:04o}): chmod go-w {path}"
    if mode & stat.S_IWGRP and not _is_harmless(found.st_gid, path):
        return (
            f"group {found.st_gid} may write to {path} ({mode:04o}): chmod go-w {path}"
        )
    return ""


def trusted_owners() -> set[int]:
    """Who may own what we rely on: root and this process's user."""
    owners = {ROOT, os.geteuid()}
    with suppress(OSError, ValueError, IndexError):
        first = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
        if int(first[2]) < ALL_USERS:
            # In a user namespace the root of the host, and nobody of here, shows so.
            overflow = Path("/proc/sys/kernel/overflowuid")
            owners.add(int(overflow.read_text(encoding="ascii")))
    return owners


def _require_unchanged(folder: Path, found: os.stat_result, owners: set[int]) -> None:
    if found.st_mode & stat.S_ISVTX:
        _require_owner(folder, found, "the folder", owners)
        return
    reason = others_may_write(folder, found, owners)
    if reason:
        raise Untrusted(folder, reason)


def _require_owner(
    path: Path, found: os.stat_result, what: str, owners: set[int]
) -> None:
    if found.st_uid not in owners:
        raise Untrusted(
            path,
            f"{what} {path} belongs to user {found.st_uid}, who may change it: let it "
            f"be of user {os.geteuid()} or of root",
        )


def _is_harmless(group: int, path: Path) -> bool:
    """Whether nobody but this user and root is known to be in a group.

    Whom an access control list lets in is not in any group: then it is not.
    """
    if hasattr(os, "getxattr"):
        with suppress(OSError):  # there is none
            os.getxattr(path, ACL_ATTRIBUTE)
            return False
    own = {ROOT, os.geteuid()}
    try:
        named = grp.getgrgid(group).gr_mem
    except KeyError:
        # No name, as in containers: then it is ours, or nobody knows whose.
        return group in {os.getegid(), *os.getgroups()}
    members = {each.pw_uid for each in pwd.getpwall() if each.pw_gid == group}
    for name in named:
        try:
            members.add(pwd.getpwnam(name).pw_uid)
        except KeyError:
            return False
    return members <= own
