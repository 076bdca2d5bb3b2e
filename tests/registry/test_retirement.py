"""Retired versions open nothing, keep their material, and come back."""

import pytest

from clock import Clock
from pairsmith.errors import (
    KeyDisabled,
    KeyVersionNotFound,
    KeyVersionRetired,
    StateModifiedFailed,
)
from pairsmith.registry import FileRootKey, Registry
from pairsmith.registry.cache import POLL_SECONDS
from places import Place


def _three_versions(registry: Registry) -> tuple[str, list[str]]:
    key = registry.create_key().key_id
    registry.create_key_version(key)
    registry.create_key_version(key)
    listed = registry.list_key_versions(key).items
    return key, [each.key_version_id for each in listed]


def test_a_retired_version_is_refused_until_it_is_restored(
    registry: Registry, clock: Clock
) -> None:
    """Its use raises at once, its row tells since when, and restoring undoes all."""
    key, (initial, old, primary) = _three_versions(registry)
    sealed = registry.resolve_version(old).wrapping_key.seal(b"x", b"", advance=True)[1]
    retired = registry.retire_key_version(key, old)
    assert retired.retire_date is not None
    assert retired.retire_date.timestamp() == clock.now
    assert retired.to_dict()["RetireDate"].endswith("Z")
    with pytest.raises(KeyVersionRetired, match="restore_key_version") as refused:
        registry.resolve_version(old)
    assert isinstance(refused.value, KeyDisabled)
    assert refused.value.code == "Rejected.Disabled"
    for other in (initial, primary):
        assert registry.resolve_version(other).key_version_id == other
    dates = [each.retire_date for each in registry.list_key_versions(key).items]
    assert dates == [None, retired.retire_date, None]
    restored = registry.restore_key_version(key, old)
    assert restored.retire_date is None
    assert "RetireDate" not in restored.to_dict()
    opened = registry.resolve_version(old).wrapping_key.open_advance(sealed, b"")
    assert opened[0] == b"x"


def test_twice_is_no_error(registry: Registry, clock: Clock) -> None:
    """Retired again a version keeps its date; restored again nothing happens."""
    key, (_, old, _) = _three_versions(registry)
    first = registry.retire_key_version(key, old)
    clock.advance(days=1)
    assert registry.retire_key_version(key, old) == first
    registry.restore_key_version(key, old)
    assert registry.restore_key_version(key, old).retire_date is None


def test_what_operations_use_cannot_be_retired(registry: Registry) -> None:
    """Neither the primary version nor the initial one, and nothing is changed."""
    key, (initial, _, primary) = _three_versions(registry)
    for version, reason in [(initial, "initial version"), (primary, "primary version")]:
        with pytest.raises(StateModifiedFailed, match=reason):
            registry.retire_key_version(key, version)
    only = registry.create_key()
    with pytest.raises(StateModifiedFailed):
        registry.retire_key_version(only.key_id, only.primary_key_version)
    dates = [each.retire_date for each in registry.list_key_versions(key).items]
    assert dates == [None] * 3


def test_a_version_of_another_key_is_none(registry: Registry) -> None:
    """A version is retired and restored under its own key only."""
    key, _ = _three_versions(registry)
    _, (_, theirs, _) = _three_versions(registry)
    for change in (registry.retire_key_version, registry.restore_key_version):
        with pytest.raises(KeyVersionNotFound):
            change(key, theirs)


def test_another_process_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another node has cached ends when it next looks at the change counter."""
    here, there = place.open(), place.open()
    key, (_, old, _) = _three_versions(here)
    there.resolve_version(old)
    monkeypatch.setattr(there._access.cache, "fresh_until", 0.0)  # it looks again
    here.retire_key_version(key, old)
    with pytest.raises(KeyVersionRetired):
        there.resolve_version(old)
    assert POLL_SECONDS < 1
    here.restore_key_version(key, old)
    monkeypatch.setattr(there._access.cache, "fresh_until", 0.0)
    assert there.resolve_version(old).key_version_id == old


def test_a_new_root_key_takes_retired_versions_along(
    registry: Registry, place: Place
) -> None:
    """Re-wrapped while it is retired, a version comes back all the same."""
    key, (_, old, _) = _three_versions(registry)
    registry.retire_key_version(key, old)
    registry.rewrap(FileRootKey(place.directory / "another"))
    registry.restore_key_version(key, old)
    assert registry.resolve_version(old).key_version_id == old
