"""Settings: the file, the environment above it, and errors that name what is wrong."""

import importlib
import sys
from pathlib import Path

import pytest

from pairsmith._core import _pretend
from pairsmith.errors import InvalidParameter
from pairsmith.server.services import open_instance
from pairsmith.server.settings import Settings, with_setting
from pairsmith.server.settings_file import load_settings, to_toml

DOCUMENTS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A settings file."""
    return tmp_path / "pairsmith.toml"


def test_defaults_without_file_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing need be set."""
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}) == Settings()


def test_the_environment_has_the_last_word(file: Path) -> None:
    """A variable goes before the file, the file before the default."""
    file.write_text('[listen]\nport = 1\nhost = "::1"\n[tls]\ninsecure_http = true\n')
    settings = load_settings(file, {"PAIRSMITH_LISTEN_PORT": "2"})
    assert (settings.listen.port, settings.listen.host) == (2, "::1")
    assert settings.tls.insecure_http
    off = {"PAIRSMITH_TLS_INSECURE_HTTP": "false"}
    assert not load_settings(file, off).tls.insecure_http


def test_the_variables_of_other_commands_count_here_too(file: Path) -> None:
    """Every command finds the same database; the server's own variable wins."""
    file.write_text("")
    common = {
        "PAIRSMITH_DATABASE": "sqlite:///a",
        "PAIRSMITH_ROOT_KEY_PROVIDER": "env:K",
    }
    settings = load_settings(file, common)
    assert settings.database.url == "sqlite:///a"
    assert settings.database.root_key == "env:K"
    own = common | {"PAIRSMITH_DATABASE_URL": "sqlite:///b"}
    assert load_settings(file, own).database.url == "sqlite:///b"


def test_what_is_printed_is_read_back(file: Path) -> None:
    """--print-config writes a settings file, whatever text is in it."""
    settings = with_setting(Settings(), "listen", "names", 'a"b\\c\nd')
    settings = with_setting(settings, "tls", "insecure_http", value=True)
    settings = with_setting(settings, "pairs", "limit", 7)
    file.write_text(to_toml(settings))
    assert load_settings(file, {}) == settings


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[listen]\nport = 0\n", "listen.port"),
        ("[listen]\nport = 65536\n", "listen.port"),
        ('[listen]\nport = "a"\n', "listen.port"),
        ("[listen]\nport = true\n", "listen.port"),
        ("[listen]\nport = 1.5\n", "listen.port"),
        ("[listen]\nhost = 1\n", "listen.host"),
        ("[tls]\ninsecure_http = 1\n", "tls.insecure_http"),
        ('[logs]\nlevel = "loud"\n', "logs.level"),
        ("[listen]\nprot = 1\n", "listen.prot"),
        ("[lisen]\nport = 1\n", "lisen.port"),
        ("port = 1\n", "port"),
        ("[listen\n", "pairsmith.toml"),
    ],
)
def test_a_setting_that_is_wrong_is_named(file: Path, text: str, named: str) -> None:
    """A wrong value, an unknown name and a broken file each say which it is."""
    file.write_text(text)
    with pytest.raises(InvalidParameter, match=named):
        load_settings(file, {})


def test_the_pool_is_what_the_setting_says(tmp_path: Path) -> None:
    """Each kind that is named waits; without the setting nothing does."""
    place = f"sqlite:///{tmp_path / 'kms.db'}"
    settings = with_setting(Settings(), "database", "url", place)
    with open_instance(settings) as instance:
        assert not instance.pool_status().specs
    settings = with_setting(settings, "pairs", "pool", "EC_P256=3, EC_P256K = 2")
    with open_instance(settings) as instance:
        specs = instance.pool_status().specs
        assert {spec: each.capacity for spec, each in specs.items()} == {
            "EC_P256": 3,
            "EC_P256K": 2,
        }


def test_pairs_are_tested_and_wait_as_set(tmp_path: Path) -> None:
    """The pairwise test and the longest wait reach the instance; both have bounds."""
    place = f"sqlite:///{tmp_path / 'kms.db'}"
    settings = with_setting(Settings(), "database", "url", place)
    assert not settings.pairs.pairwise_test
    assert settings.pairs.pool_max_age_seconds == 3600
    settings = with_setting(settings, "pairs", "pairwise_test", "true")
    settings = with_setting(settings, "pairs", "pool", "EC_P256=2")
    settings = with_setting(settings, "pairs", "pool_max_age_seconds", 60)
    with open_instance(settings) as instance:
        assert instance._pairwise_test
        assert instance.warm_up()
        _pretend(seconds=59)
        assert instance.pool_status().expired == 0
        _pretend(seconds=2)
        assert instance.pool_status().expired == 2
    for wrong in (0, 86_401, "an hour"):
        with pytest.raises(InvalidParameter, match="pool_max_age_seconds"):
            with_setting(settings, "pairs", "pool_max_age_seconds", wrong)


@pytest.mark.parametrize("text", ["EC_P256", "EC_P256=many", "EC_P257=1", "EC_P256=0"])
def test_a_pool_that_cannot_be_is_refused(tmp_path: Path, text: str) -> None:
    """An unknown kind, or a number that is none or too small."""
    place = f"sqlite:///{tmp_path / 'kms.db'}"
    settings = with_setting(Settings(), "database", "url", place)
    with pytest.raises(InvalidParameter, match="pool"):
        open_instance(with_setting(settings, "pairs", "pool", text))


def test_a_file_that_was_named_must_be_there(file: Path) -> None:
    """Only the default one may be missing."""
    with pytest.raises(InvalidParameter, match="config"):
        load_settings(file, {})


def test_every_setting_is_documented() -> None:
    """The table in docs/server.md is what docs/settings_table.py writes."""
    sys.path.insert(0, str(DOCUMENTS))
    try:
        settings_table = importlib.import_module("settings_table")
    finally:
        sys.path.remove(str(DOCUMENTS))
    page = (DOCUMENTS / "server.md").read_text(encoding="utf-8")
    assert settings_table.page_with(settings_table.table()) == page
