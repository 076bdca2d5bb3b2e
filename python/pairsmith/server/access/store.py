"""Identities in the registry's database: found for every request, made, revoked.

What a request asks is answered from memory for a quarter of a second. What this
process changed counts at once; what another changed, a revocation above all, within
that quarter of a second.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import sqlalchemy as sa

from pairsmith.registry import Registry
from pairsmith.registry.cache import POLL_SECONDS
from pairsmith.registry.service_seal import ServiceSeal
from pairsmith.registry.soundness import moment
from pairsmith.server.access import credentials, facts, rows
from pairsmith.server.access.memory import Memory
from pairsmith.server.access.model import AccessKey, ClientKey, NewClient
from pairsmith.server.access.policy import KeyFacts, Policy
from pairsmith.server.access.uses import Uses
from pairsmith.server.access.validity import LONGEST, parse_end, parse_validity

AUDIT_KEY = "audit-log"

Key = TypeVar("Key", ClientKey, AccessKey)


class AccessStore:
    """Client keys and access keys, over the registry's database.

    Safe for threads and forks. Every method may raise ``DatabaseError``.

    Args:
        registry: Stays open when this is closed.
        believe_seconds: For how long a change by another process may go unseen; 0 asks
            the database's change counter at every request.
    """

    def __init__(
        self, registry: Registry, *, believe_seconds: float = POLL_SECONDS
    ) -> None:
        self._access = registry.access
        self._seal = ServiceSeal(self._access)
        self._identities: Memory[ClientKey | AccessKey] = Memory(
            self._access, believe_seconds
        )
        self._facts: Memory[facts.Facts] = Memory(self._access, believe_seconds)
        self._uses = Uses(self._access)

    def close(self) -> None:
        """Write the last uses; the registry stays open."""
        self._uses.close()

    # For every request.

    def client(self, client_key_id: str) -> ClientKey | None:
        """Find a client key, valid or not: ask its ``valid_at``."""
        if not credentials.CLIENT_KEY_ID.fullmatch(client_key_id):
            return None
        found = self._recall(client_key_id)
        return found if isinstance(found, ClientKey) else None

    def access_key(self, access_key_id: str) -> AccessKey | None:
        """Find an access key, valid or not: ask its ``valid_at``."""
        if not credentials.ACCESS_KEY_ID.fullmatch(access_key_id):
            return None
        found = self._recall(access_key_id)
        return found if isinstance(found, AccessKey) else None

    def key_facts(self, key_id: str) -> KeyFacts:
        """What policies look at in a key; nothing is fetched before it is looked at.

        A key that does not exist has the name it was asked for by and nothing else: a
        principal learns that it does not exist only where it might have used it.

        Args:
            key_id: An id or an alias, as a request names it.
        """
        read = partial(facts.read, self._access, key_id)
        recall = partial(self._facts.recall, key_id, read)
        return facts.lazy(key_id, recall)

    def touch(self, identity_id: str) -> None:
        """Note that it was used now; written twice a minute and when closing."""
        self._uses.note(identity_id)

    def audit_key(self) -> bytes:
        """The 32 secret bytes that authenticate the audit log; made on first use."""
        return self._seal.secret(AUDIT_KEY)

    def kept_audit_key(self) -> bytes | None:
        """The same as it is in the database now; ``None`` if there is none."""
        return self._seal.kept_secret(AUDIT_KEY)

    # For those who manage.

    def create_client(
        self,
        name: str,
        policy: Policy,
        password: str | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        *,
        longest: timedelta = LONGEST,
        fixed: credentials.FixedClient | None = None,
        keep: Callable[[NewClient], None] | None = None,
    ) -> NewClient:
        """Make a client key of RSA_2048; its private key is not kept here.

        Args:
            name: 1 to 64 of ``A-Z a-z 0-9 _.@/-``; several keys may share it.
            policy: What it may do.
            password: 8 to 64 characters of two kinds; a random one by default.
            not_before: From when it is valid; from now by default.
            not_after: Until when; ``longest`` later by default.
            longest: How long it may be valid: five years and a day, or less.
            fixed: An id, and maybe a key pair, for seeding; random by default.
            keep: Is given the client key before the registry knows it: where it writes
                files and fails, there is no client key without them.

        Raises:
            InvalidParameter: One of these is not as described.
        """
        if password is None:
            password = credentials.new_password()
        opens = credentials.parse_password(password)
        now = moment(self._access.now_ms())
        begin, end = parse_validity(not_before, not_after, now, longest)
        if fixed is None:
            fixed = credentials.FixedClient(credentials.new_client_key_id())
        key_id = credentials.parse_client_key_id(fixed.id)
        name = credentials.parse_name(name)
        made = credentials.create_client_credential(
            key_id, opens, begin, end, fixed.private_key
        )
        key = ClientKey(
            key_id, name, begin, end, None, policy, None, now, made.public_key_der
        )
        new = NewClient(key, made.file_content, opens)
        if keep is not None:
            keep(new)
        self._insert("CreateClientKey", key)
        return new

    def create_access_key(
        self,
        name: str,
        policy: Policy,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        *,
        fixed: credentials.FixedAccessKey | None = None,
    ) -> tuple[AccessKey, str]:
        """Make an access key; give it and its secret.

        Arguments and errors are those of ``create_client``.
        """
        now = moment(self._access.now_ms())
        begin, end = parse_validity(not_before, not_after, now)
        if fixed is None:
            fixed = credentials.FixedAccessKey(
                credentials.new_access_key_id(), credentials.new_access_key_secret()
            )
        secret = credentials.parse_access_key_secret(fixed.secret)
        key = AccessKey(
            credentials.parse_access_key_id(fixed.id),
            credentials.parse_name(name),
            begin,
            end,
            None,
            policy,
            None,
            now,
            secret.encode(),
        )
        self._insert("CreateAccessKey", key)
        return key, secret

    def clients(self) -> tuple[ClientKey, ...]:
        """List all client keys, revoked ones too, in the order they were made."""
        return self._listed(ClientKey)

    def access_keys(self) -> tuple[AccessKey, ...]:
        """List all access keys, revoked ones too, in the order they were made."""
        return self._listed(AccessKey)

    def revoke(self, identity_id: str) -> None:
        """Let an identity never be valid again; one that is revoked stays so.

        Raises:
            IdentityNotFound: There is none of this id.
        """
        now = moment(self._access.now_ms())
        self._change(
            "RevokeIdentity",
            identity_id,
            lambda found: replace(found, revoked_at=found.revoked_at or now),
        )

    def set_policy(self, identity_id: str, policy: Policy) -> None:
        """Give an identity another policy.

        Raises:
            IdentityNotFound: There is none of this id.
        """
        self._change(
            "UpdateIdentityPolicy",
            identity_id,
            lambda found: replace(found, policy=policy),
        )

    def set_not_after(self, identity_id: str, not_after: datetime) -> None:
        """Let an identity be valid for longer, or shorter.

        Raises:
            IdentityNotFound: There is none of this id.
            InvalidParameter: It would end before it begins, or be valid for longer than
                five years and a day.
        """

        def until(found: ClientKey | AccessKey) -> ClientKey | AccessKey:
            return replace(found, not_after=parse_end(found.not_before, not_after))

        self._change("UpdateIdentityValidity", identity_id, until)

    def remove(self, identity_id: str) -> None:
        """Forget an identity, even one whose row does not open.

        Raises:
            IdentityNotFound: There is none of this id.
        """
        with self._access.changing("DeleteIdentity") as change:
            rows.delete(change, identity_id)

    def _recall(self, identity_id: str) -> ClientKey | AccessKey | None:
        return self._identities.recall(identity_id, partial(self._read, identity_id))

    def _read(
        self, identity_id: str, connection: sa.Connection
    ) -> ClientKey | AccessKey | None:
        revisions = self._access.revisions(connection)
        return rows.find(connection, revisions, identity_id)

    def _insert(self, operation: str, identity: ClientKey | AccessKey) -> None:
        with self._access.changing(operation) as change:
            rows.insert(change, identity)

    def _change(
        self,
        operation: str,
        identity_id: str,
        changed: Callable[[ClientKey | AccessKey], ClientKey | AccessKey],
    ) -> None:
        with self._access.changing(operation) as change:
            rows.replace(change, identity_id, changed)

    def _listed(self, wanted: type[Key]) -> tuple[Key, ...]:
        with self._access.looking() as connection:
            found = rows.all_of(connection, self._access.revisions(connection))
        return tuple(each for each in found if isinstance(each, wanted))
