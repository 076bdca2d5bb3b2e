"""A database that an older Pairsmith wrote is taken over when it is first opened."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from typing import Any

import pytest
import sqlalchemy as sa
from points import count_points, run_killed

import old_database
import old_format
from old_database import binary, told
from pairsmith import Instance
from pairsmith.errors import (
    DatabaseError,
    DecryptionError,
    KeyDisabled,
    KeyPendingDeletion,
    KeyUnavailable,
    KeyVersionRetired,
    RootKeyError,
)
from pairsmith.model import KeyMetadata, KeyState
from pairsmith.registry import FileRootKey, adoption
from pairsmith.registry.identifiers import SERVICE
from pairsmith.registry.schema import metadata
from pairsmith.results import Decrypted, WrappedKeyPair
from pairsmith.server.access.store import AccessStore
from places import Place

LEFT = (
    "unopened_key_versions",
    "unauthenticated_keys",
    "refused_identities",
    "refused_secrets",
)
"""Fields of the line that name what stayed behind."""


@pytest.fixture
def instance(old_place: Place) -> Iterator[Instance]:
    """An instance over the database of before, opened for the first time."""
    with Instance.open(old_place.url, old_place.root_key) as opened:
        yield opened


def test_keys_are_as_they_were(old_place: Place) -> None:
    """States, dates, policies, aliases, tags and versions, of every key."""
    registry = old_place.open()
    for key in told("registry")["keys"].values():
        key_id = key["key_id"]
        assert _told(registry.describe_key(key_id)) == key["metadata"]
        aliases = registry.list_aliases_by_key_id(key_id, 1, 100).items
        assert [each.alias_name for each in aliases] == key["aliases"]
        tags = {each.tag_key: each.tag_value for each in registry.list_tags(key_id)}
        assert tags == key["tags"]
        versions = registry.list_key_versions(key_id, 1, 100).items
        assert [each.key_version_id for each in versions] == key["versions"]


def test_every_blob_of_before_opens(instance: Instance) -> None:
    """Of every kind, layout and version; those of a Disabled key when it is enabled."""
    blobs = told("blobs")
    disabled = told("registry")["keys"]["disabled"]["key_id"]
    refused = [blob for blob in blobs if blob.get("key_id") == disabled]
    assert len(blobs) == 70
    assert len(refused) == 8
    for blob in refused:
        with pytest.raises(KeyDisabled):
            _open(instance, blob)
    instance.enable_key(disabled)
    for blob in blobs:
        opened = _open(instance, blob)
        assert hashlib.sha256(opened.plaintext).hexdigest() == blob["plaintext_sha256"]


def test_identities_are_as_they_were(old_place: Place) -> None:
    """Clients and access keys with rights, dates, keys; revoked ones stay revoked."""
    store = AccessStore(old_place.open())
    found = {each.id: each for each in (*store.clients(), *store.access_keys())}
    expected = told("identities")
    assert [*found] == [each["id"] for each in expected]
    for each in expected:
        identity = found[each["id"]]
        assert identity.name == each["name"]
        assert list(identity.policy.texts()) == each["policy"]
        assert (identity.revoked_at is not None) == each["revoked"]
        for date in ("not_before", "not_after", "created_at"):
            assert getattr(identity, date) == datetime.fromisoformat(each[date])
        if each["kind"] == "access key":
            assert store.access_key(each["id"]) == identity
            assert getattr(identity, "secret", None) == each["secret"].encode()
        else:
            assert store.client(each["id"]) == identity


def test_the_audit_log_s_key_stays(old_place: Place) -> None:
    """The same 32 bytes, so that the log of before still verifies."""
    key = AccessStore(old_place.open()).audit_key()
    assert hashlib.sha256(key).hexdigest() == told("registry")["audit_key_sha256"]


def test_the_second_open_changes_nothing(old_place: Place) -> None:
    """What was taken over stays as it is, and the log's key opens every time."""
    old_place.open().close()
    before = _dump(old_place)
    registry = old_place.open()
    AccessStore(registry).audit_key()
    assert _dump(old_place) == before


