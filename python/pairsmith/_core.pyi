"""The Rust core: generation, encoding, wrapping. Bytes in, bytes out.

Names are strings as on the wire (``RSA_2048``, ``PEM``); the callers in this package
parse them first, so a wrong one here is a defect and raises ``ValueError``.
"""

from collections.abc import Callable, Sequence
from typing import final

__all__ = [
    "CancelToken",
    "PairBatch",
    "PairPool",
    "PairReader",
    "PairRecordBatch",
    "PairTable",
    "RootKey",
    "ServiceKey",
    "VerifyingKey",
    "WrappingKey",
    "_fail_self_test",
    "_made_once",
    "_panic",
    "_pretend",
    "advance_key_version_id",
    "engine",
    "forbid_dumps",
    "judge_lines",
    "judge_public_keys",
    "kinds",
    "random_bytes",
    "repeated_digests",
    "request_id",
    "self_tests",
    "states_purpose",
]

@final
class CancelToken:
    """Lets another thread stop a running generation."""

    def __new__(cls) -> CancelToken: ...
    def cancel(self) -> None:
        """Stop whatever generation was given this token, and any that will be."""
    def is_cancelled(self) -> bool:
        """Whether ``cancel`` was called."""

@final
class PairBatch:
    """Pairs being made by threads of Rust; ``WrappingKey`` starts one."""

    def next_group(
        self,
    ) -> tuple[list[bytes], list[bytes], list[bytes], list[bytes]]:
        """Some more pairs: public keys, Ivs, blobs; private keys if asked for, or none.

        No pairs at the end. Waits with the interpreter released, and obeys signals
        every 50 ms. ``OperationCancelled`` once closed; ``InternalFailure`` in a forked
        child.
        """
    def reader(
        self,
        common: object,
        fetched: Sequence[tuple[bytes, bytes, bytes, bytes | None]],
        rows: int | None,
    ) -> PairReader:
        """What gives all that is left as tables.

        ``common`` has the attributes of a record that all pairs share. ``fetched`` are
        pairs of ``next_group`` that come first. ``rows`` is how many pairs a table has,
        by default as many as are worth one.
        """
    def close(self) -> None:
        """Stop the threads and wait for them; what was not fetched is erased."""

@final
class PairReader:
    """Pairs of a batch as tables of Arrow, made when they are asked for."""

    def next_batch(self, rows: int | None = None) -> PairRecordBatch | None:
        """The next table, ``None`` at the end; waits and fails as ``next_group``."""
    def next_lines(
        self, beginning: bytes, rows: int | None = None
    ) -> tuple[int, bytes]:
        """How many pairs, 0 at the end, and their lines of JSON; as ``next_batch``.

        ``beginning`` is what all lines begin with: an object without its end.
        """
    def read_all(self) -> PairTable:
        """All tables that are left; as ``next_batch``."""
    def arrow_schema(self) -> object:
        """A capsule with the columns."""
    def arrow_stream(self, end: Callable[[], object]) -> object:
        """A capsule with a stream of all tables that are left.

        It may be read on any thread, with the interpreter or without; no signals are
        obeyed. ``end`` is called once: after the last table, or when it is given up.
        """
    def raise_failure(self) -> None:
        """Raise what ended a stream early, if anything did, once."""

@final
class PairRecordBatch:
    """Some pairs as one table; Arrow erases its memory when nobody uses it any more."""

    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]: ...

@final
class PairTable:
    """Pairs as tables, which may be read again and again."""

    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class PairPool:
    """Pairs that threads of Rust make ahead; they wait unwrapped in locked memory.

    In a forked child the parent's pool is empty, and nothing of it is touched.
    """

    def __new__(
        cls,
        capacities: list[tuple[str, int]],
        *,
        pairwise_test: bool = False,
        max_age: float = 3600.0,
    ) -> PairPool:
        """Spec and how many, 1 or more. Nothing starts before the first use.

        What has waited for more than ``max_age`` seconds is erased and made anew, and
        so is everything once the system tells that the machine was copied.
        """
    def start(self) -> None:
        """Start filling. ``InternalFailure`` if there is no memory for so many."""
    def status(self) -> tuple[list[tuple[str, int, int, int, int]], bool, int]:
        """``(shelves, locked, failures)``.

        Of each shelf its spec, depth, capacity, hits and misses.
        """
    def erased(self) -> tuple[int, int]:
        """Pairs erased so far: too old, and because the machine was copied."""
    def wait_full(self, seconds: float) -> bool:
        """Whether it is full within so many seconds; obeys signals every 50 ms."""
    def close(self) -> None:
        """Erase what waits and stop the threads; waits half a second at most."""

