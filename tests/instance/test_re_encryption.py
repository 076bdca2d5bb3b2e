"""Moving blobs to another key, version or Aad, without their plaintext."""

import asyncio
import dataclasses
from typing import Any

import pytest

from pairsmith import AsyncInstance, Instance, WrappedKeyPair, errors
from pairsmith.errors import (
    DecryptionError,
    InvalidParameter,
    KeyDisabled,
    KeyNotFound,
    KeyVersionRetired,
)

MAKERS = [
    "generate_data_key_pair_without_plaintext",
    "advance_generate_data_key_pair_without_plaintext",
]


@pytest.fixture
def other(instance: Instance) -> str:
    """Another key, rotated."""
    key = instance.create_key().key_id
    instance.create_key_version(key)
    return key


def _record(instance: Instance, key: str, maker: str = MAKERS[1]) -> WrappedKeyPair:
    made = getattr(instance, maker)(key, "EC_P256", "DER", aad=b"tenant 7")
    record: WrappedKeyPair = made.record()
    return record


def test_after_a_rotation_a_blob_moves_to_the_new_version(
    instance: Instance, key_id: str
) -> None:
    """Under its Aad and key, with nothing else given; the old version may then go."""
    sealed = instance.advance_encrypt(key_id, b"secret", aad=b"a")
    instance.create_key_version(key_id)
    newest = instance.create_key_version(key_id).key_version_id
    moved = instance.re_encrypt(sealed.ciphertext_blob, aad=b"a")
    assert (moved.key_id, moved.key_version_id) == (key_id, newest)
    source = (moved.source_key_id, moved.source_key_version_id)
    assert source == (key_id, sealed.key_version_id)
    assert instance.blob_key_version_id(moved.ciphertext_blob) == newest
    opened = instance.advance_decrypt(moved.ciphertext_blob, aad=b"a")
    assert (opened.plaintext, opened.key_version_id) == (b"secret", newest)
    assert "secret" not in repr(moved)
    assert set(moved.to_dict()) == {
        "RequestId", "KeyId", "KeyVersionId", "Algorithm", "SourceKeyId",
        "SourceKeyVersionId", "Iv", "CiphertextBlob",
    }  # fmt: skip


@pytest.mark.parametrize("advance", [False, True])
@pytest.mark.parametrize("wanted", [None, False, True])
def test_key_aad_and_kind_change(
    instance: Instance, key_id: str, other: str, *, advance: bool, wanted: bool | None
) -> None:
    """To another key and Aad, each kind to each; without a wish the kind stays."""
    instance.create_alias("alias/other", other)
    encrypt = instance.advance_encrypt if advance else instance.encrypt
    old = encrypt("alias/test", b"secret", aad=b"old")
    moved = instance.re_encrypt(
        old.ciphertext_blob,
        key_id="alias/test",
        iv=old.iv,
        aad=b"old",
        destination_key_id="alias/other",
        destination_aad=b"new",
        advance=wanted,
    )
    described = instance.describe_key(other)
    becomes = advance if wanted is None else wanted
    version = described.primary_key_version if becomes else None
    assert (moved.key_id, moved.key_version_id) == (other, version)
    assert moved.source_key_version_id == (
        instance.describe_key(key_id).initial_key_version
    )
    blob = moved.ciphertext_blob
    how: dict[str, Any] = {} if becomes else {"key_id": other, "iv": moved.iv}
    assert instance.advance_decrypt(blob, aad=b"new", **how).plaintext == b"secret"
    for aad in (b"old", b""):
        with pytest.raises(DecryptionError):
            instance.advance_decrypt(blob, aad=aad, **how)
    # What was there before opens as it did.
    opened = instance.advance_decrypt(
        old.ciphertext_blob, key_id=key_id, iv=old.iv, aad=b"old"
    )
    assert opened.plaintext == b"secret"


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("wanted", [None, False, True])
def test_a_record_stays_whole(
    instance: Instance, key_id: str, other: str, maker: str, *, wanted: bool | None
) -> None:
    """Every field is right afterwards: the pair is the same one, and decrypt opens."""
    record = _record(instance, key_id, maker)
    moved = instance.re_encrypt_record(
        record, destination_key_id=other, destination_aad=b"new", advance=wanted
    )
    assert moved == WrappedKeyPair.from_json(moved.to_json())
    becomes = maker.startswith("advance") if wanted is None else wanted
    version = instance.describe_key(other).primary_key_version if becomes else None
    assert (moved.key_id, moved.key_version_id, moved.aad) == (other, version, b"new")
    for name in ("key_pair_spec", "key_format", "algorithm", "encoded_public_key"):
        assert getattr(moved, name) == getattr(record, name)
    if becomes:
        assert moved.iv == moved.private_key_ciphertext_blob[39:51]
    private = instance.decrypt(moved)
    assert private.plaintext == instance.decrypt(record).plaintext
    fits = private.private_key().public_key() == moved.public_key()  # type: ignore[union-attr]
    assert fits


def test_a_record_keeps_its_aad_unless_another_is_given(
    instance: Instance, key_id: str
) -> None:
    """Empty is an Aad, too."""
    record = _record(instance, key_id)
    assert instance.re_encrypt_record(record).aad == b"tenant 7"
    bare = instance.re_encrypt_record(record, destination_aad=b"")
    assert bare.aad == b""
    assert instance.decrypt(bare).plaintext == instance.decrypt(record).plaintext


