"""Verification finds records that are wrong, though the manifest vouches for them."""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gmpy2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jobs import found, manifest_of, rewrite, shard, vouch_for

from pairsmith import Instance, bulk
from pairsmith.bulk.public_numbers import DIGEST, PublicNumbers


@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_a_pair_that_occurs_twice_is_found(
    opener: Instance, job: Callable[[str], Path], kind: str
) -> None:
    """Though the manifest vouches for both; it is no shared prime besides."""
    out = job(kind)
    first = shard(out, 1).read_bytes().splitlines(keepends=True)
    third = shard(out, 3).read_bytes().splitlines(keepends=True)
    shard(out, 3).write_bytes(third[0] + first[2])
    vouch_for(out)
    assert found(out, opener) == [
        "pairs-000003.jsonl:2: it is the pair of pairs-000001.jsonl:3"
    ]


def rsa_public_key(p: int, q: int) -> str:
    """A public key with that modulus, as a record has it."""
    key = rsa.RSAPublicNumbers(65537, p * q).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(pem).decode()


def test_moduli_that_share_a_prime_are_found(
    opener: Instance, job: Callable[[str], Path]
) -> None:
    """Both, each naming the other; also where no record is opened."""
    out = job("RSA")
    p, q, r = (int(gmpy2.next_prime((3 << 1022) + (n << 900))) for n in (1, 2, 3))
    rewrite(shard(out, 1), 2, PublicKey=rsa_public_key(p, q))
    rewrite(shard(out, 3), 1, PublicKey=rsa_public_key(r, p))
    vouch_for(out)
    shared = [
        f"pairs-00000{here}: its modulus shares a prime with pairs-00000{there}: "
        "anybody can compute the private keys of both"
        for here, there in (("1.jsonl:2", "3.jsonl:1"), ("3.jsonl:1", "1.jsonl:2"))
    ]
    assert found(out, None) == shared
    assert found(out, None, gcd=False) == []
    opening = found(out, opener, gcd=False)
    assert [each.partition(": Nothing")[0] for each in opening] == [
        f"pairs-00000{each}: it does not open" for each in ("1.jsonl:2", "3.jsonl:1")
    ]


Spoil = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]

SPOILED: list[tuple[str, Spoil, str]] = [
    ("EC", lambda *_: {"Aad": "YQ=="}, "its Aad is not the job's"),
    ("plain", lambda _, other: {"Iv": other["Iv"]}, "it does not open"),
    (
        "plain",
        lambda _, other: {"PublicKey": other["PublicKey"]},
        "it does not open",
    ),
    (
        "EC",
        lambda _, other: {
            "PrivateKeyCiphertextBlob": other["PrivateKeyCiphertextBlob"]
        },
        "it does not open",
    ),
    (
        "EC",
        lambda _, other: {"PrivateKeyPlaintext": other["PrivateKeyPlaintext"]},
        "its private key in plain is not the one that is wrapped",
    ),
    ("plain", lambda *_: {"KeyId": "key-" + "a" * 21}, "its KeyId is not the job's"),
    ("plain", lambda *_: {"KeyPairSpec": "EC_P256"}, "its KeyPairSpec is not the"),
    ("plain", lambda *_: {"KeyFormat": "PEM"}, "its KeyFormat is not the job's"),
    ("plain", lambda *_: {"Algorithm": "AES"}, "its Algorithm is not the job's"),
    ("plain", lambda mine, _: {"KeyVersionId": mine["KeyId"]}, "it has a KeyVersionId"),
    ("EC", lambda mine, _: {"KeyVersionId": mine["KeyId"]}, "its KeyVersionId is not"),
    ("plain", lambda *_: {"PrivateKeyPlaintext": "YQ=="}, "PrivateKeyPlaintext is in"),
    ("plain", lambda *_: {"PublicKey": "YQ=="}, "its public key cannot be read"),
    ("plain", lambda *_: {"PublicKey": "!"}, "Only base64 data is allowed"),
    ("plain", lambda *_: {"KeyPairSpec": "EC_P224"}, "'EC_P224' is not a valid"),
    ("plain", lambda *_: {"Type": "something"}, "its Type is not"),
    ("plain", lambda *_: {"More": "something"}, "unexpected 'More'"),
]


@pytest.mark.parametrize(("kind", "spoil", "text"), SPOILED)
def test_a_record_that_is_wrong_is_found(
    opener: Instance, job: Callable[[str], Path], kind: str, spoil: Spoil, text: str
) -> None:
    """Though the manifest vouches for the file: by its line, and nothing else is."""
    out = job(kind)
    lines = [json.loads(line) for line in shard(out, 1).read_bytes().splitlines()]
    rewrite(shard(out, 1), 3, **spoil(lines[2], lines[0]))
    vouch_for(out)
    findings = found(out, opener)
    assert any(each.startswith(f"pairs-000001.jsonl:3: {text}") for each in findings)
    assert all(each.startswith("pairs-000001.jsonl:3: ") for each in findings)


@pytest.mark.parametrize("line", [b"\n", b"7\n", b"\xff\n", b"{}\n", b"a" * 10**6])
def test_lines_that_are_no_records_are_found(
    opener: Instance, job: Callable[[str], Path], line: bytes
) -> None:
    """Whatever is there instead, of whatever length."""
    out = job("EC")
    lines = shard(out, 3).read_bytes().splitlines(keepends=True)
    shard(out, 3).write_bytes(lines[0] + line)
    findings = found(out, opener)
    assert any(each.startswith("pairs-000003.jsonl:2: ") for each in findings)
    assert all(each.startswith("pairs-000003.jsonl") for each in findings)


def test_a_record_under_another_version_than_it_says_is_found(
    opener: Instance, job: Callable[[str], Path]
) -> None:
    """Also where the manifest has that version."""
    out = job("EC")
    key = opener.describe_key(manifest_of(out)["Job"]["KeyId"])
    document = manifest_of(out)
    document["KeyVersionIds"].append(key.initial_key_version)
    (out / "manifest.json").write_text(json.dumps(document))
    rewrite(shard(out, 2), 1, KeyVersionId=key.initial_key_version)
    vouch_for(out)
    (finding,) = found(out, opener)
    assert finding.startswith("pairs-000002.jsonl:1: it does not open: Nothing was")


def test_a_key_of_another_kind_is_found(
    opener: Instance, job: Callable[[str], Path]
) -> None:
    """A curve, or an exponent, that the spec does not have."""
    out = job("RSA")
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    for number, key in (
        (1, curve),
        (2, rsa.generate_private_key(65537, 1024).public_key()),  # noqa: S505
        (3, rsa.generate_private_key(3, 2048).public_key()),
    ):
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        rewrite(shard(out, 1), number, PublicKey=b64encode(pem).decode())
    vouch_for(out)
    assert found(out, None) == [
        f"pairs-000001.jsonl:{n}: its public key cannot be read: it is no RSA_2048 key"
        for n in (1, 2, 3)
    ]
    report = bulk.verify(out, opener, sample=10)
    assert (report.opened, report.moduli) == (7, 7)


def test_repetitions_name_the_first() -> None:
    """Three times the same is twice a repetition; records without number are none."""
    numbers = PublicNumbers(0)
    for position, number in enumerate((b"a", None, b"b", b"a", None, b"c", b"b", b"a")):
        numbers.extend(bytes(DIGEST), b"")
        numbers.put(position, number)
    assert sorted(numbers.repeated()) == [(0, 3), (0, 7), (2, 6)]
