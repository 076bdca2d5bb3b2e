"""Identities as rows: what decides about rights is one sealed JSON document."""

import base64
import json
import logging
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from pairsmith.errors import DatabaseError, KeyUnavailable, PairsmithError
from pairsmith.registry.engine import next_sequence
from pairsmith.registry.schema import identities
from pairsmith.registry.service_seal import ServiceSeal
from pairsmith.registry.soundness import moment
from pairsmith.server.access.model import AccessKey, ClientKey
from pairsmith.server.access.policy import parse_policy

Kind = Literal["client", "access_key"]
Document = dict[str, Any]

_log = logging.getLogger(__name__)


class IdentityNotFound(PairsmithError):  # noqa: N818 -- as in errors.py
    """No client key or access key has this id or name."""

    code = "InvalidAccessKeyId.NotFound"
    http_status = 404
    wire_message = "The Access Key ID provided does not exist in our records."


def insert(
    connection: sa.Connection,
    seal: ServiceSeal,
    identity: ClientKey | AccessKey,
) -> None:
    """Write a new identity."""
    sealed = seal.seal(connection, _place(identity.id), _bytes_of(identity))
    connection.execute(
        sa.insert(identities).values(
            identity_id=identity.id,
            kind=kind_of(identity),
            sequence=next_sequence(connection, identities.c.sequence),
            created_at_ms=milliseconds_of(identity.created_at),
            sealed_by=sealed.sealed_by,
            iv=sealed.iv,
            sealed=sealed.sealed,
        )
    )


def update(
    connection: sa.Connection, seal: ServiceSeal, identity: ClientKey | AccessKey
) -> None:
    """Write what is different about an identity that exists."""
    sealed = seal.seal(connection, _place(identity.id), _bytes_of(identity))
    connection.execute(
        sa.update(identities)
        .where(identities.c.identity_id == identity.id)
        .values(sealed_by=sealed.sealed_by, iv=sealed.iv, sealed=sealed.sealed)
    )


def delete(connection: sa.Connection, identity_id: str) -> bool:
    """Remove an identity, readable or not; tells whether there was one."""
    named = identities.c.identity_id == identity_id
    return connection.execute(sa.delete(identities).where(named)).rowcount > 0


def find(
    connection: sa.Connection, seal: ServiceSeal, identity_id: str
) -> ClientKey | AccessKey | None:
    """Find an identity of whatever kind.

    Raises:
        DatabaseError: Its row was changed by somebody else.
    """
    row = connection.execute(
        sa.select(identities).where(identities.c.identity_id == identity_id)
    ).first()
    return None if row is None else _identity_of(connection, seal, row)


def of_kind(
    connection: sa.Connection, seal: ServiceSeal, kind: Kind
) -> list[ClientKey | AccessKey]:
    """List identities of one kind in the order they were made.

    One whose row was changed is left out, and the log names it: it cannot be used, and
    ``delete`` removes it.
    """
    rows = connection.execute(
        sa.select(identities)
        .where(identities.c.kind == kind)
        .order_by(identities.c.sequence)
    ).all()
    found = []
    for row in rows:
        try:
            found.append(_identity_of(connection, seal, row))
        except (DatabaseError, KeyUnavailable) as error:
            _log.warning("The identity %s is not listed: %s", row.identity_id, error)
    return found


def kind_of(identity: ClientKey | AccessKey) -> Kind:
    """Tell the kind as the database has it."""
    return "client" if isinstance(identity, ClientKey) else "access_key"


def milliseconds_of(when: datetime) -> int:
    """Turn a moment into the database's milliseconds."""
    return round(when.astimezone(UTC).timestamp() * 1000)


def _identity_of(
    connection: sa.Connection, seal: ServiceSeal, row: sa.Row[Any]
) -> ClientKey | AccessKey:
    document = json.loads(seal.open(connection, _place(row.identity_id), row))
    revoked_at_ms = document["revoked_at_ms"]
    common: Document = {
        "id": row.identity_id,
        "name": document["name"],
        "not_before": moment(document["not_before_ms"]),
        "not_after": moment(document["not_after_ms"]),
        "revoked_at": None if revoked_at_ms is None else moment(revoked_at_ms),
        "policy": parse_policy(document["policy"]),
        "last_used_at": (
            None if row.last_used_at_ms is None else moment(row.last_used_at_ms)
        ),
        "created_at": moment(row.created_at_ms),
    }
    # Which kind it is, the sealed document says and not the row.
    if "public_key" in document:
        public_key = base64.b64decode(document["public_key"])
        return ClientKey(**common, public_key_der=public_key)
    return AccessKey(**common, secret=document["secret"].encode())


def _bytes_of(identity: ClientKey | AccessKey) -> bytes:
    revoked = identity.revoked_at
    document: Document = {
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
    return json.dumps(document).encode()


def _place(identity_id: str) -> str:
    return f"identity/{identity_id}"
