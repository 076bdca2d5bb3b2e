"""Which key version opens a blob, and whether it may be opened at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairsmith._core import states_purpose
from pairsmith.errors import (
    DecryptionError,
    FormatRefused,
    KeyNotFound,
    KeyVersionNotFound,
)
from pairsmith.registry.resolved import ResolvedKey, usable

if TYPE_CHECKING:
    from pairsmith.registry import Key, Registry
    from pairsmith.registry.resolved import Found

_UNKNOWN = (KeyNotFound, KeyVersionNotFound)
"""A blob names what is not here: it is foreign or changed, and no more is said."""


def find_version_of_blob(registry: Registry, version_id: str, key: Key) -> ResolvedKey:
    """The version that an Advance blob names, if it is one of the key that is meant.

    Args:
        registry: Where the keys are.
        version_id: As the blob has it, unverified.
        key: Id or alias of the key that must have made the blob; empty for any. Or
            that very version, resolved already.

    Raises:
        DecryptionError: There is no such version here, or the key is another one.
        KeyDisabled, KeyVersionRetired, KeyPendingDeletion, KeyUnavailable: It may not
            be used.
    """
    if isinstance(key, ResolvedKey):
        if key.key_version_id != version_id:
            raise DecryptionError
        return key
    try:
        found = registry.resolve_version(version_id)
    except _UNKNOWN:
        raise DecryptionError from None
    require_named(registry, key, found)
    return found


def version_of_blob(version: Found, named: Found | None = None) -> ResolvedKey:
    """The same of what was looked at already.

    Args:
        version: What the version leads to that the blob names.
        named: What the key leads to that must have made the blob; ``None`` for any.

    Raises:
        PairsmithError: As ``find_version_of_blob``.
    """
    try:
        key = usable(version)
    except _UNKNOWN:
        raise DecryptionError from None
    if named is not None and usable(named).key_id != key.key_id:
        raise DecryptionError
    return key


def require_named(registry: Registry, key_id: Key, key: ResolvedKey) -> None:
    """Refuse a key that is not the one which was named.

    Args:
        registry: Where the keys are.
        key_id: Id or alias of the key that it must be; empty for any.
        key: What was found.

    Raises:
        DecryptionError: It is another one.
        KeyNotFound, KeyDisabled and so on: The named key may not be used.
    """
    if key_id in ("", key.key_id):
        return
    # The initial version: looking at a name must not rotate the key behind it.
    if registry.resolve(key_id, primary=False).key_id != key.key_id:
        raise DecryptionError


def require_stated(blob: bytes, *, advance: bool, refused: bool) -> None:
    """Refuse a blob that does not say what it was made as, if such are refused.

    What it says is in its derivation: one that lies does not open.

    Raises:
        FormatRefused: It says nothing.
    """
    if refused and not states_purpose(blob, advance=advance):
        raise FormatRefused
