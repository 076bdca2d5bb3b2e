"""ReEncrypt over the OpenAPI: contexts, rights, what is told and what is not."""

import base64
import json
from typing import Any

import pytest
from applications import Application
from openapi_caller import Caller, Refused

from pairsmith import Instance
from pairsmith.parameters import encryption_context_aad

FORBIDDEN = (403, "Forbidden.NoPermission")
TENANT = {"tenant": "7", "order": "ü"}


@pytest.fixture
def caller(application: Application) -> Caller:
    """Somebody who may do everything."""
    return application.caller()


@pytest.fixture
def other(instance: Instance) -> str:
    """Another key, ``alias/other``, rotated."""
    key = instance.create_key().key_id
    instance.create_key_version(key)
    instance.create_alias("alias/other", key)
    return key


def text(blob: bytes) -> str:
    """A blob on the wire."""
    return base64.b64encode(blob).decode()


def sealed(
    instance: Instance, key_id: str, context: dict[str, str] | None = None
) -> bytes:
    """A blob of that key."""
    aad = encryption_context_aad(context or {})
    return instance.advance_encrypt(key_id, b"secret", aad=aad).ciphertext_blob


def refusal(caller: Caller, **given: Any) -> tuple[int, str]:
    """Status and code of a call that must be refused."""
    with pytest.raises(Refused) as refused:
        caller.call("ReEncrypt", **given)
    return refused.value.status, refused.value.code


def test_a_blob_moves_with_both_contexts(
    application: Application, instance: Instance, key_id: str, other: str,
    caller: Caller,
) -> None:  # fmt: skip
    """The answer has the new blob and what opened the old one; the log has both."""
    old = sealed(instance, key_id, TENANT)
    moved = caller.call(
        "ReEncrypt",
        CiphertextBlob=text(old),
        SourceEncryptionContext=json.dumps(dict(reversed(TENANT.items()))),
        SourceKeyId="alias/test",
        SourceKeyVersionId=instance.blob_key_version_id(old),
        DestinationKeyId="acs:kms:local:0:alias/other",
        DestinationEncryptionContext='{"tenant": "8"}',
    )
    assert set(moved) == {"CiphertextBlob", "KeyId", "KeyVersionId", "RequestId"}
    assert moved["KeyId"] == key_id
    assert moved["KeyVersionId"] == instance.blob_key_version_id(old)
    new = base64.b64decode(moved["CiphertextBlob"])
    primary = instance.describe_key(other).primary_key_version
    assert instance.blob_key_version_id(new) == primary
    aad = encryption_context_aad({"tenant": "8"})
    assert instance.advance_decrypt(new, aad=aad).plaintext == b"secret"
    told = application.audit.entries[-1].to_dict()
    assert (told["key_id"], told["key_version_id"]) == (other, primary)
    assert told["source_key_id"] == key_id
    assert told["source_key_version_id"] == moved["KeyVersionId"]


def test_without_contexts_the_aad_is_empty(
    instance: Instance, key_id: str, caller: Caller
) -> None:
    """On both sides, whatever an empty one looks like; the key may stay the same."""
    newest = instance.create_key_version(key_id).key_version_id
    for context in ("", "{}"):
        moved = caller.call(
            "ReEncrypt",
            CiphertextBlob=text(sealed(instance, key_id)),
            DestinationKeyId=key_id,
            SourceEncryptionContext=context,
            DestinationEncryptionContext=context,
        )
        blob = base64.b64decode(moved["CiphertextBlob"])
        opened = instance.advance_decrypt(blob)
        assert (opened.plaintext, opened.key_version_id) == (b"secret", newest)


def test_what_does_not_belong_together(
    instance: Instance, key_id: str, other: str, caller: Caller
) -> None:
    """Another context, key, version, or any change: one error for all of them."""
    old = sealed(instance, key_id, TENANT)
    right = {
        "CiphertextBlob": text(old),
        "SourceEncryptionContext": json.dumps(TENANT),
        "DestinationKeyId": key_id,
    }
    caller.call("ReEncrypt", **right)
    foreign = old[:30] + b"00000" + old[35:]
    primary = instance.describe_key(other).primary_key_version
    for changes in (
        {"SourceEncryptionContext": ""},
        {"SourceEncryptionContext": '{"tenant": "7"}'},
        {"CiphertextBlob": text(old[:-1] + bytes([old[-1] ^ 1]))},
        {"CiphertextBlob": text(foreign)},
        {"SourceKeyId": other},
        {"SourceKeyVersionId": primary},
    ):
        assert refusal(caller, **right | changes) == (500, "InternalFailure"), changes


