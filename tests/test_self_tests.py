"""Self-tests: all well by default; after a failure nothing is done any more."""

import itertools
import subprocess
import sys

import pytest

from pairsmith import AsyncInstance, Instance, KeyPairSpec, errors
from reading import belong_together


def test_every_primitive_gives_its_known_answers() -> None:
    """Each is named once, is right, and they take no time that anybody notices."""
    for _ in range(2):
        results = Instance.self_tests()
        assert all(result.passed for result in results)
        assert {result.name for result in results} == {
            "SHA-256",
            "HKDF-SHA256",
            "AES-256-GCM",
            "RSA keys and signatures",
            "1024-bit primes",
            "1536-bit primes",
            "2048-bit primes",
            "P-256",
            "P-256 signatures",
            "secp256k1",
            "secp256k1 signatures",
        } | {
            f"{name}{more}"
            for name, more in (
                *itertools.product(("P-384", "P-521", "Ed25519"), ("", " signatures")),
                *itertools.product(("X25519",), ("", " agreement")),
                *itertools.product(
                    ("ML-KEM-512", "ML-KEM-768", "ML-KEM-1024"), ("", " encapsulation")
                ),
                *itertools.product(
                    ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87"), ("", " signatures")
                ),
            )
        }
        assert len({result.name for result in results}) == len(results)
        assert all(result.seconds > 0 for result in results)


# Does everything once with a core that is well, then everything again with one that is
# not: prints what raised anything but the one error.
STOPPED = """
import sys
from pairsmith import Instance, errors
from pairsmith._core import RootKey, _fail_self_test

with Instance.open(sys.argv[1], pool={"RSA_2048": 2}, pair_limit=4) as kms:
    key = kms.create_key().key_id
    pair = kms.advance_generate_data_key_pair(key, "RSA_2048", "PEM")
    plain = kms.encrypt(key, b"x")
    assert kms.warm_up()
    many = kms.generate_data_key_pairs
    operations = {
        "generate": lambda: kms.generate_data_key_pair(key, "EC_P256", "PEM"),
        "waiting": lambda: kms.generate_data_key_pair(key, "RSA_2048", "PEM"),
        "searched": lambda: kms.generate_data_key_pair(key, "RSA_3072", "PEM"),
        "other curve": lambda: kms.generate_data_key_pair(key, "EC_P256K", "PEM"),
        "library": lambda: kms.generate_data_key_pair(key, "ML_KEM_768", "PEM"),
        "many of a library": lambda: list(many(key, "ED25519", "PEM", 3)),
        "many": lambda: list(many(key, "EC_P256", "PEM", 3)),
        "many RSA": lambda: list(many(key, "RSA_2048", "PEM", 1)),
        "open": lambda: kms.decrypt(pair.record()),
        "open plain": lambda: kms.decrypt(
            plain.ciphertext_blob, key_id=key, iv=plain.iv
        ),
        "seal": lambda: kms.encrypt(key, b"x"),
        "data key": lambda: kms.generate_data_key(key, 32),
        "random": lambda: kms.generate_random(8),
        "new key": lambda: kms.create_key(),
        "new version": lambda: kms.create_key_version(key),
        "root key": lambda: RootKey(bytes(32)),
        "new pool": lambda: Instance.open(sys.argv[1], pool={"EC_P256": 1}),
    }
    for operation in operations.values():
        operation()
    _fail_self_test()
    for name, operation in operations.items():
        try:
            operation()
        except errors.SelfTestError as error:
            assert error.code == "InternalFailure"
            assert error.http_status == 500
            assert "pairsmith doctor" in str(error)
        else:
            print(name)
    assert kms.describe_key(key).key_id == key, "what needs no core goes on"
print("done")
"""


def test_a_failure_stops_every_operation(url: str) -> None:
    """One documented error, whatever was asked, until the process ends."""
    finished = subprocess.run(
        [sys.executable, "-c", STOPPED, url],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    assert finished.stdout == "done\n"


DOCTOR = """
from pairsmith.cli import machine_findings
from pairsmith._core import self_tests
from pairsmith import instance

def wrong():
    return [(name, name != "P-256", seconds) for name, _, seconds in self_tests()]

instance.self_tests = wrong
print([(each.verdict, each.text) for each in machine_findings.self_tests()])
"""


def test_doctor_names_what_is_wrong() -> None:
    """A primitive that failed is a problem, and nobody is told that all is well."""
    finished = subprocess.run(
        [sys.executable, "-c", DOCTOR], stdout=subprocess.PIPE, check=True, text=True
    )
    assert finished.stdout.count("PROBLEM") == 1
    assert "P-256 gives wrong answers" in finished.stdout
    assert "GOOD" not in finished.stdout


@pytest.mark.parametrize("spec", list(KeyPairSpec)[3:])
def test_the_pairwise_test_is_an_option(url: str, spec: str) -> None:
    """With it pairs of every way come whole: alone, of a batch, from the pool."""
    with Instance.open(url, pool={spec: 2}, pairwise_test=True) as instance:
        key_id = instance.create_key().key_id
        assert instance.warm_up()
        pairs = list(instance.generate_data_key_pairs(key_id, spec, "DER", 3))
        pairs += [
            instance.generate_data_key_pair(key_id, spec, "PEM") for _ in range(40)
        ]
        status = instance.pool_status()
        assert status.failures == 0
        for pair in pairs:
            opened = instance.decrypt(pair.record()).plaintext
            assert belong_together(opened, pair.encoded_public_key)


@pytest.mark.parametrize("value", [None, 0, 1, "yes"])
def test_the_option_is_yes_or_no(url: str, value: object) -> None:
    """What might be meant as either is refused."""
    with pytest.raises(errors.InvalidParameter, match="pairwise_test"):
        Instance.open(url, pairwise_test=value)  # type: ignore[arg-type]


def test_async_instances_have_the_option(url: str) -> None:
    """It is handed on."""
    import asyncio

    async def use() -> None:
        async with await AsyncInstance.open(url, pairwise_test=True) as kms:
            assert kms._instance._pairwise_test
            key_id = (await kms.create_key()).key_id
            await kms.generate_data_key_pair(key_id, "EC_P256K", "PEM")

    asyncio.run(use())
