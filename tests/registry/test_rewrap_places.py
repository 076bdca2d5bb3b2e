"""The root key's file becomes what it was, or the re-wrap is refused before."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sealed import check_sealed, seal_with_versions

from pairsmith.errors import RootKeyError
from pairsmith.registry import DevRootKey, FileRootKey, key_file_place
from pairsmith.registry.key_file_creation import DEV_MARK
from places import Place

FRESH = bytes(range(50, 82))


def test_a_link_stays_a_link(sqlite_place: Place) -> None:
    """The file at its end is replaced, in its own folder."""
    directory = sqlite_place.directory
    secure = directory / "secure"
    secure.mkdir()
    (directory / "first").symlink_to("secure/second")
    (secure / "second").symlink_to(secure / "file")
    link = FileRootKey(directory / "first")
    registry = sqlite_place.open(link)
    sealed = seal_with_versions(registry)
    before = (secure / "file").read_bytes()
    registry.rewrap()
    assert str(link.path.readlink()) == "secure/second"
    assert (secure / "second").readlink() == secure / "file"
    assert (secure / "file").read_bytes() != before
    assert sorted(each.name for each in secure.iterdir()) == ["file", "second"]
    check_sealed(sqlite_place.open(link), sealed)
    check_sealed(sqlite_place.open(FileRootKey(secure / "file")), sealed)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_mode_and_group_stay(sqlite_place: Place, mode: int) -> None:
    """The new file has those of the old one."""
    registry = sqlite_place.open()
    path = sqlite_place.root_key.path
    group = 12345 if os.getuid() == 0 else path.stat().st_gid
    os.chown(path, -1, group)
    path.chmod(mode)
    registry.rewrap()
    status = path.stat()
    assert (status.st_mode & 0o7777, status.st_gid) == (mode, group)


def test_the_mark_of_a_dev_folder_stays(sqlite_place: Place) -> None:
    """Its root key says what it is, and --dev goes on taking it."""
    path = sqlite_place.root_key.path
    path.write_bytes(DEV_MARK + bytes(16))
    path.chmod(0o600)
    sqlite_place.open(DevRootKey(path)).rewrap()
    key = path.read_bytes()
    assert key.startswith(DEV_MARK)
    assert (len(key), key[16:] != bytes(16)) == (32, True)


def _hard_link(path: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    path.with_name("second-name").hardlink_to(path)


def _group_may_read(path: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    path.chmod(0o640)


def _mounted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = path.with_name("mountinfo")
    shown = str(path).replace("-", "\\055")  # as the kernel writes odd characters
    mounts.write_text(f"36 35 98:0 /mnt1 {shown} rw,noatime - ext3 /dev/root rw\n")
    monkeypatch.setattr(key_file_place, "MOUNTS", mounts)


def _kubernetes(path: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    versioned = path.with_name("..2026_11_27")
    versioned.mkdir()
    path.rename(versioned / path.name)
    path.with_name("..data").symlink_to(versioned.name)
    path.symlink_to(f"..data/{path.name}")


def _of_root(_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)


def _read_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access = os.access

    def denied(where: Path, mode: int, **options: bool) -> bool:
        return where != path.parent and access(where, mode, **options)

    monkeypatch.setattr(os, "access", denied)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_hard_link, r"2 names.*-samefile"),
        (_group_may_read, "others may read it"),
        (_mounted, "a mount holds it"),
        (_kubernetes, "Kubernetes"),
        pytest.param(
            _of_root,
            "belongs to user 0",
            marks=pytest.mark.skipif(os.getuid() != 0, reason="needs a file of root"),
        ),
        (_read_only, "cannot write in"),
    ],
)
def test_what_cannot_be_replaced(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path, pytest.MonkeyPatch], None],
    reason: str,
) -> None:
    """It is refused before anything has changed, and a named root key works instead."""
    place.open().close()
    sealed = seal_with_versions(place.open())
    with monkeypatch.context() as patched:
        spoil(place.root_key.path, patched)
        registry = place.open()
        before = _everything(place)
        with pytest.raises(RootKeyError, match=rf"(?s){reason}.*Nothing.*--to"):
            registry.rewrap()
        assert _everything(place) == before
        registry.rewrap(FileRootKey(place.directory / "new"))
    check_sealed(place.open(FileRootKey(place.directory / "new")), sealed)


def test_a_folder_that_takes_no_new_file(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it shows only in the attempt, nothing has changed either."""
    registry = place.open()
    sealed = seal_with_versions(registry)
    before = _everything(place)

    def refused(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refused)
        with pytest.raises(RootKeyError, match=r"No new root key.*No space left"):
            registry.rewrap()
    assert _everything(place) == before
    registry.rewrap()
    check_sealed(place.open(), sealed)


