"""Root keys of dev servers: refused wherever they are given without ``--dev``."""

import base64
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pairsmith import Instance
from pairsmith._core import RootKey
from pairsmith.errors import RootKeyError
from pairsmith.registry import DevRootKey, FileRootKey, Registry
from pairsmith.registry.key_file_creation import DEV_MARK

MATERIAL = DEV_MARK + bytes(range(16))


class OwnProvider:
    """A provider of the caller's own, which makes the core's object itself."""

    def load(self) -> list[RootKey]:
        """Give the key of a dev server."""
        return [RootKey(MATERIAL)]

    load_or_create = load


def _file(folder: Path, _patch: pytest.MonkeyPatch) -> object:
    (folder / "copied").write_bytes(MATERIAL)
    (folder / "copied").chmod(0o600)
    return f"file:{folder}/copied"


def _text_file(folder: Path, _patch: pytest.MonkeyPatch) -> object:
    (folder / "copied.hex").write_text(f"{MATERIAL.hex()}\n")
    (folder / "copied.hex").chmod(0o600)
    return f"file:{folder}/copied.hex"


def _link(folder: Path, patch: pytest.MonkeyPatch) -> object:
    _file(folder, patch)
    (folder / "link").symlink_to("copied")
    return f"file:{folder}/link"


def _hexadecimal(_folder: Path, patch: pytest.MonkeyPatch) -> object:
    patch.setenv("A_ROOT_KEY", MATERIAL.hex().upper())
    return "env:A_ROOT_KEY"


def _base64(_folder: Path, patch: pytest.MonkeyPatch) -> object:
    patch.setenv("A_ROOT_KEY", base64.b64encode(MATERIAL).decode())
    return "env:A_ROOT_KEY"


def _command(_folder: Path, _patch: pytest.MonkeyPatch) -> object:
    code = f'print("{MATERIAL.hex()}")'
    return f"command:{sys.executable} -c '{code}'"


def _provider(_folder: Path, _patch: pytest.MonkeyPatch) -> object:
    return OwnProvider()


Way = Callable[[Path, pytest.MonkeyPatch], object]
WAYS = [_file, _text_file, _link, _hexadecimal, _base64, _command, _provider]


@pytest.fixture(params=WAYS, ids=[way.__name__.strip("_") for way in WAYS])
def given(
    request: pytest.FixtureRequest, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> object:
    """The root key of a dev server, in one of the ways to give one."""
    way: Way = request.param
    return way(directory, monkeypatch)


@pytest.fixture
def dev_url(directory: Path) -> str:
    """A database that a dev server has made, with a key in it."""
    url = f"sqlite:///{directory / 'pairsmith.db'}"
    (directory / "dev.root-key").write_bytes(MATERIAL)
    (directory / "dev.root-key").chmod(0o600)
    with Instance.open(url, DevRootKey(directory / "dev.root-key")) as instance:
        instance.create_key()
    return url


def test_it_does_not_open_a_dev_database(dev_url: str, given: object) -> None:
    """Whichever way it is given, the library refuses it and says what it is."""
    for opens in (Instance.open, Registry.open):
        with pytest.raises(RootKeyError, match=r"made by pairsmith serve --dev"):
            opens(dev_url, given)  # type: ignore[operator]


def test_it_wraps_no_new_database(each_url: str, given: object) -> None:
    """Nothing is made under it, on either kind of database."""
    with pytest.raises(RootKeyError, match=r"made by pairsmith serve --dev"):
        Instance.open(each_url, given)  # type: ignore[arg-type]


def test_it_does_not_help_another_one(
    dev_url: str, given: object, directory: Path
) -> None:
    """Of several root keys one will do, but it is not that one."""
    other = FileRootKey(directory / "other.root-key")
    other.load_or_create()
    with pytest.raises(RootKeyError, match=r"made by pairsmith serve --dev"):
        Instance.open(dev_url, [other, given])  # type: ignore[list-item]


def test_no_database_moves_to_it(place_url: str, given: object) -> None:
    """A re-wrap to it is refused before anything has changed."""
    with Registry.open(place_url) as registry:
        key_id = registry.create_key().key_id
        with pytest.raises(RootKeyError, match=r"made by pairsmith serve --dev"):
            registry.rewrap(given)  # type: ignore[arg-type]
        registry.resolve(key_id, primary=True)
    with Registry.open(place_url) as registry:
        registry.resolve(key_id, primary=True)


@pytest.fixture
def place_url(directory: Path) -> str:
    """A database of production."""
    return f"sqlite:///{directory / 'production.db'}"


def test_a_dev_database_stays_one(dev_url: str, directory: Path) -> None:
    """It moves to no root key that would open it elsewhere; its own may change."""
    root_key = DevRootKey(directory / "dev.root-key")
    with Registry.open(dev_url, root_key) as registry:
        with pytest.raises(RootKeyError, match=r"stays its own"):
            registry.rewrap(f"file:{directory}/new.root-key")
        assert registry.rewrap().rewrapped >= 1
    assert (directory / "dev.root-key").read_bytes().startswith(DEV_MARK)
    Registry.open(dev_url, root_key).close()


def test_dev_providers_take_nothing_else(place_url: str, directory: Path) -> None:
    """What was made in production is not opened by what --dev names."""
    Instance.open(place_url).close()
    shutil.copy(f"{place_url[10:]}.root-key", directory / "taken.root-key")
    with pytest.raises(RootKeyError, match="not made by --dev"):
        Instance.open(place_url, DevRootKey(directory / "taken.root-key"))


def test_the_mark_is_the_core_s(directory: Path) -> None:
    """Both languages mean the same; half of a mark is none."""
    assert RootKey(MATERIAL).is_dev
    assert not RootKey(MATERIAL[1:] + b"x").is_dev
    made = DevRootKey(directory / "new")
    assert made.load_or_create()[0].is_dev
    assert not FileRootKey(directory / "plain").load_or_create()[0].is_dev
