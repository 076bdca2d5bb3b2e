"""Class Instance: one registry with its guard, and every operation on it.

A data operation goes one way: parse the arguments, resolve the key (and its state),
take a slot of the guard if it makes a pair, call the Rust core once, return a frozen
result.
"""

from typing import Any, Self, TypeVar

from pairsmith import parameters as parse
from pairsmith._core import (
    CancelToken,
    advance_key_version_id,
    engine,
    random_bytes,
)
from pairsmith.errors import (
    DecryptionError,
    InvalidParameter,
    KeyNotFound,
    KeyVersionNotFound,
)
from pairsmith.guard import Guard
from pairsmith.key_operations import KeyOperations
from pairsmith.registry import Registry, RootKeyProvider
from pairsmith.requests import request
from pairsmith.results import (
    DataKey,
    DataKeyPair,
    DataKeyPairWithoutPlaintext,
    Decrypted,
    Encrypted,
    KeyFormat,
    KeyPairSpec,
    RandomBytes,
    WrappedKeyPair,
)

__all__ = ["DEFAULT_URL", "CancelToken", "Instance"]

DEFAULT_URL = "sqlite:///pairsmith.db"
"""A file in the current folder."""

Pair = TypeVar("Pair", bound=DataKeyPairWithoutPlaintext)


