"""Identities: made, found, limited, revoked; and what the database may not forge."""

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from clock import NOON, Clock
from looking import facts_of
from pairsmith.errors import DatabaseError, InvalidParameter
from pairsmith.registry import Registry
from pairsmith.server.access.credentials import (
    ACCESS_KEY_ID,
    CLIENT_KEY_ID,
    new_password,
    parse_password,
)
from pairsmith.server.access.policy import KeyFacts, Policy, parse_policy
from pairsmith.server.access.rows import IdentityNotFound
from pairsmith.server.access.store import AccessStore
from places import Place

POLICY = parse_policy(["pairs:*"])
NOW = datetime.fromtimestamp(NOON, UTC)
ABSENT = "KAAP.00000000-0000-4000-8000-000000000000"

ENCRYPTED_DATA = bytes.fromhex("06092a864886f70d010706")
SHROUDED_KEY = bytes.fromhex("060b2a864886f70d010c0a0102")
SHA1_3DES = bytes.fromhex("060a2a864886f70d010c0103")


def test_a_new_client_has_a_key_the_official_format_holds(store: AccessStore) -> None:
    """The PKCS#12 opens with the password, and its key is the one the server keeps."""
    made = store.create_client("app", POLICY)
    content = json.loads(made.credential_json)
    assert content["KeyId"] == made.key.id
    assert CLIENT_KEY_ID.fullmatch(made.key.id)
    archive = base64.b64decode(content["PrivateKeyData"])
    key, certificate, others = pkcs12.load_key_and_certificates(
        archive, made.password.encode()
    )
    assert key is not None
    assert certificate is not None
    assert others == []
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert public == made.key.public_key_der
    assert getattr(key, "key_size", None) == 2048
    assert certificate.public_key() == key.public_key()
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_key_and_certificates(archive, b"wrong")


def test_the_certificate_comes_before_the_key(store: AccessStore) -> None:
    """Old ciphers for both, and in the order in which the Go client takes them."""
    content = json.loads(store.create_client("app", POLICY).credential_json)
    archive = base64.b64decode(content["PrivateKeyData"])
    assert archive.count(SHA1_3DES) == 2
    assert 0 < archive.index(ENCRYPTED_DATA) < archive.index(SHROUDED_KEY)


def test_what_was_made_is_found(store: AccessStore) -> None:
    """By id, of its kind only, with the policy and dates it was given."""
    end = NOW + timedelta(days=3)
    client = store.create_client("app", POLICY, not_after=end).key
    access, secret = store.create_access_key("ops", parse_policy(["manage,read:*"]))
    assert store.client(client.id) == client
    assert store.access_key(access.id) == access
    assert access.secret == secret.encode()
    assert ACCESS_KEY_ID.fullmatch(access.id)
    assert len(secret) == 30
    assert store.client(access.id) is None
    assert store.access_key(client.id) is None
    assert store.client(ABSENT) is None
    assert store.client("' OR 1=1") is None
    assert store.clients() == (client,)
    assert store.access_keys() == (access,)
    assert client.principal().policy == POLICY
    assert (access.principal().kind, access.principal().name) == ("access_key", "ops")
    assert secret not in repr(access)


def test_the_default_validity_is_five_years(store: AccessStore) -> None:
    """From now on, and not a moment before or after."""
    key = store.create_client("app", POLICY).key
    assert key.not_before == NOW
    assert 5 * 365 <= (key.not_after - NOW).days <= 5 * 366
    assert key.valid_at(NOW)
    assert not key.valid_at(NOW - timedelta(seconds=1))
    assert key.valid_at(key.not_after - timedelta(seconds=1))
    assert not key.valid_at(key.not_after)


def test_a_revocation_counts_at_once_in_this_process(registry: Registry) -> None:
    """Also in another store over the same registry, which had it in memory."""
    store, other = AccessStore(registry), AccessStore(registry)
    key = store.create_client("app", POLICY).key
    assert other.client(key.id) == key
    store.revoke(key.id)
    for each in (store, other):
        found = each.client(key.id)
        assert found is not None
        assert not found.valid_at(NOW)
        assert found.revoked_at == NOW


def test_a_revocation_by_another_process_counts_when_memory_is_over(
    place: Place, registry: Registry
) -> None:
    """Not before: what is believed for a moment is the identity as it was."""
    store = AccessStore(registry)
    key = store.create_client("app", POLICY).key
    assert store.client(key.id) == key
    registry.access.cache.fresh_until = inf  # that moment lasts as long as it takes
    AccessStore(place.open()).revoke(key.id)
    assert store.client(key.id) == key
    registry.access.cache.fresh_until = -inf
    found = store.client(key.id)
    assert found is not None
    assert found.revoked_at is not None


