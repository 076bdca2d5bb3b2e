"""The server's own secrets and identities, on every database there is."""

from datetime import UTC, datetime

import pytest

from clock import NOON
from looking import facts_of
from pairsmith.errors import DatabaseError
from pairsmith.registry import FileRootKey, Registry
from pairsmith.registry.service_seal import ServiceSeal
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.key_ages import key_version_ages
from places import Place

NOW = datetime.fromtimestamp(NOON, UTC)
POLICY = parse_policy(["decrypt:tag:Team=edge"])


def test_identities_live_in_each_database(place: Place, registry: Registry) -> None:
    """Made, found by another process, used, revoked; a key is known by its tag."""
    store, elsewhere = AccessStore(registry), AccessStore(place.open())
    access, _ = store.create_access_key("ops", POLICY)
    client = store.create_client("app", POLICY).key
    assert elsewhere.access_key(access.id) == access
    assert elsewhere.client(client.id) == client
    key_id = registry.create_key(tags={"Team": "edge"}).key_id
    assert POLICY.allows("Decrypt", facts_of(registry, key_id))
    store.touch(client.id)
    store.revoke(access.id)
    store.close()
    assert AccessStore(registry).clients()[0].last_used_at == NOW
    revoked = AccessStore(place.open()).access_key(access.id)
    assert revoked is not None
    assert revoked.revoked_at == NOW
    assert key_version_ages(registry)["under 1d", True] == 1


def test_secrets_have_names_and_stay(place: Place, registry: Registry) -> None:
    """Each name its own secret, the same for every process and root key."""
    seal = ServiceSeal(registry.access)
    first, second = seal.secret("a"), seal.secret("b")
    assert len(first) == len(second) == 32
    assert first != second
    assert ServiceSeal(place.open().access).secret("a") == first
    new = FileRootKey(place.directory / "new-root-key")
    assert registry.rewrap(new).rewrapped == 0
    assert ServiceSeal(place.open(new).access).secret("b") == second


def test_a_secret_in_another_place_does_not_open(
    place: Place, registry: Registry
) -> None:
    """Nor one that was changed; the message names the row."""
    seal = ServiceSeal(registry.access)
    seal.secret("a")
    place.execute("UPDATE service_secrets SET secret_name = 'b'")
    for ask in (seal.secret, seal.kept_secret):
        with pytest.raises(DatabaseError, match="secret/b does not open"):
            ask("b")
    place.execute("UPDATE service_secrets SET secret_name = 'a', iv = :iv", iv=b"short")
    with pytest.raises(DatabaseError, match="secret/a does not open"):
        seal.secret("a")


def test_secrets_do_not_open_in_each_other_s_place(
    place: Place, registry: Registry
) -> None:
    """Two that were swapped are both refused."""
    seal = ServiceSeal(registry.access)
    seal.secret("a")
    seal.secret("b")
    place.execute(
        "UPDATE service_secrets SET secret_name ="
        " CASE secret_name WHEN 'a' THEN 'c' ELSE 'a' END"
    )
    place.execute(
        "UPDATE service_secrets SET secret_name = 'b' WHERE secret_name = 'c'"
    )
    for name in ("a", "b"):
        with pytest.raises(DatabaseError, match="changed or belongs elsewhere"):
            seal.secret(name)


def test_a_secret_that_was_taken_away_is_not_made_anew(
    place: Place, registry: Registry
) -> None:
    """The audit log would go on under another key, and nobody would know."""
    seal = ServiceSeal(registry.access)
    kept = seal.secret("a")
    rows = place.execute("SELECT * FROM service_secrets")
    place.execute("DELETE FROM service_secrets")
    for ask in (seal.secret, seal.kept_secret):
        with pytest.raises(DatabaseError, match=r"secret/a .* it is missing"):
            ask("a")
    (row,) = (dict(each._mapping) for each in rows)
    place.execute(
        "INSERT INTO service_secrets (secret_name, sealed_by, iv, sealed)"
        " VALUES (:secret_name, :sealed_by, :iv, :sealed)",
        **row,
    )
    assert seal.secret("a") == kept


def test_a_damaged_version_of_the_service_is_named(
    place: Place, registry: Registry
) -> None:
    """Without it nothing is authentic, and nothing is made in its place."""
    ServiceSeal(registry.access).secret("a")
    place.execute("UPDATE key_versions SET wrapped = :wrapped", wrapped=b"x" * 93)
    with pytest.raises(DatabaseError, match="service version"):
        ServiceSeal(place.open().access).secret("a")
    assert len(place.execute("SELECT * FROM key_versions")) == 1
