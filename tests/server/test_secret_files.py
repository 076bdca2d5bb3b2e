"""Everything that makes a file: how private it is, and where it is not made."""

import os
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from pairsmith import Instance
from pairsmith.bulk.storage import locked
from pairsmith.cli import main
from pairsmith.errors import PairsmithError
from pairsmith.guard import Guard
from pairsmith.output_files import write_files
from pairsmith.registry import DevRootKey, FileRootKey
from pairsmith.registry.engine import Database
from pairsmith.registry.rewrap_lock import only_rewrap
from pairsmith.server import metrics_files, tls
from pairsmith.server.audit.log import AuditLog
from pairsmith.server.dev.root_key import ensure_marked
from pairsmith.server.first_start import ensure_first_client, write_secret
from pairsmith.server.openapi.nonces import Nonces
from pairsmith.server.settings import Settings, with_setting

Make = Callable[[Path], object]


def _database(folder: Path) -> None:
    with (
        closing(Database(f"sqlite:///{folder / 'kms.db'}")) as database,
        database.reading() as connection,
    ):
        connection.exec_driver_sql("SELECT 1")


def _nonces(folder: Path) -> None:
    with closing(Nonces(folder / "openapi-nonces.db")) as nonces:
        nonces.check()


def _audit_log(folder: Path) -> None:
    with closing(AuditLog.open(folder / "audit.log", bytes(32))) as log:
        log.check()


def _rewrap_lock(folder: Path) -> None:
    with (
        closing(Database(f"sqlite:///{folder / 'kms.db'}")) as database,
        only_rewrap(database),
    ):
        _require_private(folder / "kms.db.rewrap")


def _guard(folder: Path) -> None:
    Guard(folder / "kms.db.guard", 3).close()


def _bulk_lock(folder: Path) -> None:
    with locked(folder / ".lock"):
        _require_private(folder / ".lock")


def _first_client(folder: Path) -> None:
    settings = with_setting(Settings(), "files", "folder", str(folder))
    url = f"sqlite:///{folder / 'kms.db'}"
    ensure_first_client(with_setting(settings, "database", "url", url))


SECRET: dict[str, Make] = {
    "database": _database,
    "root key": lambda folder: FileRootKey(folder / "root-key").load_or_create(),
    "dev root key": lambda folder: DevRootKey(folder / "root-key").load_or_create(),
    "dev folder": lambda folder: ensure_marked(folder / "dev"),
    "guard": _guard,
    "re-wrap": _rewrap_lock,
    "tls": lambda folder: tls.made_files(folder / "tls", []),
    "tls beside": lambda folder: tls.made_files(folder, []),
    "client": _first_client,
    "client file": lambda folder: write_secret(folder / "clientKey.json", "{}"),
    "plain key": lambda folder: write_files({folder / "x": b"key"}, are_secret=True),
}
ANYWHERE: dict[str, Make] = {
    "nonces": _nonces,
    "audit log": _audit_log,
    "bulk lock": _bulk_lock,
    "record": lambda folder: write_files({folder / "x": b"{}"}),
}
ALL = {**SECRET, **ANYWHERE}
DELETED = {"re-wrap", "bulk lock"}
"""Files that are there only for as long as they are held, and looked at then."""


def _require_private(path: Path) -> None:
    mode = stat.S_IMODE(path.lstat().st_mode)
    if path.is_dir():
        assert mode == 0o700, path
    else:
        assert mode == (0o644 if "PrivateKmsCA" in path.name else 0o600), path


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("umask", [0, 0o77])
def test_files_are_private_whatever_the_umask(
    tmp_path: Path, name: str, umask: int
) -> None:
    """Files 0600, folders 0700; the CA alone is for everybody."""
    before = os.umask(umask)
    try:
        ALL[name](tmp_path)
    finally:
        os.umask(before)
    made = [*tmp_path.rglob("*")]
    assert made or name in DELETED
    for path in made:
        _require_private(path)


@pytest.mark.parametrize("name", SECRET)
def test_no_secret_is_made_where_others_can_put_files(
    tmp_path: Path, name: str
) -> None:
    """Everybody may write there: refused by a documented error, and nothing is left."""
    tmp_path.chmod(0o777)
    with pytest.raises((PairsmithError, OSError), match=r"chmod go-w|others can"):
        SECRET[name](tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ANYWHERE)
