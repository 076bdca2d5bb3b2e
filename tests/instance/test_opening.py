"""Records and blobs open as what they are, for whoever says what is expected."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from pairsmith import Instance
from pairsmith._core import RootKey
from pairsmith.errors import (
    DecryptionError,
    FormatRefused,
    InvalidParameter,
    KeyNotFound,
)
from pairsmith.guard import Guard
from pairsmith.results import KeyFormat, KeyPairSpec, Purpose, WrappedKeyPair
from places import Place

HEADER = 51
"""Bytes of an Advance header: magic, key version id, Iv."""


@pytest.fixture
def kms(sqlite_place: Place) -> Iterator[Instance]:
    """An instance of its own."""
    with Instance.open(sqlite_place.url) as instance:
        yield instance


@pytest.fixture
def key_id(kms: Instance) -> str:
    """A key with an alias."""
    made = kms.create_key("first").key_id
    kms.create_alias("alias/devices", made)
    return made


def record_of(kms: Instance, key_id: str, *, advance: bool = False) -> WrappedKeyPair:
    """A stored pair, bound to an Aad."""
    generate: Callable[..., object] = (
        kms.advance_generate_data_key_pair_without_plaintext
        if advance
        else kms.generate_data_key_pair_without_plaintext
    )
    pair = generate(key_id, "EC_P256", "PEM", aad=b"device 7")
    return pair.record()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("advance", [False, True])
def test_a_record_opens_for_what_it_is(
    kms: Instance, key_id: str, *, advance: bool
) -> None:
    """Expected by id, alias and Aad, or without a word; and it is told to be a pair."""
    record = record_of(kms, key_id, advance=advance)
    for name, aad in product(("", key_id, "alias/devices"), (None, b"device 7")):
        opened = kms.decrypt(record, key_id=name, aad=aad)
        assert opened.purpose is Purpose.PAIR
        assert opened.key_pair_spec is KeyPairSpec.EC_P256
        assert opened.key_format is KeyFormat.PEM
        assert opened.private_key().public_key() == record.public_key()
        assert "Purpose" not in opened.to_dict()


@pytest.mark.parametrize("advance", [False, True])
def test_a_record_opens_for_nothing_else(
    kms: Instance, key_id: str, *, advance: bool
) -> None:
    """Another key or Aad than the record's own is refused, an empty Aad as well."""
    record = record_of(kms, key_id, advance=advance)
    other = kms.create_key("other").key_id
    for name, aad in ((other, None), ("", b""), ("", b"device 8"), (key_id, b"x")):
        with pytest.raises(DecryptionError):
            kms.decrypt(record, key_id=name, aad=aad)
    with pytest.raises(KeyNotFound):
        kms.decrypt(record, key_id="alias/none")
    with pytest.raises(InvalidParameter):
        kms.decrypt(record, iv=record.iv)


def test_nothing_poses_as_the_private_half(kms: Instance, key_id: str) -> None:
    """A message, a data key or another pair in the record's place opens as no pair."""
    record, other = record_of(kms, key_id), record_of(kms, key_id)
    chosen = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    own = kms.decrypt(record).plaintext
    planted = [
        (kms.encrypt(key_id, message, aad=b"device 7"))
        for message in (chosen, own, b"something")
    ]
    data_key = kms.generate_data_key(key_id, 32, aad=b"device 7")
    replaced = [(each.iv, each.ciphertext_blob) for each in (*planted, data_key)]
    replaced.append((other.iv, other.private_key_ciphertext_blob))
    for iv, blob in replaced:
        changed = dataclasses.replace(record, iv=iv, private_key_ciphertext_blob=blob)
        with pytest.raises(DecryptionError):
            kms.decrypt(changed)


