"""The documented table of states by operation, cell by cell."""

from collections.abc import Callable

import pytest

from pairsmith.errors import PairsmithError
from pairsmith.registry import Registry
from places import Place

STATES = ("Enabled", "Disabled", "PendingDeletion", "PendingImport", "Unavailable")

OK = ""
DISABLED = "Rejected.Disabled"
PENDING_DELETION = "Rejected.PendingDeletion"
PENDING_IMPORT = "Rejected.PendingImport"
UNAVAILABLE = "Rejected.Unavailable"
NOT_MODIFIED = "Rejected.StateModifiedFailed"

# Cells in the order of STATES.
USE = (OK, DISABLED, PENDING_DELETION, PENDING_IMPORT, UNAVAILABLE)
ALWAYS = (OK, OK, OK, OK, OK)
NOT_WHILE_PENDING_DELETION = (OK, OK, PENDING_DELETION, OK, OK)
SWITCHING = (OK, OK, NOT_MODIFIED, NOT_MODIFIED, NOT_MODIFIED)

TABLE: dict[str, tuple[str, str, str, str, str]] = {
    "use the initial version": USE,
    "use the primary version": USE,
    "use a version by its id": USE,
    "describe": ALWAYS,
    "list keys": ALWAYS,
    "list aliases": ALWAYS,
    "delete an alias": ALWAYS,
    "list and describe versions": ALWAYS,
    "tag and untag": ALWAYS,
    "update the description": NOT_WHILE_PENDING_DELETION,
    "enable": SWITCHING,
    "disable": SWITCHING,
    "schedule deletion": (OK, OK, NOT_MODIFIED, OK, OK),
    "cancel deletion": (NOT_MODIFIED, NOT_MODIFIED, OK, NOT_MODIFIED, NOT_MODIFIED),
    "set deletion protection": NOT_WHILE_PENDING_DELETION,
    "create an alias": (OK, OK, NOT_MODIFIED, OK, OK),
    "rebind an alias to it": NOT_WHILE_PENDING_DELETION,
    "rebind an alias away from it": ALWAYS,
    "create a version": USE,
    "update the rotation policy": USE,
    "retire a version": NOT_WHILE_PENDING_DELETION,
    "restore a version": NOT_WHILE_PENDING_DELETION,
}


def _list_and_describe_versions(registry: Registry, key: str) -> None:
    for version in registry.list_key_versions(key).items:
        registry.describe_key_version(key, version.key_version_id)


def _tag_and_untag(registry: Registry, key: str) -> None:
    registry.tag_key(key, {"a": "b"})
    registry.untag_key(key, ["a"])


def _rebind_to(registry: Registry, key: str) -> None:
    registry.create_alias("alias/elsewhere", registry.create_key().key_id)
    registry.update_alias("alias/elsewhere", key)


def _old_version(registry: Registry, key: str) -> str:
    """A version that is neither the initial nor the primary one."""
    return registry.list_key_versions(key).items[1].key_version_id


OPERATIONS: dict[str, Callable[[Registry, str], object]] = {
    "use the initial version": lambda r, key: r.resolve(key, primary=False),
    "use the primary version": lambda r, key: r.resolve(key, primary=True),
    "use a version by its id": lambda r, key: r.resolve_version(
        r.describe_key(key).primary_key_version
    ),
    "describe": lambda r, key: r.describe_key(key),
    "list keys": lambda r, _: r.list_keys(),
    "list aliases": lambda r, key: (r.list_aliases(), r.list_aliases_by_key_id(key)),
    "delete an alias": lambda r, _: r.delete_alias("alias/it"),
    "list and describe versions": _list_and_describe_versions,
    "tag and untag": _tag_and_untag,
    "update the description": lambda r, key: r.update_key_description(key, "other"),
    "enable": lambda r, key: r.enable_key(key),
    "disable": lambda r, key: r.disable_key(key),
    "schedule deletion": lambda r, key: r.schedule_key_deletion(key, 7),
    "cancel deletion": lambda r, key: r.cancel_key_deletion(key),
    "set deletion protection": lambda r, key: r.set_deletion_protection(
        key, enabled=True
    ),
    "create an alias": lambda r, key: r.create_alias("alias/more", key),
    "rebind an alias to it": _rebind_to,
    "rebind an alias away from it": lambda r, _: r.update_alias(
        "alias/it", r.create_key().key_id
    ),
    "create a version": lambda r, key: r.create_key_version(key),
    "update the rotation policy": lambda r, key: r.update_rotation_policy(
        key, enabled=True, rotation_interval="30d"
    ),
    "retire a version": lambda r, key: r.retire_key_version(key, _old_version(r, key)),
    "restore a version": lambda r, key: r.restore_key_version(
        key, _old_version(r, key)
    ),
}