def test_what_is_not_secret_goes_there(tmp_path: Path, name: str) -> None:
    """As the audit log does in /var/log."""
    tmp_path.chmod(0o777)
    ANYWHERE[name](tmp_path)
    assert list(tmp_path.iterdir()) or name in DELETED


LINKS = {
    "guard": "kms.db.guard-1",
    "re-wrap": "kms.db.rewrap",
    "tls beside": "server.key",
    "client file": "clientKey.json",
    "plain key": "x",
    "nonces": "openapi-nonces.db",
    "audit log": "audit.log",
    "bulk lock": ".lock",
    "record": "x",
}


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("kind", ["file", "nothing"])
def test_no_link_in_its_place_is_followed(tmp_path: Path, name: str, kind: str) -> None:
    """What it leads to is neither made nor written; the error is a documented one."""
    goal = tmp_path / "elsewhere"
    if kind == "file":
        goal.write_bytes(b"kept")
        goal.chmod(0o600)
    folder = tmp_path / "own"
    folder.mkdir(mode=0o700)
    (folder / LINKS[name]).symlink_to(goal)
    with pytest.raises((PairsmithError, OSError)):
        ALL[name](folder)
    if kind == "file":
        assert goal.read_bytes() == b"kept"
    else:
        assert not goal.exists()


@pytest.mark.parametrize("suffix", ["lock", "head"])
def test_no_link_beside_the_audit_log_is_followed(tmp_path: Path, suffix: str) -> None:
    """Neither its lock nor the record of its end is made elsewhere."""
    (tmp_path / f"audit.log.{suffix}").symlink_to(tmp_path / "elsewhere")
    with suppress(PairsmithError, OSError):
        _audit_log(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("how", ["link", "mode", "owner"])
def test_a_journal_of_somebody_else_is_not_played_back(
    tmp_path: Path, suffix: str, how: str
) -> None:
    """Neither into a new database nor into one that was there."""
    path = tmp_path / f"kms.db{suffix}"
    for _ in range(2):
        if how == "link":
            path.symlink_to(tmp_path / "elsewhere")
        else:
            path.touch(0o600)
        if how == "mode":
            path.chmod(0o666)
        elif how == "owner":
            if os.geteuid() != 0:
                pytest.skip("only root makes others' files")
            os.chown(path, 54321, -1)
        with pytest.raises(PairsmithError, match=suffix):
            _database(tmp_path)
        path.unlink()
        _database(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes others' files")
def test_a_guard_that_another_user_made_is_refused(tmp_path: Path) -> None:
    """In a folder that everybody may write they could hold it for ever."""
    tmp_path.chmod(0o1777)
    url = f"sqlite:///{tmp_path / 'kms.db'}"
    Instance.open(url).close()
    os.chown(tmp_path / "kms.db.guard", 54321, -1)
    with pytest.raises(PairsmithError, match="user 54321"):
        Instance.open(url)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes others' files")
def test_the_figures_folder_is_not_another_user_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it vanished and somebody made one of its name, another is made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tmp_path.chmod(0o1777)
    figures = metrics_files.FiguresFolder()
    first = figures.ensure()
    assert first is not None
    assert figures.ensure() == first
    os.chown(first, 54321, -1)
    assert figures.ensure() not in (None, first)


def test_nothing_has_a_name_that_all_know_in_a_shared_folder() -> None:
    """Temporary folders are made by ``tempfile`` alone, which draws their names."""
    package = Path(metrics_files.__file__).parents[1]
    for path in package.rglob("*.py"):
        text = path.read_text("utf-8")
        for word in ("gettempdir", "XDG_RUNTIME_DIR", '"/tmp', '"/var/tmp', "mktemp("):
            assert word not in text, path


def test_credentials_are_not_made_where_others_can_put_files(
    tmp_path: Path,
) -> None:
    """The command says so before it makes one in the registry."""
    url = f"sqlite:///{tmp_path / 'kms.db'}"
    Instance.open(url).close()
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    words = ["--json", "--database", url]
    for kind in ("client", "access-key"):
        made = [*words, kind, "create", "app", "--allow", "*", "--out", str(shared)]
        ran = CliRunner().invoke(main, made)
        assert (ran.exit_code, "chmod go-w" in ran.output) == (3, True), ran.output
        listed = CliRunner().invoke(main, [*words, kind, "list"])
        assert "app" not in listed.output
    assert not list(shared.iterdir())
