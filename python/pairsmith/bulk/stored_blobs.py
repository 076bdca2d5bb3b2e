"""What is stored of a blob: the record of a pair, or the answer of an encryption."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pairsmith.bulk.records import PLAINTEXT, Row
from pairsmith.documents import parse_json
from pairsmith.errors import InvalidParameter
from pairsmith.results import WrappedKeyPair, common_members

if TYPE_CHECKING:
    from pairsmith.instance import Instance

DOCUMENT_LIMIT = 8 * 1024 * 1024
"""Bytes of a document or line at most; an answer of ``encrypt`` has half of it."""

OUR_TYPES = "pairsmith/"
"""How the Type of every document of Pairsmith begins."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where blobs go, and what opening them takes.

    Attributes:
        key_id: The real id of the key that is to wrap; empty for each blob's own.
        advance: Whether blobs of the plain operations become Advance ones.
        aad: Of the answers of encrypt and data-key, which do not hold it.
        destination_aad: What blobs are bound to then; ``None`` changes nothing.
    """

    key_id: str
    advance: bool = False
    aad: bytes = b""
    destination_aad: bytes | None = None


@dataclass(frozen=True, slots=True)
class StoredPair:
    """The record of a pair, perhaps with its private key in plain beside it."""

    row: Row

    @property
    def key_id(self) -> str:
        """The key that wraps, as the record says."""
        return self.row.record.key_id

    @property
    def key_version_id(self) -> str | None:
        """The version; ``None`` in the plain operations."""
        return self.row.record.key_version_id

    def moved(self, instance: Instance, target: Target) -> StoredPair:
        """The same pair, its private key sealed anew.

        Raises:
            PairsmithError: It does not open, or a key may not be used.
        """
        record = instance.re_encrypt_record(
            self.row.record,
            destination_key_id=target.key_id,
            destination_aad=target.destination_aad,
            advance=target.advance or None,
        )
        return StoredPair(Row(record, self.row.plaintext))

    def columns(self) -> dict[str, Any]:
        """The record under the names of the wire, bytes as bytes."""
        record = self.row.record
        values: dict[str, Any] = {
            **common_members(record),
            "Iv": record.iv,
            "PrivateKeyCiphertextBlob": record.private_key_ciphertext_blob,
            "PublicKey": record.encoded_public_key,
        }
        if self.row.plaintext is not None:
            values[PLAINTEXT] = self.row.plaintext
        return values

    def members(self) -> dict[str, Any]:
        """The record as a JSON object."""
        return {
            name: _base64(value) if isinstance(value, bytes) else value
            for name, value in self.columns().items()
        }


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer of ``encrypt`` or ``data-key``, with whatever else is in it."""

    answer: dict[str, Any]

    @property
    def key_id(self) -> str:
        """The key that wraps, as the answer says."""
        return str(self.answer["KeyId"])

    @property
    def key_version_id(self) -> str | None:
        """The version; ``None`` in the plain operations."""
        return self.answer.get("KeyVersionId")

    def moved(self, instance: Instance, target: Target) -> StoredAnswer:
        """The same message, sealed anew.

        Raises:
            PairsmithError: It does not open, or a key may not be used.
        """
        made = instance.re_encrypt(
            _bytes(self.answer, "CiphertextBlob"),
            key_id=self.key_id,
            iv=_bytes(self.answer, "Iv"),
            aad=target.aad,
            destination_key_id=target.key_id,
            destination_aad=target.destination_aad,
            advance=target.advance or None,
        )
        kept = {
            name: value
            for name, value in self.answer.items()
            if name != "KeyVersionId" or made.key_version_id is not None
        }
        return StoredAnswer(
            kept
            | {"KeyId": made.key_id}
            | ({"KeyVersionId": made.key_version_id} if made.key_version_id else {})
            | {"Iv": _base64(made.iv), "CiphertextBlob": _base64(made.ciphertext_blob)}
        )

    def members(self) -> dict[str, Any]:
        """The answer as a JSON object."""
        return self.answer


StoredBlob = StoredPair | StoredAnswer


def parse_stored_blob(text: bytes) -> StoredBlob | None:
    """Read a JSON object; ``None`` if it is something else than a blob of ours.

    Raises:
        InvalidParameter: It is no JSON, or a damaged or unknown document of ours.
    """
    values = parse_json("record", text, limit=DOCUMENT_LIMIT)
    if not isinstance(values, dict):
        return None
    kind = values.get("Type")
    if kind == WrappedKeyPair.TYPE:
        return _pair(values, text)
    if isinstance(kind, str) and kind.startswith(f"{OUR_TYPES}wrapped"):
        raise InvalidParameter("record", f"its Type is not {WrappedKeyPair.TYPE}")
    if kind is None and {"CiphertextBlob", "KeyId", "Iv"} <= values.keys():
        _bytes(values, "CiphertextBlob")
        _bytes(values, "Iv")
        if not isinstance(values.get("KeyVersionId", ""), str):
            raise InvalidParameter("record", "its KeyVersionId is no text")
        return StoredAnswer(values)
    return None


def _pair(values: dict[str, Any], text: bytes) -> StoredPair:
    if PLAINTEXT not in values:
        return StoredPair(Row(WrappedKeyPair.from_json(text), None))
    plaintext = _bytes(values, PLAINTEXT)
    others = {name: value for name, value in values.items() if name != PLAINTEXT}
    return StoredPair(Row(WrappedKeyPair.from_json(json.dumps(others)), plaintext))


def _bytes(values: dict[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(values[name], validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise InvalidParameter("record", f"{name} is not Base64") from None


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
