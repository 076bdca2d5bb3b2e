"""The careful writer: what it makes, and what it refuses to make or to use."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pairsmith import private_files, trusted_folders
from pairsmith.private_files import (
    Unwritable,
    create_file,
    make_folder,
    open_kept,
    replace_file,
)
from pairsmith.trusted_folders import Untrusted, require_trusted, resolve_trusted

OTHER = 54321
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root makes others' files"
)


@pytest.fixture(params=[0, 0o22, 0o77])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """A umask, from the most careless on."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def kinds_at(path: Path) -> dict[str, Callable[[], object]]:
    """What may be in the place of a file, by name."""
    elsewhere = path.with_name("elsewhere")
    return {
        "folder": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
        "socket": lambda: os.mknod(path, stat.S_IFSOCK | 0o600),
        "link": lambda: (elsewhere.write_bytes(b"kept"), path.symlink_to(elsewhere)),
        "dangling link": lambda: path.symlink_to(path.with_name("nowhere")),
        "link to a device": lambda: path.symlink_to("/dev/null"),
        "loop": lambda: path.symlink_to(path),
    }


KINDS = sorted(kinds_at(Path("x")))


@pytest.mark.usefixtures("umask")
def test_what_is_written_is_private_and_whole(tmp_path: Path) -> None:
    """Whatever the umask, its owner alone reads it; no draft is left."""
    path = tmp_path / "secret"
    create_file(path, b"first")
    replace_file(path, b"second")
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A new file takes the place of nothing; what is there stays."""
    path = tmp_path / "secret"
    path.write_bytes(b"there")
    with pytest.raises(FileExistsError) as caught:
        create_file(path, b"new")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"there"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("write", [create_file, replace_file])
def test_only_files_are_replaced(
    tmp_path: Path, kind: str, write: Callable[[Path, bytes], None]
) -> None:
    """A link, a FIFO or a folder in its place is refused, and nothing is followed."""
    path = tmp_path / "secret"
    kinds_at(path)[kind]()
    before = {each.name: each.lstat().st_ino for each in tmp_path.iterdir()}
    with pytest.raises((Unwritable, FileExistsError)):
        write(path, b"new")
    assert {each.name: each.lstat().st_ino for each in tmp_path.iterdir()} == before
    if kind == "link":
        assert (tmp_path / "elsewhere").read_bytes() == b"kept"


def test_a_hard_link_is_left_to_its_other_name(tmp_path: Path) -> None:
    """Replacing gives the name to another file; the old content keeps its second."""
    path, second = tmp_path / "secret", tmp_path / "second"
    create_file(path, b"old")
    second.hardlink_to(path)
    replace_file(path, b"new")
    assert (path.read_bytes(), second.read_bytes()) == (b"new", b"old")


@pytest.mark.parametrize("call", ["fsync", "fchmod", "link", "open"])
def test_a_disk_that_refuses_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Neither the file nor a draft, and the error names the file."""

    def refusing(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "a draft")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refusing)
        with pytest.raises(OSError, match="No space") as caught:
            create_file(tmp_path / "secret", b"new")
    assert caught.value.filename == str(tmp_path / "secret")
    assert not list(tmp_path.iterdir())


