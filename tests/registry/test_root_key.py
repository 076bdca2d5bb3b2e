"""Root key providers: a file, a variable, a command; and the wrong key."""

import base64
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from pairsmith._core import RootKey
from pairsmith.errors import InvalidParameter, RootKeyError
from pairsmith.registry import (
    CommandRootKey,
    EnvironmentRootKey,
    FileRootKey,
    Registry,
    RootKeyProvider,
    parse_root_key_provider,
)
from pairsmith.registry.key_bytes import parse_root_key
from pairsmith.registry.root_key import default_root_key
from places import Place
from waiting import PATIENCE_SECONDS

KEY = bytes(range(100, 132))
KEY_ID = RootKey(KEY).root_key_id


def test_file_is_made_on_first_use(sqlite_place: Place) -> None:
    """Without a word about it, the root key lies beside the database, mode 0600."""
    with Registry.open(sqlite_place.url, background=False) as registry:
        key = registry.create_key().key_id
    path = sqlite_place.directory / "kms.db.root-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32
    with Registry.open(sqlite_place.url, background=False) as registry:
        assert registry.resolve(key, primary=True).key_id == key
    names = sorted(each.name for each in sqlite_place.directory.iterdir())
    assert [name for name in names if "root-key" in name] == [path.name]


def test_lost_file_is_not_replaced(place: Place) -> None:
    """With keys in the database, a missing root key is an error and stays missing."""
    with Registry.open(place.url, place.root_key, background=False) as registry:
        registry.create_key()
    saved = place.root_key.path.read_bytes()
    place.root_key.path.unlink()
    with pytest.raises(RootKeyError, match="restore the file"):
        place.open()
    assert not place.root_key.path.exists()
    place.root_key.path.write_bytes(saved)
    place.root_key.path.chmod(0o600)
    assert place.open().list_keys().total_count == 1


def test_lost_file_of_an_empty_database_is_replaced(place: Place) -> None:
    """Without keys there is nothing to lose: a new root key is made."""
    place.open().close()
    place.root_key.path.unlink()
    key = place.open().create_key().key_id
    assert place.open().resolve(key, primary=True).key_id == key


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o660, 0o666, 0o777])
def test_readable_by_others(place: Place, mode: int) -> None:
    """A root key that others can read is refused, with the command that helps."""
    place.open().close()
    place.root_key.path.chmod(mode)
    with pytest.raises(RootKeyError, match=r"chmod 600 .*root-key"):
        place.open()
    place.root_key.path.chmod(0o600)
    place.open()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_file_of_another_user(place: Place) -> None:
    """A root key that another user could replace is refused, with what helps."""
    place.open().close()
    os.chown(place.root_key.path, 65534, -1)
    with pytest.raises(RootKeyError, match=r"belongs to another user.*chown 0 "):
        place.open()


def test_new_file_ignores_the_umask(place: Place) -> None:
    """Even with a careless umask the file is private."""
    before = os.umask(0)
    try:
        place.open()
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.root_key.path.stat().st_mode) == 0o600


def test_not_a_file(place: Place, directory: Path) -> None:
    """A directory or a pipe in the root key's place is refused, not waited for."""
    (directory / "dir").mkdir()
    os.mkfifo(directory / "pipe", 0o600)
    for name in ("dir", "pipe"):
        with pytest.raises(RootKeyError, match="is not a file"):
            place.open(FileRootKey(directory / name))


def test_no_place_for_the_file(place: Place, directory: Path) -> None:
    """A root key file whose directory is missing says where it could not be."""
    with pytest.raises(RootKeyError, match="missing/root-key"):
        place.open(FileRootKey(directory / "missing" / "root-key"))


FORMS = [
    KEY,
    KEY.hex().encode(),
    KEY.hex().upper().encode() + b"\n",
    base64.b64encode(KEY),
    b" " + base64.b64encode(KEY) + b"\r\n",
]


@pytest.mark.parametrize("written", FORMS)
def test_forms(directory: Path, written: bytes) -> None:
    """Raw bytes, hexadecimal digits and Base64 all name the same key."""
    path = directory / "key"
    path.write_bytes(written)
    path.chmod(0o600)
    program = f"import sys; sys.stdout.buffer.write({written!r})"
    assert _id_of(FileRootKey(path)) == KEY_ID
    assert _id_of(CommandRootKey([sys.executable, "-c", program])) == KEY_ID


@pytest.mark.parametrize(
    "written", [b"", b"short", KEY[:-1], KEY + b"x", b"q~" * 32, b"A" * 43, b"=" * 44]
)
def test_what_is_not_a_key(directory: Path, written: bytes) -> None:
    """Anything else is refused, saying what it must be and not what it was."""
    path = directory / "key"
    path.write_bytes(written)
    path.chmod(0o600)
    with pytest.raises(RootKeyError, match="must be 32 bytes") as caught:
        FileRootKey(path).load()
    assert "q~" not in str(caught.value)


