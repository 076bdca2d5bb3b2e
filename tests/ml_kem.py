"""ML-KEM key generation as FIPS 203 writes it: a second implementation, for tests.

Slow, and in no way constant in time. It shares nothing with what generates pairs.
"""

import hashlib
from collections.abc import Iterator

Q = 3329
N = 256
ROOT = 17
"""zeta: a primitive 256th root of unity modulo q."""
SETS = {512: (2, 3), 768: (3, 2), 1024: (4, 2)}
"""k and eta_1 of each parameter set (section 8)."""

Polynomial = list[int]


def encapsulation_key(size: int, seed: bytes) -> bytes:
    """ML-KEM.KeyGen_internal, algorithm 16: the encapsulation key of d and z."""
    k, eta = SETS[size]
    both = hashlib.sha3_512(seed[:32] + bytes([k])).digest()
    rho, sigma = both[:32], both[32:]
    noise = [_ntt(_sample_cbd(eta, sigma, number)) for number in range(2 * k)]
    secret, error = noise[:k], noise[k:]
    rows = []
    for i in range(k):
        total = error[i]
        for j in range(k):
            product = _multiplied(_sample_ntt(rho, j, i), secret[j])
            total = [(a + b) % Q for a, b in zip(total, product, strict=True)]
        rows.append(_encoded(total))
    return b"".join(rows) + rho


def _sample_ntt(rho: bytes, j: int, i: int) -> Polynomial:
    """Algorithm 7."""
    stream = hashlib.shake_128(rho + bytes([j, i])).digest(4096)
    return [value for value, _ in zip(_twelve_bits(stream), range(N), strict=False)]


def _twelve_bits(stream: bytes) -> Iterator[int]:
    for a, b, c in zip(stream[::3], stream[1::3], stream[2::3], strict=False):
        for value in (a + 256 * (b % 16), b // 16 + 16 * c):
            if value < Q:
                yield value


def _sample_cbd(eta: int, sigma: bytes, number: int) -> Polynomial:
    """Algorithm 8, of PRF_eta(sigma, number)."""
    stream = hashlib.shake_256(sigma + bytes([number])).digest(64 * eta)
    bits = [byte >> place & 1 for byte in stream for place in range(8)]
    groups = [bits[2 * i * eta : 2 * (i + 1) * eta] for i in range(N)]
    return [(sum(group[:eta]) - sum(group[eta:])) % Q for group in groups]


def _ntt(polynomial: Polynomial) -> Polynomial:
    """Algorithm 9."""
    values, i, length = list(polynomial), 1, 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            zeta = pow(ROOT, _reversed_bits(i), Q)
            i += 1
            for j in range(start, start + length):
                turned = zeta * values[j + length] % Q
                values[j + length] = (values[j] - turned) % Q
                values[j] = (values[j] + turned) % Q
        length //= 2
    return values


def _multiplied(left: Polynomial, right: Polynomial) -> Polynomial:
    """Algorithms 11 and 12."""
    product = [0] * N
    for i in range(N // 2):
        gamma = pow(ROOT, 2 * _reversed_bits(i) + 1, Q)
        a, b = left[2 * i : 2 * i + 2]
        c, d = right[2 * i : 2 * i + 2]
        product[2 * i] = (a * c + b * d * gamma) % Q
        product[2 * i + 1] = (a * d + b * c) % Q
    return product


def _encoded(polynomial: Polynomial) -> bytes:
    """Algorithm 5 with d = 12."""
    number = sum(value << 12 * i for i, value in enumerate(polynomial))
    return number.to_bytes(384, "little")


def _reversed_bits(value: int) -> int:
    return int(f"{value:07b}"[::-1], 2)