def test_file_and_name_reach_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the file, before it has its name; then the folder."""
    flushed: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        flushed.append(f"{kind}, {'named' if path.exists() else 'unnamed'}")
        fsync(descriptor)

    path = tmp_path / "secret"
    monkeypatch.setattr(os, "fsync", watched)
    create_file(path, b"new")
    assert flushed == ["file, unnamed", "folder, named"]


# Files that stay open.


@pytest.mark.usefixtures("umask")
def test_a_kept_file_is_made_private(tmp_path: Path) -> None:
    """It is made once, then opened; nobody else may read it."""
    path = tmp_path / "lock"
    for _ in range(2):
        os.close(open_kept(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("in_trusted", [True, False])
def test_only_files_are_kept_open(
    tmp_path: Path, kind: str, *, in_trusted: bool
) -> None:
    """Nothing else is opened or waited for, and no link leads elsewhere."""
    path = tmp_path / "lock"
    kinds_at(path)[kind]()
    with pytest.raises(Unwritable):
        open_kept(path, in_trusted=in_trusted)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("mode", [0o602, 0o622, 0o666])
def test_a_kept_file_that_others_may_write_is_refused(
    tmp_path: Path, mode: int
) -> None:
    """By its mode, which binds everybody but root."""
    path = tmp_path / "lock"
    path.touch()
    path.chmod(mode)
    with pytest.raises(Untrusted, match="chmod go-w"):
        open_kept(path)


@needs_root
def test_a_kept_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """They made it first, in a folder that everybody may write."""
    tmp_path.chmod(0o1777)
    path = tmp_path / "lock"
    path.touch(0o600)
    os.chown(path, OTHER, -1)
    with pytest.raises(Untrusted, match=f"user {OTHER}"):
        open_kept(path)


def test_a_second_name_is_refused_where_others_make_names(tmp_path: Path) -> None:
    """In a folder of our own it may be a backup's."""
    path = tmp_path / "lock"
    path.touch(0o600)
    path.with_name("second").hardlink_to(path)
    os.close(open_kept(path))
    tmp_path.chmod(0o1777)
    with pytest.raises(Untrusted, match="second name"):
        open_kept(path)


def test_a_kept_file_that_two_make_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is late opens the file of whoever was first."""
    path = tmp_path / "lock"
    create_empty = private_files._create_empty

    def late(*words: object, **named: object) -> int:
        path.touch(0o600)
        return create_empty(*words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(private_files, "_create_empty", late)
    descriptor = open_kept(path)
    assert os.path.samestat(os.fstat(descriptor), path.stat())
    os.close(descriptor)


# Folders.


@pytest.mark.usefixtures("umask")
def test_folders_are_made_private(tmp_path: Path) -> None:
    """With all that they are in; those that were there stay as they were."""
    tmp_path.chmod(0o755)
    made = make_folder(tmp_path / "a" / "b" / "c")
    assert made == tmp_path / "a" / "b" / "c"
    for folder in (made, made.parent, made.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert make_folder(made) == made


@pytest.mark.parametrize("mode", [0o777, 0o707, 0o2777])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_folder_that_others_may_write_is_refused(
    tmp_path: Path, mode: int, depth: int
) -> None:
    """However far above the file it is, for there the folders below can be replaced."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    [folder, *folder.parents][depth].chmod(mode)
    for write in (create_file, replace_file):
        with pytest.raises(Untrusted, match="chmod go-w"):
            write(folder / "secret", b"new")
    with pytest.raises(Untrusted):
        make_folder(folder / "more")
    with pytest.raises(Untrusted):
        open_kept(folder / "lock")
    assert not list(folder.iterdir())
    os.close(open_kept(folder / "lock", in_trusted=False))


def test_a_sticky_folder_is_trusted(tmp_path: Path) -> None:
    """As /tmp is: nobody replaces what belongs to others there."""
    tmp_path.chmod(0o1777)
    create_file(tmp_path / "secret", b"new")
    assert make_folder(tmp_path / "folder") == tmp_path / "folder"


@needs_root
@pytest.mark.parametrize("sticky", [0, 0o1000])
@pytest.mark.parametrize("depth", [0, 1])
def test_another_user_s_folder_is_refused(
    tmp_path: Path, sticky: int, depth: int
) -> None:
    """Its owner may do anything there, whatever its mode."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    other = [folder, *folder.parents][depth]
    os.chown(other, OTHER, OTHER)
    other.chmod(sticky | 0o755)
    with pytest.raises(Untrusted, match=f"user {OTHER}"):
        resolve_trusted(folder / "settings", may_be_missing=True)
    if sticky:
        with pytest.raises(Untrusted, match=f"user {OTHER}"):
            create_file(folder / "secret", b"new")


@needs_root
def test_root_is_the_guest_of_one_user_only(tmp_path: Path) -> None:
    """It makes files in that user's folders, and not where another user may write."""
    host = tmp_path / "host"
    folder = host / "folder"
    folder.mkdir(parents=True)
    os.chown(host, OTHER, OTHER)
    create_file(folder / "one", b"new")
    os.chown(folder, OTHER, OTHER)
    create_file(folder / "two", b"new")
    assert (folder / "two").stat().st_uid == 0
    for owner, mode in ((OTHER + 1, 0o755), (OTHER, 0o777)):
        os.chown(folder, owner, -1)
        folder.chmod(mode)
        with pytest.raises(Untrusted):
            create_file(folder / "three", b"new")


