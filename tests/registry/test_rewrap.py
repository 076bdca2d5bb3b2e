"""Re-wrapping to another root key: in one go, and in pieces."""

from contextlib import nullcontext

import pytest
from sealed import Sealed, check_sealed, seal_with_versions

from pairsmith._core import RootKey
from pairsmith.errors import InvalidParameter, KeyUnavailable, RootKeyError
from pairsmith.registry import FileRootKey, rewrap
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
    sealed = seal_with_versions(registry)
    seen: list[tuple[int, int]] = []
    report = registry.rewrap("env:NEW", lambda done, of: seen.append((done, of)))
    assert (report.root_key_id, report.rewrapped) == (NEW_ID, 10)
    assert report.damaged_versions == ()
    assert seen == [(3, 10), (6, 10), (9, 10), (10, 10)]
    check_sealed(registry, sealed)
    check_sealed(place.open("env:NEW"), sealed)
    with pytest.raises(RootKeyError, match=f"{NEW_ID}.*{OLD_ID}"):
        place.open("env:OLD")
    assert place.execute("SELECT DISTINCT root_key_id FROM key_versions") == [(NEW_ID,)]
    registry.create_key()


def test_every_row_changes(place: Place) -> None:
    """No wrapped bytes of before are left in the table."""
    registry = place.open("env:OLD")
    seal_with_versions(registry)
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


def _interrupted(place: Place, rows: int) -> Sealed:
    """Leave a re-wrap half done."""

    def stop(done: int, _total: int) -> None:
        if done >= rows:
            raise InterruptedHereError

    registry = place.open("env:OLD")
    sealed = seal_with_versions(registry)
    with pytest.raises(InterruptedHereError):
        registry.rewrap("env:NEW", stop)
    check_sealed(registry, sealed)
    registry.close()
    return sealed


@pytest.mark.usefixtures("small_batches")
def test_half_done_with_both_root_keys(place: Place) -> None:
    """With both root keys everything works in between, in whichever order given."""
    sealed = _interrupted(place, 6)
    for both in (["env:OLD", "env:NEW"], ["env:NEW", "env:OLD"]):
        registry = place.open(both)
        check_sealed(registry, sealed)
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
    check_sealed(place.open("env:NEW"), sealed)


@pytest.mark.usefixtures("small_batches")
def test_to_a_third_root_key_meanwhile(place: Place) -> None:
    """A re-wrap under way must be finished before another begins."""
    sealed = _interrupted(place, 6)
    registry = place.open(["env:OLD", "env:NEW"])
    with pytest.raises(RootKeyError, match=f"{NEW_ID}.*finish it first"):
        registry.rewrap("env:OTHER")
    registry.rewrap("env:NEW")
    registry.rewrap("env:OTHER")
    check_sealed(place.open("env:OTHER"), sealed)


def test_damaged_row_does_not_stop_it(place: Place) -> None:
    """A row that does not open is reported and left; every other one moves."""
    registry = place.open("env:OLD")
    sealed = seal_with_versions(registry)
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
    check_sealed(place.open("env:NEW"), sealed)
    with pytest.raises(KeyUnavailable, match=victim):
        place.open("env:NEW").resolve_version(victim)


def test_damaged_row_is_moved_later(place: Place) -> None:
    """Restored from a backup, it is moved by the old root key and the new one."""
    registry = place.open("env:OLD")
    sealed = seal_with_versions(registry)
    victim = next(iter(sealed))
    where = "FROM key_versions WHERE key_version_id = :v"
    ((good,),) = place.execute(f"SELECT wrapped {where}", v=victim)
    change = "UPDATE key_versions SET wrapped = :w WHERE key_version_id = :v"
    place.execute(change, w=b"rubbish", v=victim)
    registry.rewrap("env:NEW")
    place.execute(change, w=bytes(good), v=victim)
    report = place.open(["env:OLD", "env:NEW"]).rewrap("env:NEW")
    assert (report.rewrapped, report.damaged_versions) == (1, ())
    check_sealed(place.open("env:NEW"), sealed)


@pytest.mark.usefixtures("small_batches")
def test_a_row_that_comes_back_meanwhile(place: Place) -> None:
    """One restored from a backup behind the present batch is moved like the others."""
    registry = place.open("env:OLD")
    sealed = seal_with_versions(registry)
    first = next(iter(sealed))
    ((kept,),) = place.execute(
        "SELECT wrapped FROM key_versions WHERE key_version_id = :v", v=first
    )

    def restore(done: int, _of: int) -> None:
        if done == 6:
            place.execute(
                "UPDATE key_versions SET wrapped = :w, root_key_id = :r "
                "WHERE key_version_id = :v",
                w=bytes(kept),
                r=OLD_ID,
                v=first,
            )

    assert registry.rewrap("env:NEW", restore).rewrapped == 11
    check_sealed(place.open("env:NEW"), sealed)


@pytest.mark.usefixtures("small_batches")
def test_overtaken(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that lost its lock stops when another has run, and says so."""
    monkeypatch.setattr(rewrap, "only_rewrap", lambda _database: nullcontext())
    registry, other = place.open(), place.open()
    sealed = seal_with_versions(registry)

    def overtake(done: int, _of: int) -> None:
        if done == 3:
            other.rewrap()
            other.rewrap()

    with pytest.raises(RootKeyError, match=r"has run meanwhile.*No key is lost"):
        registry.rewrap(progress=overtake)
    check_sealed(registry, sealed)
    check_sealed(place.open(), sealed)


def test_file_takes_its_own_place(place: Place) -> None:
    """With a root key in a file, one call makes, uses and puts in place a new one."""
    registry = place.open()
    sealed = seal_with_versions(registry)
    before = place.root_key.path.read_bytes()
    registry.rewrap()
    assert place.root_key.path.read_bytes() != before
    assert place.root_key.path.stat().st_mode & 0o777 == 0o600
    assert not place.root_key.successors()
    check_sealed(registry, sealed)
    check_sealed(place.open(), sealed)
    registry.rewrap()
    check_sealed(registry, sealed)


def test_other_node_finds_the_new_file(place: Place) -> None:
    """A node that was open all the while reads the new file when it needs it."""
    registry, node = place.open(), place.open()
    sealed = seal_with_versions(registry)
    registry.rewrap()
    check_sealed(node, sealed)
    made = node.create_key().key_id
    assert registry.resolve(made, primary=True).key_id == made


def test_only_a_file_has_a_successor(place: Place) -> None:
    """A root key from elsewhere needs its successor named."""
    with pytest.raises(InvalidParameter, match="new_root_key"):
        place.open("env:OLD").rewrap()


def test_explicit_file(place: Place) -> None:
    """A root key file elsewhere can be moved to, made on the way."""
    elsewhere = FileRootKey(place.directory / "elsewhere")
    registry = place.open()
    sealed = seal_with_versions(registry)
    registry.rewrap(elsewhere)
    check_sealed(place.open(elsewhere), sealed)