def test_variable(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable opens what it wrapped."""
    monkeypatch.setenv("PAIRSMITH_ROOT_KEY", KEY.hex())
    key = place.open(EnvironmentRootKey()).create_key().key_id
    assert place.open("env:PAIRSMITH_ROOT_KEY").resolve(key, primary=True)
    monkeypatch.delenv("PAIRSMITH_ROOT_KEY")
    with pytest.raises(RootKeyError, match="PAIRSMITH_ROOT_KEY is not set"):
        place.open(EnvironmentRootKey())


def test_command(place: Place, directory: Path) -> None:
    """A command's output opens what it wrapped; it is split, not given to a shell."""
    secret = directory / "with blank; touch hacked"
    secret.write_bytes(base64.b64encode(KEY))
    command = f"command:cat '{secret}'"
    key = place.open(command).create_key().key_id
    assert place.open(command).resolve(key, primary=True)
    assert not (directory / "hacked").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["/does/not/exist"], "cannot be run"),
        (["false"], "ended with status 1"),
        (["true"], "must be 32 bytes"),
        (["sh", "-c", "sleep 3 & exit 0"], "must be 32 bytes"),
        (["sh", "-c", "echo secret >&1; exit 3"], "ended with status 3"),
    ],
)
def test_command_fails(command: list[str], message: str) -> None:
    """A command that gives no root key is an error that says why."""
    with pytest.raises(RootKeyError, match=message) as caught:
        CommandRootKey(command, timeout_seconds=PATIENCE_SECONDS).load()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("command", [["sleep", "1000"], ["yes"]])
def test_command_that_does_not_end(command: list[str]) -> None:
    """It is ended when its time is over."""
    with pytest.raises(RootKeyError, match=r"within 0\.2 s"):
        CommandRootKey(command, timeout_seconds=0.2).load()


def test_texts_of_providers() -> None:
    """The three texts make the three providers; their repr shows no secret."""
    assert repr(parse_root_key_provider("file:/a/b")) == "FileRootKey('/a/b')"
    assert repr(parse_root_key_provider("env:K")) == "EnvironmentRootKey('K')"
    shown = repr(parse_root_key_provider("command:vault read --token=t"))
    assert shown == "CommandRootKey('vault')"


@pytest.mark.parametrize(
    "text", ["", "file", "file:", "env:", "command:", "command: ", "vault:x", "a'b"]
)
def test_texts_that_name_no_provider(text: str) -> None:
    """Anything else says what a provider looks like."""
    with pytest.raises(InvalidParameter, match="root_key"):
        parse_root_key_provider(text)


@pytest.mark.parametrize("root_key", [7, b"env:X", object(), [None], []])
def test_not_a_provider(tmp_path: Path, root_key: object) -> None:
    """A value that is no provider is refused by name, before anything is made."""
    with pytest.raises(InvalidParameter, match="root_key"):
        Registry.open(f"sqlite:///{tmp_path}/kms.db", root_key)
    assert list(tmp_path.iterdir()) == []


def test_wrong_root_key(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another root key is refused at open, naming both ids."""
    monkeypatch.setenv("RIGHT", KEY.hex())
    monkeypatch.setenv("WRONG", bytes(32).hex())
    place.open("env:RIGHT").create_key()
    with pytest.raises(RootKeyError) as caught:
        place.open("env:WRONG")
    assert KEY_ID in str(caught.value)
    assert RootKey(bytes(32)).root_key_id in str(caught.value)
    assert place.open("env:RIGHT").list_keys().total_count == 1


def test_late_wrong_root_key(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two nodes that open a new database with two root keys, one must give way."""
    monkeypatch.setenv("ONE", KEY.hex())
    monkeypatch.setenv("TWO", bytes(32).hex())
    one, two = place.open("env:ONE"), place.open("env:TWO")
    with pytest.raises(RootKeyError):
        one.create_key()
    key = two.create_key().key_id
    assert two.resolve(key, primary=True).key_id == key
    with pytest.raises(RootKeyError):
        one.resolve(key, primary=True)


def test_arrays_are_wiped() -> None:
    """What a provider read is zero once the root key is made."""
    for written in (bytearray(KEY), bytearray(KEY.hex().encode()), bytearray(b"bad")):
        with suppress(RootKeyError):
            parse_root_key(written, "here")
        assert not any(written)


def test_postgresql_has_no_default() -> None:
    """A server's database has no file beside it: a provider must be named."""
    with pytest.raises(InvalidParameter, match="PostgreSQL has no default"):
        default_root_key(None)


def _id_of(provider: RootKeyProvider) -> str:
    (root_key,) = provider.load()
    return root_key.root_key_id
