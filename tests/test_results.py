"""Results and the record that callers store."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith import Instance, WrappedKeyPair, errors

MEMBERS = (
    *("Type", "KeyId", "KeyVersionId", "KeyPairSpec", "KeyFormat", "Algorithm", "Aad"),
    *("Iv", "PrivateKeyCiphertextBlob", "PublicKey"),
)
"""What a record has."""


@pytest.fixture
def record(instance: Instance, key_id: str) -> WrappedKeyPair:
    """A stored pair of an Advance operation."""
    return instance.advance_generate_data_key_pair(
        key_id, "EC_P256", "PEM", aad=b"\0aad\xff"
    ).record()


def test_wire_names_are_the_documented_ones(instance: Instance, key_id: str) -> None:
    """``to_dict`` gives each response the fields of its documentation page."""
    pair = {"KeyId", "Iv", "KeyPairSpec", "PrivateKeyPlaintext", "RequestId"}
    pair |= {"PrivateKeyCiphertextBlob", "PublicKey", "Algorithm"}
    plain = instance.generate_data_key_pair(key_id, "EC_P256", "PEM")
    without = instance.generate_data_key_pair_without_plaintext(
        key_id, "EC_P256", "PEM"
    )
    advance = instance.advance_generate_data_key_pair(key_id, "EC_P256", "PEM")
    assert plain.to_dict().keys() == pair
    assert without.to_dict().keys() == pair - {"PrivateKeyPlaintext"}
    assert advance.to_dict().keys() == pair | {"KeyVersionId"}
    assert plain.to_dict()["PublicKey"].startswith(b"-----BEGIN PUBLIC KEY-----\n")
    key = instance.generate_data_key(key_id, 32)
    names = {"KeyId", "Iv", "Plaintext", "CiphertextBlob", "RequestId", "Algorithm"}
    assert key.to_dict().keys() == names
    sealed = instance.encrypt(key_id, b"x")
    assert sealed.to_dict().keys() == names - {"Plaintext"}
    opened = instance.decrypt(sealed.ciphertext_blob, key_id=key_id, iv=sealed.iv)
    assert opened.to_dict().keys() == names - {"CiphertextBlob", "Iv"}
    assert instance.generate_random(3).to_dict().keys() == {"RequestId", "Random"}


def test_results_are_frozen(instance: Instance, key_id: str) -> None:
    """Nobody changes an answer after it was given."""
    pair = instance.generate_data_key_pair(key_id, "EC_P256", "PEM")
    with pytest.raises(dataclasses.FrozenInstanceError):
        pair.iv = b""  # type: ignore[misc]


def test_record_survives_json(instance: Instance, record: WrappedKeyPair) -> None:
    """What was written is read back equal, and opens."""
    again = WrappedKeyPair.from_json(record.to_json())
    assert again == record
    assert b"PRIVATE KEY" in instance.decrypt(again).plaintext


def test_record_of_a_plain_pair_has_no_version(instance: Instance, key_id: str) -> None:
    """The record remembers which of the two operations opens it."""
    pair = instance.generate_data_key_pair(key_id, "EC_P256", "DER")
    text = pair.record().to_json()
    assert "KeyVersionId" not in json.loads(text)
    assert (
        instance.decrypt(WrappedKeyPair.from_json(text)).plaintext
        == pair.private_key_plaintext
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Type": "else"}, "Type"),
        ({"KeyId": None}, "unexpected 'KeyId'"),
        ({"Iv": "%%"}, "record"),
        ({"KeyPairSpec": "RSA_1"}, "RSA_1"),
        ({"Extra": "x"}, "Extra"),
        ({"Iv": 3}, "Iv"),
    ],
)
def test_damaged_records_are_refused(
    record: WrappedKeyPair, change: dict[str, object], says: str
) -> None:
    """A record that was edited into nonsense says where."""
    values = {**json.loads(record.to_json()), **change}
    with pytest.raises(errors.InvalidParameter, match=says):
        WrappedKeyPair.from_json(json.dumps(values))


@pytest.mark.parametrize("missing", ["KeyId", "Iv", "PublicKey", "Aad", "Algorithm"])
def test_incomplete_records_are_refused(record: WrappedKeyPair, missing: str) -> None:
    """A record without one of its parts names the part."""
    values = json.loads(record.to_json())
    del values[missing]
    with pytest.raises(errors.InvalidParameter, match=missing):
        WrappedKeyPair.from_json(json.dumps(values))


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "7", "{", b"\xff", '{"Type": []}', "[" * 200_000, "9" * 200_000),
        *('{"Type": NaN}', "1e999999", '{"Type": {}, "Type": {}}', b"\xef\xbb\xbf{}"),
        b"{" + b" " * 300_000 + b"}",
    ],
    ids=lambda text: ascii(text)[:12],
)
def test_what_is_no_record_is_refused(text: str | bytes) -> None:
    """Other JSON, and no JSON, is a bad parameter, and told in one line."""
    with pytest.raises(errors.InvalidParameter) as caught:
        WrappedKeyPair.from_json(text)
    assert len(str(caught.value)) < 200


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*MEMBERS, "x" * 5000]),
        st.none()
        | st.integers()
        | st.text(max_size=9)
        | st.lists(st.text(max_size=3))
        | st.sampled_from([WrappedKeyPair.TYPE, "EC_P256", "PEM", "AAAA", "A" * 5000]),
    )
)
def test_a_record_of_anything_is_read_or_refused(values: dict[str, object]) -> None:
    """Whatever its members are; a message stays short whatever they hold."""
    try:
        record = WrappedKeyPair.from_json(json.dumps(values))
    except errors.InvalidParameter as refused:
        assert len(str(refused)) < 300  # noqa: PT017 -- either may happen
    else:
        assert json.loads(record.to_json()) == values


def test_record_with_other_fields_does_not_open(
    instance: Instance, record: WrappedKeyPair
) -> None:
    """Blob, version, key and Aad of a record belong together."""
    other = instance.create_key().key_id
    version = instance.create_key_version(record.key_id).key_version_id
    for change in (
        {"key_id": other},
        {"key_version_id": version},
        {"key_version_id": None},
        {"aad": b""},
        {"private_key_ciphertext_blob": record.private_key_ciphertext_blob[:-1]},
    ):
        with pytest.raises(errors.DecryptionError):
            instance.decrypt(dataclasses.replace(record, **change))


def test_record_brings_its_own_arguments(
    instance: Instance, record: WrappedKeyPair
) -> None:
    """Another Iv beside a record is refused; another Aad or key is not its own."""
    with pytest.raises(errors.InvalidParameter):
        instance.decrypt(record, iv=b"x")
    with pytest.raises(errors.DecryptionError):
        instance.decrypt(record, aad=b"x")