def test_a_rename_that_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both files stay and open everything together, until the rename is possible."""
    registry = place.open()
    sealed = seal_with_versions(registry)

    def busy(*_: object) -> None:
        raise OSError(16, "Device or resource busy")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", busy)
        with pytest.raises(RootKeyError, match=r"busy.*move it there"):
            registry.rewrap()
        check_sealed(place.open(), sealed)
        assert len(place.root_key.successors()) == 1
    check_sealed(place.open(), sealed)
    assert not place.root_key.successors()


def test_another_root_key_has_come_in_its_place(place: Place) -> None:
    """A file that is not the one that was re-wrapped is not replaced."""
    registry = place.open()
    sealed = seal_with_versions(registry)
    path = place.root_key.path

    def exchange(_done: int, _of: int) -> None:
        path.write_bytes(FRESH)

    with pytest.raises(RootKeyError, match=r"see to whom that belongs"):
        registry.rewrap(progress=exchange)
    assert path.read_bytes() == FRESH
    check_sealed(place.open(), sealed)


def test_the_new_root_key_vanishes_meanwhile(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more rows go under a root key that is in no file; put back, it goes on."""
    monkeypatch.setattr("pairsmith.registry.rewrap.BATCH_ROWS", 3)
    registry = place.open()
    sealed = seal_with_versions(registry)
    aside = place.directory / "aside"

    def take_away(_done: int, _of: int) -> None:
        (successor,) = place.root_key.successors()
        shutil.move(successor.path, aside / successor.path.name)

    aside.mkdir()
    with pytest.raises(RootKeyError, match=r"has vanished.*put its file back"):
        registry.rewrap(progress=take_away)
    (taken,) = aside.iterdir()
    shutil.move(taken, place.directory / taken.name)
    assert place.open().rewrap().rewrapped == 7
    check_sealed(place.open(), sealed)


def test_to_a_link_without_its_file(sqlite_place: Place) -> None:
    """A new root key is made at the end of a link that points nowhere yet."""
    registry = sqlite_place.open()
    sealed = seal_with_versions(registry)
    link = sqlite_place.directory / "link"
    link.symlink_to("made-here")
    registry.rewrap(FileRootKey(link))
    assert link.is_symlink()
    check_sealed(sqlite_place.open(FileRootKey(link)), sealed)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_to_what_is_no_file(sqlite_place: Place, make: Callable[[Path], None]) -> None:
    """A pipe or a folder is refused before anything has changed."""
    registry = sqlite_place.open()
    registry.create_key()
    make(sqlite_place.directory / "odd")
    before = _everything(sqlite_place)
    with pytest.raises(RootKeyError, match=r"is not a file"):
        registry.rewrap(FileRootKey(sqlite_place.directory / "odd"))
    assert _everything(sqlite_place) == before


def _everything(place: Place) -> object:
    """Tell what must not change: the folder's files, their bytes, and the database."""
    files = {
        each.name: each.read_bytes() if each.is_file() else None
        for each in place.directory.iterdir()
        if not each.name.startswith("kms.db")
    }
    rows = "SELECT key_version_id, root_key_id, wrapped FROM key_versions ORDER BY 1"
    ids = "SELECT root_key_id, next_root_key_id FROM registry"
    return files, place.execute(rows), place.execute(ids)
