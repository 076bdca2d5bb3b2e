"""An instance whose pairs a seed determines: for tests, by C2SP det-keygen.

Whoever knows the seed knows every private key. Only a dev server opens one.
"""

import hashlib
import hmac
import threading
from collections import Counter
from typing import NoReturn, Self

from pairsmith import parameters as parse
from pairsmith._core import CancelToken
from pairsmith.errors import InvalidParameter, UnsupportedOperation
from pairsmith.instance import Instance
from pairsmith.instance.pairs import Pair, _result
from pairsmith.registry import Key
from pairsmith.registry.dev_root_key import DevRootKey
from pairsmith.registry.root_key import default_root_key
from pairsmith.registry.urls import parse_database_url
from pairsmith.results import DataKeyPair, KeyFormat, KeyPairSpec

LABEL = b"pairsmith dev pair"
LEAST_SEED_BYTES = 16


class SeededInstance(Instance):
    """As ``Instance``, but the n-th pair of each spec is the same after every start."""

    _seed: bytes
    _made: Counter[KeyPairSpec]
    _counting: threading.Lock

    @classmethod
    def seeded(
        cls, url: str, seed: bytes, *, pair_limit: int = 1, threads: int = 1
    ) -> Self:
        """Open an instance; arguments and errors are otherwise those of ``open``.

        Args:
            url: Of an SQLite database that a dev server has made, or a new one: its
                root key is marked, and no other is taken.
            seed: 16 bytes or more.
            pair_limit: As for ``open``.
            threads: As for ``open``.
        """
        if len(seed) < LEAST_SEED_BYTES:
            raise InvalidParameter("seed", f"give {LEAST_SEED_BYTES} bytes or more.")
        root_key = default_root_key(parse_database_url(url).real_path, DevRootKey)
        instance = cls.open(url, root_key, pair_limit=pair_limit, threads=threads)
        instance._begin(seed)  # noqa: SLF001 -- its own
        return instance

    def _begin(self, seed: bytes) -> None:
        self._seed = seed
        self._made = Counter()
        self._counting = threading.Lock()

    # A method of its own, rather than one step of the other exchanged: that one is the
    # hot path of production, and a call more is felt there.
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
        aad, wait = parse.parse_aad(aad), parse.parse_wait(wait)
        key = self._registry.resolve(key_id, primary=advance)
        slot = self._guard.acquire(wait, cancel and cancel.is_cancelled)
        try:
            pair = key.wrapping_key.generate_data_key_pair_from_seed(
                pair_seed(self._seed, spec, self._next(spec)),
                spec,
                encoding,
                aad,
                advance=advance,
                with_plaintext=kind is DataKeyPair,
                threads=self._threads,
            )
        finally:
            self._guard.release(slot)
        version = key.key_version_id if advance else None
        return _result(kind, request_id, key.key_id, version, spec, encoding, aad, pair)

    def _next(self, spec: KeyPairSpec) -> int:
        with self._counting:
            number = self._made[spec]
            self._made[spec] += 1
        return number

    def _generate_pairs(self, *_: object, **__: object) -> NoReturn:
        raise UnsupportedOperation


def pair_seed(seed: bytes, spec: str, number: int) -> bytes:
    """The det-keygen seed of a pair.

    Args:
        seed: Of the instance.
        spec: Of the pair, such as ``EC_P256``.
        number: How many pairs of that spec were made before, since the start.
    """
    message = LABEL + spec.encode("ascii") + number.to_bytes(8, "big")
    return hmac.digest(seed, message, hashlib.sha256)
