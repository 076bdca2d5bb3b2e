"""What the data operations return, and the record that a caller stores.

Results are frozen; whatever is secret is kept out of their ``repr``. ``to_dict`` gives
the names of the wire with bytes as bytes. What keys are turned into is in ``halves``.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from pairsmith.documents import parse_json, shown
from pairsmith.errors import InvalidParameter
from pairsmith.halves import (
    PrivateHalf,
    PublicHalf,
    load_private_key,
    load_public_key,
)
from pairsmith.kinds import KeyPairSpec as KeyPairSpec  # noqa: PLC0414 -- its home once

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import (
        PrivateKeyTypes,
        PublicKeyTypes,
    )

ALGORITHM = "AES_GCM"
"""The only algorithm of a software instance."""


class KeyFormat(StrEnum):
    """The encoding of both halves: PKCS#8 and SubjectPublicKeyInfo in either."""

    PEM = "PEM"
    DER = "DER"


class Purpose(StrEnum):
    """What a blob was made as."""

    MESSAGE = "message"
    DATA_KEY = "data key"
    PAIR = "pair"
    JOB = "job"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What every result carries.

    Attributes:
        request_id: A lower-case UUID that names this one request.
    """

    request_id: str

    def to_dict(self) -> dict[str, Any]:
        """The fields under their names on the wire; those without a value left out."""
        told = {}
        for name, wire_name in _wire_fields(type(self)):
            value = getattr(self, name)
            if value is not None:
                told[wire_name] = value
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyResult(Result):
    """What every result of a key carries.

    Attributes:
        key_id: The real id of the key, also where an alias was asked for.
        key_version_id: The version that was used, in Advance operations.
        algorithm: Always ``AES_GCM``.
    """

    key_id: str
    key_version_id: str | None = None
    algorithm: str = ALGORITHM


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeyPairWithoutPlaintext(KeyResult, PublicHalf):
    """A data key pair whose private key exists only wrapped.

    Attributes:
        key_pair_spec: What was generated.
        key_format: How both halves are encoded.
        iv: 12 bytes, needed to decrypt the blob of a plain operation.
        private_key_ciphertext_blob: The wrapped private key.
        encoded_public_key: SubjectPublicKeyInfo, as PEM or DER.
        aad: What the blob is bound to; needed again to decrypt it.
    """

    key_pair_spec: KeyPairSpec
    key_format: KeyFormat = field(metadata={"wire": False})
    iv: bytes
    private_key_ciphertext_blob: bytes
    encoded_public_key: bytes
    aad: bytes = field(default=b"", metadata={"wire": False})

    def public_key(self) -> PublicKeyTypes:
        """The public key as an object of ``cryptography``."""
        return load_public_key(self.encoded_public_key)

    def record(self) -> WrappedKeyPair:
        """Everything needed to decrypt the private key later, to be stored."""
        return WrappedKeyPair(
            key_id=self.key_id,
            key_version_id=self.key_version_id,
            key_pair_spec=self.key_pair_spec,
            key_format=self.key_format,
            algorithm=self.algorithm,
            aad=self.aad,
            iv=self.iv,
            private_key_ciphertext_blob=self.private_key_ciphertext_blob,
            encoded_public_key=self.encoded_public_key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeyPair(DataKeyPairWithoutPlaintext, PrivateHalf):
    """A data key pair with its private key in plain beside the blob.

    Attributes:
        private_key_plaintext: PKCS#8, as PEM or DER; kept out of the ``repr``.
    """

    private_key_plaintext: bytes = field(repr=False)

    def private_key(self) -> PrivateKeyTypes:
        """The private key as an object of ``cryptography``.

        RSA keys are loaded without its validation, which takes 40 to 280 ms: they have
        just passed ours.
        """
        return load_private_key(self.private_key_plaintext, fresh=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey(KeyResult):
    """A symmetric data key in plain and wrapped.

    Attributes:
        plaintext: The random bytes; kept out of the ``repr``.
        iv: 12 bytes, needed to decrypt the blob of the plain operation.
        ciphertext_blob: The wrapped data key.
    """

    iv: bytes
    plaintext: bytes = field(repr=False)
    ciphertext_blob: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Encrypted(KeyResult):
    """The answer of ``encrypt`` and ``advance_encrypt``.

    Attributes:
        iv: 12 bytes, needed to decrypt the blob of the plain operation.
        ciphertext_blob: The encrypted data.
    """

    iv: bytes
    ciphertext_blob: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Decrypted(KeyResult, PrivateHalf):
    """The answer of ``decrypt`` and ``advance_decrypt``.

    Attributes:
        plaintext: What was sealed, to the byte; kept out of the ``repr``.
        purpose: What it was sealed as; ``None`` if the blob does not say, as those of
            format 1.
        key_pair_spec, key_format: Of a pair's private half, if the blob says so.
    """

    plaintext: bytes = field(repr=False)
    purpose: Purpose | None = field(default=None, metadata={"wire": False})
    key_pair_spec: KeyPairSpec | None = field(default=None, metadata={"wire": False})
    key_format: KeyFormat | None = field(default=None, metadata={"wire": False})

    def private_key(self) -> PrivateKeyTypes:
        """The plaintext of a data key pair as a private key of ``cryptography``.

        Raises:
            ValueError: It is no private key.
        """
        return load_private_key(self.plaintext, fresh=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReEncrypted(KeyResult):
    """The answer of ``re_encrypt``; ``key_id`` and ``key_version_id`` are the new ones.

    Attributes:
        source_key_id: The real id of the key that the old blob was under.
        source_key_version_id: The version that opened it, of plain operations too.
        iv: 12 bytes, needed to decrypt the blob of the plain operations.
        ciphertext_blob: The new blob.
    """

    source_key_id: str
    source_key_version_id: str
    iv: bytes
    ciphertext_blob: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomBytes(Result):
    """The answer of ``generate_random``.

    Attributes:
        random: The bytes; kept out of the ``repr``.
    """

    random: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKeyPair(PublicHalf):
    """A data key pair as it is stored: everything to decrypt it, and nothing secret.

    ``key_version_id`` is set for pairs of the Advance operations and ``None`` for those
    of the plain ones, as in the answers. Attributes are those of the result it is from.
    """

    key_id: str
    key_version_id: str | None
    key_pair_spec: KeyPairSpec
    key_format: KeyFormat
    algorithm: str
    aad: bytes
    iv: bytes
    private_key_ciphertext_blob: bytes
    encoded_public_key: bytes

    TYPE: ClassVar[str] = "pairsmith/wrapped-key-pair/v1"

    def public_key(self) -> PublicKeyTypes:
        """The public key as an object of ``cryptography``.

        Raises:
            ValueError: The record was damaged.
        """
        return load_public_key(self.encoded_public_key)

    def to_json(self) -> str:
        """One JSON object under the names of the wire, bytes as Base64."""
        values: dict[str, str] = {"Type": self.TYPE}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bytes):
                value = base64.b64encode(value).decode("ascii")
            if value is not None:
                values[_wire_name(item.name)] = str(value)
        return json.dumps(values, indent=2)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what ``to_json`` wrote.

        Raises:
            InvalidParameter: The text is no such record; the message says why.
        """
        values = parse_json("record", text)
        if not isinstance(values, dict) or values.get("Type") != cls.TYPE:
            raise InvalidParameter("record", f"its Type is not {cls.TYPE}")
        known = {_wire_name(item.name): item.name for item in fields(cls)}
        for name, value in values.items():
            if name != "Type" and (name not in known or not isinstance(value, str)):
                raise InvalidParameter("record", f"unexpected {shown(name)}")
        try:
            return cls(
                key_id=values["KeyId"],
                key_version_id=values.get("KeyVersionId"),
                key_pair_spec=KeyPairSpec(values["KeyPairSpec"]),
                key_format=KeyFormat(values["KeyFormat"]),
                algorithm=values["Algorithm"],
                aad=_from_base64(values["Aad"]),
                iv=_from_base64(values["Iv"]),
                private_key_ciphertext_blob=_from_base64(
                    values["PrivateKeyCiphertextBlob"]
                ),
                encoded_public_key=_from_base64(values["PublicKey"]),
            )
        except KeyError as missing:
            raise InvalidParameter("record", f"{missing} is missing") from None
        except (binascii.Error, ValueError) as error:
            raise InvalidParameter("record", f"{error!s:.200}") from None


