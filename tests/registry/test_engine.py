"""The database: its file, its journal, and everything that can be wrong with it."""

import os
import resource
import shutil
import sqlite3
import stat
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import old_database
import old_format
from pairsmith.errors import (
    DatabaseError,
    InvalidParameter,
    SchemaTooNew,
)
from pairsmith.registry import Registry, migrations, schema, sqlite_file
from pairsmith.registry.failures import explained
from pairsmith.registry.sqlite_file import journal_settings
from places import Place


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 34, 0), "TRUNCATE"),
        ((3, 40, 1), "TRUNCATE"),
        ((3, 44, 5), "TRUNCATE"),
        ((3, 44, 6), "WAL"),
        ((3, 45, 0), "TRUNCATE"),
        ((3, 50, 6), "TRUNCATE"),
        ((3, 50, 7), "WAL"),
        ((3, 51, 2), "TRUNCATE"),
        ((3, 51, 3), "WAL"),
        ((3, 52, 0), "WAL"),
        ((4, 0, 0), "WAL"),
    ],
)
def test_journal_goes_by_version(version: tuple[int, int, int], mode: str) -> None:
    """Write-ahead logging is for the SQLite versions that keep data safe in it."""
    assert (
        journal_settings(version)
        == {
            "WAL": ("WAL", "FULL"),
            "TRUNCATE": ("TRUNCATE", "EXTRA"),
        }[mode]
    )


@pytest.mark.parametrize("mode", [("WAL", "FULL"), ("TRUNCATE", "EXTRA")])
def test_every_connection_is_prepared(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch, mode: tuple[str, str]
) -> None:
    """Journal, durability, foreign keys and erasing are as meant on each connection."""
    monkeypatch.setattr(sqlite_file, "journal_settings", lambda _: mode)
    registry = sqlite_place.open()
    expected = {
        "journal_mode": mode[0].lower(),
        "synchronous": {"FULL": 2, "EXTRA": 3}[mode[1]],
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": sqlite_file.LOCK_TIMEOUT_SECONDS * 1000,
    }
    with (
        registry._access.database.reading() as one,
        registry._access.database.reading() as two,
    ):
        for connection in (one, two):
            for name, value in expected.items():
                found = connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                assert found == value, name


