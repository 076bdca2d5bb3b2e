"""Bulk jobs: what is written, how it goes on, what is refused."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)
from jobs import manifest_of, opened, records_of, write_five

from pairsmith import Instance, WrappedKeyPair, bulk

PLACES = ["job", "job.jsonl", "job.parquet"]


@pytest.mark.parametrize("place", [*PLACES, "tables"])
@pytest.mark.parametrize("with_plaintext", [False, True])
@pytest.mark.parametrize("advance", [False, True])
def test_every_variant_reads_back_and_opens(
    instance: Instance,
    key_id: str,
    tmp_path: Path,
    place: str,
    with_plaintext: bool,  # noqa: FBT001 -- a parameter of the test
    advance: bool,  # noqa: FBT001
) -> None:
    """Every record has all that opening it takes, and the private key only if asked."""
    instance.create_key_version(key_id)
    out = tmp_path / place
    manifest = bulk.write(
        instance, out, "alias/test", "EC_P256", 25, aad=b"\x00lot 7", shard_size=10,
        with_plaintext=with_plaintext, advance=advance,
        output_format="parquet" if place == "tables" else None,
    )  # fmt: skip
    records = records_of(out)
    assert len(records) == len({record["PublicKey"] for record in records}) == 25
    key = instance.describe_key(key_id)
    version = key.primary_key_version if advance else key.initial_key_version
    for record in records:
        assert record["KeyId"] == key_id
        assert record.get("KeyVersionId") == (version if advance else None)
        assert record["Aad"] == b"\x00lot 7"
        private = opened(instance, record)
        assert record.get("PrivateKeyPlaintext") == (
            private if with_plaintext else None
        )
        key_pair = load_pem_private_key(private, None)
        assert key_pair.public_key() == load_pem_public_key(record["PublicKey"])
    assert manifest.key_version_ids == (version,)
    assert [shard.count for shard in manifest.shards] == (
        [25] if out.suffix else [10, 10, 5]
    )
    assert bulk.verify(out, instance, sample=25).problems == 0


@pytest.mark.parametrize("spec", ["RSA_2048", "EC_P256K"])
def test_other_specs_and_der(
    instance: Instance, key_id: str, tmp_path: Path, spec: str
) -> None:
    """The spec and the format are those asked for; an RSA job is found sound."""
    out = tmp_path / "job"
    bulk.write(instance, out, key_id, spec, 7, key_format="DER", workers=1)
    for record in records_of(out):
        assert (record["KeyPairSpec"], record["KeyFormat"]) == (spec, "DER")
        private = load_der_private_key(opened(instance, record), None)
        assert private.public_key() == load_der_public_key(record["PublicKey"])
    report = bulk.verify(out, instance)
    assert (report.problems, report.opened) == (0, 7)
    assert report.moduli == (7 if spec == "RSA_2048" else 0)


def test_a_line_is_a_record(instance: Instance, key_id: str, tmp_path: Path) -> None:
    """What decrypt reads, and byte for byte what to_json means."""
    bulk.write(instance, tmp_path / "job", key_id, "EC_P256", 3, advance=True)
    for line in (tmp_path / "job/pairs-000001.jsonl").read_bytes().splitlines():
        record = WrappedKeyPair.from_json(line)
        assert json.loads(record.to_json()) == json.loads(line)
        assert list(json.loads(record.to_json())) == list(json.loads(line))
        instance.decrypt(record).private_key()


def test_the_manifest_tells_everything(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """Parameters, versions, and of each shard its size and hash."""
    bulk.write(instance, tmp_path / "job", key_id, "EC_P256", 3, aad=b"a", shard_size=2)
    manifest = manifest_of(tmp_path / "job")
    shards = manifest.pop("Shards")
    assert manifest == {
        "Type": "pairsmith/bulk-manifest/v1",
        "Job": {
            "KeyId": key_id,
            "Operation": "GenerateDataKeyPairWithoutPlaintext",
            "KeyPairSpec": "EC_P256",
            "KeyFormat": "PEM",
            "Algorithm": "AES_GCM",
            "Aad": "YQ==",
            "Count": 3,
            "OutputFormat": "jsonl",
            "ShardSize": 2,
        },
        "KeyVersionIds": [instance.describe_key(key_id).initial_key_version],
        "Complete": True,
    }
    assert [(each["File"], each["Count"]) for each in shards] == [
        ("pairs-000001.jsonl", 2),
        ("pairs-000002.jsonl", 1),
    ]
    assert bulk.read_manifest(tmp_path / "job").done == 3


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_for_others_and_nothing_else_stays(
    instance: Instance, key_id: str, tmp_path: Path, place: str
) -> None:
    """Files have mode 0600, folders 0700; drafts, parts and locks are gone."""
    folder = tmp_path / "folder"
    folder.mkdir()
    old = os.umask(0)
    try:
        bulk.write(instance, folder / place, key_id, "EC_P256", 5, shard_size=2)
    finally:
        os.umask(old)
    found = sorted(folder.rglob("*"))
    for path in found:
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path
    names = {path.name for path in found}
    expected_names = (
        {place, f"{place}.manifest.json"}
        if "." in place
        else {"job", "manifest.json", *(f"pairs-00000{n}.jsonl" for n in (1, 2, 3))}
    )
    assert names == expected_names


@pytest.mark.parametrize("place", PLACES)
def test_a_finished_job_is_left_alone(
    instance: Instance, key_id: str, tmp_path: Path, place: str
) -> None:
    """The same call again generates nothing and changes nothing."""

    def state() -> list[Any]:
        files = [path for path in tmp_path.rglob("job*") if path.is_file()]
        return [(path, path.stat().st_mtime_ns, path.read_bytes()) for path in files]

    first = bulk.write(instance, tmp_path / place, key_id, "EC_P256", 5)
    before = state()
    assert bulk.write(instance, tmp_path / place, "alias/test", "EC_P256", 5) == first
    assert state() == before


def test_progress_begins_where_the_job_is(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """It is told what is done of how much, up to the end."""
    told: list[tuple[int, int]] = []
    write_five(instance, tmp_path / "job", key_id, lambda *each: told.append(each))
    assert told == [*((done, 5) for done in range(6)), (5, 5)]
