"""The registry as it is at one moment: keys, and who may ask, under one change mark.

A view answers from what is known. Where that is not enough, one that was opened in a
transaction reads the rest there; one that was taken from the cache raises
``NotCached``: whoever must not wait for a database asks again somewhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from pairsmith.errors import PairsmithError
from pairsmith.registry import resolution, rotation
from pairsmith.registry.cache import keep
from pairsmith.registry.resolved import Found, ResolvedKey, RotationDue, Unusable

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from pairsmith.registry.access import Access
    from pairsmith.registry.cache import Known
    from pairsmith.registry.key_facts import KeyFacts
    from pairsmith.registry.revisions import Revisions
    from pairsmith.registry.stored_keys import StoredKeys

Identity = TypeVar("Identity")


class NotCached(PairsmithError):  # noqa: N818 -- no fault, but what is to be done next
    """The database has to be asked; never leaves the process."""

    code = "none"


class View:
    """What there is at one moment; used by one thread.

    Args:
        access: Whose database and root keys it is about.
        known: What is known at that moment.
        stored: Opens the keys of the transaction; ``None`` outside of one.
    """

    def __init__(
        self, access: Access, known: Known, stored: Callable[[], StoredKeys] | None
    ) -> None:
        self._access = access
        self._known = known
        self._stored = stored

    def key(self, name: str, *, primary: bool) -> Found:
        """Find the primary or the initial version of a key, by its id or alias.

        Args:
            name: Parsed, see ``parameters.key_name``.
            primary: Which of them.

        Raises:
            NotCached, DatabaseError, RootKeyError: It is not known; why it cannot be
                looked up.
        """
        entries = self._known.primary if primary else self._known.initial
        found = entries.get(name)
        if found is not None:
            return found
        stored = self._look()
        key = resolution.key_of(name, stored)
        if isinstance(key, Unusable):
            return key
        row = key.row
        wanted = row.primary_version_id if primary else row.initial_version_id
        opened = resolution.opened(stored, self._access.ring, key, wanted)
        if isinstance(opened, Unusable):
            return opened
        rotates_at_ms = rotation.due_at_ms(key) if primary else None
        if rotates_at_ms is not None:
            if rotates_at_ms <= self._access.now_ms():
                return RotationDue(opened)
            self._access.cache.bound(self._known, rotates_at_ms)
        keep(entries, name, opened)
        return opened

    def facts(self, name: str) -> KeyFacts:
        """What decides about rights on a key, by its id or alias, whatever its state.

        Raises:
            NotCached, DatabaseError, RootKeyError: As ``key``; its own versions' root
                keys are not needed.
        """
        for entries in (self._known.initial, self._known.primary):
            if name in entries:
                return entries[name].facts
        return resolution.facts_of(name, self._look())

    def version(self, key_version_id: str) -> ResolvedKey | Unusable:
        """Find a version by its own id, as an Advance blob names it.

        Raises:
            NotCached, DatabaseError, RootKeyError: As ``key``.
        """
        known = self._known.versions.get(key_version_id)
        if known is not None:
            return known
        stored = self._look()
        found = resolution.by_version(self._access.ring, key_version_id, stored)
        if isinstance(found, ResolvedKey):
            keep(self._known.versions, key_version_id, found)
        return found

    def knows(self, identity_id: str) -> bool:
        """Whether an identity is known without a look into the database."""
        return identity_id in self._known.identities

    def identity(
        self,
        identity_id: str,
        read: Callable[[sa.Connection, Revisions | None, str], Identity | None],
    ) -> Identity | None:
        """Find whoever may ask, by id; what is not there is never remembered.

        Args:
            identity_id: Its own.
            read: Reads it in a transaction.

        Raises:
            NotCached, DatabaseError, RootKeyError: As ``key``.
        """
        known = self._known.identities.get(identity_id)
        if known is not None:
            return cast("Identity", known)
        stored = self._look()
        found = read(stored.connection, stored.revisions, identity_id)
        if found is not None:
            keep(self._known.identities, identity_id, found)
        return found

    def _look(self) -> StoredKeys:
        if self._stored is None:
            raise NotCached
        return self._stored()