def test_parameters_that_are_none(
    instance: Instance, key_id: str, caller: Caller
) -> None:
    """Each is refused by name, or as what only the cloud service has."""
    right = {"CiphertextBlob": text(sealed(instance, key_id)),
             "DestinationKeyId": key_id}  # fmt: skip
    plain = instance.encrypt(key_id, b"secret").ciphertext_blob
    nested = json.dumps({"a": {"b": "c"}})
    for changes, code in [
        ({"CiphertextBlob": "aGVsbG8="}, "InvalidParameter"),
        ({"CiphertextBlob": text(plain)}, "InvalidParameter"),
        ({"CiphertextBlob": "not Base64"}, "InvalidParameter"),
        ({"CiphertextBlob": text(b"$\x00\x02" + b"x" * 200)}, "InvalidParameter"),
        ({"SourceEncryptionContext": "[]"}, "InvalidParameter"),
        ({"SourceEncryptionContext": "{"}, "InvalidParameter"),
        ({"SourceEncryptionContext": nested}, "InvalidParameter"),
        ({"SourceEncryptionContext": '{"a": "1", "a": "2"}'}, "InvalidParameter"),
        ({"DestinationEncryptionContext": json.dumps({"a": "x" * 9000})},
         "InvalidParameter"),
        ({"SourceEncryptionAlgorithm": "SM2PKE"}, "Rejected.UnsupportedOperation"),
        ({"DryRun": "perhaps"}, "InvalidParameter"),
        ({"DryRun": "true"}, "DryRunOperationError"),
    ]:  # fmt: skip
        assert refusal(caller, **right | changes) == (400, code), changes
    for missing in right:
        given = {name: right[name] for name in right if name != missing}
        assert refusal(caller, **given) == (400, "MissingParameter")


@pytest.mark.parametrize(
    "rules",
    [
        ["ReEncryptFrom:alias/test", "ReEncryptTo:alias/other"],
        ["ReEncrypt:alias/test,alias/other"],
        ["re-encrypt:alias/test", "re-encrypt:alias/other"],
    ],
)
def test_both_rights_and_no_more(
    application: Application, instance: Instance, key_id: str, other: str,
    rules: list[str],
) -> None:  # fmt: skip
    """From the one key, to the other; nobody may decrypt thereby."""
    assert other != key_id
    mover = application.caller(*rules)
    given = {"CiphertextBlob": text(sealed(instance, key_id)),
             "DestinationKeyId": "alias/other"}  # fmt: skip
    mover.call("ReEncrypt", **given)
    assert refusal(mover, **given, SourceKeyId="alias/secret-name") == FORBIDDEN
    for rule in rules:
        some = [each for each in rules if each != rule]
        less = application.caller(*some, "ReEncryptTo:alias/test", "read:*")
        assert refusal(less, **given) == FORBIDDEN
    entry = application.audit.entries[-1]
    assert (entry.code, entry.source_key_id) == ("Forbidden.NoPermission", key_id)
    everything_else = application.caller(
        "decrypt,crypto,pairs,manage,read:*", "ReEncryptFrom:alias/other"
    )
    assert refusal(everything_else, **given) == FORBIDDEN
    third = instance.create_key().key_id
    assert refusal(mover, **given | {"DestinationKeyId": third}) == FORBIDDEN
    theirs = {"CiphertextBlob": text(sealed(instance, third))}
    assert refusal(mover, **given | theirs) == FORBIDDEN
    with pytest.raises(Refused):
        mover.call("DescribeKey", KeyId=key_id)


def test_keys_that_may_not_be_used(
    instance: Instance, key_id: str, other: str, caller: Caller
) -> None:
    """Disabled on either side, absent, and a version that was retired."""
    given = {"CiphertextBlob": text(sealed(instance, other)),
             "DestinationKeyId": key_id}  # fmt: skip
    for disabled in (key_id, other):
        instance.disable_key(disabled)
        assert refusal(caller, **given) == (409, "Rejected.Disabled")
        instance.enable_key(disabled)
    absent = given | {"DestinationKeyId": f"key-{'0' * 21}"}
    assert refusal(caller, **absent) == (404, "Forbidden.KeyNotFound")
    version = instance.describe_key(other).primary_key_version
    instance.create_key_version(other)
    instance.retire_key_version(other, version)
    assert refusal(caller, **given) == (409, "Rejected.Disabled")