@final
class RootKey:
    """The 32-byte key that wraps key versions at rest; erased when dropped."""

    def __new__(cls, key: bytes | bytearray) -> RootKey:
        """Copy 32 bytes into erasing memory. ``ValueError`` for any other length."""
    @property
    def root_key_id(self) -> str:
        """16 lower-case hexadecimal digits that name it and reveal nothing."""
    @property
    def is_dev(self) -> bool:
        """Whether it begins with ``pairsmith --dev``, as those of dev servers do."""
    def create_version(self, key_id: str, key_version_id: str) -> bytes:
        """Make 32 random bytes of key material; returns them wrapped, as a row."""
    def open_version(
        self, wrapped: bytes, key_id: str, key_version_id: str
    ) -> WrappingKey:
        """Unwrap a row; ``DecryptionError`` if it was changed, moved, or is another's.

        The row of a service key is another's.
        """
    def create_service_version(self, key_version_id: str) -> bytes:
        """Make the row of a service key."""
    def open_service_version(self, wrapped: bytes, key_version_id: str) -> ServiceKey:
        """Unwrap the row of a service key; ``DecryptionError`` for any other row."""
    def rewrap(
        self,
        wrapped: bytes,
        key_id: str,
        key_version_id: str,
        new: RootKey,
        *,
        service: bool = False,
    ) -> bytes:
        """The same material wrapped by ``new``; ``DecryptionError`` as above.

        ``service`` tells that it is the row of a service key.
        """
    def open_version_1(
        self, wrapped: bytes, key_id: str, key_version_id: str
    ) -> WrappingKey:
        """Unwrap a row of format 1, to take over what an older Pairsmith has sealed."""
    def upgrade_version(
        self, wrapped: bytes, key_id: str, key_version_id: str
    ) -> bytes:
        """The material of a row of format 1 as a row of today, for callers' data."""

@final
class ServiceKey:
    """What a registry seals and authenticates for itself; its bytes stay in Rust.

    Nothing that a ``WrappingKey`` seals opens here, or the other way round.
    """

    @property
    def key_version_id(self) -> str: ...
    def seal(self, plaintext: bytes, place: str) -> tuple[bytes, bytes]:
        """``(iv, sealed)``, bound to ``place``."""
    def open(self, sealed: bytes, iv: bytes, place: str) -> bytes:
        """What was sealed for ``place``; ``DecryptionError`` for anything else."""
    def mac(self, place: str, message: bytes) -> bytes:
        """HMAC-SHA256 of a message in a place: 32 bytes."""
    def verify(self, place: str, message: bytes, mac: bytes) -> bool:
        """Whether it is the MAC of that message there; compared in constant time."""

@final
class VerifyingKey:
    """The RSA public key of somebody who sends requests, read once.

    Of 2048 to 8192 bits; it verifies RSASSA-PKCS1-v1_5 with SHA-256.
    """

    def __new__(cls, public_key_der: bytes) -> VerifyingKey:
        """Read a SubjectPublicKeyInfo; ``ValueError`` for what is no RSA key."""
    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the private half has signed this message."""

@final
class WrappingKey:
    """One key version, ready to seal and open; its 32 bytes never reach Python."""

    @property
    def key_version_id(self) -> str: ...
    def seal(
        self,
        plaintext: bytes,
        aad: bytes,
        *,
        advance: bool,
        purpose: str = "message",
    ) -> tuple[bytes, bytes]:
        """``(iv, blob)`` under a fresh derived key, in either layout.

        ``purpose`` is ``"message"`` or ``"job"``: data keys and pairs are sealed where
        they are made.
        """
    def open(
        self, blob: bytes, iv: bytes, aad: bytes
    ) -> tuple[bytes, str, str | None, str | None]:
        """Open a plain blob. ``DecryptionError`` for whatever does not fit.

        Gives ``(plaintext, purpose, spec, key_format)``: the purpose is
        ``"message"``, ``"data key"``, ``"pair"``, ``"job"``, or empty for a blob that
        does not state it, as those of format 1; spec and key format are those of a
        pair.
        """
    def open_advance(
        self, blob: bytes, aad: bytes
    ) -> tuple[bytes, str, str | None, str | None]:
        """Open an Advance blob, as ``open`` does."""
    def open_pair(
        self,
        blob: bytes,
        iv: bytes,
        aad: bytes,
        *,
        advance: bool,
        spec: str,
        key_format: str,
        public_key: bytes,
    ) -> bytes:
        """The private key of a pair whose public half is at hand.

        ``DecryptionError`` for what was sealed as anything else, and unless the private
        half signs what the public half verifies. The interpreter is released for RSA.
        """
    def re_encrypt(
        self,
        blob: bytes,
        iv: bytes,
        aad: bytes,
        destination: WrappingKey,
        destination_aad: bytes,
        *,
        advance: bool,
        destination_advance: bool,
        pair: tuple[str, str, bytes] | None = None,
    ) -> tuple[bytes, bytes]:
        """``(iv, blob)`` of the same message under ``destination``.

        Opened and sealed in one call: the message never reaches Python. ``advance``
        tells the layout of ``blob``; an Advance blob has its own Iv, and ``iv`` is not
        looked at. The purpose stays. ``pair`` is spec, key format and public half of
        what must be a pair: a blob that does not state its purpose is checked as by
        ``open_pair``, and the new one states it. ``DecryptionError`` for whatever does
        not fit. The interpreter is released for pairs, and blobs of more than 64 KiB.
        """
    def generate_data_key(
        self, length: int, aad: bytes, *, advance: bool
    ) -> tuple[bytes, bytes, bytes]:
        """``(plaintext, iv, blob)`` of ``length`` random bytes."""
    def generate_data_key_pair(
        self,
        spec: str,
        key_format: str,
        aad: bytes,
        *,
        advance: bool,
        with_plaintext: bool,
        threads: int = 1,
        cancel: CancelToken | None = None,
        pool: PairPool | None = None,
        pairwise_test: bool = False,
    ) -> tuple[bytes, bytes, bytes, bytes | None]:
        """``(public_key, iv, blob, private_key)``; the last only if asked for.

        The interpreter is released while an RSA pair is searched for, and signals are
        obeyed every 50 ms: ``KeyboardInterrupt``, or what else a handler raises, passes
        through; ``OperationCancelled`` if ``cancel`` was used. ``threads`` search for
        one RSA pair together. A pair that waits in ``pool`` is taken instead.
        """

    def generate_data_key_pair_from_seed(
        self,
        seed: bytes,
        spec: str,
        key_format: str,
        aad: bytes,
        *,
        advance: bool,
        with_plaintext: bool,
        threads: int = 1,
    ) -> tuple[bytes, bytes, bytes, bytes | None]:
        """As ``generate_data_key_pair``, of the pair that C2SP det-keygen makes.

        For tests: whoever knows the seed, 16 bytes or more, knows the pair. Iv and salt
        stay random. ``InternalFailure`` for a shorter seed.
        """

    def generate_data_key_pairs(
        self,
        spec: str,
        key_format: str,
        aad: bytes,
        *,
        advance: bool,
        with_plaintext: bool,
        count: int,
        workers: int,
        pairwise_test: bool = False,
    ) -> PairBatch:
        """Start making ``count`` pairs on ``workers`` threads."""

def advance_key_version_id(blob: bytes) -> str | None:
    """The key version named in an Advance blob's header, else ``None``."""