@needs_root
def test_another_user_s_link_is_not_followed(tmp_path: Path) -> None:
    """In a sticky folder they may have put it where a folder of ours was to be."""
    (tmp_path / "real").mkdir()
    tmp_path.chmod(0o1777)
    link = tmp_path / "link"
    link.symlink_to("real")
    create_file(link / "one", b"new")
    os.chown(link, OTHER, -1, follow_symlinks=False)
    for folder in (link, link / ".." / "link"):
        with pytest.raises(Untrusted, match="symbolic link"):
            create_file(folder / "two", b"new")
    assert [each.name for each in (tmp_path / "real").iterdir()] == ["one"]


def test_own_links_are_followed_to_their_end(tmp_path: Path) -> None:
    """Relative or not, one behind the other; what they lead to is looked at as well."""
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "first").symlink_to(tmp_path / "second")
    (tmp_path / "second").symlink_to("real/../real")
    assert require_trusted(tmp_path / "first") == real
    assert resolve_trusted(tmp_path / "first" / "x", may_be_missing=True) == real / "x"
    real.chmod(0o777)
    with pytest.raises(Untrusted):
        require_trusted(tmp_path / "first")


def test_what_is_no_folder_is_none(tmp_path: Path) -> None:
    """A file, a loop or nothing is told as the system tells it."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for name, error in (
        ("file", NotADirectoryError),
        ("file/below", NotADirectoryError),
        ("nothing", FileNotFoundError),
        ("nothing/below", FileNotFoundError),
        ("loop", OSError),
    ):
        with pytest.raises(error):
            require_trusted(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        resolve_trusted(tmp_path / "nothing" / "below", may_be_missing=True)


class _Group:
    def __init__(self, *members: str) -> None:
        self.gr_mem = list(members)


@pytest.mark.parametrize(
    ("members", "primary", "trusted"),
    [
        ([], [], True),
        (["me"], ["me"], True),
        (["root"], [], True),
        (["other"], [], False),
        ([], ["other"], False),
        (["nobody knows"], [], False),
    ],
)
def test_a_group_of_one_s_own_may_write(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    members: list[str],
    primary: list[str],
    *,
    trusted: bool,
) -> None:
    """If nobody else is known to be in it, by the list of groups and that of users."""
    users = {"me": os.geteuid(), "root": 0, "other": OTHER}

    class User:
        def __init__(self, name: str) -> None:
            self.pw_uid, self.pw_gid = users[name], tmp_path.stat().st_gid

    monkeypatch.setattr(trusted_folders.grp, "getgrgid", lambda _: _Group(*members))
    monkeypatch.setattr(
        trusted_folders.pwd, "getpwall", lambda: [User(name) for name in primary]
    )
    monkeypatch.setattr(trusted_folders.pwd, "getpwnam", User)
    tmp_path.chmod(0o770)
    if trusted:
        create_file(tmp_path / "secret", b"new")
    else:
        with pytest.raises(Untrusted, match="group"):
            create_file(tmp_path / "secret", b"new")


@needs_root
def test_a_group_without_a_name_may_write_if_it_is_ours(tmp_path: Path) -> None:
    """As a volume of Kubernetes has it, where fsGroup is a number."""
    tmp_path.chmod(0o770)
    os.chown(tmp_path, -1, OTHER)
    with pytest.raises(Untrusted, match=f"group {OTHER}"):
        require_trusted(tmp_path)
    before = os.getgroups()
    os.setgroups([*before, OTHER])
    try:
        assert require_trusted(tmp_path) == tmp_path
    finally:
        os.setgroups(before)
