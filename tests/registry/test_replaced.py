"""A database file that is replaced, restored or deleted under an open registry."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from pairsmith.errors import (
    DatabaseError,
    KeyDisabled,
    OutcomeUnknown,
    RootKeyError,
    ServiceUnavailable,
)
from pairsmith.registry import Registry, cache, schema, sqlite_file
from places import Place


@pytest.fixture(params=["WAL", "TRUNCATE"], autouse=True)
def journal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Either journal mode, and a cache that looks at the database at once."""
    modes = {"WAL": ("WAL", "FULL"), "TRUNCATE": ("TRUNCATE", "EXTRA")}
    settings = modes[request.param]
    monkeypatch.setattr(sqlite_file, "journal_settings", lambda _: settings)
    monkeypatch.setattr(cache, "POLL_SECONDS", 0.0)
    return str(request.param)


def _file(place: Place) -> Path:
    return place.directory / "kms.db"


def _backup(place: Place, name: str = "backup.db") -> Path:
    """A consistent copy, as sqlite3's own tool makes it."""
    target = place.directory / name
    with (
        closing(sqlite3.connect(_file(place))) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    return target


def _put(place: Place, file: Path) -> None:
    """Put a file in the database's place, as the documents say: without its WAL."""
    file.replace(_file(place))
    _remove_wal(place)


def _remove_wal(place: Place) -> None:
    for suffix in ("-wal", "-shm"):
        _file(place).with_name(f"kms.db{suffix}").unlink(missing_ok=True)


def _in_use(place: Place) -> tuple[Registry, str]:
    """A registry with a resolved key, and a reader's connection beside."""
    registry = place.open()
    key = registry.create_key().key_id
    assert registry.resolve(key, primary=True)
    return registry, key


def test_renamed_over(sqlite_place: Place) -> None:
    """A backup put in the file's place counts at once, and so do changes in it."""
    registry, key = _in_use(sqlite_place)
    backup = _backup(sqlite_place)
    lost = registry.create_key().key_id
    _put(sqlite_place, backup)
    assert [each.key_id for each in registry.list_keys().items] == [key]
    with Registry.open(
        sqlite_place.url, sqlite_place.root_key, background=False
    ) as other:
        other.disable_key(key)
    with pytest.raises(KeyDisabled):
        registry.resolve(key, primary=True)
    made = registry.create_key().key_id
    shown = [each.key_id for each in sqlite_place.open().list_keys().items]
    assert shown == [key, made]
    assert lost not in shown


def test_deleted_and_put_back(sqlite_place: Place) -> None:
    """Without its file nothing is served and nothing is made; with it all goes on."""
    registry, key = _in_use(sqlite_place)
    backup = _backup(sqlite_place)
    _file(sqlite_place).unlink()
    for use in (
        lambda: registry.resolve(key, primary=True),
        registry.list_keys,
        registry.create_key,
        registry.check,
    ):
        with pytest.raises(DatabaseError, match="is gone") as caught:
            use()
        assert not caught.value.retryable
    assert not _file(sqlite_place).exists()
    _put(sqlite_place, backup)
    assert registry.resolve(key, primary=True).key_id == key
    registry.check()


@pytest.mark.parametrize("content", [b"", b"something else entirely" * 100])
def test_emptied(sqlite_place: Place, content: bytes) -> None:
    """An empty file, or one of something else, is refused until it is right."""
    registry, key = _in_use(sqlite_place)
    backup = _backup(sqlite_place)
    other = sqlite_place.directory / "other"
    other.write_bytes(content)
    _put(sqlite_place, other)
    for use in (
        lambda: registry.resolve(key, primary=True),
        lambda: registry.disable_key(key),
        registry.check,
    ):
        with pytest.raises(DatabaseError):
            use()
    _put(sqlite_place, backup)
    assert registry.resolve(key, primary=True).key_id == key


def test_copied_over_with_as_many_changes(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restored backup is noticed even if it has counted as far as what it replaced.

    With write-ahead logging a file in use cannot be copied over, as the documents say.
    """
    settings = ("TRUNCATE", "EXTRA")
    monkeypatch.setattr(sqlite_file, "journal_settings", lambda _: settings)
    registry = sqlite_place.open()
    key = registry.create_key().key_id
    registry.close()
    backup = _backup(sqlite_place)
    registry = sqlite_place.open()
    registry.update_key_description(key, "one change")
    assert registry.resolve(key, primary=True)
    with Registry.open(
        f"sqlite:///{backup}", sqlite_place.root_key, background=False
    ) as other:
        other.disable_key(key)
    _file(sqlite_place).write_bytes(backup.read_bytes())
    with pytest.raises(KeyDisabled):
        registry.resolve(key, primary=True)
    assert registry.describe_key(key).description == ""


def test_another_instance(sqlite_place: Place, tmp_path: Path) -> None:
    """The registry of another root key is neither read nor written."""
    registry, key = _in_use(sqlite_place)
    own = _backup(sqlite_place)
    with Registry.open(f"sqlite:///{tmp_path}/other.db", background=False) as other:
        theirs = other.create_key().key_id
    shutil.copy(tmp_path / "other.db", _file(sqlite_place).with_name("swap"))
    _put(sqlite_place, _file(sqlite_place).with_name("swap"))
    before = _file(sqlite_place).read_bytes()
    for use in (
        lambda: registry.resolve(key, primary=True),
        lambda: registry.disable_key(theirs),
        registry.list_keys,
        registry.check,
    ):
        with pytest.raises(RootKeyError, match="replaced by another"):
            use()
    assert _file(sqlite_place).read_bytes()[100:] == before[100:]
    _put(sqlite_place, own)
    assert registry.resolve(key, primary=True).key_id == key


def test_older_schema(sqlite_place: Place) -> None:
    """A backup of an older Pairsmith is refused: opening it again migrates it."""
    registry, key = _in_use(sqlite_place)
    backup = _backup(sqlite_place)
    with closing(sqlite3.connect(backup, isolation_level=None)) as older:
        older.execute(f"UPDATE {schema.REVISION_TABLE} SET version_num = '0001'")  # noqa: S608
    _put(sqlite_place, backup)
    with pytest.raises(ServiceUnavailable, match="start again"):
        registry.resolve(key, primary=True)


def test_while_being_changed(sqlite_place: Place) -> None:
    """A change to a file that is no longer there is not acknowledged."""
    registry, key = _in_use(sqlite_place)
    backup = _backup(sqlite_place)

    def change() -> None:
        with registry.access.database.writing():
            _put(sqlite_place, backup)

    with pytest.raises(DatabaseError, match="nothing was changed"):
        change()
    assert registry.resolve(key, primary=True).key_id == key


def test_while_being_committed(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that goes between the last look and the commit: the change may be lost."""
    registry, key = _in_use(sqlite_place)
    backup = _backup(sqlite_place)
    dialect = registry.access.database._engine.dialect
    commit = dialect.do_commit

    def replace_and_commit(connection: object) -> None:
        _put(sqlite_place, backup)
        commit(connection)

    monkeypatch.setattr(dialect, "do_commit", replace_and_commit)
    with pytest.raises(OutcomeUnknown, match="may be lost") as caught:
        registry.disable_key(key)
    assert not caught.value.retryable
    monkeypatch.undo()
    assert registry.describe_key(key).key_state == "Enabled"


def test_link_that_leads_elsewhere(sqlite_place: Place) -> None:
    """A symbolic link that was given another target is refused, not followed."""
    _, key = _in_use(sqlite_place)
    backup = _backup(sqlite_place)
    link = sqlite_place.directory / "link.db"
    link.symlink_to(_file(sqlite_place))
    with Registry.open(
        f"sqlite:///{link}", sqlite_place.root_key, background=False
    ) as registry:
        assert registry.resolve(key, primary=True)
        link.unlink()
        link.symlink_to(backup)
        with pytest.raises(DatabaseError, match="was replaced"):
            registry.resolve(key, primary=True)


def test_journal_removed(sqlite_place: Place) -> None:
    """Without the WAL it had, a handle is given up, and what is written next stays."""
    registry, key = _in_use(sqlite_place)
    _remove_wal(sqlite_place)
    made = registry.create_key().key_id
    with Registry.open(
        sqlite_place.url, sqlite_place.root_key, background=False
    ) as other:
        assert made in {each.key_id for each in other.list_keys().items}
    assert registry.resolve(key, primary=True)


def test_journal_of_the_file_before(sqlite_place: Place, journal: str) -> None:
    """A file that was put beside the WAL of another is refused until that is gone."""
    registry, key = _in_use(sqlite_place)
    backup = _backup(sqlite_place)
    backup.replace(_file(sqlite_place))
    if journal == "WAL":
        for _ in range(2):
            with pytest.raises(DatabaseError, match="remove the files -wal"):
                registry.resolve(key, primary=True)
        _remove_wal(sqlite_place)
    assert registry.resolve(key, primary=True).key_id == key


def test_own_changes_cost_no_connection(sqlite_place: Place) -> None:
    """What this process writes is no reason to open its database again."""
    registry, key = _in_use(sqlite_place)
    registry.list_keys()
    connections = []
    engine = registry.access.database._engine
    sa.event.listen(engine, "connect", lambda *_: connections.append("opened"))
    for _ in range(5):
        registry.update_key_description(key, "x")
        registry.resolve(key, primary=True)
    assert connections == []