def test_nothing_of_before_opens_afterwards(old_place: Place) -> None:
    """Every row is of the new format, and no root key takes it for an old one."""
    rows = "SELECT key_id, key_version_id, wrapped FROM key_versions"
    before = {bytes(row.wrapped) for row in old_place.execute(rows)}
    old_place.open()
    (root_key,) = old_place.root_key.load()
    after = old_place.execute(rows)
    for row in after:
        assert bytes(row.wrapped) not in before
        with pytest.raises(DecryptionError):
            root_key.open_version_1(row.wrapped, row.key_id, row.key_version_id)
    assert len([row for row in after if row.key_id == SERVICE]) == 1


def test_the_change_log_begins_with_it(old_place: Place) -> None:
    """One line, which names every key and identity and what stayed behind: nothing."""
    old_place.open()
    (line,) = _lines(old_place)
    keys = told("registry")["keys"].values()
    assert line["operation"] == "TakeOver"
    assert set(line["key_id"]) == {key["key_id"] for key in keys}
    assert set(line["identity_id"]) == {each["id"] for each in told("identities")}
    assert "audit-log" in line["secret_name"]
    for left in LEFT:
        assert line[left] == []


def test_killed_anywhere_it_is_done_again(
    old_places: Callable[[str], Place],
) -> None:
    """Wherever the first process ends, the next one takes all of it over, once."""
    points = count_points(partial(_open_elsewhere, old_places("kms")))
    assert points > 2
    for point in range(points):
        place = old_places("kms")
        assert run_killed(partial(_open_elsewhere, place), point)
        _check_all(place)
        assert len(_lines(place)) == 1