def test_a_revocation_stays(store: AccessStore, clock: Clock) -> None:
    """Revoking again does not move its date; nor does a new policy bring it back."""
    key = store.create_client("app", POLICY).key
    store.revoke(key.id)
    clock.now += 100
    store.revoke(key.id)
    store.set_policy(key.id, parse_policy(["*"]))
    found = store.client(key.id)
    assert found is not None
    assert found.revoked_at == NOW
    assert found.policy == parse_policy(["*"])


def test_a_policy_and_an_end_can_be_changed(store: AccessStore) -> None:
    """Nothing else about the identity changes; its secret neither."""
    key, _ = store.create_access_key("ops", POLICY)
    store.set_policy(key.id, parse_policy(["read:*", "GenerateRandom"]))
    store.set_not_after(key.id, NOW + timedelta(days=1))
    found = store.access_key(key.id)
    assert found is not None
    assert found.policy.texts() == ("read:*", "GenerateRandom")
    assert found.not_after == NOW + timedelta(days=1)
    assert (found.secret, found.name) == (key.secret, "ops")


def test_an_unknown_identity_cannot_be_changed(store: AccessStore) -> None:
    """Each change says that there is none."""
    for change in (
        lambda: store.revoke(ABSENT),
        lambda: store.set_policy(ABSENT, POLICY),
        lambda: store.set_not_after(ABSENT, NOW),
        lambda: store.remove(ABSENT),
    ):
        with pytest.raises(IdentityNotFound, match=ABSENT):
            change()


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": ""},
        {"name": "a" * 65},
        {"name": "a\nb"},
        {"password": "short1!"},
        {"password": "a" * 20},
        {"password": "1" * 65},
        {"password": "passwörd1"},
        {"not_after": NOW},
        {"not_before": NOW, "not_after": NOW - timedelta(days=1)},
        {"not_after": datetime(2099, 1, 1)},  # noqa: DTZ001 -- that is the point
    ],
)
def test_what_is_not_as_documented_is_refused(
    store: AccessStore, arguments: dict[str, Any]
) -> None:
    """And nothing is made, and no password repeated."""
    with pytest.raises(InvalidParameter) as caught:
        store.create_client(**({"name": "app", "policy": POLICY} | arguments))
    assert str(arguments.get("password")) not in str(caught.value)
    assert store.clients() == ()


def test_passwords_of_two_kinds_are_taken() -> None:
    """Random ones are always such; they are different every time."""
    for password in ("abcd1234", "~!@#$%^&*?_-a", "A" * 63 + "1"):
        assert parse_password(password) == password
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(parse_password(each) for each in made)


def test_the_last_use_is_written_in_batches(
    store: AccessStore, registry: Registry, clock: Clock
) -> None:
    """Not when it is noted, but when the store closes; and never moved back."""
    key = store.create_client("app", POLICY).key
    clock.now += 60
    store.touch(key.id)
    assert store.clients()[0].last_used_at is None
    store.close()
    assert store.clients()[0].last_used_at == NOW + timedelta(seconds=60)
    earlier = AccessStore(registry)
    clock.now -= 30
    earlier.touch(key.id)
    earlier.close()
    assert store.clients()[0].last_used_at == NOW + timedelta(seconds=60)


def test_writing_the_last_use_ends_nobody_s_memory(
    store: AccessStore, place: Place
) -> None:
    """The change counter stays, so that caches everywhere stay warm."""
    key = store.create_client("app", POLICY).key

    before = place.execute("SELECT change_counter FROM registry")
    store.touch(key.id)
    store._uses.run_maintenance()
    assert place.execute("SELECT change_counter FROM registry") == before
    assert store.clients()[0].last_used_at == NOW


