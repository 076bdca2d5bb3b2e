"""From a name to a key version that can seal and open, as the database has it now."""

from pairsmith.errors import (
    AliasNotFound,
    KeyNotFound,
    KeyUnavailable,
    KeyVersionNotFound,
    KeyVersionRetired,
    PairsmithError,
    RootKeyError,
)
from pairsmith.registry import identifiers
from pairsmith.registry.key_facts import KeyFacts, facts_of_absent
from pairsmith.registry.key_ring import KeyRing, damaged
from pairsmith.registry.resolved import ResolvedKey, Unusable
from pairsmith.registry.states import Operation, require
from pairsmith.registry.stored_keys import StoredKey, StoredKeys


def facts_of(name: str, stored: StoredKeys) -> KeyFacts:
    """What decides about rights on a key, by its id or alias; no version is opened."""
    return _stored(name, stored).facts


def key_of(name: str, stored: StoredKeys) -> StoredKey | Unusable:
    """Find a key that may be used, by its id or alias.

    Its rows fit, and its state allows the use of it.
    """
    key = _stored(name, stored)
    if isinstance(key, Unusable):
        return key
    try:
        key.require_fitting()
        require(Operation.USE, key.key_id, key.state)
    except PairsmithError as error:
        return Unusable(key.facts, error)
    return key


def _stored(name: str, stored: StoredKeys) -> StoredKey | Unusable:
    try:
        return stored.find(name)
    except AliasNotFound as error:
        return Unusable(facts_of_absent(name), KeyNotFound(str(error)))
    except KeyNotFound as error:
        return Unusable(facts_of_absent(name), error)
    except KeyUnavailable as error:  # its page of revisions is damaged
        is_id = identifiers.KEY_ID.fullmatch(name) is not None
        return Unusable(KeyFacts(name if is_id else ""), error)


def opened(
    stored: StoredKeys, ring: KeyRing, key: StoredKey, key_version_id: str
) -> ResolvedKey | Unusable:
    """Open one of the versions of a key.

    Raises:
        RootKeyError: It is wrapped under a root key this process does not hold.
    """
    version = key.version(key_version_id)
    if version is None:
        return Unusable(key.facts, damaged(key_version_id))
    try:
        wrapping_key = ring.open_version(stored.connection, version)
    except RootKeyError:
        raise
    except KeyUnavailable as error:
        return Unusable(key.facts, error)
    return ResolvedKey(key.key_id, key_version_id, wrapping_key, key.facts)


def by_version(
    ring: KeyRing, key_version_id: str, stored: StoredKeys
) -> ResolvedKey | Unusable:
    """Open a version by its own id; its key must be usable."""
    # Which key it belongs to, its id says and not the row.
    key_id = key_version_id[: identifiers.KEY_ID_CHARACTERS]
    try:
        key = stored.find_by_id(key_id)
    except KeyUnavailable as error:
        return Unusable(KeyFacts(key_id), error)
    if key is None:
        return Unusable(facts_of_absent(key_id), _not_found(key_version_id))
    try:
        key.require_fitting()
        version = key.version(key_version_id)
        if version is None:
            raise _not_found(key_version_id)
        require(Operation.USE, key.key_id, key.state)
        if version.retired_at_ms is not None:
            raise KeyVersionRetired(
                f"The key version {key_version_id} is retired and opens nothing; "
                "restore_key_version undoes that."
            )
    except PairsmithError as error:
        return Unusable(key.facts, error)
    return opened(stored, ring, key, key_version_id)


def _not_found(key_version_id: str) -> KeyVersionNotFound:
    return KeyVersionNotFound(f"No key has the version {key_version_id}.")
