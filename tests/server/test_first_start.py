"""The client key of the first start and its two files: both or neither."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from signing import Signer

from pairsmith import Instance
from pairsmith.errors import StorageError
from pairsmith.server import first_start
from pairsmith.server.access import rows
from pairsmith.server.access.store import AccessStore
from pairsmith.server.first_start import ensure_first_client
from pairsmith.server.settings import Settings, with_setting


class Killed(BaseException):
    """What a process meets that is killed: nothing of ours catches it."""


class Kill:
    """Ends the process before or after the n-th of some calls.

    Args:
        number: Which of them; they are counted from 0, each one twice.
    """

    def __init__(self, number: int) -> None:
        self._left = number

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, where one may be killed."""

        def dangerous(*arguments: object) -> Any:
            self._pass()
            answer = call(*arguments)
            self._pass()
            return answer

        return dangerous

    def _pass(self) -> None:
        self._left -= 1
        if self._left == -1:
            raise Killed


def half(path: Path, content: str) -> None:
    """Write a file as far as a full disk or a power cut lets it."""
    path.write_text(content[: len(content) // 2])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a server whose files are all in one folder."""
    settings = with_setting(Settings(), "files", "folder", str(tmp_path))
    return with_setting(settings, "database", "url", f"sqlite:///{tmp_path / 'db'}")


def clients(settings: Settings) -> list[str]:
    """The client keys that the registry knows."""
    with (
        Instance.open(settings.database.url) as instance,
        closing(AccessStore(instance.registry)) as access,
    ):
        return [client.id for client in access.clients()]


def assert_usable(settings: Settings) -> None:
    """There is one client key, with its two files and no other."""
    folder = Path(settings.files.folder) / "clients"
    (client,) = clients(settings)
    key_file = folder / f"clientKey_{client}.json"
    password_file = folder / f"clientKey_{client}_Password.txt"
    assert sorted(folder.iterdir()) == sorted([key_file, password_file])
    content = json.loads(key_file.read_text())
    assert content["KeyId"] == client
    Signer.from_file(client, content["PrivateKeyData"], password_file.read_text())
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def kills(patch: pytest.MonkeyPatch, number: int) -> None:
    """Let the process be killed at this step."""
    kill = Kill(number)
    for owner, name in (
        (first_start, "write_secret"),
        (first_start, "_sync"),
        (rows, "insert"),
        (Path, "replace"),
    ):
        patch.setattr(owner, name, kill.around(getattr(owner, name)))


def killed_starts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """A start that was killed at each step there is, in a folder of its own each."""
    home = Path(settings.files.folder)
    for number in count():
        folder = home / str(number)
        folder.mkdir()
        own = with_setting(settings, "files", "folder", str(folder))
        own = with_setting(own, "database", "url", f"sqlite:///{folder / 'db'}")
        with monkeypatch.context() as patch:
            kills(patch, number)
            try:
                ensure_first_client(own)
            except Killed:
                yield own
            else:
                assert number == 14, "seven steps, each may be its last or first"
                return


def test_a_start_that_was_killed_anywhere_is_repaired_by_the_next(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after every write, flush, rename and the row itself."""
    for killed in killed_starts(settings, monkeypatch):
        ensure_first_client(killed)
        assert_usable(killed)
        assert ensure_first_client(killed) == []


def test_half_a_file_is_replaced(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not whole when the power went is of no client key and goes away."""
    with monkeypatch.context() as patch:
        patch.setattr(first_start, "write_secret", half)
        patch.setattr(first_start, "_sync", Kill(0).around(first_start._sync))
        with suppress(Killed):
            ensure_first_client(settings)
    assert clients(settings) == []
    assert len(ensure_first_client(settings)) == 2
    assert_usable(settings)


def test_no_client_key_is_made_where_its_files_cannot_be(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or a folder that may not be written, is said; nothing is made."""

    def full(_path: Path, _content: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(first_start, "write_secret", full)
        with pytest.raises(StorageError, match="No space left"):
            ensure_first_client(settings)
    assert clients(settings) == []
    (Path(settings.files.folder) / "clients").rmdir()
    (Path(settings.files.folder) / "clients").write_text("no folder")
    with pytest.raises(StorageError, match="clients"):
        ensure_first_client(settings)
    assert clients(settings) == []


def test_where_there_is_a_client_key_no_other_is_made(settings: Settings) -> None:
    """Also when its files were moved to the application, where they belong."""
    made = ensure_first_client(settings)
    assert [name for name, _ in made] == ["Client key", "Its password"]
    for _, path in made:
        Path(path).unlink()
    assert ensure_first_client(settings) == []
    assert len(clients(settings)) == 1
