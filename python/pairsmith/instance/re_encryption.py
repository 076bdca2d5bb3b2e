"""Moving blobs to another key, version or Aad without showing what is inside.

A blob keeps its kind unless another is asked for: one of the Advance operations goes
to the primary version of the destination, one of the plain operations to its initial
version, which is what ``decrypt`` will try.
"""

from dataclasses import dataclass, replace

from pairsmith import parameters as parse
from pairsmith._core import advance_key_version_id
from pairsmith.errors import DecryptionError, InvalidParameter
from pairsmith.instance.blob_keys import find_version_of_blob, require_stated
from pairsmith.registry import Key, Registry, ResolvedKey
from pairsmith.requests import request
from pairsmith.results import ReEncrypted, WrappedKeyPair


@dataclass(frozen=True, slots=True)
class _Source:
    """A blob, and the key version that opens it.

    ``pair`` is what a record says of the pair: spec, format and public key.
    """

    key: ResolvedKey
    blob: bytes
    iv: bytes
    aad: bytes
    advance: bool
    pair: tuple[str, str, bytes] | None = None


class ReEncryptOperations:
    """Re-encryption; ``Instance`` is one of these."""

    _registry: Registry
    _refuse_format_1: bool

    @request
    def re_encrypt(
        self,
        request_id: str,
        ciphertext_blob: bytes,
        *,
        key_id: Key = "",
        iv: bytes = b"",
        aad: bytes = b"",
        destination_key_id: Key = "",
        destination_aad: bytes | None = None,
        advance: bool | None = None,
    ) -> ReEncrypted:
        """Seal what is in a blob anew; the plaintext never leaves the Rust core.

        What the blob was made as stays with it. One of format 1 does not say, and the
        new one does not, either: bring stored pairs to format 2 by
        ``re_encrypt_record``.

        Args:
            ciphertext_blob: Of any operation.
            key_id: Needed for a blob of the plain operations. With an Advance blob it
                may be left out; given, it must name the key that made the blob.
            iv: Needed for a blob of the plain operations, else ignored.
            aad: What was given when the blob was made.
            destination_key_id: Id or alias of the key that is to wrap; by default the
                key that does.
            destination_aad: What the new blob is bound to; by default ``aad``.
            advance: Whether the new blob is one of the Advance operations, under the
                primary version, or of the plain ones, under the initial version; by
                default as the old one.

        Raises:
            InvalidParameter: An argument is missing or not as said.
            KeyNotFound: There is no such key or alias.
            KeyDisabled, KeyVersionRetired, KeyPendingDeletion, KeyPendingImport,
            KeyUnavailable: One of the two keys may not be used.
            DecryptionError: Blob, key, Iv and Aad do not belong together.
        """
        source = self._source(ciphertext_blob, key_id, iv, aad)
        return self._moved(
            request_id, source, destination_key_id, destination_aad, advance
        )

    @request
    def re_encrypt_record(
        self,
        request_id: str,
        record: WrappedKeyPair,
        *,
        destination_key_id: Key = "",
        destination_aad: bytes | None = None,
        advance: bool | None = None,
    ) -> WrappedKeyPair:
        """Seal the private key of a stored pair anew, as ``re_encrypt`` does.

        The new blob says that it is such a pair. If the old one did not, its halves are
        seen to belong together first.

        Args:
            record: It stays as it is, and still opens.
            destination_key_id, destination_aad, advance: As for ``re_encrypt``.

        Returns:
            The record of the same pair as it is to be stored from now on.

        Raises:
            PairsmithError: As for ``re_encrypt``.
        """
        if not isinstance(record, WrappedKeyPair):
            raise InvalidParameter("record", "it must be a WrappedKeyPair")
        blob = record.private_key_ciphertext_blob
        version_id = advance_key_version_id(blob)
        if record.key_version_id not in (None, version_id):
            raise DecryptionError
        source = (
            self._plain(blob, record.key_id, record.iv, record.aad)
            if record.key_version_id is None
            else self._advance(blob, record.key_version_id, record.key_id, record.aad)
        )
        kind = (record.key_pair_spec, record.key_format, record.encoded_public_key)
        moved = self._moved(
            request_id,
            replace(source, pair=kind),
            destination_key_id,
            destination_aad,
            advance,
        )
        return replace(
            record,
            key_id=moved.key_id,
            key_version_id=moved.key_version_id,
            algorithm=moved.algorithm,
            aad=source.aad if destination_aad is None else bytes(destination_aad),
            iv=moved.iv,
            private_key_ciphertext_blob=moved.ciphertext_blob,
        )

    def _source(self, blob: bytes, key_id: Key, iv: bytes, aad: bytes) -> _Source:
        blob = parse.parse_blob(blob)
        version_id = advance_key_version_id(blob)
        if version_id is None:
            return self._plain(blob, key_id, iv, aad)
        return self._advance(blob, version_id, key_id, aad)

    def _plain(self, blob: bytes, key_id: Key, iv: bytes, aad: bytes) -> _Source:
        blob = parse.parse_blob(blob)
        iv = parse.parse_bytes("iv", iv, limit=parse.AAD_LIMIT)
        aad = parse.parse_aad(aad)
        key = self._registry.resolve(key_id, primary=False)
        return _Source(key, blob, iv, aad, advance=False)

    def _advance(
        self, blob: bytes, version_id: str, key_id: Key, aad: bytes
    ) -> _Source:
        blob = parse.parse_blob(blob)
        aad = parse.parse_aad(aad)
        key = find_version_of_blob(self._registry, version_id, key_id)
        return _Source(key, blob, b"", aad, advance=True)

    def _moved(
        self,
        request_id: str,
        source: _Source,
        destination_key_id: Key,
        destination_aad: bytes | None,
        advance: bool | None,  # noqa: FBT001 -- handed on from a keyword
    ) -> ReEncrypted:
        aad = source.aad
        if destination_aad is not None:
            name, limit = "destination_aad", parse.AAD_LIMIT
            aad = parse.parse_bytes(name, destination_aad, limit=limit)
        if advance is None:
            advance = source.advance
        advance = parse.parse_flag("advance", advance)
        require_stated(
            source.blob, advance=source.advance, refused=self._refuse_format_1
        )
        key = self._registry.resolve(
            destination_key_id or source.key.key_id, primary=advance
        )
        iv, blob = source.key.wrapping_key.re_encrypt(
            source.blob,
            source.iv,
            source.aad,
            key.wrapping_key,
            aad,
            advance=source.advance,
            destination_advance=advance,
            pair=source.pair,
        )
        return ReEncrypted(
            request_id=request_id,
            key_id=key.key_id,
            key_version_id=key.key_version_id if advance else None,
            source_key_id=source.key.key_id,
            source_key_version_id=source.key.key_version_id,
            iv=iv,
            ciphertext_blob=blob,
        )
