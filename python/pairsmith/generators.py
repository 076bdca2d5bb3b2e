"""Generators that answer a benchmark: ``python -m pairsmith.generators NAME``.

One process each, so that an engine can be forced by the environment and no generator
warms another's caches. The first line out says what was loaded. Then each line in,
``RSA_2048 3 1``, asks for three keys on one thread, and is answered by a line of three
durations in seconds. The end of the input ends the process.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairsmith._core import WrappingKey

    Generate = Callable[[str, int], object]
    """Makes one key of a spec on so many threads."""

__all__ = ["GENERATORS", "answer", "serve"]

RSA_BITS = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}


def of_pairsmith(*, pairwise_test: bool = False) -> tuple[str, Generate]:
    """Ours: search, proof, encoding as DER and wrapping, in one call into the core."""
    from pairsmith._core import engine

    key = _wrapping_key()

    def generate(spec: str, threads: int) -> object:
        return key.generate_data_key_pair(
            spec,
            "DER",
            b"",
            advance=False,
            with_plaintext=False,
            threads=threads,
            pairwise_test=pairwise_test,
        )

    tested = ", pairwise test" * pairwise_test
    return f"pairsmith {engine()}{tested}", generate


def of_cryptography() -> tuple[str, Generate]:
    """OpenSSL through ``cryptography``: generation alone, nothing encoded."""
    import cryptography
    from cryptography.hazmat.backends.openssl.backend import backend
    from cryptography.hazmat.primitives.asymmetric import (
        ec,
        ed25519,
        mldsa,
        mlkem,
        rsa,
        x25519,
    )

    curves: dict[str, ec.EllipticCurve] = {
        "EC_P256": ec.SECP256R1(),
        "EC_P256K": ec.SECP256K1(),
        "EC_P384": ec.SECP384R1(),
        "EC_P521": ec.SECP521R1(),
    }
    others: dict[str, Callable[[], object]] = {
        "ED25519": ed25519.Ed25519PrivateKey.generate,
        "X25519": x25519.X25519PrivateKey.generate,
        "ML_KEM_768": mlkem.MLKEM768PrivateKey.generate,
        "ML_KEM_1024": mlkem.MLKEM1024PrivateKey.generate,
        "ML_DSA_44": mldsa.MLDSA44PrivateKey.generate,
        "ML_DSA_65": mldsa.MLDSA65PrivateKey.generate,
        "ML_DSA_87": mldsa.MLDSA87PrivateKey.generate,
    }

    def generate(spec: str, _threads: int) -> object:
        if spec in curves:
            return ec.generate_private_key(curves[spec])
        if spec in others:
            return others[spec]()
        return rsa.generate_private_key(65537, RSA_BITS[spec])

    openssl = " ".join(backend.openssl_version_text().split()[:2])
    return f"cryptography {cryptography.__version__}, {openssl}", generate


def of_pycryptodome() -> tuple[str, Generate]:
    """PyCryptodome, if it is installed: generation alone, of RSA and some curves."""
    import Crypto
    from Crypto.PublicKey import ECC, RSA

    curves = {
        "EC_P256": "P-256",
        "EC_P384": "P-384",
        "EC_P521": "P-521",
        "ED25519": "Ed25519",
    }

    def generate(spec: str, _threads: int) -> object:
        if spec in curves:
            return ECC.generate(curve=curves[spec])
        return RSA.generate(RSA_BITS[spec])

    return f"pycryptodome {Crypto.__version__}", generate


GENERATORS: dict[str, Callable[[], tuple[str, Generate]]] = {
    "pairsmith": of_pairsmith,
    "pairsmith-tested": partial(of_pairsmith, pairwise_test=True),
    "cryptography": of_cryptography,
    "pycryptodome": of_pycryptodome,
}


def answer(request: str, generate: Generate) -> str:
    """The durations for one line of the protocol."""
    spec, keys, threads = request.split()
    durations = []
    for _ in range(int(keys)):
        begun = time.perf_counter()
        generate(spec, int(threads))
        durations.append(time.perf_counter() - begun)
    return " ".join(map(repr, durations))


def serve(name: str) -> None:
    """Speak the protocol on the standard streams until the input ends.

    What cannot be loaded says so in its only line, which then begins with ``error``.
    """
    try:
        loaded, generate = GENERATORS[name]()
    except (ImportError, ValueError) as error:
        sys.stdout.write(f"error {error}\n")
        return
    sys.stdout.write(f"{loaded}\n")
    sys.stdout.flush()
    for request in sys.stdin:
        sys.stdout.write(f"{answer(request, generate)}\n")
        sys.stdout.flush()


def _wrapping_key() -> WrappingKey:
    from pairsmith._core import RootKey, random_bytes

    root_key = RootKey(random_bytes(32))
    names = ("key-" + "b" * 21, "key-" + "b" * 21 + "-" + "1" * 10)
    return root_key.open_version(root_key.create_version(*names), *names)


if __name__ == "__main__":
    serve(sys.argv[1])
