"""Which root keys are at hand, while other processes replace them."""

from collections.abc import Callable

import pytest
from sealed import check_sealed, seal_with_versions

from pairsmith._core import RootKey
from pairsmith.errors import RootKeyError
from pairsmith.registry import FileRootKey, key_ring
from places import Place

ONE, TWO = b"\1" * 32, b"\2" * 32


class Interrupted(FileRootKey):
    """A file before whose first reading something else happens."""

    def __init__(self, file: FileRootKey, happens: Callable[[], object]) -> None:
        super().__init__(file.path)
        self._happens: list[Callable[[], object]] = [happens]

    def load(self) -> list[RootKey]:
        """Let it happen, once, and read."""
        while self._happens:
            self._happens.pop()()
        return super().load()


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", ONE.hex())
    monkeypatch.setenv("TWO", TWO.hex())


@pytest.mark.parametrize("versions", [0, 3])
def test_replaced_between_looking_and_reading(place: Place, versions: int) -> None:
    """A re-wrap that runs while a database is being opened makes no wrong root key."""
    registry = place.open()
    sealed = seal_with_versions(registry, versions) if versions else {}
    node = place.open(Interrupted(place.root_key, registry.rewrap))
    check_sealed(node, sealed)
    made = node.create_key().key_id
    assert place.open().resolve(made, primary=True).key_id == made


def test_replaced_twice_within_a_second(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process finds each new root key at once, however soon it comes."""
    monkeypatch.setattr(key_ring, "monotonic", lambda: 0.0)
    registry, node = place.open(), place.open()
    sealed = seal_with_versions(registry)
    for _ in range(3):
        registry.rewrap()
        check_sealed(node, sealed)


def test_a_missing_root_key_is_not_asked_for_at_every_row(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider may be a slow command: once a second is enough for the same key."""
    registry = place.open("env:ONE")
    sealed = seal_with_versions(registry)
    counted = Counted(b"\1" * 32)
    node = place.open(counted)
    registry.rewrap("env:TWO")
    now = [100.0]
    monkeypatch.setattr(key_ring, "monotonic", lambda: now[0])
    before = counted.asked
    for _ in range(3):
        for version in sealed:
            with pytest.raises(RootKeyError, match="which is not at hand"):
                node.resolve_version(version)
        now[0] += key_ring.RELOAD_SECONDS
    assert counted.asked == before + 3


class Counted:
    """A provider that counts how often it is asked."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.asked = 0

    def load(self) -> list[RootKey]:
        """Count, and give the key."""
        self.asked += 1
        return [RootKey(self._key)]

    load_or_create = load


@pytest.mark.parametrize("given", [["env:ONE", "env:GONE"], ["env:GONE", "env:ONE"]])
def test_one_of_several_is_enough(place: Place, given: list[str]) -> None:
    """As long as it opens the database, the others may be missing."""
    sealed = seal_with_versions(place.open("env:ONE"))
    check_sealed(place.open(given), sealed)


def test_the_missing_one_is_named_if_it_is_needed(place: Place) -> None:
    """What is wrong with the others is part of the message then."""
    place.open("env:ONE").create_key()
    with pytest.raises(RootKeyError, match=r"wrong root key.*GONE is not set"):
        place.open(["env:TWO", "env:GONE"])
    with pytest.raises(RootKeyError, match=r"^The environment variable GONE"):
        place.open(["env:GONE"])


def test_a_new_database_needs_all_of_them(place: Place) -> None:
    """Nobody shall find out later that the first one given was not there."""
    with pytest.raises(RootKeyError, match="GONE is not set"):
        place.open(["env:GONE", "env:ONE"])
