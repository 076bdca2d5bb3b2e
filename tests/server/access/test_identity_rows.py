"""Rows of identities that somebody wrote who has no root key: older, removed, changed.

Nobody undoes a revocation by them, widens a right, or brings an identity back.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from clock import NOON
from looking import doubting
from pairsmith.errors import DatabaseError, KeyUnavailable
from pairsmith.registry import Registry
from pairsmith.registry.schema import identities
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.rows import IdentityNotFound
from pairsmith.server.access.store import AccessStore
from places import Place

POLICY = parse_policy(["pairs:*"])
NOW = datetime.fromtimestamp(NOON, UTC)


def _row(place: Place, identity_id: str) -> dict[str, Any]:
    named = "SELECT * FROM identities WHERE identity_id = :id"
    return dict(place.execute(named, id=identity_id)[0]._mapping)


def _put_back(place: Place, row: dict[str, Any]) -> None:
    """Write a row as it was, as somebody does who has kept a copy of it."""
    named = "DELETE FROM identities WHERE identity_id = :identity_id"
    place.execute(named, identity_id=row["identity_id"])
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    place.execute(f"INSERT INTO identities ({names}) VALUES ({marks})", **row)  # noqa: S608 -- names of columns


@pytest.mark.parametrize("change", ["revoke", "set_policy", "set_not_after"])
@pytest.mark.parametrize("kind", ["client", "access key"])
def test_an_older_row_does_not_undo_a_change(
    registry: Registry, place: Place, change: str, kind: str
) -> None:
    """A revocation, a narrower policy, an end: its row of before is refused."""
    store = doubting(registry)
    mighty = parse_policy(["*"])
    is_client = kind == "client"
    made = (
        store.create_client("app", mighty).key.id
        if is_client
        else store.create_access_key("ops", mighty)[0].id
    )
    before = _row(place, made)
    arguments = {
        "revoke": (),
        "set_policy": (POLICY,),
        "set_not_after": (NOW + timedelta(seconds=1),),
    }[change]
    getattr(store, change)(made, *arguments)
    after = _row(place, made)
    _put_back(place, before)
    for each in (store, AccessStore(place.open())):
        with pytest.raises(DatabaseError, match=f"{made} does not open: an older"):
            each.client(made) if is_client else each.access_key(made)
        assert each.clients() == each.access_keys() == ()
    for again in (store.revoke, lambda name: store.set_policy(name, mighty)):
        with pytest.raises(DatabaseError, match="an older"):
            again(made)
    _put_back(place, after)
    assert len(store.clients() + store.access_keys()) == 1


def test_a_removed_identity_stays_removed(
    registry: Registry, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """Its row is refused when it comes back, and can be removed again."""
    store = doubting(registry)
    key = store.create_client("app", POLICY).key
    row = _row(place, key.id)
    store.remove(key.id)
    assert store.client(key.id) is None
    _put_back(place, row)
    with pytest.raises(DatabaseError, match="removed and put back"):
        store.client(key.id)
    assert store.clients() == ()
    assert key.id in caplog.text
    store.remove(key.id)
    assert store.client(key.id) is None
    with pytest.raises(IdentityNotFound):
        store.remove(key.id)


def test_columns_beside_the_sealed_text_decide_nothing(
    registry: Registry, place: Place
) -> None:
    """Kind, order and date of making are what was sealed, whatever the columns say."""
    store = doubting(registry)
    first, second = (store.create_client("app", POLICY).key for _ in range(2))
    place.execute("UPDATE identities SET kind = 'access_key', created_at_ms = 5")
    place.execute(
        "UPDATE identities SET sequence = 1 - sequence WHERE identity_id = :id",
        id=second.id,
    )
    assert store.clients() == (first, second)
    assert store.access_keys() == ()
    assert store.client(first.id) == first


@pytest.mark.parametrize("advance", [False, True])
@pytest.mark.parametrize("purpose", ["message", "job"])
def test_what_a_key_seals_is_no_identity(
    registry: Registry, place: Place, purpose: str, *, advance: bool
) -> None:
    """Whatever its purpose and layout, and whichever version the row names."""
    store = doubting(registry)
    honest = store.create_client("app", POLICY).key
    row = _row(place, honest.id)
    data = registry.resolve(registry.create_key().key_id, primary=True)
    with registry.access.looking() as connection:
        revisions = registry.access.revisions(connection)
        assert revisions is not None
        text = revisions.service_key.open(
            row["sealed"], row["iv"], f"identity/{honest.id}"
        )
    iv, blob = data.wrapping_key.seal(
        text.replace(b"pairs:*", b"*"),
        f"identity/{honest.id}".encode(),
        advance=advance,
        purpose=purpose,
    )
    for sealed_by in (row["sealed_by"], data.key_version_id):
        for sealed in {blob, blob[51:]} if advance else {blob}:
            _put_back(place, row | {"sealed_by": sealed_by, "iv": iv, "sealed": sealed})
            with pytest.raises(DatabaseError, match="does not open"):
                store.client(honest.id)
    _put_back(place, row)
    assert store.client(honest.id) == honest


@pytest.mark.parametrize("column", [column.name for column in identities.columns])
def test_no_value_of_a_column_makes_another_identity(
    registry: Registry, place: Place, column: str
) -> None:
    """It is what it was, last use excepted, or refused; the other one works."""
    store = doubting(registry)
    mighty = store.create_client("root", parse_policy(["*"])).key
    weak = store.create_client("app", POLICY).key
    honest, other = _row(place, weak.id), _row(place, mighty.id)
    values = (None, 0, -1, 2**62, "", "x", b"", b"x" * 60, other[column])
    for value in (*values, honest[column][:-1] if column == "sealed" else None):
        with suppress(sa.exc.SQLAlchemyError):  # what the database itself refuses
            place.execute(
                f"UPDATE identities SET {column} = :value WHERE identity_id = :id",  # noqa: S608 -- names of columns
                value=value,
                id=weak.id,
            )
        with suppress(DatabaseError, KeyUnavailable):
            found = store.client(weak.id)
            assert found is None or replace(found, last_used_at=None) == weak
        assert store.client(mighty.id) == mighty
        for listed in store.clients():
            assert replace(listed, last_used_at=None) in (mighty, weak)
        assert store.access_keys() == ()
        place.execute("DELETE FROM identities")
        _put_back(place, other)
        _put_back(place, honest)
    assert store.clients() == (mighty, weak)


def test_a_row_that_was_taken_away_can_be_forgotten(
    store: AccessStore, place: Place
) -> None:
    """Nobody is found by it; removing the identity is no error."""
    key = store.create_client("app", POLICY).key
    row = _row(place, key.id)
    place.execute("DELETE FROM identities")
    store.remove(key.id)
    _put_back(place, row)
    with pytest.raises(DatabaseError, match="removed and put back"):
        store.client(key.id)


def test_every_change_is_told_with_all_that_it_gave(
    store: AccessStore, place: Place
) -> None:
    """Credential, name, kind, rights and validity; a secret never."""
    key, secret = store.create_access_key("ops", POLICY)
    client = store.create_client("app", POLICY).key
    store.set_policy(key.id, parse_policy(["read:*"]))
    store.set_not_after(key.id, NOW + timedelta(days=1))
    store.revoke(client.id)
    store.remove(client.id)
    store.audit_key()
    entries = [
        entry
        for (entry,) in place.execute("SELECT entry FROM changes ORDER BY sequence")
    ]
    expected = [
        ("CreateAccessKey", key.id, "ops", "pairs:*", "access_key"),
        ("CreateClientKey", client.id, "app", "pairs:*", '"client"'),
        ("UpdateIdentityPolicy", key.id, "ops", "read:*"),
        ("UpdateIdentityValidity", key.id, "2027-01-16"),
        ("RevokeIdentity", client.id, "app", "2027-01-15"),
        ("DeleteIdentity", client.id, "app"),
        ("CreateServiceSecret", "audit-log"),
    ]
    assert len(entries) == len(expected)
    for entry, words in zip(entries, expected, strict=True):
        for word in words:
            assert word in entry
        assert secret not in entry