class CommonMembers(Protocol):
    """What many pairs can have in common."""

    @property
    def key_id(self) -> str:
        """The key that wraps."""

    @property
    def key_version_id(self) -> str | None:
        """The version, in Advance operations."""

    @property
    def key_pair_spec(self) -> KeyPairSpec:
        """The kind of the pairs."""

    @property
    def key_format(self) -> KeyFormat:
        """How both halves are encoded."""

    @property
    def algorithm(self) -> str:
        """Always ``AES_GCM``."""

    @property
    def aad(self) -> bytes:
        """What the blobs are bound to."""


def common_members(pair: CommonMembers) -> dict[str, str | bytes]:
    """The members of a record that its pair has in common with others, in order."""
    members = {
        "Type": WrappedKeyPair.TYPE,
        "KeyId": pair.key_id,
        "KeyVersionId": pair.key_version_id,
        "KeyPairSpec": str(pair.key_pair_spec),
        "KeyFormat": str(pair.key_format),
        "Algorithm": pair.algorithm,
        "Aad": pair.aad,
    }
    return {name: value for name, value in members.items() if value is not None}


_WIRE_NAMES = {"encoded_public_key": "PublicKey"}


def _wire_fields(kind: type[Result]) -> tuple[tuple[str, str], ...]:
    """The fields of a result that are told, with their names; found once."""
    found = _WIRE_FIELDS.get(kind)
    if found is None:
        told = (item.name for item in fields(kind) if item.metadata.get("wire", True))
        found = _WIRE_FIELDS[kind] = tuple((name, _wire_name(name)) for name in told)
    return found


_WIRE_FIELDS: dict[type[Result], tuple[tuple[str, str], ...]] = {}


@cache
def _wire_name(name: str) -> str:
    """``key_version_id`` is ``KeyVersionId`` on the wire."""
    return _WIRE_NAMES.get(name) or name.title().replace("_", "")


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
