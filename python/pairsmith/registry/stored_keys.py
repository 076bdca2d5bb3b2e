"""Keys as one transaction finds them, each checked against what was authenticated.

A key whose rows do not fit is shown as Unavailable. It is neither used nor changed, by
nobody: to change it would be to authenticate what somebody else has written.

Whoever acts must have the right to each key that is found by a name, and to each that
is not: what is not permitted is told neither from the other nor from what it is.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from pairsmith.errors import AliasNotFound, KeyNotFound, KeyUnavailable
from pairsmith.model import KeyState
from pairsmith.registry import contents
from pairsmith.registry.contents import Contents, KeyRow, StoredVersion, place_of
from pairsmith.registry.key_facts import KeyFacts, facts_of_absent
from pairsmith.registry.permission import require_permission
from pairsmith.registry.revisions import Revisions
from pairsmith.registry.schema import aliases, keys
from pairsmith.registry.soundness import text_of
from pairsmith.registry.states import Operation, require

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key with all that hangs on it.

    Attributes:
        contents: As they were found.
        fault: What about them does not fit; ``None`` if all is authentic.
    """

    contents: Contents
    fault: str | None

    @property
    def row(self) -> KeyRow:
        """Its row of the table ``keys``."""
        return self.contents.row

    @property
    def key_id(self) -> str:
        """Its id."""
        return text_of(self.row.key_id)

    @property
    def state(self) -> KeyState:
        """Its state; Unavailable if anything does not fit."""
        if self.fault is not None:
            return KeyState.UNAVAILABLE
        return KeyState(self.row.key_state)

    @property
    def aliases(self) -> tuple[str, ...]:
        """Its aliases, by name; none if they are not authentic."""
        return () if self.fault else tuple(sorted(self.contents.aliases))

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags; none if they are not authentic."""
        return {} if self.fault else self.contents.tags

    @property
    def facts(self) -> KeyFacts:
        """What decides about rights on it."""
        return KeyFacts(self.key_id, self.aliases, self.tags)

    def version(self, key_version_id: str) -> StoredVersion | None:
        """Find one of its versions."""
        for each in self.contents.versions:
            if each.key_version_id == key_version_id:
                return each
        return None

    def require_fitting(self) -> None:
        """Let nobody use or change what does not fit, and log it.

        Raises:
            KeyUnavailable: It says what does not fit, and what to do.
        """
        if self.fault is None:
            return
        _log.warning("The key %s is unavailable: %s", self.key_id, self.fault)
        raise KeyUnavailable(
            f"The key {self.key_id} is not as it was authenticated: {self.fault}. "
            f"pairsmith key repair {self.key_id} puts back what was; else restore its "
            "rows from a backup. No other key is affected."
        )


class StoredKeys:
    """Finds keys in one transaction, and refuses those that are not permitted.

    Each key is judged once, as it is when it is first found: what the transaction then
    does to it neither gives nor takes the right to go on.

    Args:
        connection: In that transaction.
        revisions: As the same transaction finds them; ``None`` if nothing was ever
            authenticated here.
    """

    def __init__(self, connection: sa.Connection, revisions: Revisions | None) -> None:
        self.connection = connection
        self.revisions = revisions
        self._permitted: set[str] = set()

    def find(self, name: str) -> StoredKey:
        """Find a key by its id or alias.

        Raises:
            KeyNotFound: No key has this id.
            AliasNotFound: No key has this alias.
            PairsmithError: It is not permitted.
        """
        if name.startswith("alias/"):
            return self._find_by_alias(name)
        found = self.find_by_id(name)
        if found is None:
            raise KeyNotFound(f"The key {name} does not exist; list_keys shows all.")
        return found

    def find_by_id(self, key_id: str) -> StoredKey | None:
        """Find a key by its id, or nothing.

        Raises:
            PairsmithError: It is not permitted.
        """
        row = self.connection.execute(_BY_ID, {"wanted": key_id}).first()
        if row is None:
            self._require_permission(facts_of_absent(key_id))
            return None
        return self._permitted_of(row)

    def find_for(self, name: str, operation: Operation) -> StoredKey:
        """Find a key that fits and whose state allows the operation.

        Raises:
            KeyNotFound, AliasNotFound: As ``find``.
            KeyUnavailable: It does not fit.
            PairsmithError: It is not permitted, or what its state demands.
        """
        found = self.find(name)
        found.require_fitting()
        require(operation, found.key_id, found.state)
        return found

    def checked(self, rows: Sequence[KeyRow]) -> list[StoredKey]:
        """Read what hangs on keys, and check each; the caller knows who may see it."""
        if self.revisions is not None:
            names = [place_of(text_of(row.key_id)) for row in rows]
            self.revisions.load(self.connection, names)
        found = contents.read(self.connection, rows)
        return [StoredKey(each, self._fault_of(each)) for each in found]

    def _find_by_alias(self, name: str) -> StoredKey:
        try:
            row = _row_of_alias(self.connection, name)
        except AliasNotFound:
            self._require_permission(facts_of_absent(name))
            raise
        return self._permitted_of(row)

    def _permitted_of(self, row: KeyRow) -> StoredKey:
        (found,) = self.checked([row])
        self._require_permission(found.facts)
        return found

    def _require_permission(self, facts: KeyFacts) -> None:
        if facts.id in self._permitted:
            return
        require_permission(facts)
        if facts.id:  # an alias that leads to no key now may lead to one later
            self._permitted.add(facts.id)

    def _fault_of(self, found: Contents) -> str | None:
        if self.revisions is None:
            return "nothing was ever authenticated in this database"
        name = place_of(text_of(found.row.key_id))
        try:
            newest = self.revisions.of(self.connection, name)
        except KeyUnavailable as error:
            return str(error)
        return contents.fault_of(self.revisions.service_key, found, newest)


_BY_ID = sa.select(keys).where(keys.c.key_id == sa.bindparam("wanted"))


def _row_of_alias(connection: sa.Connection, name: str) -> KeyRow:
    bound = sa.select(aliases.c.key_id).where(aliases.c.alias_name == name)
    row = connection.execute(
        sa.select(keys).where(keys.c.key_id == bound.scalar_subquery())
    ).first()
    if row is not None:
        return row
    if connection.execute(bound).first() is not None:
        raise AliasNotFound(
            f"{name} names a key that does not exist: update_alias binds it to "
            "another, delete_alias removes it."
        )
    raise AliasNotFound(f"{name} does not exist; list_aliases shows all.")
