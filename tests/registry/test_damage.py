"""Damaged and swapped rows: that key is unusable and says so, and no other is."""

import pytest

from pairsmith.errors import KeyUnavailable
from pairsmith.registry import Registry
from places import Place


def _version(place: Place, version: str, column: str) -> bytes:
    statement = f"SELECT {column} FROM key_versions WHERE key_version_id = :v"  # noqa: S608
    ((value,),) = place.execute(statement, v=version)
    return bytes(value) if column == "wrapped" else value


def _write(place: Place, version: str, **columns: object) -> None:
    for column, value in columns.items():
        place.execute(
            f"UPDATE key_versions SET {column} = :x WHERE key_version_id = :v",  # noqa: S608
            x=value,
            v=version,
        )


def _check(registry: Registry, *, broken: str, whole: str) -> None:
    registry._access.cache.empty()
    for primary in (True, False):
        with pytest.raises(KeyUnavailable, match=f"{broken}-.*backup") as caught:
            registry.resolve(broken, primary=primary)
        assert caught.value.code == "Rejected.Unavailable"
        assert registry.resolve(whole, primary=primary).key_id == whole


def test_any_flipped_bit(place: Place) -> None:
    """Each single bit of the wrapped row makes its key unusable; put back, it works."""
    registry = place.open()
    broken, whole = registry.create_key(), registry.create_key()
    version = broken.primary_key_version
    wrapped = _version(place, version, "wrapped")
    for bit in range(0, len(wrapped) * 8, 3):
        flipped = bytearray(wrapped)
        flipped[bit // 8] ^= 1 << bit % 8
        _write(place, version, wrapped=bytes(flipped))
        registry._access.cache.empty()
        with pytest.raises(KeyUnavailable, match=version):
            registry.resolve(broken.key_id, primary=True)
    _check(registry, broken=broken.key_id, whole=whole.key_id)
    _write(place, version, wrapped=wrapped)
    registry._access.cache.empty()
    assert registry.resolve(broken.key_id, primary=True).key_version_id == version


@pytest.mark.parametrize("cut", [b"", b"x", None])
def test_cut_and_lengthened(place: Place, cut: bytes | None) -> None:
    """An empty, short or lengthened row does not open."""
    registry = place.open()
    broken, whole = registry.create_key(), registry.create_key()
    wrapped = _version(place, broken.primary_key_version, "wrapped")
    changed = wrapped + b"\0" if cut is None else cut
    _write(place, broken.primary_key_version, wrapped=changed)
    _check(registry, broken=broken.key_id, whole=whole.key_id)


def test_swapped_keys(place: Place) -> None:
    """Two keys whose wrapped rows were swapped are both unusable, a third is not."""
    registry = place.open()
    one, two, three = (registry.create_key() for _ in range(3))
    first = _version(place, one.primary_key_version, "wrapped")
    second = _version(place, two.primary_key_version, "wrapped")
    _write(place, one.primary_key_version, wrapped=second)
    _write(place, two.primary_key_version, wrapped=first)
    _check(registry, broken=one.key_id, whole=three.key_id)
    _check(registry, broken=two.key_id, whole=three.key_id)


def test_swapped_versions_of_one_key(place: Place) -> None:
    """An old version's row put in the place of a newer one does not open there."""
    registry = place.open()
    key, other = registry.create_key(), registry.create_key()
    newer = registry.create_key_version(key.key_id).key_version_id
    old = _version(place, key.initial_key_version, "wrapped")
    _write(place, newer, wrapped=old)
    registry._access.cache.empty()
    with pytest.raises(KeyUnavailable, match=newer):
        registry.resolve(key.key_id, primary=True)
    assert registry.resolve(key.key_id, primary=False)  # its own row is as it was
    assert registry.resolve(other.key_id, primary=True)


def test_unknown_root_key_id(place: Place) -> None:
    """A row that names a root key nobody knows is damaged, not a wrong root key."""
    registry = place.open()
    broken, whole = registry.create_key(), registry.create_key()
    _write(place, broken.primary_key_version, root_key_id="0" * 16)
    _check(registry, broken=broken.key_id, whole=whole.key_id)


def test_damaged_key_can_still_be_managed(place: Place) -> None:
    """A damaged key is described, rotated to a sound version, and deleted."""
    registry = place.open()
    key = registry.create_key()
    _write(place, key.primary_key_version, wrapped=b"rubbish")
    registry._access.cache.empty()
    assert registry.describe_key(key.key_id).key_state == "Enabled"
    registry.create_key_version(key.key_id)
    assert registry.resolve(key.key_id, primary=True)
    with pytest.raises(KeyUnavailable):
        registry.resolve(key.key_id, primary=False)
    registry.schedule_key_deletion(key.key_id, 7)


def test_message_holds_no_material(place: Place) -> None:
    """The error of a damaged row shows none of its bytes, however it is printed."""
    registry = place.open()
    key = registry.create_key()
    _write(place, key.primary_key_version, wrapped=b"rubbish-bytes")
    registry._access.cache.empty()
    with pytest.raises(KeyUnavailable) as caught:
        registry.resolve(key.key_id, primary=True)
    error: BaseException | None = caught.value
    while error is not None:
        assert "rubbish" not in f"{error!r} {error}"
        error = error.__cause__
