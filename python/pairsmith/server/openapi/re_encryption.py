"""Action ReEncrypt: a blob to another key, version or encryption context."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from pairsmith.documents import parse_json
from pairsmith.errors import DecryptionError, InvalidParameter
from pairsmith.instance import Instance
from pairsmith.instance.blob_keys import version_of_blob
from pairsmith.parameters import AAD_LIMIT, encryption_context_aad
from pairsmith.registry.identifiers import KEY_VERSION_ID
from pairsmith.registry.resolved import usable
from pairsmith.server.openapi.context import (
    Action,
    Blob,
    Content,
    Context,
    Table,
)
from pairsmith.server.openapi.failures import DryRunSucceeded
from pairsmith.server.openapi.names import key_name
from pairsmith.server.openapi.parameters import Given, Parameter, choice, flag
from pairsmith.server.path.call import NamedKey, Use

if TYPE_CHECKING:
    from pairsmith.server.settings import Names

ASYMMETRIC = ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1", "SM2PKE")
"""Of blobs that the cloud service also takes: there are no such keys here."""


def re_encrypt(context: Context, given: Given) -> Content:
    """Seal what is in a blob anew; tell what opened it, as documented."""
    blob: Blob = given["CiphertextBlob"]
    if given["SourceKeyVersionId"] not in (None, blob.key_version_id):
        raise DecryptionError
    opened_by, *source, destination = context.found
    made = context.services.instance.re_encrypt(
        blob.content,
        key_id=version_of_blob(opened_by, *source),
        aad=given["SourceEncryptionContext"],
        destination_key_id=usable(destination),
        destination_aad=given["DestinationEncryptionContext"],
    )
    exchange = context.exchange
    exchange.key_id, exchange.key_ids = made.key_id, (made.key_id,)
    exchange.key_version_id = made.key_version_id or ""
    exchange.source_key_version_id = made.source_key_version_id
    if given["DryRun"]:
        raise DryRunSucceeded
    return {
        "CiphertextBlob": base64.b64encode(made.ciphertext_blob).decode("ascii"),
        "KeyId": made.source_key_id,
        "KeyVersionId": made.source_key_version_id,
    }


def named_keys(names: Names, given: Given) -> tuple[NamedKey, ...]:
    """The key that opens and the key that wraps, with the documented rights."""
    opens, wraps = ("ReEncryptFrom", "ReEncrypt"), ("ReEncryptTo", "ReEncrypt")
    source = given["SourceKeyId"]
    beside = (NamedKey(key_name(names, source), opens, Use.INITIAL),) if source else ()
    return (
        NamedKey(given["CiphertextBlob"].key_version_id, opens, Use.VERSION),
        *beside,
        NamedKey(key_name(names, given["DestinationKeyId"]), wraps, Use.PRIMARY),
    )


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
        named_keys,
        blob="CiphertextBlob",
    ),
}
