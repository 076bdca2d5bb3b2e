"""A private key that nobody asked for is nowhere in the process that made it."""

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

from pairsmith import KeyPairSpec
from pairsmith._core import RootKey, WrappingKey

VERSION = "key-0123456789abcdefghijk-0123456789"
SPECS = list(KeyPairSpec)
SEED_BYTES = {"ML_KEM": 64, "ML_DSA": 32, "ED2551": 32, "X25519": 32}
"""Of private keys that are the end of their document, by how their kinds begin."""
SHAPES = {
    "44": b"\4\4", "65": b"\6\5", "87": b"\x08\7",
    "512": b"\2", "768": b"\3", "1024": b"\4",
}  # fmt: skip
"""k and l of ML-DSA, k of ML-KEM."""
PIECE = 24
"""Bytes of a secret that are not met by chance; an EC scalar has 32."""

# Told on standard input what to generate; prints the Iv and the blob. With "keep" it
# asks for the plaintext and holds it, so that the search can be seen to find.
CHILD = """
import sys
from pairsmith._core import RootKey
root_key, row, version = sys.stdin.readline().split()
key = RootKey(bytes.fromhex(root_key)).open_version(bytes.fromhex(row), "key", version)
kept = []
for line in sys.stdin:
    spec, key_format, threads, keep = line.split()
    if keep == "batch":
        batch = key.generate_data_key_pairs(
            spec, key_format, b"", advance=False, with_plaintext=False, count=12,
            workers=2,
        )
        groups = iter(batch.next_group, ([], [], [], []))
        made = [pair for group in groups for pair in zip(*group[:3])]
        batch.close()
        print(*(part.hex() for pair in made for part in pair[1:3]), flush=True)
        continue
    if keep == "table":
        import pyarrow as pa
        from types import SimpleNamespace
        common = SimpleNamespace(
            key_id="key", key_version_id=None, key_pair_spec=spec,
            key_format=key_format, algorithm="AES_GCM", aad=b"",
        )
        batch = key.generate_data_key_pairs(
            spec, key_format, b"", advance=False, with_plaintext=True, count=12,
            workers=2,
        )
        table = pa.record_batch(batch.reader(common, [], 12).next_batch())
        if threads == "2":
            kept.append(table)
        columns = (table.column(name) for name in ("Iv", "PrivateKeyCiphertextBlob"))
        made = zip(*(column.to_pylist() for column in columns))
        batch.close()
        del table, columns
        print(*(part.hex() for pair in made for part in pair), flush=True)
        continue
    if keep == "move":
        iv, blob = key.re_encrypt(
            bytes.fromhex(threads), b"", b"", key, b"", advance=True,
            destination_advance=False,
        )
        print(iv.hex(), blob.hex(), flush=True)
        continue
    _, iv, blob, private_key = key.generate_data_key_pair(
        spec, key_format, b"", advance=False, with_plaintext=keep == "keep",
        threads=int(threads),
    )
    kept.append(private_key)
    print(iv.hex(), blob.hex(), flush=True)
"""