def test_back_from_write_ahead_logging(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database written in one journal mode opens in the other."""
    for mode in (("WAL", "FULL"), ("TRUNCATE", "EXTRA"), ("WAL", "FULL")):
        monkeypatch.setattr(sqlite_file, "journal_settings", lambda _, mode=mode: mode)
        with Registry.open(sqlite_place.url, background=False) as registry:
            registry.create_key()
    assert sqlite_place.open("file:" + str(_root_key(sqlite_place))).list_keys()


def test_files_are_private(sqlite_place: Place) -> None:
    """The database and whatever lies beside it is for its owner only."""
    before = os.umask(0)
    try:
        registry = sqlite_place.open()
        registry.create_key()
    finally:
        os.umask(before)
    for path in sqlite_place.directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize(
    "url",
    [
        "",
        "kms.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?uri=true",
        "mysql://u:hunter2@host/db",
        "postgresql+psycopg://u:hunter2@[::/db",
        None,
        7,
    ],
)
def test_urls(url: str) -> None:
    """A URL that names no supported database is refused, and its password not shown."""
    with pytest.raises(InvalidParameter, match="url") as caught:
        Registry.open(url)
    assert "hunter2" not in str(caught.value)


def test_unreachable_server_hides_the_password() -> None:
    """A server that does not answer is a DatabaseError that keeps the password."""
    url = "postgresql+psycopg://user:hunter2@127.0.0.1:1/db"
    with pytest.raises(DatabaseError, match="cannot be reached") as caught:
        Registry.open(url, "env:UNUSED")
    assert caught.value.retryable
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in f"{error!r} {error}"
        error = error.__cause__


def test_missing_directory(directory: Path) -> None:
    """A database in a directory that does not exist says what is missing."""
    with pytest.raises(DatabaseError, match="directory must exist"):
        Registry.open(f"sqlite:///{directory}/missing/kms.db")


def test_not_a_database(sqlite_place: Place) -> None:
    """A file of something else is left alone."""
    path = sqlite_place.directory / "kms.db"
    path.write_bytes(b"something else entirely, and long enough for a header" * 10)
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match="not an SQLite database"):
        sqlite_place.open()
    assert path.read_bytes() == before


def test_foreign_tables(empty_place: Place) -> None:
    """A database with somebody else's tables of these names is left alone."""
    empty_place.execute("CREATE TABLE keys (x INTEGER)")
    with pytest.raises(DatabaseError, match="of its own"):
        empty_place.open()
    assert empty_place.execute("SELECT * FROM keys") == []
    with pytest.raises(sa.exc.DBAPIError):
        empty_place.execute("SELECT * FROM key_versions")


def test_newer_schema(place: Place) -> None:
    """A database that a newer Pairsmith wrote is refused and unchanged."""
    place.open().create_key()
    place.execute(f"UPDATE {schema.REVISION_TABLE} SET version_num = '9999'")  # noqa: S608
    with pytest.raises(SchemaTooNew, match=r"9999.*install that version"):
        place.open()
    newest = schema.REVISIONS[-1]
    place.execute(f"UPDATE {schema.REVISION_TABLE} SET version_num = '{newest}'")  # noqa: S608
    assert place.open().list_keys().total_count == 1


def test_older_schema(empty_place: Place) -> None:
    """A database of the first schema gets what came later; its keys stay."""
    place, first = empty_place, "key-" + "a" * 21
    version = f"{first}-{'b' * 10}"
    _write_first_schema(place, first, version)
    registry = place.open()
    assert [key.key_id for key in registry.list_keys().items] == [first]
    assert place.execute("SELECT * FROM identities") == []
    assert registry.describe_key(first).creator == ""
    (found,) = registry.list_key_versions(first).items
    assert found.retire_date is None
    assert registry.resolve(first, primary=True).key_version_id == version


def _write_first_schema(place: Place, key_id: str, version: str) -> None:
    """Make a database of schema 0001 with one key, as the first Pairsmith did."""
    engine = sa.create_engine(place.url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        old_database.upgrade(connection, "0001")
    (root_key,) = place.root_key.load_or_create()
    secret = place.root_key.path.read_bytes()
    row = old_format.wrap(secret, key_id, version, b"m" * 32)
    place.execute(
        "UPDATE registry SET change_counter = 1, root_key_id = :id",
        id=root_key.root_key_id,
    )
    place.execute(
        "INSERT INTO key_versions VALUES (:v, :k, 1, 0, :id, :row)",
        v=version,
        k=key_id,
        id=root_key.root_key_id,
        row=row,
    )
    place.execute(
        "INSERT INTO keys (key_id, sequence, created_at_ms, key_state, key_spec,"
        " key_usage, origin, protection_level, description, initial_version_id,"
        " primary_version_id, last_rotation_at_ms, deletion_protection,"
        " deletion_protection_description) VALUES (:k, 1, 0, 'Enabled',"
        " 'Aliyun_AES_256', 'ENCRYPT/DECRYPT', 'Aliyun_KMS', 'SOFTWARE', '', :v, :v,"
        " 0, :no, '')",
        k=key_id,
        v=version,
        no=False,
    )


def test_revisions_and_tables_agree(place: Place) -> None:
    """The migrations make exactly the tables that the code believes in."""
    registry = place.open()
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    known = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(known)) == schema.REVISIONS
    with registry._access.database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": schema.REVISION_TABLE}
        )
        assert compare_metadata(context, schema.metadata) == []


