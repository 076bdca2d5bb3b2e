"""Killed at any call, a move goes on with the same call and loses no record."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from dying import died_at
from jobs import found, manifest_of, records_of

from pairsmith import Instance, WrappedKeyPair, bulk

ON_THE_WAY = "manifest.json: its records are on their way to another key or version"


@pytest.fixture(scope="module")
def before(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Instance, Path, str]]:
    """Jobs and files under the old version of one key, and another key."""
    folder = tmp_path_factory.mktemp("move")
    with Instance.open(f"sqlite:///{folder / 'kms.db'}") as instance:
        key_id, other = (instance.create_key().key_id for _ in range(2))
        stored = folder / "stored"
        stored.mkdir()
        for name in ("job", "single.jsonl", "table.parquet"):
            bulk.write(instance, stored / name, key_id, "EC_P256", 3, shard_size=2,
                       advance=True)  # fmt: skip
        pair = instance.advance_generate_data_key_pair(key_id, "EC_P256", "DER")
        (stored / "pair.json").write_text(pair.record().to_json())
        instance.create_key_version(key_id)
        yield instance, stored, other


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [("job", True), ("single.jsonl", False), ("table.parquet", True)],
)
def test_a_job_dies_at_every_step(
    before: tuple[Instance, Path, str], tmp_path: Path, name: str, *, elsewhere: bool
) -> None:
    """At every moment the manifest vouches for what is there; the next call ends it."""
    instance, stored, other = before
    step, on_the_way = 0, 0
    old = {record["PublicKey"] for record in records_of(stored / name)}
    destination = other if elsewhere else ""
    while True:
        folder = tmp_path / str(step)
        folder.mkdir()
        out = folder / name
        if (stored / name).is_dir():
            shutil.copytree(stored / name, out)
        else:
            shutil.copy(stored / name, out)
            shutil.copy(stored / f"{name}.manifest.json", folder)
        move = partial(
            bulk.rewrap_records, instance, [out], destination_key_id=destination
        )
        died = died_at(step, move)
        problems = found(out, instance, sample=3)
        on_the_way += len(problems)
        assert all(ON_THE_WAY in each for each in problems), (step, problems)
        again = move()
        assert again.problems == 0
        assert again.blobs == 3
        assert found(out, instance, sample=3) == [], step
        assert "Move" not in manifest_of(out)
        records = records_of(out)
        assert {record["PublicKey"] for record in records} == old
        assert len(records) == 3
        key_id = manifest_of(out)["Job"]["KeyId"]
        primary = instance.describe_key(key_id).primary_key_version
        assert {record["KeyVersionId"] for record in records} == {primary}
        assert (key_id == other) is elsewhere
        assert not [path for path in folder.rglob(".*") if path.is_file()]
        if not died:
            break
        step += 1
    assert step > 20  # steps there were
    assert on_the_way > 5


def test_a_file_dies_at_every_step(
    before: tuple[Instance, Path, str], tmp_path: Path
) -> None:
    """The old record or the new one is there, whole, and opens."""
    instance, stored, _ = before
    step = 0
    while True:
        path = tmp_path / f"{step}.json"
        shutil.copy(stored / "pair.json", path)
        died = died_at(step, partial(bulk.rewrap_records, instance, [path]))
        instance.decrypt(WrappedKeyPair.from_json(path.read_bytes()))
        bulk.rewrap_records(instance, [path])
        record = WrappedKeyPair.from_json(path.read_bytes())
        described = instance.describe_key(record.key_id)
        assert record.key_version_id == described.primary_key_version
        assert not list(tmp_path.glob(".*"))
        if not died:
            break
        step += 1
    assert step > 8
