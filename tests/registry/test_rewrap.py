"""Re-wrapping to another root key: in one go, in pieces, and killed anywhere."""

import os
import random
import signal
import time

import pytest

from pairsmith._core import RootKey
from pairsmith.errors import InvalidParameter, KeyUnavailable, RootKeyError
from pairsmith.registry import FileRootKey, Registry, rewrap
from places import Place

OLD, NEW, OTHER = b"\1" * 32, b"\2" * 32, b"\3" * 32
OLD_ID, NEW_ID, OTHER_ID = (RootKey(key).root_key_id for key in (OLD, NEW, OTHER))


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, key in (("OLD", OLD), ("NEW", NEW), ("OTHER", OTHER)):
        monkeypatch.setenv(name, key.hex())


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Move three rows at a time."""
    monkeypatch.setattr(rewrap, "BATCH_ROWS", 3)


@pytest.mark.usefixtures("small_batches")
def test_everything_opens_under_the_new_root_key(place: Place) -> None:
    """Afterwards the new root key opens every version, and the old one none."""
    registry = place.open("env:OLD")
    sealed = _seal_with_ten_versions(registry)
    seen: list[tuple[int, int]] = []
    report = registry.rewrap("env:NEW", lambda done, of: seen.append((done, of)))
    assert (report.root_key_id, report.rewrapped) == (NEW_ID, 10)
    assert report.damaged_versions == ()
    assert seen == [(3, 10), (6, 10), (9, 10), (10, 10)]
    _check(registry, sealed)
    _check(place.open("env:NEW"), sealed)
    with pytest.raises(RootKeyError, match=f"{NEW_ID}.*{OLD_ID}"):
        place.open("env:OLD")
    assert place.execute("SELECT DISTINCT root_key_id FROM key_versions") == [(NEW_ID,)]
    registry.create_key()


def test_every_row_changes(place: Place) -> None:
    """No wrapped bytes of before are left in the table."""
    registry = place.open("env:OLD")
    _seal_with_ten_versions(registry)
    before = set(place.execute("SELECT wrapped FROM key_versions"))
    registry.rewrap("env:NEW")
    assert not before & set(place.execute("SELECT wrapped FROM key_versions"))


def test_again_to_the_same(place: Place) -> None:
    """A second re-wrap to the same root key finds nothing to do."""
    registry = place.open("env:OLD")
    registry.create_key()
    assert registry.rewrap("env:NEW").rewrapped == 1
    assert registry.rewrap("env:NEW").rewrapped == 0
    assert registry.rewrap("env:OLD").rewrapped == 1


class InterruptedHereError(Exception):
    """Stands for a kill between two batches."""


def _interrupted(place: Place, rows: int) -> dict[str, tuple[bytes, bytes]]:
    """Leave a re-wrap half done."""

    def stop(done: int, _total: int) -> None:
        if done >= rows:
            raise InterruptedHereError

    registry = place.open("env:OLD")
    sealed = _seal_with_ten_versions(registry)
    with pytest.raises(InterruptedHereError):
        registry.rewrap("env:NEW", stop)
    _check(registry, sealed)
    registry.close()
    return sealed


@pytest.mark.usefixtures("small_batches")
def test_half_done_with_both_root_keys(place: Place) -> None:
    """With both root keys everything works in between, in whichever order given."""
    sealed = _interrupted(place, 6)
    for both in (["env:OLD", "env:NEW"], ["env:NEW", "env:OLD"]):
        registry = place.open(both)
        _check(registry, sealed)
        made = registry.create_key().key_id
        assert registry.resolve(made, primary=True).key_id == made
        version = registry.describe_key(made).primary_key_version
        assert place.execute(
            "SELECT root_key_id FROM key_versions WHERE key_version_id = :v", v=version
        ) == [(NEW_ID,)]


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(("held", "works"), [("OLD", 4), ("NEW", 6)])
def test_half_done_with_one_root_key(place: Place, held: str, works: int) -> None:
    """With one root key its own rows work; the others name the one they need."""
    sealed = _interrupted(place, 6)
    registry = place.open(f"env:{held}")
    missing = {"OLD": NEW_ID, "NEW": OLD_ID}[held]
    refused = []
    for version in sealed:
        try:
            registry.resolve_version(version)
        except RootKeyError as error:
            refused.append(str(error))
    assert len(sealed) - len(refused) == works
    assert all(missing in message for message in refused)


@pytest.mark.usefixtures("small_batches")
def test_resumed_with_the_old_root_key(place: Place) -> None:
    """Opened with the old root key and called again, it moves what is left."""
    sealed = _interrupted(place, 6)
    registry = place.open("env:OLD")
    added = registry.create_key().key_id  # under the old root key, and moved as well
    assert registry.rewrap("env:NEW").rewrapped == 5
    assert registry.resolve(added, primary=True)
    _check(place.open("env:NEW"), sealed)


@pytest.mark.usefixtures("small_batches")
def test_to_a_third_root_key_meanwhile(place: Place) -> None:
    """A re-wrap under way must be finished before another begins."""
    sealed = _interrupted(place, 6)
    registry = place.open(["env:OLD", "env:NEW"])
    with pytest.raises(RootKeyError, match=f"{NEW_ID}.*finish it first"):
        registry.rewrap("env:OTHER")
    registry.rewrap("env:NEW")
    registry.rewrap("env:OTHER")
    _check(place.open("env:OTHER"), sealed)


def test_damaged_row_does_not_stop_it(place: Place) -> None:
    """A row that does not open is reported and left; every other one moves."""
    registry = place.open("env:OLD")
    sealed = _seal_with_ten_versions(registry)
    victim = next(iter(sealed))
    place.execute(
        "UPDATE key_versions SET wrapped = :w WHERE key_version_id = :v",
        w=b"rubbish",
        v=victim,
    )
    report = registry.rewrap("env:NEW")
    assert report.damaged_versions == (victim,)
    assert report.rewrapped == 9
    del sealed[victim]
    _check(place.open("env:NEW"), sealed)
    with pytest.raises(KeyUnavailable, match=victim):
        place.open("env:NEW").resolve_version(victim)


def test_file_takes_its_own_place(place: Place) -> None:
    """With a root key in a file, one call makes, uses and puts in place a new one."""
    registry = place.open()
    sealed = _seal_with_ten_versions(registry)
    before = place.root_key.path.read_bytes()
    registry.rewrap()
    assert place.root_key.path.read_bytes() != before
    assert place.root_key.path.stat().st_mode & 0o777 == 0o600
    assert not place.root_key.successor.path.exists()
    _check(registry, sealed)
    _check(place.open(), sealed)
    registry.rewrap()
    _check(registry, sealed)


def test_other_node_finds_the_new_file(place: Place) -> None:
    """A node that was open all the while reads the new file when it needs it."""
    registry, node = place.open(), place.open()
    sealed = _seal_with_ten_versions(registry)
    registry.rewrap()
    _check(node, sealed)
    made = node.create_key().key_id
    assert registry.resolve(made, primary=True).key_id == made


def test_only_a_file_has_a_successor(place: Place) -> None:
    """A root key from elsewhere needs its successor named."""
    with pytest.raises(InvalidParameter, match="new_root_key"):
        place.open("env:OLD").rewrap()


def test_killed_before_the_file_was_put_in_place(place: Place) -> None:
    """If only the last step is missing, the next open does it."""
    registry = place.open()
    sealed = _seal_with_ten_versions(registry)
    registry.rewrap(place.root_key.successor)
    registry.close()
    new = place.root_key.successor.path.read_bytes()
    _check(place.open(), sealed)
    assert place.root_key.path.read_bytes() == new
    assert not place.root_key.successor.path.exists()


def test_killed_anywhere(place: Place) -> None:
    """Killed at 25 random moments and called again, it finishes and loses nothing."""
    generator = random.Random(7)  # noqa: S311 -- moments, not secrets
    registry = place.open()
    sealed = {}
    for _ in range(30):
        sealed |= _seal_with_ten_versions(registry)
    registry.close()
    killed = 0
    began = time.monotonic()
    os.waitpid(_rewrap_in_child(place), 0)
    whole_seconds = time.monotonic() - began
    for _ in range(25):
        child = _rewrap_in_child(place)
        time.sleep(generator.uniform(0, whole_seconds))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        with Registry.open(place.url, place.root_key, background=False) as registry:
            _check(registry, sealed)
    assert killed > 5
    with Registry.open(place.url, place.root_key, background=False) as registry:
        registry.rewrap()
        _check(registry, sealed)
    assert len(place.execute("SELECT DISTINCT root_key_id FROM key_versions")) == 1
    assert not place.root_key.successor.path.exists()


def _rewrap_in_child(place: Place) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        rewrap.BATCH_ROWS = 20
        registry = Registry.open(place.url, place.root_key, background=False)
        registry.rewrap()
        status = 0
    finally:
        os._exit(status)


def test_explicit_file(place: Place) -> None:
    """A root key file elsewhere can be moved to, made on the way."""
    elsewhere = FileRootKey(place.directory / "elsewhere")
    registry = place.open()
    sealed = _seal_with_ten_versions(registry)
    registry.rewrap(elsewhere)
    _check(place.open(elsewhere), sealed)


def _seal_with_ten_versions(registry: Registry) -> dict[str, tuple[bytes, bytes]]:
    """Make a key of ten versions, and seal something with each."""
    key = registry.create_key().key_id
    for _ in range(9):
        registry.create_key_version(key)
    sealed = {}
    for version in registry.list_key_versions(key, page_size=100).items:
        name = version.key_version_id
        wrapping_key = registry.resolve_version(name).wrapping_key
        sealed[name] = wrapping_key.seal(name.encode(), b"", advance=False)
    return sealed


def _check(registry: Registry, sealed: dict[str, tuple[bytes, bytes]]) -> None:
    """Open everything that was sealed, with key material read afresh."""
    registry._access.cache.empty()
    for name, (iv, blob) in sealed.items():
        opened = registry.resolve_version(name).wrapping_key.open(blob, iv, b"")
        assert opened == name.encode()
