"""Identities in the registry's database: found for every request, made, revoked.

What a request asks is answered from memory for a quarter of a second. What this
process changed counts at once; what another changed, a revocation above all, within
that quarter of a second.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import sqlalchemy as sa

from pairsmith.registry import Registry
from pairsmith.registry.revisions import Revisions
from pairsmith.registry.service_seal import ServiceSeal
from pairsmith.registry.soundness import moment
from pairsmith.registry.view import NotCached, View
from pairsmith.server.access import credentials, rows
from pairsmith.server.access.model import AccessKey, ClientKey, NewClient
from pairsmith.server.access.policy import Policy
from pairsmith.server.access.uses import Uses
from pairsmith.server.access.validity import LONGEST, parse_end, parse_validity

AUDIT_KEY = "audit-log"

Key = TypeVar("Key", ClientKey, AccessKey)

PolicyOf = Callable[[Sequence[ClientKey]], Policy]
"""Gives the rights of a new client key by those there are, as ``clients`` lists them.

Raises a ``PairsmithError`` if it must not be made.
"""

Permit = Callable[[ClientKey | AccessKey | None], object]
"""Raises a ``PairsmithError`` if this, or what is not there, must not be changed."""


class AccessStore:
    """Client keys and access keys, over the registry's database.

    Safe for threads and forks. Every method may raise ``DatabaseError``.

    Args:
        registry: Stays open when this is closed.
    """

    def __init__(self, registry: Registry) -> None:
        self._access = registry.access
        self._seal = ServiceSeal(self._access)
        self._uses = Uses(self._access)

    def close(self) -> None:
        """Write the last uses; the registry stays open."""
        self._uses.close()

    # For every request.

    def client(self, client_key_id: str) -> ClientKey | None:
        """Find a client key, valid or not: ask its ``valid_at``."""
        return self._now(partial(find_client, identity_id=client_key_id))

    def access_key(self, access_key_id: str) -> AccessKey | None:
        """Find an access key, valid or not: ask its ``valid_at``."""
        return self._now(partial(find_access_key, identity_id=access_key_id))

    def present_client(self, client_key_id: str) -> ClientKey | None:
        """Find a client key as it is in the database now: nothing is believed."""
        if not credentials.CLIENT_KEY_ID.fullmatch(client_key_id):
            return None
        with self._access.looking() as connection:
            revisions = self._access.revisions(connection)
            found = rows.find(connection, revisions, client_key_id)
        return found if isinstance(found, ClientKey) else None

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
        policy: Policy | PolicyOf,
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
            policy: What it may do, or what decides that: asked before the key pair is
                made, and for good in the transaction that writes the client key.
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
        allowed = _decided(policy, self.clients)
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
            key_id, name, begin, end, None, allowed, None, now, made.public_key_der
        )
        new = NewClient(key, made.file_content, opens)
        if keep is not None:
            keep(new)
        with self._access.changing("CreateClientKey") as change:
            present = partial(_all_of, ClientKey, change.connection, change.revisions)
            key = replace(key, policy=_decided(policy, present))
            rows.insert(change, key)
        return replace(new, key=key)

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
        with self._access.changing("CreateAccessKey") as change:
            rows.insert(change, key)
        return key, secret

    def clients(self) -> tuple[ClientKey, ...]:
        """List all client keys, revoked ones too, in the order they were made."""
        return self._listed(ClientKey)

    def access_keys(self) -> tuple[AccessKey, ...]:
        """List all access keys, revoked ones too, in the order they were made."""
        return self._listed(AccessKey)

    def revoke(self, identity_id: str, permit: Permit | None = None) -> None:
        """Let an identity never be valid again; one that is revoked stays so.

        Args:
            identity_id: Its id.
            permit: Is asked about it in the transaction that revokes it, as it is
                there; by default it is permitted.

        Raises:
            IdentityNotFound: There is none of this id.
        """
        now = moment(self._access.now_ms())
        self._change(
            "RevokeIdentity",
            identity_id,
            lambda found: replace(found, revoked_at=found.revoked_at or now),
            permit,
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

    def _now(self, find: Callable[[View], Key | None]) -> Key | None:
        """Look at what is known at present; if that is not enough, in the database."""
        view = self._access.present_view()
        if view is not None:
            with suppress(NotCached):
                return find(view)
        with self._access.view() as view:
            return find(view)

    def _change(
        self,
        operation: str,
        identity_id: str,
        changed: Callable[[ClientKey | AccessKey], ClientKey | AccessKey],
        permit: Permit | None = None,
    ) -> None:
        with self._access.changing(operation) as change:
            if permit is not None:
                permit(rows.find(change.connection, change.revisions, identity_id))
            rows.replace(change, identity_id, changed)

    def _listed(self, wanted: type[Key]) -> tuple[Key, ...]:
        with self._access.looking() as connection:
            return _all_of(wanted, connection, self._access.revisions(connection))


def _all_of(
    wanted: type[Key], connection: sa.Connection, revisions: Revisions | None
) -> tuple[Key, ...]:
    found = rows.all_of(connection, revisions)
    return tuple(each for each in found if isinstance(each, wanted))


def _decided(
    policy: Policy | PolicyOf, present: Callable[[], Sequence[ClientKey]]
) -> Policy:
    return policy if isinstance(policy, Policy) else policy(present())


def find_client(view: View, identity_id: str) -> ClientKey | None:
    """Find a client key as it is at the moment of a view, valid or not."""
    is_possible = credentials.CLIENT_KEY_ID.fullmatch
    if not view.knows(identity_id) and not is_possible(identity_id):
        return None
    found = view.identity(identity_id, rows.find)
    return found if isinstance(found, ClientKey) else None


def find_access_key(view: View, identity_id: str) -> AccessKey | None:
    """Find an access key as it is at the moment of a view, valid or not."""
    is_possible = credentials.ACCESS_KEY_ID.fullmatch
    if not view.knows(identity_id) and not is_possible(identity_id):
        return None
    found = view.identity(identity_id, rows.find)
    return found if isinstance(found, AccessKey) else None
