"""Action ReEncrypt: a blob to another key, version or encryption context."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from pairsmith.documents import parse_json
from pairsmith.errors import DecryptionError, InvalidParameter
from pairsmith.instance import Instance
from pairsmith.parameters import AAD_LIMIT, encryption_context_aad
from pairsmith.registry.identifiers import KEY_VERSION_ID
from pairsmith.server.openapi.context import (
    Action,
    Blob,
    Content,
    Context,
    Right,
    Table,
)
from pairsmith.server.openapi.failures import DryRunSucceeded
from pairsmith.server.openapi.names import key_name
from pairsmith.server.openapi.parameters import Given, Parameter, choice, flag

if TYPE_CHECKING:
    from pairsmith.server.services import Services

ASYMMETRIC = ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1", "SM2PKE")
"""Of blobs that the cloud service also takes: there are no such keys here."""


def re_encrypt(context: Context, given: Given) -> Content:
    """Seal what is in a blob anew; tell what opened it, as documented."""
    blob: Blob = given["CiphertextBlob"]
    _require_source(context, given, blob)
    made = context.services.instance.re_encrypt(
        blob.content,
        key_id=blob.key_id,
        aad=given["SourceEncryptionContext"],
        destination_key_id=key_name(context.names, given["DestinationKeyId"]),
        destination_aad=given["DestinationEncryptionContext"],
    )
    context.trace.key_id, context.trace.key_ids = made.key_id, (made.key_id,)
    context.trace.key_version_id = made.key_version_id or ""
    context.trace.source_key_version_id = made.source_key_version_id
    if given["DryRun"]:
        raise DryRunSucceeded
    return {
        "CiphertextBlob": base64.b64encode(made.ciphertext_blob).decode("ascii"),
        "KeyId": made.source_key_id,
        "KeyVersionId": made.source_key_version_id,
    }


def rights(services: Services, given: Given) -> list[Right]:
    """The documented ones, of the key that opens and of the key that wraps."""
    names = services.settings.names
    source = [given["CiphertextBlob"].key_id]
    if given["SourceKeyId"]:
        source.append(key_name(names, given["SourceKeyId"]))
    destination = key_name(names, given["DestinationKeyId"])
    return [
        *(Right(("ReEncryptFrom", "ReEncrypt"), name) for name in source),
        Right(("ReEncryptTo", "ReEncrypt"), destination),
    ]


def _require_source(context: Context, given: Given, blob: Blob) -> None:
    """Refuse a blob of another key or version than it is said to be.

    Raises:
        DecryptionError: It is.
        KeyNotFound, AliasNotFound: There is no key of that name.
    """
    name = given["SourceKeyId"]
    if name is not None:
        found = context.registry.describe_key(key_name(context.names, name))
        if found.key_id != blob.key_id:
            raise DecryptionError
    if given["SourceKeyVersionId"] not in (None, blob.key_version_id):
        raise DecryptionError


def _blob(text: str) -> Blob:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("give Base64.") from None
    version_id = Instance.blob_key_version_id(content) or ""
    if not KEY_VERSION_ID.fullmatch(version_id):
        raise ValueError("give a blob that names its key version, of an Advance one.")
    return Blob(content, version_id.rpartition("-")[0], version_id)


def _encryption_context(text: str) -> bytes:
    try:
        document = parse_json("EncryptionContext", text, limit=8 * AAD_LIMIT)
        return encryption_context_aad(document)
    except InvalidParameter as error:
        raise ValueError(str(error)) from None


def _context_of(name: str) -> Parameter:
    """An encryption context, which is Aad: the audit log has none."""
    return Parameter(name, _encryption_context, default=b"", secret=True)


ACTIONS: Table = {
    "ReEncrypt": Action(
        re_encrypt,
        (
            Parameter("CiphertextBlob", _blob, required=True, secret=True),
            Parameter("DestinationKeyId", required=True),
            _context_of("SourceEncryptionContext"),
            _context_of("DestinationEncryptionContext"),
            Parameter("SourceKeyId"),
            Parameter("SourceKeyVersionId"),
            Parameter("SourceEncryptionAlgorithm", choice(elsewhere=ASYMMETRIC)),
            Parameter("DryRun", flag, default=False),
        ),
        ("DestinationKeyId", "SourceKeyId"),
        rights,
        blob="CiphertextBlob",
    ),
}
