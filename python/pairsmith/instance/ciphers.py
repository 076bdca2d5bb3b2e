"""The operations on messages, blobs and symmetric data keys."""

from pairsmith import parameters as parse
from pairsmith._core import advance_key_version_id, random_bytes
from pairsmith.errors import DecryptionError, InvalidParameter
from pairsmith.instance.blob_keys import version_of_blob
from pairsmith.registry import Registry
from pairsmith.requests import request
from pairsmith.results import (
    DataKey,
    Decrypted,
    Encrypted,
    RandomBytes,
    WrappedKeyPair,
)


class CipherOperations:
    """Sealing and opening; ``Instance`` is one of these."""

    _registry: Registry

    @request
    def decrypt(
        self,
        request_id: str,
        ciphertext_blob: bytes | WrappedKeyPair,
        *,
        key_id: str = "",
        iv: bytes = b"",
        aad: bytes = b"",
    ) -> Decrypted:
        """Open a blob of the plain operations, or a stored record of any pair.

        Args:
            ciphertext_blob: The blob; or a ``WrappedKeyPair``, which has everything.
            key_id: Id or alias of the key; required with a blob.
            iv: The 12 bytes that came with the blob; required with a blob.
            aad: What was given when the blob was made.

        Raises:
            InvalidParameter: An argument is missing or not as said.
            KeyNotFound: There is no such key or alias.
            KeyDisabled, KeyPendingDeletion, KeyPendingImport, KeyUnavailable: The
                key's state forbids its use, decryption included.
            KeyVersionRetired: The version of an Advance record was retired.
            DecryptionError: Blob, key, Iv and Aad do not belong together.
        """
        if isinstance(ciphertext_blob, WrappedKeyPair):
            if key_id or iv or aad:
                raise InvalidParameter(
                    "key_id, iv, aad", "a WrappedKeyPair has its own; leave them out"
                )
            return self._decrypt_record(request_id, ciphertext_blob)
        return self._open_plain(request_id, ciphertext_blob, key_id, iv, aad)

    @request
    def advance_decrypt(
        self,
        request_id: str,
        ciphertext_blob: bytes,
        *,
        key_id: str = "",
        iv: bytes = b"",
        aad: bytes = b"",
    ) -> Decrypted:
        """Open a blob of the Advance operations, or of the plain ones.

        Args:
            ciphertext_blob: The blob.
            key_id: Needed for a blob of the plain operations. With an Advance blob it
                may be left out; given, it must name the key that made the blob.
            iv: Needed for a blob of the plain operations, else ignored.
            aad: What was given when the blob was made.

        Raises:
            InvalidParameter, DecryptionError and the errors of the key: As ``decrypt``.
        """
        blob = parse.parse_blob(ciphertext_blob)
        version_id = advance_key_version_id(blob)
        if version_id is None:
            return self._open_plain(
                request_id, blob, key_id, iv, aad, with_version=True
            )
        return self._open_advance(request_id, blob, version_id, key_id, aad)

    @staticmethod
    def blob_key_version_id(ciphertext_blob: bytes) -> str | None:
        """The key version that an Advance blob names, unverified; else ``None``."""
        return advance_key_version_id(parse.parse_blob(ciphertext_blob))

    @request
    def encrypt(
        self, request_id: str, key_id: str, plaintext: bytes, *, aad: bytes = b""
    ) -> Encrypted:
        """Encrypt up to 3 MiB under the initial version; ``decrypt`` opens it.

        Raises:
            InvalidParameter: The plaintext is empty or too long, the Aad too long.
            KeyNotFound and the errors of a key's state: As for every data operation.
        """
        return self._encrypt(request_id, key_id, plaintext, aad, advance=False)

    @request
    def advance_encrypt(
        self, request_id: str, key_id: str, plaintext: bytes, *, aad: bytes = b""
    ) -> Encrypted:
        """Encrypt under the primary version; ``advance_decrypt`` opens it."""
        return self._encrypt(request_id, key_id, plaintext, aad, advance=True)

    @request
    def generate_data_key(
        self, request_id: str, key_id: str, number_of_bytes: int, *, aad: bytes = b""
    ) -> DataKey:
        """Make a data key of 1 to 1024 bytes, wrapped by the initial version."""
        return self._generate_data_key(
            request_id, key_id, number_of_bytes, aad, advance=False
        )

    @request
    def advance_generate_data_key(
        self, request_id: str, key_id: str, number_of_bytes: int, *, aad: bytes = b""
    ) -> DataKey:
        """Make a data key of 1 to 1024 bytes, wrapped by the primary version."""
        return self._generate_data_key(
            request_id, key_id, number_of_bytes, aad, advance=True
        )

    @request
    def generate_random(self, request_id: str, length: int) -> RandomBytes:
        """Give 1 to 64 bytes of the operating system's randomness."""
        count = parse.parse_count("length", length, limit=parse.RANDOM_LIMIT)
        return RandomBytes(request_id=request_id, random=random_bytes(count))

    def _encrypt(
        self,
        request_id: str,
        key_id: str,
        plaintext: bytes,
        aad: bytes,
        *,
        advance: bool,
    ) -> Encrypted:
        message = parse.parse_plaintext(plaintext)
        aad = parse.parse_aad(aad)
        key = self._registry.resolve(key_id, primary=advance)
        iv, blob = key.wrapping_key.seal(message, aad, advance=advance)
        return Encrypted(
            request_id=request_id,
            key_id=key.key_id,
            key_version_id=key.key_version_id if advance else None,
            iv=iv,
            ciphertext_blob=blob,
        )

    def _generate_data_key(
        self, request_id: str, key_id: str, length: int, aad: bytes, *, advance: bool
    ) -> DataKey:
        count = parse.parse_count("number_of_bytes", length, limit=parse.DATA_KEY_LIMIT)
        aad = parse.parse_aad(aad)
        key = self._registry.resolve(key_id, primary=advance)
        plaintext, iv, blob = key.wrapping_key.generate_data_key(
            count, aad, advance=advance
        )
        return DataKey(
            request_id=request_id,
            key_id=key.key_id,
            key_version_id=key.key_version_id if advance else None,
            iv=iv,
            plaintext=plaintext,
            ciphertext_blob=blob,
        )

    def _decrypt_record(self, request_id: str, record: WrappedKeyPair) -> Decrypted:
        blob = record.private_key_ciphertext_blob
        if record.key_version_id is None:
            return self._open_plain(
                request_id, blob, record.key_id, record.iv, record.aad
            )
        if advance_key_version_id(blob) != record.key_version_id:
            raise DecryptionError
        return self._open_advance(
            request_id, blob, record.key_version_id, record.key_id, record.aad
        )

    def _open_plain(
        self,
        request_id: str,
        ciphertext_blob: bytes,
        key_id: str,
        iv: bytes,
        aad: bytes,
        *,
        with_version: bool = False,
    ) -> Decrypted:
        blob = parse.parse_blob(ciphertext_blob)
        iv = parse.parse_bytes("iv", iv, limit=parse.AAD_LIMIT)
        aad = parse.parse_aad(aad)
        key = self._registry.resolve(key_id, primary=False)
        return Decrypted(
            request_id=request_id,
            key_id=key.key_id,
            key_version_id=key.key_version_id if with_version else None,
            plaintext=key.wrapping_key.open(blob, iv, aad),
        )

    def _open_advance(
        self, request_id: str, blob: bytes, version_id: str, key_id: str, aad: bytes
    ) -> Decrypted:
        aad = parse.parse_aad(aad)
        key = version_of_blob(self._registry, version_id, key_id)
        return Decrypted(
            request_id=request_id,
            key_id=key.key_id,
            key_version_id=version_id,
            plaintext=key.wrapping_key.open_advance(blob, aad),
        )
