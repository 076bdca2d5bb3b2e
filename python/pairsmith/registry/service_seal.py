"""What the server keeps for itself: identities and secrets, sealed by the service key.

Only the service key seals and opens them: a type of its own, with contexts of its own,
so that nothing a data operation makes or opens can be one of these. Each is bound to
its place, ``identity/ID`` or ``secret/NAME``, and has its revision inside: one that was
moved does not open, and an older one that was put back, or one that was removed and
came back, is refused (see ``revisions.py``).
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pairsmith.errors import DatabaseError
from pairsmith.registry.access import Access
from pairsmith.registry.changing import Change
from pairsmith.registry.key_ring import UNOPENED
from pairsmith.registry.revisions import Revisions
from pairsmith.registry.schema import service_secrets

SECRET_BYTES = 32

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sealed:
    """The columns of a sealed document."""

    sealed_by: str
    iv: bytes
    sealed: bytes

    def columns(self) -> dict[str, Any]:
        """Give them by name."""
        return {"sealed_by": self.sealed_by, "iv": self.iv, "sealed": self.sealed}


def seal(change: Change, place: str, document: Mapping[str, Any]) -> Sealed:
    """Seal a document for its place, as the newest of that place.

    Args:
        change: The transaction that writes it.
        place: ``identity/ID`` or ``secret/NAME``.
        document: What JSON can say; ``revision`` is added.
    """
    told = {**document, "revision": change.revision}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    iv, sealed = change.service_key.seal(text.encode(), place)
    change.object(place, change.revision)
    return Sealed(change.service_key.key_version_id, iv, sealed)


def open_sealed(
    connection: sa.Connection, revisions: Revisions | None, place: str, row: sa.Row[Any]
) -> Document:
    """Open what is in a place, if it is the newest that was sealed for it.

    Args:
        connection: In the transaction that has read the row.
        revisions: As that transaction finds them; ``None`` if nothing was ever sealed.
        place: Where the row is.
        row: With the columns of ``Sealed``.

    Raises:
        DatabaseError: It was changed, belongs elsewhere, was put back, or made by
            somebody else.
        KeyUnavailable: What tells which is the newest is damaged.
    """
    newest = None if revisions is None else revisions.of(connection, place)
    if revisions is None or newest is None:
        raise _refused(place, "it was removed and put back, or somebody else made it")
    if row.sealed_by != revisions.service_key.key_version_id:
        raise _refused(place, "it was sealed by something else than the service key")
    try:
        text = revisions.service_key.open(row.sealed, row.iv, place)
    except UNOPENED as error:
        raise _refused(place, "it was changed or belongs elsewhere") from error
    document: Document = json.loads(text)
    if document["revision"] != newest:
        raise _refused(place, "an older one was put back")
    return document


class ServiceSeal:
    """The server's secrets: random bytes by name, made when first asked for."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def secret(self, name: str) -> bytes:
        """Give the 32 random bytes of that name.

        Raises:
            DatabaseError: There were some, and they do not open or are not there.
        """
        kept = self.kept_secret(name)
        if kept is not None:
            return kept
        with self._access.changing("CreateServiceSecret") as change:
            # Looked at again: another process may have been first.
            kept = _kept(change.connection, change.revisions, name)
            return _make(change, name) if kept is None else kept

    def kept_secret(self, name: str) -> bytes | None:
        """Give the bytes of that name, ``None`` if nobody has asked for them yet."""
        with self._access.looking() as connection:
            return _kept(connection, self._access.revisions(connection), name)


def put_secret(change: Change, name: str, secret: bytes) -> None:
    """Write a secret that has no row."""
    text = base64.b64encode(secret).decode("ascii")
    sealed = seal(change, _place(name), {"name": name, "secret": text})
    change.connection.execute(
        sa.insert(service_secrets).values(secret_name=name, **sealed.columns())
    )
    change.note(secret_name=name)


def _make(change: Change, name: str) -> bytes:
    made = secrets.token_bytes(SECRET_BYTES)
    put_secret(change, name, made)
    return made


def _kept(
    connection: sa.Connection, revisions: Revisions | None, name: str
) -> bytes | None:
    row = connection.execute(
        sa.select(service_secrets).where(service_secrets.c.secret_name == name)
    ).first()
    place = _place(name)
    if row is not None:
        document = open_sealed(connection, revisions, place, row)
        return base64.b64decode(document["secret"], validate=True)
    if revisions is not None and revisions.of(connection, place) is not None:
        raise _refused(place, "it is missing")
    return None


def _place(name: str) -> str:
    return f"secret/{name}"


def _refused(place: str, reason: str) -> DatabaseError:
    return DatabaseError(
        f"The stored row of {place} does not open: {reason}. Restore it from a backup, "
        "or remove it.",
        retryable=False,
    )