def test_a_use_that_could_not_be_written_is_kept(
    store: AccessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked database costs nothing but time."""
    key = store.create_client("app", POLICY).key
    store.touch(key.id)

    def locked(**_: object) -> Any:
        raise DatabaseError("locked")

    with monkeypatch.context() as patched:
        patched.setattr(store._access.database, "writing", locked)
        with pytest.raises(DatabaseError):
            store._uses.run_maintenance()
    store._uses.run_maintenance()
    assert store.clients()[0].last_used_at == NOW


def test_a_forked_child_has_uses_and_memory_of_its_own(
    store: AccessStore, registry: Registry
) -> None:
    """It writes what it noted itself, and sees what its parent made."""
    key = store.create_client("app", POLICY).key
    other = store.create_client("other", POLICY).key
    assert store.client(key.id) == key
    store.touch(key.id)
    child = os.fork()
    if child == 0:
        found = store.client(other.id) == other
        store.touch(other.id)
        store.close()
        os._exit(0 if found else 1)
    assert os.waitpid(child, 0)[1] == 0
    uses = [each.last_used_at for each in AccessStore(registry).clients()]
    assert uses == [None, NOW]
    store.close()
    uses = [each.last_used_at for each in AccessStore(registry).clients()]
    assert uses == [NOW, NOW]


def test_who_can_write_the_database_cannot_forge_an_identity(
    store: AccessStore, registry: Registry, place: Place
) -> None:
    """A row under another id does not open, nor one with a changed byte."""
    mighty = store.create_client("root", parse_policy(["*"])).key
    weak = store.create_client("app", POLICY).key
    place.execute(
        "UPDATE identities SET (iv, sealed) ="
        " (SELECT iv, sealed FROM identities WHERE identity_id = :from)"
        " WHERE identity_id = :to",
        **{"from": mighty.id, "to": weak.id},
    )
    with pytest.raises(DatabaseError, match=f"{weak.id} does not open"):
        AccessStore(registry).client(weak.id)
    store.remove(weak.id)
    assert store.clients() == (mighty,)


def test_no_secret_lies_in_the_database(
    store: AccessStore, registry: Registry, place: Place
) -> None:
    """Neither an access key's secret, nor a client's private key or password."""
    _, secret = store.create_access_key("ops", POLICY)
    made = store.create_client("app", POLICY)
    audit_key = store.audit_key()
    rows = place.execute("SELECT * FROM identities, key_versions")
    registry.close()
    stored = b"".join(path.read_bytes() for path in place.directory.iterdir())
    stored += b"".join(bytes(v) for row in rows for v in row if isinstance(v, bytes))
    stored += repr(rows).encode()
    private = base64.b64decode(json.loads(made.credential_json)["PrivateKeyData"])
    for each in (secret.encode(), made.password.encode(), audit_key, private[-200:]):
        assert each not in stored


def test_a_rewrap_takes_the_identities_along(
    store: AccessStore, place: Place, registry: Registry
) -> None:
    """Everything opens under the new root key, and nothing under the old one."""
    root_key_file = place.root_key.path
    old = root_key_file.read_bytes()
    access, _ = store.create_access_key("ops", POLICY)
    client = store.create_client("app", POLICY).key
    audit_key = store.audit_key()
    assert registry.rewrap().rewrapped == 0  # of versions of keys there are none
    registry.close()
    moved = AccessStore(place.open())
    assert moved.access_key(access.id) == access
    assert moved.client(client.id) == client
    assert moved.audit_key() == audit_key
    root_key_file.write_bytes(old)
    with pytest.raises(Exception, match="wrong root key"):
        place.open()


def test_the_audit_key_is_made_once(store: AccessStore, registry: Registry) -> None:
    """Every store of every process gives the same 32 bytes."""
    key = store.audit_key()
    assert len(key) == 32
    assert AccessStore(registry).audit_key() == key


def test_policies_see_the_real_key_behind_a_name(registry: Registry) -> None:
    """Ids, aliases and tags are those of the key, whichever name was used."""
    key = registry.create_key(tags={"Team": "edge"}).key_id
    registry.create_alias("alias/app-a", key)
    registry.create_alias("alias/b", key)
    for name in (key, "alias/b"):
        facts = facts_of(registry, name)
        assert facts.id == key
        assert set(facts.aliases) == {"alias/app-a", "alias/b"}
        assert facts.tags == {"Team": "edge"}
        for rule in (f"Decrypt:{key}", "Decrypt:alias/app-*", "Decrypt:tag:Team=edge"):
            assert parse_policy([rule]).allows("Decrypt", facts)
    registry.update_alias("alias/app-a", registry.create_key().key_id)
    policy = parse_policy(["Decrypt:alias/app-*"])
    assert not policy.allows("Decrypt", facts_of(registry, "alias/b"))
    assert policy.allows("Decrypt", facts_of(registry, "alias/app-a"))


def test_a_key_that_does_not_exist_shows_only_to_who_might_use_it(
    registry: Registry,
) -> None:
    """So a policy forbids it like any other key, and existence is not told."""
    policy = parse_policy(["Decrypt:alias/app-*"])
    assert policy.allows("Decrypt", facts_of(registry, "alias/app-gone"))
    assert not policy.allows("Decrypt", facts_of(registry, "alias/gone"))
    assert not policy.allows("Decrypt", facts_of(registry, "key-" + "z" * 21))


def test_the_server_s_own_version_is_no_key(
    store: AccessStore, registry: Registry, place: Place
) -> None:
    """It cannot be named by an operation on keys, nor does a list show it."""
    store.audit_key()
    assert registry.list_keys().total_count == 0
    ((version,),) = place.execute("SELECT key_version_id FROM key_versions")
    assert len(version) == 36
    for name in (version, "pairsmith-server"):
        with pytest.raises(Exception, match=r"No key|does not exist"):
            registry.resolve_version(version)
        with pytest.raises(Exception, match=r"does not exist"):
            registry.resolve(name, primary=False)


def test_policy_is_a_value() -> None:
    """Two policies of the same rules are equal, and usable as they are printed."""
    assert Policy(frozenset({"Decrypt"})) == Policy(frozenset({"Decrypt"}))
    assert str(parse_policy(["read:*", "GenerateRandom"])) == "read:* GenerateRandom"
    assert KeyFacts("key").aliases == ()
