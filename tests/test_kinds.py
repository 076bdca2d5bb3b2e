"""The table of kinds: every kind has its row, and is served wherever kinds are."""

import json
import re
from pathlib import Path

import pytest

from ml_kem import encapsulation_key
from pairsmith import Instance, KeyPairSpec, WrappedKeyPair, _core, bulk, errors, kinds
from pairsmith.cli.application import application
from pairsmith.instance.seeded import SeededInstance
from pairsmith.kinds import KINDS, Jwk
from pairsmith.server import metrics
from pairsmith.server.path.call import Call
from reading import belong_together, der_of, public_of

DOCS = Path(__file__).parent.parent
SEED = b"a seed of the tests"


def test_both_tables_say_the_same() -> None:
    """Names, parameters, strength, encoding and tests are the core's, in its order."""
    ours = [
        (
            str(kind.spec), kind.parameters, kind.strength_bits, kind.private_key,
            str(kind.pairwise), str(kind.tested),
        )
        for kind in KINDS.values()
    ]  # fmt: skip
    assert ours == _core.kinds()
    assert list(KINDS) == list(KeyPairSpec)


def test_what_the_wires_call_them() -> None:
    """Five are documented by the Instance API; names of others are theirs."""
    documented = [str(spec) for spec, kind in KINDS.items() if kind.documented]
    assert documented == ["RSA_2048", "RSA_3072", "RSA_4096", "EC_P256", "EC_P256K"]
    assert {str(spec): kind.aws for spec, kind in KINDS.items()} == {
        "RSA_2048": "RSA_2048",
        "RSA_3072": "RSA_3072",
        "RSA_4096": "RSA_4096",
        "EC_P256": "ECC_NIST_P256",
        "EC_P256K": "ECC_SECG_P256K1",
        "EC_P384": "ECC_NIST_P384",
        "EC_P521": "ECC_NIST_P521",
        "ED25519": "ECC_NIST_EDWARDS25519",
        "X25519": None,
        "ML_KEM_512": "ML_KEM_512",
        "ML_KEM_768": "ML_KEM_768",
        "ML_KEM_1024": "ML_KEM_1024",
        "ML_DSA_44": None,
        "ML_DSA_65": None,
        "ML_DSA_87": None,
    }
    assert all(kind.jwk is None or kind.jwk[0] in Jwk for kind in KINDS.values())


@pytest.mark.parametrize("spec", KeyPairSpec)
def test_every_kind_is_served_by_the_library(
    url: str, spec: KeyPairSpec, tmp_path: Path
) -> None:
    """Alone, waiting, in a batch, in bulk: each opens, fits, and is read by others.

    With the pairwise test; its self-tests have run. A bulk job is verified.
    """
    with Instance.open(url, pool={spec: 1}, pairwise_test=True) as instance:
        key_id = instance.create_key("alias/test").key_id
        assert instance.warm_up()
        pairs = [instance.generate_data_key_pair(key_id, spec, "PEM")]
        assert instance.pool_status().specs[spec].hits == 1
        pairs += instance.generate_data_key_pairs(key_id, spec, "DER", 2)
        for pair in pairs:
            record = WrappedKeyPair.from_json(pair.record().to_json())
            opened = instance.decrypt(record)
            assert opened.plaintext == pair.private_key_plaintext
            assert opened.key_pair_spec is spec
            assert belong_together(opened.plaintext, pair.encoded_public_key)
        bulk.write(instance, tmp_path / "job", key_id, spec, 2)
        report = bulk.verify(tmp_path / "job", instance, gcd=False)
        assert (report.problems, report.opened) == (0, 2)


@pytest.mark.parametrize("spec", KeyPairSpec)
def test_a_record_of_another_kind_does_not_open(
    instance: Instance, key_id: str, spec: KeyPairSpec
) -> None:
    """What a record says of its kind is what its blob says, or nothing opens."""
    pair = instance.generate_data_key_pair(key_id, spec, "DER")
    values = json.loads(pair.record().to_json())
    for other in KeyPairSpec:
        record = WrappedKeyPair.from_json(json.dumps({**values, "KeyPairSpec": other}))
        if other is spec:
            assert instance.decrypt(record).plaintext == pair.private_key_plaintext
        else:
            with pytest.raises(errors.DecryptionError):
                instance.decrypt(record)


