"""Identities as rows: what decides about rights is one sealed JSON document."""

import base64
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Literal

import sqlalchemy as sa

from pairsmith.errors import DatabaseError, KeyUnavailable, PairsmithError
from pairsmith.registry.changing import Change
from pairsmith.registry.engine import next_sequence
from pairsmith.registry.revisions import Revisions
from pairsmith.registry.schema import identities
from pairsmith.registry.service_seal import Document, Sealed, open_sealed, seal
from pairsmith.registry.soundness import is_moment, moment, text_of
from pairsmith.server.access.model import AccessKey, ClientKey
from pairsmith.server.access.policy import parse_policy

Kind = Literal["client", "access_key"]

_log = logging.getLogger(__name__)


class IdentityNotFound(PairsmithError):  # noqa: N818 -- as in errors.py
    """No client key or access key has this id or name."""

    code = "InvalidAccessKeyId.NotFound"
    http_status = 404
    wire_message = "The Access Key ID provided does not exist in our records."


def insert(change: Change, identity: ClientKey | AccessKey) -> None:
    """Write a new identity."""
    connection = change.connection
    sequence = next_sequence(connection, identities.c.sequence)
    sealed = _seal(change, identity, sequence)
    connection.execute(
        sa.insert(identities).values(
            identity_id=identity.id,
            kind=kind_of(identity),
            sequence=sequence,
            created_at_ms=milliseconds_of(identity.created_at),
            **sealed.columns(),
        )
    )
    note(change, identity)


def replace(
    change: Change,
    identity_id: str,
    changed: Callable[[ClientKey | AccessKey], ClientKey | AccessKey],
) -> None:
    """Write what is different about an identity that exists.

    Raises:
        IdentityNotFound: There is none of this id.
        DatabaseError: Its row was changed by somebody else.
    """
    row = _row(change.connection, identity_id)
    if row is None:
        raise not_found(identity_id)
    found, sequence = _opened(change.connection, change.revisions, row)
    identity = changed(found)
    change.connection.execute(
        sa.update(identities)
        .where(identities.c.identity_id == identity_id)
        .values(**_seal(change, identity, sequence).columns())
    )
    note(change, identity)
    _note_before(change, found, identity)


def delete(change: Change, identity_id: str) -> None:
    """Remove an identity, readable or not; it stays removed if its row comes back.

    Raises:
        IdentityNotFound: There is none of this id, and none is missing either.
    """
    place = place_of(identity_id)
    named = identities.c.identity_id == identity_id
    connection = change.connection
    row = _row(connection, identity_id)
    if row is None and change.revisions.of(connection, place) is None:
        raise not_found(identity_id)
    with suppress(DatabaseError, KeyUnavailable):
        if row is not None:
            found, _ = _opened(connection, change.revisions, row)
            change.note(identity_name=found.name)
    connection.execute(sa.delete(identities).where(named))
    change.object(place, None)
    change.note(identity_id=identity_id)


def find(
    connection: sa.Connection, revisions: Revisions | None, identity_id: str
) -> ClientKey | AccessKey | None:
    """Find an identity of whatever kind.

    Raises:
        DatabaseError: Its row was changed, put back or made by somebody else.
    """
    row = _row(connection, identity_id)
    if row is None:
        return None
    try:
        return _opened(connection, revisions, row)[0]
    except (DatabaseError, KeyUnavailable) as error:
        _log.warning("The identity %s is refused: %s", identity_id, error)
        raise


def all_of(
    connection: sa.Connection, revisions: Revisions | None
) -> list[ClientKey | AccessKey]:
    """List identities of both kinds in the order they were made.

    One that does not open is left out, and the log names it: it cannot be used, and
    ``delete`` removes it.
    """
    found = []
    for row in connection.execute(sa.select(identities)).all():
        try:
            found.append(_opened(connection, revisions, row))
        except (DatabaseError, KeyUnavailable) as error:
            _log.warning("The identity %s is not listed: %s", row.identity_id, error)
    return [identity for identity, _ in sorted(found, key=itemgetter(1))]