def test_concurrent_first_open(empty_place: Place) -> None:
    """Many processes that open a new database at once make one, and share it."""
    place = empty_place
    context = get_context("fork")
    barrier, keys = context.Barrier(6), context.SimpleQueue()
    processes = [
        context.Process(target=_open_and_create, args=(place, barrier, keys))
        for _ in range(6)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 6
    registry = place.open()
    for _ in processes:
        assert registry.resolve(keys.get(), primary=True)
    assert registry.list_keys().total_count == 6
    assert [path.name for path in place.directory.glob("*.draft")] == []


def _open_and_create(place: Place, barrier: object, keys: object) -> None:
    barrier.wait()
    with Registry.open(place.url, place.root_key, background=False) as registry:
        keys.put(registry.create_key().key_id)


def test_exactly_one_primary_is_a_constraint(place: Place) -> None:
    """The database itself refuses a key without its primary or initial version."""
    registry = place.open()
    one, two = registry.create_key(), registry.create_key()
    statements = [
        "UPDATE keys SET primary_version_id = 'none' WHERE key_id = :key",
        "UPDATE keys SET primary_version_id = NULL WHERE key_id = :key",
        "UPDATE keys SET primary_version_id = :theirs WHERE key_id = :key",
        "DELETE FROM key_versions WHERE key_id = :key",
    ]
    for statement in statements:
        values = {"key": one.key_id, "theirs": two.primary_key_version}
        wanted = {name: values[name] for name in values if f":{name}" in statement}
        with pytest.raises(sa.exc.IntegrityError):
            place.execute(statement, **wanted)
    assert registry.describe_key(one.key_id) == one


def test_locked_database(sqlite_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock held by another process is waited for, then a DatabaseError to retry."""
    monkeypatch.setattr(sqlite_file, "LOCK_TIMEOUT_SECONDS", 0.1)
    registry = sqlite_place.open()
    key = registry.create_key().key_id
    other = sqlite3.connect(sqlite_place.directory / "kms.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseError, match="locked by another process") as caught:
        registry.disable_key(key)
    assert caught.value.retryable
    other.execute("ROLLBACK")
    other.close()
    registry.disable_key(key)


def test_sqlite_says_full(sqlite_place: Place) -> None:
    """A full database is a DatabaseError; nothing is half-written, then it goes on."""
    registry = sqlite_place.open()
    connections = []

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 40")
        connections.append(connection)

    registry._access.database._engine.dispose()
    sa.event.listen(registry._access.database._engine, "connect", limit)
    made = _create_until_it_fails(registry, "The disk is full")
    assert registry.list_keys(page_size=100).total_count == made
    connections[-1].execute("PRAGMA max_page_count = 4000")
    assert registry.create_key().key_state == "Enabled"
    assert _orphans(sqlite_place) == []


def test_disk_that_takes_no_more(sqlite_place: Place) -> None:
    """Where the file cannot grow, a write fails whole and reads go on."""
    sqlite_place.open().close()
    _in_child(lambda: _fill(sqlite_place))
    registry = sqlite_place.open()
    for key in registry.list_keys(page_size=100).items:
        assert registry.resolve(key.key_id, primary=True)
    assert registry.create_key("x" * 8192)
    assert _orphans(sqlite_place) == []


def _fill(place: Place) -> None:
    registry = place.open()
    size = (place.directory / "kms.db").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 65_536, -1))
    made = _create_until_it_fails(registry, "full disk")
    assert registry.list_keys(page_size=100).total_count == made
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    registry.create_key()


def test_read_only_database(sqlite_place: Place) -> None:
    """A database that may not be written still describes and opens keys."""
    registry = sqlite_place.open()
    key = registry.create_key().key_id
    registry.close()
    try:
        _in_child(lambda: _read_only(sqlite_place, key))
    finally:
        for path in (sqlite_place.directory, *sqlite_place.directory.iterdir()):
            os.chown(path, os.getuid(), -1)
            path.chmod(0o700 if path.is_dir() else 0o600)
    sqlite_place.open().disable_key(key)


def _read_only(place: Place, key: str) -> None:
    for path in (*place.directory.iterdir(), place.directory):
        path.chmod(0o500 if path.is_dir() else 0o400)
        os.chown(path, NOBODY, -1)
    os.setuid(NOBODY)
    registry = place.open()
    assert registry.resolve(key, primary=True).key_id == key
    with pytest.raises(DatabaseError, match="cannot be written") as caught:
        registry.disable_key(key)
    assert not caught.value.retryable
    assert registry.resolve(key, primary=True).key_id == key
    with pytest.raises(DatabaseError, match="allowed to write there"):
        Registry.open(f"sqlite:///{place.directory}/new.db")


NOBODY = 65534 if os.getuid() == 0 else os.getuid()
"""Root writes what it likes, so the child that must not write becomes somebody else."""


def test_damaged_database(sqlite_place: Place) -> None:
    """Pages of nonsense are reported as damage, with what to do."""
    registry = sqlite_place.open()
    for _ in range(50):
        registry.create_key("x" * 500)
    registry.close()
    path = sqlite_place.directory / "kms.db"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(DatabaseError, match="damaged: restore a backup"):
        sqlite_place.open().list_keys()
    path.write_bytes(content)
    assert sqlite_place.open().list_keys().total_count == 50


def test_backup_of_the_files_opens(sqlite_place: Place) -> None:
    """Database and root key, copied while nobody writes, are a complete backup."""
    registry = sqlite_place.open()
    key = registry.create_key().key_id
    copy = sqlite_place.directory / "copy"
    copy.mkdir()
    for name in ("kms.db", "root-key"):
        shutil.copy2(sqlite_place.directory / name, copy / name)
    with Registry.open(
        f"sqlite:///{copy}/kms.db", f"file:{copy}/root-key", background=False
    ) as restored:
        assert restored.resolve(key, primary=True).key_id == key


class ServerError(Exception):
    """What a PostgreSQL driver raises."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("the server's words")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "message", "retryable"),
    [
        ("08006", "broke", True),
        ("25006", "primary", False),
        ("28P01", "password", False),
        ("3D000", "does not exist", False),
        ("40001", "try again", True),
        ("40P01", "try again", True),
        ("42501", "lacks a right", False),
        ("53100", "disk is full", True),
        ("53300", "try again", True),
        ("55P03", "locked", True),
        ("57P01", "going down", True),
        ("42P01", "does not have the tables", False),
        ("57014", "statement_timeout", True),
        ("53300", "no connection left", True),
        ("XX001", "damaged", False),
        ("99999", "the server's words", False),
        (None, "cannot be reached", True),
    ],
)
def test_failures_of_a_server(
    sqlstate: str | None,
    message: str,
    retryable: bool,  # noqa: FBT001 -- a column
) -> None:
    """Each kind of failure of PostgreSQL says what to do and whether to retry."""
    failure = sa.exc.OperationalError("SELECT", {}, ServerError(sqlstate))
    with pytest.raises(DatabaseError, match=message) as caught, explained("here"):
        raise failure
    assert caught.value.retryable is retryable
    assert "here: " in str(caught.value)


def _create_until_it_fails(registry: Registry, message: str) -> int:
    """Create large keys until the disk is full; give how many there are."""
    for made in range(100):
        try:
            registry.create_key("x" * 8192)
        except DatabaseError as error:
            assert message in str(error)  # noqa: PT017 -- which attempt fails is open
            return made
    raise AssertionError("the disk never filled")


def _orphans(place: Place) -> list[object]:
    return place.execute(
        "SELECT key_id FROM key_versions WHERE key_id != 'pairsmith-server' "
        "AND key_id NOT IN (SELECT key_id FROM keys)"
    )


def _in_child(work: Callable[[], None]) -> None:
    """Run something that changes its process for good."""
    process = get_context("fork").Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == 0


def _root_key(place: Place) -> Path:
    return place.directory / "kms.db.root-key"
