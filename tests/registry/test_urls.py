"""Database URLs: one reading, nothing guessed, one file under one name."""

import os
from pathlib import Path

import pytest

from pairsmith.errors import DatabaseError, InvalidParameter
from pairsmith.registry import Registry, urls
from pairsmith.registry.urls import parse_database_url


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("prefix", ["sqlite:///", "sqlite+pysqlite:///"])
@pytest.mark.parametrize(
    "name",
    ["k.db", "100%.db", "a%20b.db", "%(here)s.db", "a#b.db", "a b.db", "ä.db", "x&y=z"],
)
def test_path_is_what_is_written(tmp_path: Path, prefix: str, name: str) -> None:
    """No character of an SQLite path means anything but itself."""
    with Registry.open(f"{prefix}{name}", background=False) as registry:
        registry.create_key()
    assert (tmp_path / name).stat().st_size > 0
    made = {path.name for path in tmp_path.iterdir()} - {f"{name}-journal"}
    assert made == {name, f"{name}.root-key"}


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///k.db?",
        "sqlite:///k.db?mode=ro",
        "sqlite:///k.db?timeout=5",
        "sqlite:///tenant?a.db",
        "sqlite:///~/k.db",
        "sqlite:///k\0.db",
        "sqlite:///\ud800.db",
        f"sqlite:///{'x' * 300}.db",
        "sqlite:///folder/",
        "sqlite:///.",
        "sqlite:///a/..",
        "sqlite:///:memory:",
        "sqlite:///",
        "sqlite:k.db",
        "sqlite://host/k.db",
        "postgres://host/db",
        "postgresql+psycopg2://host/db",
        "postgresql://host:0/db",
        "postgresql://host:70000/db",
        "postgresql://host:x/db",
        "postgresql://host/db?sslmod=require",
        "postgresql://host/db?sslmode=on",
        "postgresql://host/db?connect_timeout=soon",
        "postgresql://host/db?sslmode=require&sslmode=disable",
        "postgresql://host/db?password=hunter2",
        "postgresql://host/d%00b",
        "postgresql://us\ud800er@host/db",
        b"sqlite:///k.db",
    ],
)
def test_refused(tmp_path: Path, url: str) -> None:
    """What is not understood is an InvalidParameter, and makes no file."""
    with pytest.raises(InvalidParameter, match="url") as caught:
        Registry.open(url, "env:NONE")
    assert "hunter2" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_folders_and_special_files_are_refused(tmp_path: Path) -> None:
    """Keys need a regular file."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name in ("folder", "fifo", "/dev/null"):
        with pytest.raises(InvalidParameter, match="url"):
            parse_database_url(f"sqlite:///{name}")


def test_symbolic_link_is_the_file_it_leads_to(tmp_path: Path) -> None:
    """However a file is reached, it has one journal, one guard and one root key."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.db").symlink_to("folder/k.db")
    (tmp_path / "other").symlink_to("folder")
    spellings = ("link.db", "other/k.db", "folder/../other/./k.db", "folder/k.db")
    keys = []
    for name in spellings:
        with Registry.open(f"sqlite:///{name}", background=False) as registry:
            keys.append(registry.create_key().key_id)
            guards = {str(registry.guard_path)}
    assert guards == {str(tmp_path / "folder" / "k.db.guard")}
    with Registry.open("sqlite:///folder/k.db", background=False) as registry:
        assert [each.key_id for each in registry.list_keys().items] == keys


def test_hard_link_is_refused(tmp_path: Path) -> None:
    """A file with two names would have two journals; with one again, it opens."""
    with Registry.open("sqlite:///k.db", background=False) as registry:
        key = registry.create_key().key_id
    os.link(tmp_path / "k.db", tmp_path / "second.db")
    for name in ("k.db", "second.db"):
        with pytest.raises(DatabaseError, match="2 names") as caught:
            Registry.open(f"sqlite:///{name}")
        assert not caught.value.retryable
    (tmp_path / "second.db").unlink()
    with Registry.open("sqlite:///k.db", background=False) as registry:
        assert registry.describe_key(key).key_id == key


@pytest.mark.parametrize("decodes", [True, False])
def test_names_on_a_server_are_decoded_once(
    monkeypatch: pytest.MonkeyPatch,
    decodes: bool,  # noqa: FBT001 -- a column
) -> None:
    """A database's name is percent-decoded once, whatever SQLAlchemy does."""
    text = "postgresql://us%40er:pass%2Fword@host:5433/my%2520keys?sslmode=require"
    made = urls.make_url(text).set(database="my%20keys" if decodes else "my%2520keys")
    monkeypatch.setattr(urls, "_SQLALCHEMY_DECODES", decodes)
    monkeypatch.setattr(urls, "make_url", lambda _: made)
    parsed = parse_database_url(text)
    assert parsed.server is not None
    assert parsed.server.database == "my%20keys"
    assert (parsed.server.username, parsed.server.password) == ("us@er", "pass/word")
    assert parsed.server.drivername == "postgresql+psycopg"
    assert "word" not in parsed.name