def states_purpose(blob: bytes, *, advance: bool) -> bool:
    """Whether a blob says what it was made as; ``False`` for one of format 1."""

def judge_lines(
    text: bytes,
    *,
    beginnings: Sequence[bytes],
    spec: str,
    key_format: str,
    with_plaintext: bool,
    keep_numbers: bool,
    longest: int,
) -> tuple[int, bytes, bytes, list[tuple[int, int, int]]]:
    """Look at the whole lines a text begins with, up to one of more than ``longest``.

    Gives ``(length, digests, numbers, doubtful)``: how many bytes those lines are; of
    each 16 bytes of the SHA-256 of its public number, and the number if it is to be
    kept; and row, begin and end of those that are not to the byte as ``next_lines``
    writes them after one of ``beginnings``, or have no sound public key of that spec.
    Digest and number of these are zeros.
    """

def judge_public_keys(
    keys: bytes, ends: Sequence[int], *, spec: str, key_format: str, keep_numbers: bool
) -> tuple[bytes, bytes, list[int]]:
    """The same of public keys that lie one behind the other, each to its end.

    Gives ``(digests, numbers, doubtful)``.
    """

def repeated_digests(digests: bytes) -> list[tuple[int, int]]:
    """Of digests of 16 bytes: where one is first, and where it is again."""

def random_bytes(length: int) -> bytes:
    """Random bytes from the operating system."""

def request_id() -> str:
    """A new random UUID (RFC 9562, version 4), in lower case."""

def engine() -> str:
    """The prime engine in use on this CPU: ``"portable"`` or ``"avx512ifma"``."""

def forbid_dumps() -> None:
    """Forbid core dumps and tracing of this process; ``OSError`` if refused."""

def kinds() -> list[tuple[str, str, int, str, str, str]]:
    """The core's table of kinds, in the words of ``pairsmith.kinds``.

    Name, parameters, bits of strength, what is in PKCS#8, pairwise test, and when it is
    made.
    """

def self_tests() -> list[tuple[str, bool, float]]:
    """Run every self-test: primitive, whether it was right, seconds it took."""

def _fail_self_test() -> None:
    """Do as if a self-test had failed: ``SelfTestError`` until the process ends."""

def _made_once() -> tuple[int, int]:
    """Tables made once in this process, and how many where a fork may cut them off."""

def _pretend(*, seconds: float = 0.0, copies: int = 0) -> None:
    """Let time go by and copy the machine, as pairs that wait see it."""

def _panic() -> None:
    """Panic inside the border: the tests look at what becomes of it."""
