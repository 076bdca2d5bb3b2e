"""Pairs, one and many: the Instance, the bare core, and the same work by hand.

    make bench

The three do the same: generate, encode both halves as PEM, wrap the private half
by AES-256-GCM. Of many, a thousand are made, with the whole process on one core, whose
time is taken: that of all threads, without what other processes use.
``by_hand`` is what a service would write with ``cryptography``: it
reuses one AES key, derives none per message, and asks no registry and no guard.

The group "warm pool" has RSA_2048 out of a pool beside an EC_P256 pair made anew by the
same instance, while threads refill the pool; every round is a hit.
"""

import os
import time
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pytest_benchmark.fixture import BenchmarkFixture

from pairsmith import DataKeyPair, Instance, KeyPairSpec
from pairsmith.instance import PooledSpec

CURVES: dict[str, ec.EllipticCurve] = {
    "EC_P256": ec.SECP256R1(),
    "EC_P256K": ec.SECP256K1(),
}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance with one key."""
    folder = tmp_path_factory.mktemp("bench")
    with Instance.open(f"sqlite:///{folder / 'kms.db'}") as opened:
        opened.create_alias("alias/bench", opened.create_key().key_id)
        yield opened


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance with one key, and with RSA_2048 pairs that wait."""
    folder = tmp_path_factory.mktemp("warm")
    pool = {"RSA_2048": 32}
    with Instance.open(f"sqlite:///{folder / 'kms.db'}", pool=pool) as opened:
        opened.create_alias("alias/bench", opened.create_key().key_id)
        yield opened


@pytest.fixture(params=CURVES)
def spec(request: pytest.FixtureRequest) -> str:
    """Both curves, a group each."""
    return str(request.param)


def test_instance(benchmark: BenchmarkFixture, instance: Instance, spec: str) -> None:
    """The whole operation, by alias."""
    benchmark.group = spec
    benchmark(instance.generate_data_key_pair, "alias/bench", spec, "PEM")


def test_bare_core(benchmark: BenchmarkFixture, instance: Instance, spec: str) -> None:
    """The one call into Rust that the operation makes."""
    benchmark.group = spec
    key = instance._registry.resolve("alias/bench", primary=False).wrapping_key  # noqa: SLF001

    def core() -> None:
        key.generate_data_key_pair(spec, "PEM", b"", advance=False, with_plaintext=True)

    benchmark(core)


def test_by_hand(benchmark: BenchmarkFixture, spec: str) -> None:
    """The same work with ``cryptography``."""
    benchmark.group = spec
    benchmark(by_hand(spec))


MANY = 1000


@pytest.fixture
def one_core() -> Iterator[None]:
    """All threads of this process on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.usefixtures("one_core")
def test_instance_batch(
    benchmark: BenchmarkFixture, instance: Instance, spec: str
) -> None:
    """A thousand pairs of one batch, every result taken."""
    benchmark.group = f"{spec}, {MANY} pairs on one core"

    def batch() -> None:
        pairs = instance.generate_data_key_pairs(
            "alias/bench", spec, "PEM", MANY, workers=1
        )
        assert sum(1 for _ in pairs) == MANY

    benchmark(batch)


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.usefixtures("one_core")
def test_instance_tables(
    benchmark: BenchmarkFixture, instance: Instance, spec: str
) -> None:
    """The same as tables of Arrow: the difference is what Python adds to a batch."""
    benchmark.group = f"{spec}, {MANY} pairs on one core"

    def batch() -> None:
        pairs = instance.generate_data_key_pairs(
            "alias/bench", spec, "PEM", MANY, workers=1
        )
        assert sum(map(len, pairs.to_reader())) == MANY

    benchmark(batch)


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.usefixtures("one_core")
def test_by_hand_batch(benchmark: BenchmarkFixture, spec: str) -> None:
    """A thousand pairs with ``cryptography``, one after the other."""
    benchmark.group = f"{spec}, {MANY} pairs on one core"
    one = by_hand(spec)

    def batch() -> None:
        for _ in range(MANY):
            one()

    benchmark.pedantic(batch, rounds=15)


@pytest.mark.parametrize("spec", ["EC_P256", "RSA_2048"])
def test_warm_pool(benchmark: BenchmarkFixture, warm: Instance, spec: str) -> None:
    """The whole operation, where RSA_2048 is a hit."""
    benchmark.group = "warm pool"

    def shelf() -> PooledSpec:
        return warm.pool_status().specs[KeyPairSpec.RSA_2048]

    def wait_if_empty() -> None:
        if not shelf().depth:
            assert warm.warm_up()

    def generate() -> DataKeyPair:
        return warm.generate_data_key_pair("alias/bench", spec, "PEM")

    benchmark.pedantic(generate, setup=wait_if_empty, rounds=1000)
    assert shelf().misses == 0


def by_hand(spec: str) -> Callable[[], tuple[bytes, bytes, bytes, bytes]]:
    """What makes, encodes and wraps one pair with ``cryptography``."""
    wrap = AESGCM(AESGCM.generate_key(256))
    curve = CURVES[spec]

    def make() -> tuple[bytes, bytes, bytes, bytes]:
        key = ec.generate_private_key(curve)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        iv = os.urandom(12)
        return public, private, iv, wrap.encrypt(iv, private, None)

    return make
