"""Pairs that a seed determines: which they are, and where they are refused."""

import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key

from pairsmith import Instance
from pairsmith.errors import InvalidParameter, RootKeyError, UnsupportedOperation
from pairsmith.instance.seeded import SeededInstance, pair_seed
from pairsmith.server.dev.mode import dev_mode, open_seeded
from pairsmith.server.dev.root_key import database_url
from pairsmith.server.settings import Settings, with_setting

SEED = b"sixteen bytes or more"
PACKAGE = Path(__file__).parents[3] / "python" / "pairsmith"


def opened(folder: Path, seed: bytes = SEED) -> Iterator[tuple[SeededInstance, str]]:
    """A seeded instance in a database of its own, and a key of it."""
    folder.mkdir()
    url = f"sqlite:///{folder / 'kms.db'}"
    with SeededInstance.seeded(url, seed) as instance:
        yield instance, instance.create_key().key_id


def det_keygen(seed: bytes, personalization: bytes) -> int:
    """The first scalar of C2SP det-keygen, by the steps of its page."""
    key, value = bytes(32), b"\1" * 32
    for separator in (b"\0", b"\1"):
        key = hmac.digest(key, value + separator + seed + personalization, "sha256")
        value = hmac.digest(key, value, "sha256")
    return int.from_bytes(hmac.digest(key, value, "sha256"))


@pytest.mark.parametrize(
    ("spec", "curve", "name"),
    [
        ("EC_P256", ec.SECP256R1(), b"det ECDSA key gen P-256"),
        ("EC_P256K", ec.SECP256K1(), b"det ECDSA key gen secp256k1"),
    ],
)
def test_a_test_suite_can_compute_every_pair(
    tmp_path: Path, spec: str, curve: ec.EllipticCurve, name: bytes
) -> None:
    """The third pair of a spec is what the documented formula says."""
    for instance, key in opened(tmp_path / "a"):
        pairs = [instance.generate_data_key_pair(key, spec, "DER") for _ in range(3)]
    text = b"pairsmith dev pair" + spec.encode() + (2).to_bytes(8, "big")
    seed = hmac.digest(SEED, text, "sha256")
    assert pair_seed(SEED, spec, 2) == seed
    private_key = load_der_private_key(pairs[2].private_key_plaintext, None)
    assert isinstance(private_key, ec.EllipticCurvePrivateKey)
    assert private_key.curve.name == curve.name
    assert private_key.private_numbers().private_value == det_keygen(seed, name)


@pytest.mark.parametrize(
    "spec", ["RSA_2048", "EC_P256", "EC_P256K", "EC_P521", "ED25519", "ML_KEM_768"]
)
def test_pairs_depend_on_seed_and_place_only(tmp_path: Path, spec: str) -> None:
    """Another start gives the same pairs in other blobs; another seed, other pairs."""
    made = []
    for name, seed in (("a", SEED), ("b", SEED), ("c", SEED + b"!")):
        for instance, key in opened(tmp_path / name, seed):
            if name == "b":  # pairs of other specs and operations do not count
                instance.generate_data_key_pair(key, other_than(spec), "PEM")
            made.append(instance.generate_data_key_pair(key, spec, "DER"))
            blob = made[-1]
            assert (
                instance.decrypt(
                    blob.private_key_ciphertext_blob, key_id=key, iv=blob.iv
                ).plaintext
                == blob.private_key_plaintext
            )
    first, again, other = made
    assert first.private_key_plaintext == again.private_key_plaintext
    assert first.private_key_ciphertext_blob != again.private_key_ciphertext_blob
    assert first.iv != again.iv
    assert first.private_key_plaintext != other.private_key_plaintext


def other_than(spec: str) -> str:
    """Another spec, which is quick."""
    return "EC_P256K" if spec == "EC_P256" else "EC_P256"


def test_without_plaintext_the_same_pairs_are_made(tmp_path: Path) -> None:
    """Every pair operation takes the next pair of its spec."""
    for instance, key in opened(tmp_path / "a"):
        public = [
            instance.generate_data_key_pair(key, "EC_P256", "DER").encoded_public_key,
            instance.advance_generate_data_key_pair_without_plaintext(
                key, "EC_P256", "DER"
            ).encoded_public_key,
        ]
    for instance, key in opened(tmp_path / "b"):
        assert public == [
            instance.generate_data_key_pair(key, "EC_P256", "DER").encoded_public_key
            for _ in range(2)
        ]


def test_batches_are_refused(tmp_path: Path) -> None:
    """They are made by several threads at random, which nobody could foresee."""
    for instance, key in opened(tmp_path / "a"):
        with pytest.raises(UnsupportedOperation):
            instance.generate_data_key_pairs(key, "EC_P256", "DER", 2)


def test_short_seeds_are_refused(tmp_path: Path) -> None:
    """By the instance and by dev mode, before anything is made."""
    url = f"sqlite:///{tmp_path / 'kms.db'}"
    with pytest.raises(InvalidParameter, match="16 bytes"):
        SeededInstance.seeded(url, bytes(15))
    with (
        pytest.raises(InvalidParameter, match="16 characters"),
        dev_mode(Settings(), deterministic="a" * 15),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_a_production_root_key_is_refused(tmp_path: Path) -> None:
    """Also by the last step before the pairs, which trusts nobody above it."""
    Instance.open(database_url(tmp_path)).close()
    settings = with_setting(Settings(), "files", "folder", str(tmp_path))
    with pytest.raises(RootKeyError, match="not made by --dev"):
        open_seeded(settings, SEED)
    with (
        pytest.raises(RootKeyError, match="not made by --dev"),
        dev_mode(settings, deterministic=SEED.decode()),
    ):
        pass


def test_only_dev_mode_opens_a_seeded_instance() -> None:
    """Nothing else in the package names it."""
    using = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "SeededInstance" in path.read_text()
    }
    assert using == {"instance/seeded.py", "server/dev/mode.py"}
