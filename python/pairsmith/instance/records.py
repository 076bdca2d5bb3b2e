"""Opening stored pairs: only as what they say they are, and what was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairsmith import parameters as parse
from pairsmith._core import advance_key_version_id
from pairsmith.errors import DecryptionError
from pairsmith.instance.blob_keys import (
    find_version_of_blob,
    require_named,
    require_stated,
)
from pairsmith.results import ALGORITHM, Decrypted, Purpose

if TYPE_CHECKING:
    from pairsmith.registry import Key, Registry
    from pairsmith.results import WrappedKeyPair


ADVANCE_IV = slice(39, 51)
"""Where in an Advance blob its Iv is."""


def open_record(
    registry: Registry,
    request_id: str,
    record: WrappedKeyPair,
    *,
    key_id: Key,
    aad: bytes | None,
    refuse_format_1: bool,
) -> Decrypted:
    """Open the private half of a record, if it belongs to the public one.

    Args:
        registry: Where the keys are.
        request_id: Of the result.
        record: As it was stored, which may have been by somebody else.
        key_id: Id or alias of the key it must be under; empty for any.
        aad: What it must be bound to; ``None`` for whatever it says.
        refuse_format_1: Whether its blob must say that it is such a pair.

    Raises:
        DecryptionError: It is not what it says, or not what was expected.
        FormatRefused: Its blob does not say what it is.
        InvalidParameter: A part of it is not as it must be.
        KeyNotFound, KeyDisabled and so on: Its key may not be used.
    """
    blob = parse.parse_blob(record.private_key_ciphertext_blob)
    iv = parse.parse_bytes("iv", record.iv, limit=parse.AAD_LIMIT)
    bound_to = parse.parse_aad(record.aad)
    if aad is not None and parse.parse_aad(aad) != bound_to:
        raise DecryptionError
    if record.algorithm != ALGORITHM or not record.key_id:
        raise DecryptionError
    advance = record.key_version_id is not None
    if advance and blob[ADVANCE_IV] != iv:  # said twice: here and in the blob
        raise DecryptionError
    require_stated(blob, advance=advance, refused=refuse_format_1)
    if record.key_version_id is None:
        key = registry.resolve(record.key_id, primary=False)
    elif advance_key_version_id(blob) == record.key_version_id:
        key = find_version_of_blob(registry, record.key_version_id, record.key_id)
    else:
        raise DecryptionError
    require_named(registry, key_id, key)
    private_key = key.wrapping_key.open_pair(
        blob,
        iv,
        bound_to,
        advance=advance,
        spec=record.key_pair_spec,
        key_format=record.key_format,
        public_key=record.encoded_public_key,
    )
    return Decrypted(
        request_id=request_id,
        key_id=key.key_id,
        key_version_id=key.key_version_id if advance else None,
        plaintext=private_key,
        purpose=Purpose.PAIR,
        key_pair_spec=record.key_pair_spec,
        key_format=record.key_format,
    )