def test_another_process_is_first(
    old_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finds that it has been done in the meantime does nothing."""
    look = adoption.is_of_before

    def look_and_be_overtaken(connection: sa.Connection) -> bool:
        found = look(connection)
        monkeypatch.setattr(adoption, "is_of_before", look)
        connection.rollback()
        old_place.open()
        return found

    monkeypatch.setattr(adoption, "is_of_before", look_and_be_overtaken)
    old_place.open()
    assert len(_lines(old_place)) == 1
    _check_all(old_place)


def test_several_processes_at_once(old_place: Place) -> None:
    """All of them open it, and it is taken over once."""
    with get_context("fork").Pool(4) as processes:
        opened = processes.map(_open_elsewhere, [old_place] * 4)
    assert opened == ["opened"] * 4
    assert len(_lines(old_place)) == 1
    _check_all(old_place)


def test_a_version_that_does_not_open_stays_behind_alone(
    old_place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named in the log and the change log; every other version works."""
    middle = told("registry")["keys"]["rotated"]["versions"][1]
    old_place.execute(
        "UPDATE key_versions SET wrapped = :w WHERE key_version_id = :v",
        w=b"\1" * 109,
        v=middle,
    )
    registry = old_place.open()
    assert middle in caplog.text
    assert _lines(old_place)[0]["unopened_key_versions"] == [middle]
    with pytest.raises(KeyUnavailable, match=middle):
        registry.resolve_version(middle)
    for key in told("registry")["keys"].values():
        if key["metadata"]["key_state"] == "Enabled":
            for version in {*key["versions"]} - {middle}:
                assert registry.resolve_version(version)


def test_a_key_with_nonsense_in_it_stays_behind_alone(
    old_place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """It is Unavailable, as before, and named; every other key works."""
    keys = told("registry")["keys"]
    plain, rotated = keys["plain"]["key_id"], keys["rotated"]["key_id"]
    old_place.execute("UPDATE keys SET key_state = 'X' WHERE key_id = :k", k=plain)
    registry = old_place.open()
    assert plain in caplog.text
    assert _lines(old_place)[0]["unauthenticated_keys"] == [plain]
    assert registry.describe_key(plain).key_state is KeyState.UNAVAILABLE
    with pytest.raises(KeyUnavailable):
        registry.resolve(plain, primary=False)
    assert registry.resolve(rotated, primary=True)


def test_identities_forged_before_are_refused(
    old_place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """One that was sealed by ``Encrypt`` of a key, one of another row, one damaged."""
    honest = told("identities")
    access = next(each for each in honest if each["kind"] == "access key")
    client = next(each for each in honest if each["kind"] == "client")
    forged = "LTAI" + "Z" * 20
    _forge(old_place, forged, client["id"])
    old_place.execute(
        "UPDATE identities SET (iv, sealed) ="
        " (SELECT iv, sealed FROM identities WHERE identity_id = :from)"
        " WHERE identity_id = :to",
        **{"from": honest[1]["id"], "to": client["id"]},
    )
    store = AccessStore(old_place.open())
    refused = _lines(old_place)[0]["refused_identities"]
    assert sorted(refused) == sorted([forged, client["id"]])
    listed = {each.id for each in (*store.clients(), *store.access_keys())}
    assert listed == {each["id"] for each in honest} - {client["id"]}
    for identity_id in refused:
        assert identity_id in caplog.text
    with pytest.raises(DatabaseError, match=f"{forged} does not open"):
        store.access_key(forged)
    with pytest.raises(DatabaseError, match="does not open"):
        store.client(client["id"])
    assert store.access_key(access["id"]) is not None
    store.remove(forged)
    assert store.access_key(forged) is None


def test_a_secret_forged_before_is_refused(old_place: Place) -> None:
    """The audit log has no other key than its own, and none in its place."""
    version, material = _material(old_place)
    iv, blob = old_format.seal(material, version, b"k" * 32, b"audit-log")
    old_place.execute(
        "UPDATE service_secrets SET sealed_by = :v, iv = :iv, sealed = :blob",
        v=version,
        iv=iv,
        blob=blob,
    )
    store = AccessStore(old_place.open())
    assert _lines(old_place)[0]["refused_secrets"] == ["audit-log"]
    for ask in (store.audit_key, store.kept_audit_key):
        with pytest.raises(DatabaseError, match="audit-log does not open"):
            ask()


def test_in_the_middle_of_a_re_wrap(rewrapping_place: Place) -> None:
    """With both root keys all of it is taken over, and the re-wrap can be finished."""
    place = rewrapping_place
    old, new = place.root_key, FileRootKey(place.directory / "next-root-key")
    for one in (old, new):
        with pytest.raises(RootKeyError, match="both root keys"):
            place.open(one)
    registry = place.open([old, new])
    _check_all(place, [old, new])
    moved = place.execute("SELECT key_version_id, root_key_id FROM key_versions")
    for one in (old, new):
        (root_key,) = one.load()
        alone, opened = place.open(one), 0
        for version, root_key_id in moved:
            if root_key_id == root_key.root_key_id and not version.startswith(SERVICE):
                with suppress(KeyDisabled, KeyPendingDeletion):
                    opened += alone.resolve_version(version) is not None
        assert opened
    registry.rewrap(new)
    registry.close()
    _check_all(place, new)


def test_a_database_that_was_authenticated_is_not_taken_over_again(
    old_place: Place,
) -> None:
    """Who removes what tells so does not get the rest believed as it is found."""
    old_place.open().close()
    before = _dump(old_place)
    for removal in (
        "DELETE FROM revision_pages",
        "DELETE FROM changes",
        "UPDATE keys SET contents = NULL, contents_mac = NULL, revision = NULL",
        "DELETE FROM service_secrets",
        "DELETE FROM identities",
        "DELETE FROM key_versions WHERE key_id = 'pairsmith-server'",
        "DELETE FROM tags",
    ):
        old_place.execute(removal)
        with pytest.raises(DatabaseError, match="restore"):
            old_place.open()
    rows = "key_versions"
    assert [row for row in before[rows] if SERVICE not in row] == _dump(old_place)[rows]


def test_it_can_be_refused(old_place: Place) -> None:
    """Then nothing of it changes, its schema neither; afterwards it is as any other."""
    before = _revision(old_place)
    with pytest.raises(DatabaseError, match="never authenticated"):
        old_place.open(refuse_format_1=True)
    with pytest.raises(DatabaseError, match="never authenticated"):
        Instance.open(old_place.url, old_place.root_key, refuse_format_1=True)
    assert _revision(old_place) == before == old_database.REVISION
    old_place.open().close()
    old_place.open(refuse_format_1=True)
    _check_all(old_place)


def test_a_new_database_is_not_refused(empty_place: Place) -> None:
    """There is nothing in it that was not authenticated."""
    registry = empty_place.open(refuse_format_1=True)
    key_id = registry.create_key().key_id
    assert empty_place.open(refuse_format_1=True).resolve(key_id, primary=True)


def test_retired_versions_stay_retired(old_place: Place) -> None:
    """Of a database that has been brought up to schema 0005 before."""
    middle = told("registry")["keys"]["rotated"]["versions"][1]
    engine = sa.create_engine(old_place.url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        old_database.upgrade(connection, "0005")
    old_place.execute(
        "UPDATE key_versions SET retired_at_ms = 1 WHERE key_version_id = :v", v=middle
    )
    registry = old_place.open()
    with pytest.raises(KeyVersionRetired):
        registry.resolve_version(middle)
    key_id = told("registry")["keys"]["rotated"]["key_id"]
    registry.restore_key_version(key_id, middle)
    assert registry.resolve_version(middle)


def _forge(place: Place, access_key_id: str, client_id: str) -> None:
    """Put in an access key as poc1 does: sealed with a version that wraps data."""
    version, material = _material(place)
    document = {
        "name": "forged",
        "not_before_ms": 0,
        "not_after_ms": 10**13,
        "revoked_at_ms": None,
        "policy": ["*"],
        "secret": "A" * 30,
    }
    place_of_it = f"identity/{access_key_id}".encode()
    text = json.dumps(document).encode()
    iv, blob = old_format.seal(material, version, text, place_of_it)
    place.execute(
        "INSERT INTO identities (identity_id, kind, sequence, created_at_ms,"
        " sealed_by, iv, sealed) SELECT :id, 'access_key', 1000, 0, :v, :iv, :blob"
        " FROM identities WHERE identity_id = :other",
        id=access_key_id,
        v=version,
        iv=iv,
        blob=blob,
        other=client_id,
    )


def _material(place: Place) -> tuple[str, bytes]:
    """Give a version of a key and its 32 bytes, as its own data operations use them."""
    version = told("registry")["keys"]["plain"]["versions"][0]
    ((key_id, row),) = place.execute(
        "SELECT key_id, wrapped FROM key_versions WHERE key_version_id = :v", v=version
    )
    root_key = place.root_key.path.read_bytes()
    return version, old_format.unwrap(root_key, key_id, version, bytes(row))


def _open_elsewhere(place: Place) -> str:
    place = Place(place.url, place.directory)
    with place.opened:
        place.open()
    return "opened"


def _check_all(place: Place, root_key: Any = None) -> None:
    """See that keys, blobs, identities and the audit log's key work."""
    with Instance.open(place.url, root_key or place.root_key) as instance:
        for blob in told("blobs"):
            if blob.get("key_id") != told("registry")["keys"]["disabled"]["key_id"]:
                digest = hashlib.sha256(_open(instance, blob).plaintext).hexdigest()
                assert digest == blob["plaintext_sha256"]
        store = AccessStore(instance.registry)
        found = {each.id for each in (*store.clients(), *store.access_keys())}
        assert found == {each["id"] for each in told("identities")}
        digest = hashlib.sha256(store.audit_key()).hexdigest()
        assert digest == told("registry")["audit_key_sha256"]


def _lines(place: Place) -> list[dict[str, Any]]:
    """Everything that each line of the change log names, by field."""
    entries = place.execute("SELECT entry FROM changes ORDER BY sequence")
    lines = [json.loads(entry) for (entry,) in entries]
    parts = ("noted", "subjects", "details")
    return [
        line
        | {name: value for part in parts for name, value in line.get(part, {}).items()}
        for line in lines
    ]


def _revision(place: Place) -> str:
    ((revision,),) = place.execute("SELECT version_num FROM schema_revision")
    return str(revision)


def _dump(place: Place) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    return {
        table: [
            tuple(row)
            for row in place.execute(f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608 -- names of ours
        ]
        for table in metadata.tables
        if table != "guard_slots"
    }


def _open(instance: Instance, blob: dict[str, Any]) -> Decrypted:
    if "record" in blob:
        record = WrappedKeyPair.from_json(json.dumps(blob["record"]))
        return instance.decrypt(record)
    ciphertext, aad = binary(blob["ciphertext_blob"]), binary(blob["aad"])
    if blob["advance"]:
        return instance.advance_decrypt(ciphertext, aad=aad)
    return instance.decrypt(
        ciphertext, key_id=blob["key_id"], iv=binary(blob["iv"]), aad=aad
    )


def _told(metadata: KeyMetadata) -> dict[str, Any]:
    names = type(metadata).__dataclass_fields__
    return {name: _text(getattr(metadata, name)) for name in names}


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.total_seconds() if isinstance(value, timedelta) else value