def kind_of(identity: ClientKey | AccessKey) -> Kind:
    """Tell the kind as the database has it."""
    return "client" if isinstance(identity, ClientKey) else "access_key"


def milliseconds_of(when: datetime) -> int:
    """Turn a moment into the database's milliseconds."""
    return round(when.astimezone(UTC).timestamp() * 1000)


def place_of(identity_id: str) -> str:
    """Name an identity among all objects that have a revision."""
    return f"identity/{identity_id}"


def not_found(identity_id: str) -> IdentityNotFound:
    """Say that there is no such identity."""
    return IdentityNotFound(f"There is no client key or access key {identity_id}.")


def note(change: Change, identity: ClientKey | AccessKey) -> None:
    """Let the line of the change log tell who may now do what, and until when."""
    change.note(
        identity_id=identity.id,
        identity_name=identity.name,
        kind=kind_of(identity),
        policy=list(identity.policy.texts()),
        not_before=identity.not_before,
        not_after=identity.not_after,
        revoked_at=identity.revoked_at,
    )


def _note_before(
    change: Change, before: ClientKey | AccessKey, after: ClientKey | AccessKey
) -> None:
    """And what of it was otherwise before."""
    if before.policy != after.policy:
        change.note(previous_policy=list(before.policy.texts()))
    if before.not_after != after.not_after:
        change.note(previous_not_after=before.not_after)


def _row(connection: sa.Connection, identity_id: str) -> sa.Row[Any] | None:
    named = identities.c.identity_id == identity_id
    return connection.execute(sa.select(identities).where(named)).first()


def _opened(
    connection: sa.Connection, revisions: Revisions | None, row: sa.Row[Any]
) -> tuple[ClientKey | AccessKey, int]:
    """Open a row; give the identity and its place in the order they were made.

    All of it is from the sealed document, the last use excepted: of the row's other
    columns nothing is believed.
    """
    identity_id = text_of(row.identity_id)
    document = open_sealed(connection, revisions, place_of(identity_id), row)
    revoked_at_ms = document["revoked_at_ms"]
    used_at_ms = row.last_used_at_ms
    common: Document = {
        "id": document["id"],
        "name": document["name"],
        "not_before": moment(document["not_before_ms"]),
        "not_after": moment(document["not_after_ms"]),
        "revoked_at": None if revoked_at_ms is None else moment(revoked_at_ms),
        "policy": parse_policy(document["policy"]),
        "last_used_at": moment(used_at_ms) if is_moment(used_at_ms) else None,
        "created_at": moment(document["created_at_ms"]),
    }
    if document["kind"] == "client":
        public_key = base64.b64decode(document["public_key"])
        client = ClientKey(**common, public_key_der=public_key)
        return client, document["sequence"]
    access_key = AccessKey(**common, secret=document["secret"].encode())
    return access_key, document["sequence"]


def _seal(change: Change, identity: ClientKey | AccessKey, sequence: int) -> Sealed:
    revoked = identity.revoked_at
    document: Document = {
        "id": identity.id,
        "kind": kind_of(identity),
        "sequence": sequence,
        "created_at_ms": milliseconds_of(identity.created_at),
        "name": identity.name,
        "not_before_ms": milliseconds_of(identity.not_before),
        "not_after_ms": milliseconds_of(identity.not_after),
        "revoked_at_ms": None if revoked is None else milliseconds_of(revoked),
        "policy": identity.policy.texts(),
    }
    if isinstance(identity, ClientKey):
        public_key = base64.b64encode(identity.public_key_der)
        document["public_key"] = public_key.decode("ascii")
    else:
        document["secret"] = identity.secret.decode("ascii")
    return seal(change, place_of(identity.id), document)