class Child:
    """A process that generates, and whose memory can be read."""

    def __init__(self) -> None:
        root_key = os.urandom(32)
        root = RootKey(root_key)
        row = root.create_version("key", VERSION)
        self.key: WrappingKey = root.open_version(row, "key", VERSION)
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(root_key.hex(), row.hex(), VERSION)

    def generate(
        self, spec: str, key_format: str, *, threads: int = 1, keep: bool = False
    ) -> bytes:
        """The private key, opened here from the blob that the child printed."""
        self._say(spec, key_format, str(threads), "keep" if keep else "drop")
        assert self.process.stdout is not None
        iv, blob = map(bytes.fromhex, self.process.stdout.readline().split())
        return self.key.open(blob, iv, b"")[0]

    def generate_batch(self, spec: str, key_format: str) -> list[bytes]:
        """The private keys of a batch that two threads made."""
        self._say(spec, key_format, "2", "batch")
        assert self.process.stdout is not None
        parts = [*map(bytes.fromhex, self.process.stdout.readline().split())]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return [self.key.open(blob, iv, b"")[0] for iv, blob in pairs]

    def fill_table(self, spec: str, key_format: str, *, keep: bool) -> list[bytes]:
        """The private keys of a table that had them in plain, and is gone or kept."""
        self._say(spec, key_format, "2" if keep else "1", "table")
        assert self.process.stdout is not None
        parts = [*map(bytes.fromhex, self.process.stdout.readline().split())]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return [self.key.open(blob, iv, b"")[0] for iv, blob in pairs]

    def move(self, document: bytes) -> bytes:
        """Hand over a private key wrapped, have it sealed anew, and open it here."""
        _, blob = self.key.seal(document, b"", advance=True)
        self._say("any", "any", blob.hex(), "move")
        assert self.process.stdout is not None
        iv, moved = map(bytes.fromhex, self.process.stdout.readline().split())
        return self.key.open(moved, iv, b"")[0]

    def memory(self) -> Iterator[tuple[str, bytes]]:
        """Every region that can be read and written, with its name."""
        process = Path(f"/proc/{self.process.pid}")
        with (
            (process / "maps").open() as maps,
            (process / "mem").open("rb", 0) as mem,
        ):
            for line in maps:
                match = re.match(r"(\w+)-(\w+) rw\S+ \S+ \S+ \S+ *(.*)", line)
                if match is None or match[3] == "[vvar]":
                    continue
                start, end = int(match[1], 16), int(match[2], 16)
                mem.seek(start)
                yield match[3] or "anonymous", mem.read(end - start)

    def _say(self, *words: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """End the process."""
        self.process.communicate()
        assert self.process.returncode == 0


@pytest.fixture
def child() -> Iterator[Child]:
    """A new process."""
    child = Child()
    yield child
    child.close()


def secrets_of(spec: str, document: bytes) -> dict[str, bytes]:
    """What must not be found: the secret part of both encodings, and every number.

    Numbers in both orders of their bytes. The beginning of an RSA document holds the
    public modulus, and the end of an EC document the public point: both are cut off.
    """
    if spec[:6] in SEED_BYTES:
        return secrets_of_seed(spec, document)
    load = load_pem_private_key if document[:1] == b"-" else load_der_private_key
    key = load(document, None)
    pem, der = (
        key.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption())
        for encoding in (Encoding.PEM, Encoding.DER)
    )
    assert document in (pem, der)
    if isinstance(key, rsa.RSAPrivateKey):
        values = key.private_numbers()
        numbers = {
            "d": values.d,
            "p": values.p,
            "q": values.q,
            "dp": values.dmp1,
            "dq": values.dmq1,
            "q_inv": values.iqmp,
        }
        secret = slice(key.key_size // 8 + 48, None)
    else:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        numbers = {"d": key.private_numbers().private_value}
        length = (key.key_size + 7) // 8
        start = der.index(numbers["d"].to_bytes(length, "big"))
        secret = slice(start, start + length)
    text = b"".join(pem.splitlines(keepends=True)[1:-1])
    # Base64: four characters for three bytes, and a newline after 64.
    bounds = [
        bound and bound * 4 // 3 * 65 // 64 for bound in (secret.start, secret.stop)
    ]
    secrets = {"der": der[secret], "pem": text[slice(*bounds)]}
    for name, number in numbers.items():
        length = (number.bit_length() + 7) // 8
        secrets[f"{name}, big-endian"] = number.to_bytes(length, "big")
        secrets[f"{name}, little-endian"] = number.to_bytes(length, "little")
    return secrets


def secrets_of_seed(spec: str, document: bytes) -> dict[str, bytes]:
    """The same of a document that ends with a seed, and what is derived from that.

    FIPS 203, algorithm 13: sigma. FIPS 204, algorithm 6: rho prime and K. RFC 8032,
    5.1.5: the scalar and the prefix.
    """
    pem, der = document, document
    if document.startswith(b"-"):
        der = base64.b64decode(b"".join(document.splitlines()[1:-1]))
    else:
        text = base64.b64encode(der)
        pem = b"\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    seed = der[-SEED_BYTES[spec[:6]] :]
    # The first line of PEM holds what is the same in all documents.
    secrets = {
        "der": seed,
        "pem": pem.removesuffix(b"-----END PRIVATE KEY-----\n")[-60:],
    }
    if spec.startswith("ML_KEM"):
        shape = SHAPES[spec.rpartition("_")[2]]
        derived = hashlib.sha3_512(seed[:32] + shape).digest()
        secrets |= {"d": seed[:32], "z": seed[32:], "sigma": derived[32:]}
    elif spec.startswith("ML_DSA"):
        shape = SHAPES[spec.rpartition("_")[2]]
        derived = hashlib.shake_256(seed + shape).digest(128)
        secrets |= {"rho prime": derived[32:96], "K": derived[96:]}
    elif spec == "ED25519":
        derived = hashlib.sha512(seed).digest()
        secrets |= {"scalar": derived[1:31], "prefix": derived[32:]}
    return secrets


def found(child: Child, spec: str, document: bytes) -> set[tuple[str, str]]:
    """Which secrets are in which regions: any ``PIECE`` of them, at any place."""
    secrets = secrets_of(spec, document)
    windows: dict[int, list[tuple[str, int]]] = {}
    for name, secret in secrets.items():
        for start in range(len(secret) - 7):
            word = int.from_bytes(secret[start : start + 8], sys.byteorder)
            windows.setdefault(word, []).append((name, start))
    finds = set()
    for region, memory in child.memory():
        # Any run of 24 bytes holds eight that begin at a multiple of 16: compare those,
        # then measure how far the run goes.
        words = memoryview(memory).cast("Q")[::2].tolist()
        if windows.keys().isdisjoint(words):
            continue
        for index, word in enumerate(words):
            for name, start in windows.get(word, ()):
                if _run(memory, 16 * index, secrets[name], start) >= PIECE:
                    finds.add((name, region))
    return finds


def _run(memory: bytes, at: int, secret: bytes, start: int) -> int:
    """How many bytes around this place are the secret's."""
    first = last = 0
    while (
        first < min(at, start) and memory[at - first - 1] == secret[start - first - 1]
    ):
        first += 1
    while (
        last < min(len(memory) - at, len(secret) - start)
        and memory[at + last] == secret[start + last]
    ):
        last += 1
    return first + last


@pytest.mark.parametrize("key_format", ["DER", "PEM"])
@pytest.mark.parametrize("spec", SPECS)
def test_a_key_that_is_held_is_found(child: Child, spec: str, key_format: str) -> None:
    """The search finds a private key where there is one: the next test can fail."""
    document = child.generate(spec, key_format, keep=True)
    expected = {key_format.lower()}
    if key_format == "DER" and spec[:6] not in SEED_BYTES:
        expected.add("d, big-endian")
    assert expected <= {name for name, _ in found(child, spec, document)}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("spec", SPECS)
def test_no_piece_of_a_private_key_remains(
    child: Child, spec: str, threads: int
) -> None:
    """After an operation without plaintext no 24 bytes of the key are in memory."""
    for key_format in ("DER", "PEM", "DER"):
        document = child.generate(spec, key_format, threads=threads)
        assert found(child, spec, document) == set()


@pytest.mark.parametrize("spec", [*SPECS[2:4], *SPECS[5:]])
def test_no_piece_of_a_key_that_moved_remains(child: Child, spec: str) -> None:
    """Re-encryption leaves nothing of what it opened."""
    with_key = Child()
    for key_format in ("DER", "PEM"):
        document = with_key.generate(spec, key_format)
        assert child.move(document) == document
        assert found(child, spec, document) == set()
    with_key.close()


@pytest.mark.parametrize("spec", [SPECS[0], *SPECS[3:]])
def test_no_piece_of_a_batch_remains(child: Child, spec: str) -> None:
    """After a batch without plaintext, too, though its threads have ended."""
    for key_format in ("DER", "PEM"):
        documents = child.generate_batch(spec, key_format)
        assert len(documents) == 12
        for document in documents[-4:]:
            assert found(child, spec, document) == set()


@pytest.mark.parametrize("spec", ["RSA_2048", "EC_P256"])
def test_no_piece_of_a_table_remains(child: Child, spec: str) -> None:
    """Arrow gives back the memory of private keys, and then it is erased.

    While somebody holds the table they are found, so the test can fail.
    """
    for key_format in ("DER", "PEM"):
        documents = child.fill_table(spec, key_format, keep=False)
        assert len(documents) == 12
        for document in documents[-4:]:
            assert found(child, spec, document) == set()
    held = child.fill_table(spec, "DER", keep=True)
    assert {name for name, _ in found(child, spec, held[0])} >= {"der"}