class Instance(KeyOperations):
    """One key management instance: open it, use it from any thread, close it.

    Wherever a key is named, its id or an alias (``alias/…``) will do. Plain operations
    use the key's initial version for ever, Advance operations its primary version.
    """

    def __init__(self, registry: Registry, guard: Guard, threads: int = 1) -> None:
        """Join the parts; ``open`` is what callers use."""
        self._registry = registry
        self._guard = guard
        self._threads = threads

    @classmethod
    def open(
        cls,
        url: str = DEFAULT_URL,
        root_key: RootKeyProvider | str | None = None,
        *,
        pair_limit: int = 1,
        threads: int = 1,
    ) -> Self:
        """Open the registry at ``url``, made new if it does not exist.

        Args:
            url: ``sqlite:///file.db`` or ``postgresql+psycopg://…``, as for SQLAlchemy.
            root_key: What wraps the keys at rest: a provider, or its text
                (``file:PATH``, ``env:NAME``, ``command:…``). By default a file beside
                the SQLite database, made on first use.
            pair_limit: How many pairs may be generated at once over every process of
                this host; 1 is what the documented service allows.
            threads: How many threads, 1 to 64, search for one RSA pair together; worth
                it where cores are idle. The pair does not depend on it.

        Raises:
            DatabaseError: It cannot be opened; the message says what to do.
            SchemaTooNew: A newer Pairsmith has written it.
            RootKeyError: The root key is missing, unsafe or the wrong one.
            InvalidParameter: An argument cannot be understood.
        """
        threads = parse.parse_count("threads", threads, limit=parse.THREAD_LIMIT)
        pair_limit = parse.parse_count("pair_limit", pair_limit, limit=parse.PAIR_LIMIT)
        cls.engine()  # one that does not exist is noticed here, not at the first pair
        registry = Registry.open(url, root_key)
        try:
            return cls(registry, Guard(registry.guard_path, pair_limit), threads)
        except BaseException:
            registry.close()
            raise

    def close(self) -> None:
        """Close the database and the guard. Closing twice does nothing."""
        self._guard.close()
        self._registry.close()

    def __enter__(self) -> Self:
        """Use the instance in a ``with`` statement; leaving it closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the instance."""
        self.close()

    @request
    def generate_data_key_pair(
        self,
        request_id: str,
        key_id: str,
        key_pair_spec: KeyPairSpec | str,
        key_format: KeyFormat | str,
        *,
        aad: bytes = b"",
        wait: float = 0.0,
        cancel: CancelToken | None = None,
    ) -> DataKeyPair:
        """Generate a pair, its private key in plain and under the initial version.

        Args:
            key_id: Id or alias of the key that wraps.
            key_pair_spec: ``RSA_2048``, ``RSA_3072``, ``RSA_4096``, ``EC_P256`` or
                ``EC_P256K``.
            key_format: ``PEM`` or ``DER``, for both halves.
            aad: Up to 8192 bytes that must be given again to decrypt.
            wait: Seconds to wait for a slot of the guard; 0 is refused at once.
            cancel: Stops the generation from another thread.

        Raises:
            InvalidParameter: An argument is not as said.
            KeyNotFound: There is no such key or alias.
            KeyDisabled, KeyPendingDeletion, KeyPendingImport, KeyUnavailable: The
                key's state forbids its use.
            Throttled: Another pair is being generated.
            OperationCancelled: ``cancel`` was used.
        """
        return self._generate_pair(
            DataKeyPair, request_id, key_id, key_pair_spec, key_format,
            aad, wait, cancel, advance=False,
        )  # fmt: skip

    @request
    def generate_data_key_pair_without_plaintext(
        self,
        request_id: str,
        key_id: str,
        key_pair_spec: KeyPairSpec | str,
        key_format: KeyFormat | str,
        *,
        aad: bytes = b"",
        wait: float = 0.0,
        cancel: CancelToken | None = None,
    ) -> DataKeyPairWithoutPlaintext:
        """Like ``generate_data_key_pair``, but the private key never enters Python."""
        return self._generate_pair(
            DataKeyPairWithoutPlaintext, request_id, key_id, key_pair_spec, key_format,
            aad, wait, cancel, advance=False,
        )  # fmt: skip

    @request
    def advance_generate_data_key_pair(
        self,
        request_id: str,
        key_id: str,
        key_pair_spec: KeyPairSpec | str,
        key_format: KeyFormat | str,
        *,
        aad: bytes = b"",
        wait: float = 0.0,
        cancel: CancelToken | None = None,
    ) -> DataKeyPair:
        """Like ``generate_data_key_pair``, under the primary version.

        The blob names its version and carries its Iv: all that ``advance_decrypt``
        needs, besides the Aad.
        """
        return self._generate_pair(
            DataKeyPair, request_id, key_id, key_pair_spec, key_format,
            aad, wait, cancel, advance=True,
        )  # fmt: skip

    @request
    def advance_generate_data_key_pair_without_plaintext(
        self,
        request_id: str,
        key_id: str,
        key_pair_spec: KeyPairSpec | str,
        key_format: KeyFormat | str,
        *,
        aad: bytes = b"",
        wait: float = 0.0,
        cancel: CancelToken | None = None,
    ) -> DataKeyPairWithoutPlaintext:
        """Like ``advance_generate_data_key_pair``, without the private key in plain."""
        return self._generate_pair(
            DataKeyPairWithoutPlaintext, request_id, key_id, key_pair_spec, key_format,
            aad, wait, cancel, advance=True,
        )  # fmt: skip

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

    @staticmethod
    def engine() -> str:
        """Name the prime engine of this process: ``avx512ifma`` or ``portable``.

        Raises:
            InvalidParameter: ``PAIRSMITH_ENGINE`` asks for one that there is not.
        """
        try:
            return engine()
        except ValueError as error:
            raise InvalidParameter("PAIRSMITH_ENGINE", str(error)) from None

    def _generate_pair(
        self,
        kind: type[Pair],
        request_id: str,
        key_id: str,
        key_pair_spec: KeyPairSpec | str,
        key_format: KeyFormat | str,
        aad: bytes,
        wait: float,
        cancel: CancelToken | None,
        *,
        advance: bool,
    ) -> Pair:
        spec = parse.parse_spec(key_pair_spec)
        encoding = parse.parse_format(key_format)
        aad = parse.parse_aad(aad)
        wait = parse.parse_wait(wait)
        key = self._registry.resolve(key_id, primary=advance)
        slot = self._guard.acquire(wait, cancel and cancel.is_cancelled)
        try:
            public_key, iv, blob, private_key = key.wrapping_key.generate_data_key_pair(
                spec,
                encoding,
                aad,
                advance=advance,
                with_plaintext=kind is DataKeyPair,
                threads=self._threads,
                cancel=cancel,
            )
        finally:
            self._guard.release(slot)
        fields: dict[str, Any] = {
            "request_id": request_id,
            "key_id": key.key_id,
            "key_version_id": key.key_version_id if advance else None,
            "key_pair_spec": spec,
            "key_format": encoding,
            "iv": iv,
            "private_key_ciphertext_blob": blob,
            "encoded_public_key": public_key,
            "aad": aad,
        }
        if private_key is not None:
            fields["private_key_plaintext"] = private_key
        return kind(**fields)

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
        try:
            key = self._registry.resolve_version(version_id)
        except (KeyNotFound, KeyVersionNotFound):
            # The blob names what is not here: foreign or changed, and no more is said.
            raise DecryptionError from None
        if key_id and self._registry.resolve(key_id, primary=True).key_id != key.key_id:
            raise DecryptionError
        return Decrypted(
            request_id=request_id,
            key_id=key.key_id,
            key_version_id=version_id,
            plaintext=key.wrapping_key.open_advance(blob, aad),
        )