@pytest.mark.parametrize("spec", KeyPairSpec)
def test_every_kind_is_made_from_a_seed(tmp_path: Path, spec: KeyPairSpec) -> None:
    """A seed and a place give one pair, another place another."""
    made = []
    for name in ("a", "b"):
        url = f"sqlite:///{tmp_path / name}.db"
        with SeededInstance.seeded(url, SEED) as instance:
            key_id = instance.create_key().key_id
            made += [instance.generate_data_key_pair(key_id, spec, "DER") for _ in "12"]
    first, second, again, _ = [pair.private_key_plaintext for pair in made]
    assert first == again != second
    assert belong_together(first, made[0].encoded_public_key)


def test_every_kind_has_its_self_tests() -> None:
    """Of each kind that a library computes two: its public keys, and both halves."""
    names = [result.name for result in Instance.self_tests()]
    for spec, kind in KINDS.items():
        if spec.startswith("RSA"):
            continue
        name = kind.parameters.partition(" (")[0].removeprefix("NIST ")
        assert name in names
        assert sum(each.startswith(f"{name} ") for each in names) == 1, name


@pytest.mark.parametrize("spec", KeyPairSpec)
def test_the_server_knows_every_kind(spec: KeyPairSpec) -> None:
    """It is a label of what is counted, and has its turn if it takes long."""
    assert spec in metrics._SPECS
    call = Call(ready=lambda _found: lambda _instance: None, spec=spec)  # type: ignore[arg-type,return-value]
    assert call.is_long is spec.startswith("RSA")
    assert not Call(ready=lambda _found: None).is_long  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("command", ["generate", "bulk", "bench"])
def test_the_command_line_knows_every_kind(command: str) -> None:
    """Each is a choice of ``--spec``."""
    found = application.get_command(None, command)  # type: ignore[arg-type]
    assert found is not None
    choices = {
        tuple(option.type.choices)  # type: ignore[attr-defined]
        for option in found.params
        if "--spec" in option.opts
    }
    assert choices == {tuple(map(str, KeyPairSpec))}


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/python.md",
        "docs/cli.md",
        "docs/formats.md",
        "docs/server.md",
        "docs/decisions/key-kinds.md",
    ],
)
def test_documents_name_every_kind(page: str) -> None:
    """Each by the name that it is asked for with."""
    text = (DOCS / page).read_text()
    missing = [spec for spec in KeyPairSpec if not re.search(rf"\b{spec}\b", text)]
    assert missing == []


def test_formats_have_every_code() -> None:
    """``docs/formats.md`` has the code of each kind, and blobs have that code."""
    text = (DOCS / "docs/formats.md").read_text()
    root = _core.RootKey(bytes(32))
    version = "key-" + "a" * 21 + "-" + "1" * 10
    key = root.open_version(root.create_version("key", version), "key", version)
    for spec in KeyPairSpec:
        _, _, blob, _ = key.generate_data_key_pair(
            spec, "DER", b"", advance=False, with_plaintext=False
        )
        assert f"{blob[2]} {spec}" in text


def test_lattices_are_made_again() -> None:
    """And curves are not: what the page of decisions says is what the table says."""
    again = [
        spec for spec, kind in KINDS.items() if kind.tested is kinds.Tested.MADE_AGAIN
    ]
    assert again == [spec for spec in KeyPairSpec if spec.startswith("ML_")]


@pytest.mark.parametrize("size", [512, 768, 1024])
def test_the_second_ml_kem_agrees(instance: Instance, key_id: str, size: int) -> None:
    """FIPS 203 in Python, which reads ML-KEM-512, gives what ``cryptography`` gives."""
    for _ in range(2):
        pair = instance.generate_data_key_pair(key_id, f"ML_KEM_{size}", "PEM")
        key = encapsulation_key(size, der_of(pair.private_key_plaintext)[-64:])
        assert der_of(pair.encoded_public_key)[22:] == key
        assert public_of(pair.private_key_plaintext)[22:] == key
