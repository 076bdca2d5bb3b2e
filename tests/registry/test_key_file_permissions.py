"""Whose root key files are taken: an owner's, and secrets that root has mounted.

The tables are tried by a child that is another user, so the kernel's own idea of who
may read a file is part of it.
"""

import os
import struct
from pathlib import Path
from typing import Any

import pytest

from pairsmith.errors import RootKeyError
from pairsmith.registry import FileRootKey
from pairsmith.registry.key_file_permissions import is_private

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can be others")

USER, OTHER_USER, OWN_GROUP, SECOND_GROUP, OTHER_GROUP = 12345, 777, 12345, 12346, 888
NOBODY = 0xFFFFFFFF
SYSTEMD = [(1, 4, NOBODY), (2, 4, USER), (4, 0, NOBODY), (16, 4, NOBODY)]
"""What systemd puts on a credential: it shows as 0440."""


@pytest.fixture
def file(directory: Path) -> Path:
    """Give a root key of root's in a folder that everybody may enter."""
    directory.chmod(0o755)
    path = directory / "root-key"
    path.write_bytes(bytes(range(32)))
    return path


@pytest.mark.parametrize(
    ("owner", "group", "mode", "taken"),
    [
        (0, OWN_GROUP, 0o440, True),
        (0, OWN_GROUP, 0o640, True),
        (0, SECOND_GROUP, 0o440, True),
        (USER, OWN_GROUP, 0o600, True),
        (USER, OTHER_GROUP, 0o400, True),
        (0, OWN_GROUP, 0o460, False),
        (0, OWN_GROUP, 0o660, False),
        (0, OWN_GROUP, 0o444, False),
        (0, OTHER_GROUP, 0o444, False),
        (0, OWN_GROUP, 0o442, False),
        (USER, OWN_GROUP, 0o440, False),
        (USER, OWN_GROUP, 0o640, False),
        (OTHER_USER, OWN_GROUP, 0o440, False),
    ],
)
def test_modes(file: Path, owner: int, group: int, mode: int, *, taken: bool) -> None:
    """Root's file may be readable by a group of ours; ours by nobody else."""
    os.chown(file, owner, group)
    file.chmod(mode)
    assert _is_taken(file) == taken


@pytest.mark.parametrize(
    ("entries", "taken"),
    [
        (SYSTEMD, True),
        ([*SYSTEMD[:3], (8, 4, OWN_GROUP), SYSTEMD[3]], True),
        ([*SYSTEMD[:1], (2, 6, USER), *SYSTEMD[2:]], True),  # the mask takes 2 away
        ([*SYSTEMD[:2], (2, 4, OTHER_USER), *SYSTEMD[2:]], False),
        ([*SYSTEMD[:3], (8, 4, OTHER_GROUP), SYSTEMD[3]], False),
        ([*SYSTEMD[:2], (4, 4, NOBODY), SYSTEMD[3]], False),  # the group is root's
        ([SYSTEMD[0], (2, 6, USER), SYSTEMD[2], (16, 6, NOBODY)], False),
    ],
)
def test_access_control_lists(
    file: Path, entries: list[tuple[int, int, int]], *, taken: bool
) -> None:
    """A list may let this user or a group of ours read, and nobody write."""
    file.chmod(0o400)
    packed = [struct.pack("<HHI", *each) for each in [*entries, (32, 0, NOBODY)]]
    acl = struct.pack("<I", 2) + b"".join(packed)
    try:
        os.setxattr(file, "system.posix_acl_access", acl)
    except OSError as error:
        pytest.skip(f"no access control lists here: {error}")
    assert _is_taken(file) == taken


def test_a_list_that_is_not_understood(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a version that is not known it is taken to let others in."""
    file.chmod(0o440)
    assert is_private(file)
    monkeypatch.setattr(os, "getxattr", lambda *_: struct.pack("<I", 3))
    assert not is_private(file)


@pytest.mark.parametrize(
    ("owner", "mode", "advice"),
    [
        (USER, 0o644, "chmod 600 .*root-key"),
        (0, 0o444, "0444.*0440.*command:cat .*key"),
    ],
)
def test_what_to_do_instead(file: Path, owner: int, mode: int, advice: str) -> None:
    """The owner is told the command; who cannot change it, what the mount needs."""
    os.chown(file, owner, OWN_GROUP)
    file.chmod(mode)
    with pytest.raises(RootKeyError, match=advice):
        _as_user(lambda: FileRootKey(file).load())


def test_kubernetes_links(directory: Path) -> None:
    """A mounted secret is a link to a link to a file, and is read like any other."""
    directory.chmod(0o755)
    versioned = directory / "..2026_11_27"
    versioned.mkdir()
    (versioned / "root-key").write_bytes(bytes(range(32)))
    os.chown(versioned / "root-key", 0, OWN_GROUP)
    (versioned / "root-key").chmod(0o440)
    (directory / "..data").symlink_to(versioned.name)
    (directory / "root-key").symlink_to("..data/root-key")
    assert _is_taken(directory / "root-key")


def _is_taken(file: Path) -> bool:
    try:
        _as_user(lambda: FileRootKey(file).load())
    except RootKeyError:
        return False
    return True


def _as_user(work: Any) -> None:
    """Do it as a user with two groups, in a child; raise what is raised there."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([OWN_GROUP, SECOND_GROUP])
            os.setgid(OWN_GROUP)
            os.setuid(USER)
            work()
        except RootKeyError as error:
            os.write(writer, str(error).encode())
        except BaseException as error:  # noqa: BLE001
            os.write(writer, b"defect: " + repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read().decode()
    os.waitpid(child, 0)
    assert not told.startswith("defect"), told
    if told:
        raise RootKeyError(told)