def test_what_does_not_belong_together_does_not_move(
    instance: Instance, key_id: str, other: str
) -> None:
    """Aad, key, Iv, any part of a blob or record: the one error of decryption."""
    plain = instance.encrypt(key_id, b"secret", aad=b"a")
    advance = instance.advance_encrypt(key_id, b"secret", aad=b"a").ciphertext_blob
    changed = advance[:-1] + bytes([advance[-1] ^ 1])
    foreign = advance[:38] + bytes([advance[38] ^ 1]) + advance[39:]
    right = {"key_id": key_id, "iv": plain.iv, "aad": b"a"}
    record = _record(instance, key_id)
    in_plain = dataclasses.replace(record, key_version_id=None)
    primary = instance.describe_key(other).primary_key_version
    wrong_version = dataclasses.replace(record, key_version_id=primary)
    wrong_key = dataclasses.replace(record, key_id=other)
    for move in (
        lambda: instance.re_encrypt(advance, aad=b"b"),
        lambda: instance.re_encrypt(advance, aad=b"a", key_id=other),
        lambda: instance.re_encrypt(changed, aad=b"a"),
        lambda: instance.re_encrypt(foreign, aad=b"a"),
        lambda: instance.re_encrypt(advance[:60], aad=b"a"),
        lambda: instance.re_encrypt(plain.ciphertext_blob, **right | {"iv": b"x" * 12}),
        lambda: instance.re_encrypt(plain.ciphertext_blob, **right | {"key_id": other}),
        lambda: instance.re_encrypt(plain.ciphertext_blob, **right | {"aad": b""}),
        lambda: instance.re_encrypt_record(in_plain),
        lambda: instance.re_encrypt_record(wrong_version),
        lambda: instance.re_encrypt_record(wrong_key),
        lambda: instance.re_encrypt_record(dataclasses.replace(record, aad=b"")),
    ):
        with pytest.raises(DecryptionError) as refused:
            move()
        assert refused.value.request_id is not None


def test_both_keys_must_be_usable(instance: Instance, key_id: str, other: str) -> None:
    """Disabled or absent, on either side, and a version that is retired."""
    blob = instance.advance_encrypt(other, b"secret").ciphertext_blob
    with pytest.raises(KeyNotFound):
        instance.re_encrypt(blob, destination_key_id=f"key-{'0' * 21}")
    for disabled in (other, key_id):
        instance.disable_key(disabled)
        with pytest.raises(KeyDisabled):
            instance.re_encrypt(blob, destination_key_id=key_id)
        instance.enable_key(disabled)
    version = str(instance.blob_key_version_id(blob))
    instance.create_key_version(other)
    instance.retire_key_version(other, version)
    with pytest.raises(KeyVersionRetired):
        instance.re_encrypt(blob)
    with pytest.raises(KeyVersionRetired):
        instance.advance_decrypt(blob)
    instance.restore_key_version(other, version)
    instance.re_encrypt(blob)


def test_arguments_that_are_none(instance: Instance, key_id: str) -> None:
    """Each is named in the error, before anything is opened."""
    blob = instance.advance_encrypt(key_id, b"secret").ciphertext_blob
    calls: list[tuple[str, Any]] = [
        ("ciphertext_blob", lambda: instance.re_encrypt("text")),  # type: ignore[arg-type]
        ("key_id", lambda: instance.re_encrypt(b"plain, and of no key")),
        ("aad", lambda: instance.re_encrypt(blob, aad=b"x" * 8193)),
        ("destination_aad", lambda: instance.re_encrypt(
            blob, destination_aad=b"x" * 8193)),
        ("advance", lambda: instance.re_encrypt(blob, advance=1)),  # type: ignore[arg-type]
        ("record", lambda: instance.re_encrypt_record(blob)),  # type: ignore[arg-type]
    ]  # fmt: skip
    for name, call in calls:
        with pytest.raises(InvalidParameter) as refused:
            call()
        assert refused.value.parameter == name


def test_a_message_of_the_greatest_length_moves(
    instance: Instance, key_id: str
) -> None:
    """Three MiB, for which the interpreter is released."""
    message = bytes(range(256)) * (3 * 4096)
    blob = instance.advance_encrypt(key_id, message).ciphertext_blob
    moved = instance.re_encrypt(blob, destination_aad=b"new").ciphertext_blob
    assert instance.advance_decrypt(moved, aad=b"new").plaintext == message


def test_it_is_awaited(url: str) -> None:
    """AsyncInstance has both operations."""

    async def test() -> None:
        async with await AsyncInstance.open(url) as kms:
            key = (await kms.create_key()).key_id
            pair = await kms.advance_generate_data_key_pair(key, "EC_P256", "DER")
            newest = (await kms.create_key_version(key)).key_version_id
            moved = await kms.re_encrypt_record(pair.record())
            assert moved.key_version_id == newest
            blob = moved.private_key_ciphertext_blob
            again = await kms.re_encrypt(blob)
            opened = await kms.advance_decrypt(again.ciphertext_blob)
            assert opened.plaintext == pair.private_key_plaintext
            with pytest.raises(errors.DecryptionError):
                await kms.re_encrypt(blob, aad=b"another")

    asyncio.run(test())
