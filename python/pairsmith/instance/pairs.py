"""The pair operations: one at a time, and many."""

import os
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from pairsmith import parameters as parse
from pairsmith._core import CancelToken
from pairsmith.batch import Common, PairBatch, RawPair
from pairsmith.guard import Slots
from pairsmith.instance.pool import WarmPool
from pairsmith.registry import Key, Registry
from pairsmith.requests import request
from pairsmith.results import (
    DataKeyPair,
    DataKeyPairWithoutPlaintext,
    KeyFormat,
    KeyPairSpec,
)

Pair = TypeVar("Pair", bound=DataKeyPairWithoutPlaintext)


class PairOperations:
    """Generating data key pairs; ``Instance`` is one of these."""

    _registry: Registry
    _guard: Slots
    _threads: int
    _pool: WarmPool | None
    _pairwise_test: bool

    @request
    def generate_data_key_pair(
        self,
        request_id: str,
        key_id: Key,
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
            key_pair_spec: A ``KeyPairSpec``, or its name, such as ``RSA_2048``,
                ``EC_P256``, ``ED25519`` or ``ML_KEM_768``.
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
        key_id: Key,
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
        key_id: Key,
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
        key_id: Key,
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
    def generate_data_key_pairs(
        self,
        request_id: str,
        key_id: Key,
        key_pair_spec: KeyPairSpec | str,
        key_format: KeyFormat | str,
        count: int,
        *,
        aad: bytes = b"",
        wait: float = 0.0,
        workers: int | None = None,
    ) -> PairBatch[DataKeyPair]:
        """Generate many pairs, private keys in plain and under the initial version.

        They are made by threads of the core, ahead of the iteration by a bounded
        number, so memory does not depend on ``count``. The whole batch takes one slot
        of the guard and has one request id. Arguments and errors are otherwise those
        of ``generate_data_key_pair``.

        Args:
            count: How many pairs.
            workers: How many threads, 1 to 64; by default one for every core.

        Returns:
            An iterator; close it to end early.
        """
        return self._generate_pairs(
            DataKeyPair, request_id, key_id, key_pair_spec, key_format,
            count, aad, wait, workers, advance=False,
        )  # fmt: skip

    @request
    def generate_data_key_pairs_without_plaintext(
        self,
        request_id: str,
        key_id: Key,
        key_pair_spec: KeyPairSpec | str,
        key_format: KeyFormat | str,
        count: int,
        *,
        aad: bytes = b"",
        wait: float = 0.0,
        workers: int | None = None,
    ) -> PairBatch[DataKeyPairWithoutPlaintext]:
        """Like ``generate_data_key_pairs``, but no private key ever enters Python."""
        return self._generate_pairs(
            DataKeyPairWithoutPlaintext, request_id, key_id, key_pair_spec, key_format,
            count, aad, wait, workers, advance=False,
        )  # fmt: skip

    @request
    def advance_generate_data_key_pairs(
        self,
        request_id: str,
        key_id: Key,
        key_pair_spec: KeyPairSpec | str,
        key_format: KeyFormat | str,
        count: int,
        *,
        aad: bytes = b"",
        wait: float = 0.0,
        workers: int | None = None,
    ) -> PairBatch[DataKeyPair]:
        """Like ``generate_data_key_pairs``, under the primary version at the start."""
        return self._generate_pairs(
            DataKeyPair, request_id, key_id, key_pair_spec, key_format,
            count, aad, wait, workers, advance=True,
        )  # fmt: skip

    @request
    def advance_generate_data_key_pairs_without_plaintext(
        self,
        request_id: str,
        key_id: Key,
        key_pair_spec: KeyPairSpec | str,
        key_format: KeyFormat | str,
        count: int,
        *,
        aad: bytes = b"",
        wait: float = 0.0,
        workers: int | None = None,
    ) -> PairBatch[DataKeyPairWithoutPlaintext]:
        """Like ``advance_generate_data_key_pairs``, without private keys in plain."""
        return self._generate_pairs(
            DataKeyPairWithoutPlaintext, request_id, key_id, key_pair_spec, key_format,
            count, aad, wait, workers, advance=True,
        )  # fmt: skip

    def _generate_pair(
        self,
        kind: type[Pair],
        request_id: str,
        key_id: Key,
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
        pool = self._pool
        slot = self._guard.acquire(wait, cancel and cancel.is_cancelled)
        try:
            pair = key.wrapping_key.generate_data_key_pair(
                spec,
                encoding,
                aad,
                advance=advance,
                with_plaintext=kind is DataKeyPair,
                threads=self._threads,
                cancel=cancel,
                pool=None if pool is None else pool.raw,
                pairwise_test=self._pairwise_test,
            )
        finally:
            self._guard.release(slot)
        version = key.key_version_id if advance else None
        return _result(kind, request_id, key.key_id, version, spec, encoding, aad, pair)

    def _generate_pairs(
        self,
        kind: type[Pair],
        request_id: str,
        key_id: Key,
        key_pair_spec: KeyPairSpec | str,
        key_format: KeyFormat | str,
        count: int,
        aad: bytes,
        wait: float,
        workers: int | None,
        *,
        advance: bool,
    ) -> PairBatch[Pair]:
        spec = parse.parse_spec(key_pair_spec)
        encoding = parse.parse_format(key_format)
        count = parse.parse_count("count", count, limit=parse.BATCH_LIMIT)
        aad = parse.parse_aad(aad)
        wait = parse.parse_wait(wait)
        if workers is None:
            workers = min(len(os.sched_getaffinity(0)), parse.THREAD_LIMIT)
        workers = parse.parse_count("workers", workers, limit=parse.THREAD_LIMIT)
        key = self._registry.resolve(key_id, primary=advance)
        slot = self._guard.acquire(wait)
        release = partial(self._guard.release, slot)
        try:
            raw = key.wrapping_key.generate_data_key_pairs(
                spec,
                encoding,
                aad,
                advance=advance,
                with_plaintext=kind is DataKeyPair,
                count=count,
                workers=workers,
                pairwise_test=self._pairwise_test,
            )
        except BaseException:
            release()
            raise
        version = key.key_version_id if advance else None
        common = Common(
            request_id=request_id,
            key_id=key.key_id,
            key_version_id=version,
            key_pair_spec=spec,
            key_format=encoding,
            aad=aad,
        )
        return PairBatch(raw, kind, common, release)


def _result(
    kind: Callable[..., Pair],
    request_id: str,
    key_id: str,
    key_version_id: str | None,
    spec: KeyPairSpec,
    encoding: KeyFormat,
    aad: bytes,
    pair: RawPair,
) -> Pair:
    """The result of what the core gave; without a private key, of the kind without.

    Written out twice, for it is a fifth of the time that the layers above the core take
    for a pair, and shared keyword arguments would make it a third more.
    """
    public_key, iv, blob, private_key = pair
    if private_key is None:
        return kind(
            request_id=request_id,
            key_id=key_id,
            key_version_id=key_version_id,
            key_pair_spec=spec,
            key_format=encoding,
            aad=aad,
            iv=iv,
            private_key_ciphertext_blob=blob,
            encoded_public_key=public_key,
        )
    return kind(
        request_id=request_id,
        key_id=key_id,
        key_version_id=key_version_id,
        key_pair_spec=spec,
        key_format=encoding,
        aad=aad,
        iv=iv,
        private_key_ciphertext_blob=blob,
        encoded_public_key=public_key,
        private_key_plaintext=private_key,
    )
