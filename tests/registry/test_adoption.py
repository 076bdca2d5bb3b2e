"""A database that an older Pairsmith wrote is taken over when it is first opened."""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from old_database import binary, told
from pairsmith import Instance
from pairsmith.errors import KeyDisabled
from pairsmith.model import KeyMetadata
from pairsmith.results import Decrypted, WrappedKeyPair
from pairsmith.server.access.store import AccessStore
from places import Place


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