def test_a_record_that_lies_opens_nothing(kms: Instance, key_id: str) -> None:
    """About its spec, its encoding, its public key, or its operation."""
    record = record_of(kms, key_id)
    lies: list[dict[str, object]] = [
        {"key_pair_spec": spec} for spec in KeyPairSpec if spec != record.key_pair_spec
    ]
    other = record_of(kms, key_id)
    lies += [
        {"key_format": KeyFormat.DER},
        {"encoded_public_key": other.encoded_public_key},
        {"encoded_public_key": b""},
        {"key_version_id": kms.describe_key(key_id).initial_key_version},
    ]
    for lie in lies:
        with pytest.raises(DecryptionError):
            kms.decrypt(dataclasses.replace(record, **lie))  # type: ignore[arg-type]


@pytest.mark.parametrize("advance", [False, True])
def test_every_field_of_a_record_counts(
    kms: Instance, key_id: str, *, advance: bool
) -> None:
    """Another algorithm, Iv or key is refused, though an Advance blob names its own."""
    record = record_of(kms, key_id, advance=advance)
    changes = (
        {"algorithm": "AES_CBC"},
        {"iv": bytes(12)},
        {"iv": b""},
        {"key_id": ""},
        {"key_id": kms.create_key().key_id},
    )
    for changed in changes:
        with pytest.raises((DecryptionError, InvalidParameter)):
            kms.decrypt(dataclasses.replace(record, **changed))  # type: ignore[arg-type]


def test_a_header_is_neither_taken_off_nor_put_on(kms: Instance, key_id: str) -> None:
    """Of every kind of blob, though both layouts are under one key version."""
    version = kms.describe_key(key_id).initial_key_version.encode()
    made = [
        kms.advance_encrypt(key_id, b"message"),
        kms.advance_generate_data_key(key_id, 32),
    ]
    pair = kms.advance_generate_data_key_pair_without_plaintext(
        key_id, "EC_P256", "DER"
    )
    blobs = [each.ciphertext_blob for each in made] + [pair.private_key_ciphertext_blob]
    for blob in blobs:
        kms.advance_decrypt(blob)
        with pytest.raises(DecryptionError):
            kms.decrypt(blob[HEADER:], key_id=key_id, iv=blob[HEADER - 12 : HEADER])
    plain = [kms.encrypt(key_id, b"message"), kms.generate_data_key(key_id, 32)]
    for each in plain:
        header = b"$\x00\x02" + version + each.iv
        with pytest.raises(DecryptionError):
            kms.advance_decrypt(header + each.ciphertext_blob)


def test_decrypt_says_what_it_has_opened(kms: Instance, key_id: str) -> None:
    """Every purpose opens by the operations for blobs, and is told."""
    message = kms.encrypt(key_id, b"message")
    data_key = kms.generate_data_key(key_id, 32)
    pair = kms.generate_data_key_pair(key_id, "EC_P256K", "DER")
    for iv, blob, purpose in (
        (message.iv, message.ciphertext_blob, Purpose.MESSAGE),
        (data_key.iv, data_key.ciphertext_blob, Purpose.DATA_KEY),
        (pair.iv, pair.private_key_ciphertext_blob, Purpose.PAIR),
    ):
        for decrypt in (kms.decrypt, kms.advance_decrypt):
            opened = decrypt(blob, key_id=key_id, iv=iv)  # type: ignore[operator]
            assert opened.purpose is purpose
    assert opened.key_pair_spec is KeyPairSpec.EC_P256K
    assert opened.key_format is KeyFormat.DER


@pytest.mark.parametrize("advance", [False, True])
def test_a_purpose_stays_when_a_blob_moves(
    kms: Instance, key_id: str, *, advance: bool
) -> None:
    """Re-encryption makes no pair of a message, nor the other way round."""
    other = kms.create_key("other").key_id
    message = kms.encrypt(key_id, b"message")
    moved = kms.re_encrypt(
        message.ciphertext_blob,
        key_id=key_id,
        iv=message.iv,
        destination_key_id=other,
        advance=advance,
    )
    opened = kms.advance_decrypt(moved.ciphertext_blob, key_id=other, iv=moved.iv)
    assert opened.purpose is Purpose.MESSAGE
    record = record_of(kms, key_id)
    again = kms.re_encrypt_record(record, destination_key_id=other, advance=advance)
    assert kms.decrypt(again, key_id=other).purpose is Purpose.PAIR
    planted = dataclasses.replace(
        record,
        iv=message.iv,
        private_key_ciphertext_blob=message.ciphertext_blob,
        aad=b"",
    )
    with pytest.raises(DecryptionError):
        kms.re_encrypt_record(planted)


