"""The operations on messages, blobs and symmetric data keys."""

from pairsmith import parameters as parse
from pairsmith._core import advance_key_version_id, random_bytes
from pairsmith.errors import InvalidParameter
from pairsmith.instance.blob_keys import find_version_of_blob, require_stated
from pairsmith.instance.records import open_record
from pairsmith.registry import Key, Registry
from pairsmith.requests import request
from pairsmith.results import (
    DataKey,
    Decrypted,
    Encrypted,
    KeyFormat,
    KeyPairSpec,
    Purpose,
    RandomBytes,
    WrappedKeyPair,
)

Opened = tuple[bytes, str, str | None, str | None]
"""What the core gives: plaintext, purpose, and of a pair its spec and format."""


class CipherOperations:
    """Sealing and opening; ``Instance`` is one of these."""

    _registry: Registry
    _refuse_format_1: bool

    @request
    def decrypt(
        self,
        request_id: str,
        ciphertext_blob: bytes | WrappedKeyPair,
        *,
        key_id: Key = "",
        iv: bytes = b"",
        aad: bytes | None = None,
    ) -> Decrypted:
        """Open a stored record of any pair, or a blob of the plain operations.

        A record is opened only as the pair that it says it is: sealed as one of that
        spec and format, and with a private half that signs what its public half
        verifies. Whoever opens one says for what: ``key_id`` and ``aad`` are compared
        with the record's, which may have been exchanged for another's.

        Args:
            ciphertext_blob: A ``WrappedKeyPair``, or a blob.
            key_id: Id or alias of the key; required with a blob. With a record, the
                key that it must be under.
            iv: The 12 bytes that came with the blob; required with a blob, and not
                taken with a record, which has its own.
            aad: What was given when the blob was made; nothing by default. With a
                record, what it must be bound to; by default whatever it says.

        Raises:
            InvalidParameter: An argument is missing or not as said.
            KeyNotFound: There is no such key or alias.
            KeyDisabled, KeyPendingDeletion, KeyPendingImport, KeyUnavailable: The
                key's state forbids its use, decryption included.
            KeyVersionRetired: The version of an Advance record was retired.
            DecryptionError: Blob, key, Iv and Aad do not belong together, or a record
                is not the pair that it says it is, or not the one that was expected.
            FormatRefused: The blob does not say what it is, see ``Instance.open``.
        """
        if isinstance(ciphertext_blob, WrappedKeyPair):
            if iv:
                raise InvalidParameter("iv", "a WrappedKeyPair has its own")
            return open_record(
                self._registry,
                request_id,
                ciphertext_blob,
                key_id=key_id,
                aad=aad,
                refuse_format_1=self._refuse_format_1,
            )
        return self._open_plain(request_id, ciphertext_blob, key_id, iv, aad or b"")

    @request
    def advance_decrypt(
        self,
        request_id: str,
        ciphertext_blob: bytes,
        *,
        key_id: Key = "",
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
        self, request_id: str, key_id: Key, plaintext: bytes, *, aad: bytes = b""
    ) -> Encrypted:
        """Encrypt up to 3 MiB under the initial version; ``decrypt`` opens it.

        Raises:
            InvalidParameter: The plaintext is empty or too long, the Aad too long.
            KeyNotFound and the errors of a key's state: As for every data operation.
        """
        return self._encrypt(request_id, key_id, plaintext, aad, advance=False)

    @request
    def advance_encrypt(
        self, request_id: str, key_id: Key, plaintext: bytes, *, aad: bytes = b""
    ) -> Encrypted:
        """Encrypt under the primary version; ``advance_decrypt`` opens it."""
        return self._encrypt(request_id, key_id, plaintext, aad, advance=True)

    @request
    def generate_data_key(
        self, request_id: str, key_id: Key, number_of_bytes: int, *, aad: bytes = b""
    ) -> DataKey:
        """Make a data key of 1 to 1024 bytes, wrapped by the initial version."""
        return self._generate_data_key(
            request_id, key_id, number_of_bytes, aad, advance=False
        )

    @request
    def advance_generate_data_key(
        self, request_id: str, key_id: Key, number_of_bytes: int, *, aad: bytes = b""
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
        key_id: Key,
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
        self, request_id: str, key_id: Key, length: int, aad: bytes, *, advance: bool
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

    def _open_plain(
        self,
        request_id: str,
        ciphertext_blob: bytes,
        key_id: Key,
        iv: bytes,
        aad: bytes,
        *,
        with_version: bool = False,
    ) -> Decrypted:
        blob = parse.parse_blob(ciphertext_blob)
        iv = parse.parse_bytes("iv", iv, limit=parse.AAD_LIMIT)
        aad = parse.parse_aad(aad)
        require_stated(blob, advance=False, refused=self._refuse_format_1)
        key = self._registry.resolve(key_id, primary=False)
        version = key.key_version_id if with_version else None
        opened = key.wrapping_key.open(blob, iv, aad)
        return _decrypted(request_id, key.key_id, version, opened)

    def _open_advance(
        self, request_id: str, blob: bytes, version_id: str, key_id: Key, aad: bytes
    ) -> Decrypted:
        aad = parse.parse_aad(aad)
        require_stated(blob, advance=True, refused=self._refuse_format_1)
        key = find_version_of_blob(self._registry, version_id, key_id)
        opened = key.wrapping_key.open_advance(blob, aad)
        return _decrypted(request_id, key.key_id, key.key_version_id, opened)


def _decrypted(
    request_id: str, key_id: str, key_version_id: str | None, opened: Opened
) -> Decrypted:
    plaintext, purpose, spec, key_format = opened
    return Decrypted(
        request_id=request_id,
        key_id=key_id,
        key_version_id=key_version_id,
        plaintext=plaintext,
        purpose=Purpose(purpose) if purpose else None,
        key_pair_spec=KeyPairSpec(spec) if spec else None,
        key_format=KeyFormat(key_format) if key_format else None,
    )