CELLS = [
    (operation, state, code)
    for operation, row in TABLE.items()
    for state, code in zip(STATES, row, strict=True)
]


@pytest.mark.parametrize(("operation", "state", "code"), CELLS)
@pytest.mark.parametrize("name", ["key id", "alias"])
def test_cell(place: Place, operation: str, state: str, code: str, name: str) -> None:
    """A state permits an operation, or refuses it with the documented code."""
    registry = place.open()
    key = registry.create_key().key_id
    registry.create_alias("alias/it", key)
    registry.create_key_version(key)
    registry.create_key_version(key)
    _put_into(place, registry, key, state)
    before = place.execute("SELECT * FROM keys WHERE key_id = :key", key=key)

    def operate() -> object:
        given = key if name == "key id" else "alias/it"
        return OPERATIONS[operation](registry, given)

    if code == OK:
        operate()
        return
    with pytest.raises(PairsmithError) as caught:
        operate()
    assert caught.value.code == code
    assert place.execute("SELECT * FROM keys WHERE key_id = :key", key=key) == before


def test_every_operation_has_a_row() -> None:
    """The table above says something about each operation it can do, and no other."""
    assert TABLE.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("state", ["Enabled", "Disabled"])
def test_switching_is_idempotent(place: Place, state: str) -> None:
    """Enabling an Enabled key and disabling a Disabled one changes nothing."""
    registry = place.open()
    key = registry.create_key().key_id
    _put_into(place, registry, key, state)
    switch = registry.enable_key if state == "Enabled" else registry.disable_key
    switch(key)
    switch(key)
    assert registry.describe_key(key).key_state == state


def test_cancelling_enables_whatever_it_was(registry: Registry) -> None:
    """A Disabled key whose deletion is cancelled becomes Enabled, as documented."""
    key = registry.create_key().key_id
    registry.disable_key(key)
    registry.schedule_key_deletion(key, 7)
    registry.cancel_key_deletion(key)
    shown = registry.describe_key(key)
    assert shown.key_state == "Enabled"
    assert shown.delete_date is None


def test_unknown_state_is_unavailable(place: Place) -> None:
    """A state that no Pairsmith writes makes that key Unavailable and no other."""
    registry = place.open()
    key, other = registry.create_key().key_id, registry.create_key().key_id
    _put_into(place, registry, key, "Enabledd")
    with pytest.raises(PairsmithError) as caught:
        registry.resolve(key, primary=True)
    assert caught.value.code == UNAVAILABLE
    assert registry.describe_key(key).key_state == "Unavailable"
    assert registry.resolve(other, primary=True).key_id == other


def _put_into(place: Place, registry: Registry, key: str, state: str) -> None:
    """Set a state as only this test does, for two of them have no operation."""
    delete_at = int((place.clock.now + 86_400) * 1000)
    place.execute(
        "UPDATE keys SET key_state = :state, delete_at_ms = :at WHERE key_id = :key",
        state=state,
        at=delete_at if state == "PendingDeletion" else None,
        key=key,
    )
    if state not in STATES:
        return
    with registry.access.writing("PutIntoState") as change:
        change.authenticate(key)