EXAMPLE = re.findall(
    r"^(\w+) += ([^=]+?)(?=\n\w|\n```)",
    (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8"),
    re.MULTILINE,
)


def test_what_says_nothing_can_be_refused(sqlite_place: Place) -> None:
    """Blobs of format 1, and what was moved from them, until they say what they are."""
    example = {name: "".join(text.split()) for name, text in EXAMPLE}
    row = bytes.fromhex(example["row"])
    place = (example["key_id"], example["key_version_id"])
    old = RootKey(bytes.fromhex(example["root_key"])).open_version(row, *place)
    blob, aad = bytes.fromhex(example["blob_1"]), bytes.fromhex(example["aad"])
    iv = bytes.fromhex(example["iv"])
    document, *kind = old.open(blob, iv, aad)
    assert kind == ["", None, None]
    public = load_der_private_key(document, None).public_key()
    with Instance.open(sqlite_place.url) as kms:
        key_id = kms.create_key().key_id
        version = kms.registry.resolve(key_id, primary=False)
        iv, moved = old.re_encrypt(
            blob,
            iv,
            aad,
            version.wrapping_key,
            aad,
            advance=False,
            destination_advance=False,
        )
        record = WrappedKeyPair(
            key_id=key_id,
            key_version_id=None,
            key_pair_spec=KeyPairSpec.EC_P256,
            key_format=KeyFormat.DER,
            algorithm="AES_GCM",
            aad=aad,
            iv=iv,
            private_key_ciphertext_blob=moved,
            encoded_public_key=public.public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            ),
        )
        assert kms.decrypt(moved, key_id=key_id, iv=iv, aad=aad).purpose is None
        assert kms.decrypt(record).plaintext == document
        stated = kms.re_encrypt_record(record)
        other = dataclasses.replace(
            record, encoded_public_key=record_of(kms, key_id).encoded_public_key
        )
        for refused in (other, dataclasses.replace(record, key_format=KeyFormat.PEM)):
            with pytest.raises(DecryptionError):
                kms.re_encrypt_record(refused)
    with Instance.open(sqlite_place.url, refuse_format_1=True) as strict:
        attempts: list[Callable[[], object]] = [
            lambda: strict.decrypt(record),
            lambda: strict.decrypt(moved, key_id=key_id, iv=iv, aad=aad),
            lambda: strict.decrypt(blob, key_id=key_id, iv=iv, aad=aad),
            lambda: strict.advance_decrypt(moved, key_id=key_id, iv=iv, aad=aad),
            lambda: strict.re_encrypt(moved, key_id=key_id, iv=iv, aad=aad),
            lambda: strict.re_encrypt_record(record),
        ]
        for attempt in attempts:
            with pytest.raises(FormatRefused, match="refuse_format_1"):
                attempt()
        assert strict.decrypt(stated, key_id=key_id, aad=aad).plaintext == document


@pytest.mark.parametrize("advance", [False, True])
def test_naming_a_key_does_not_rotate_it(sqlite_place: Place, *, advance: bool) -> None:
    """Whoever says which key is expected only looks at it, also when it is due."""
    registry = sqlite_place.open()
    key_id = registry.create_key(rotation_interval="30d").key_id
    registry.create_alias("alias/due", key_id)
    guard = Guard(sqlite_place.directory / "guard")
    kms = Instance(registry, guard)
    record = record_of(kms, key_id, advance=advance)
    sqlite_place.clock.advance(days=31)
    kms.decrypt(record, key_id="alias/due")
    assert kms.list_key_versions(key_id).total_count == 1
    guard.close()
