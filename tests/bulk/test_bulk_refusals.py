"""What a bulk job refuses to begin, or to go on with."""

import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from jobs import manifest_of, write_five

from pairsmith import Instance, bulk, errors
from pairsmith.bulk import storage

DIFFERENT: list[tuple[str, dict[str, Any]]] = [
    ("key_id", {"key_id": "other"}),
    ("key_pair_spec", {"key_pair_spec": "EC_P256K"}),
    ("key_format", {"key_format": "DER"}),
    ("count", {"count": 6}),
    ("aad", {"aad": b"other"}),
    ("advance", {"advance": True}),
    ("with_plaintext", {"with_plaintext": True}),
    ("output_format", {"output_format": "parquet"}),
    ("shard_size", {"shard_size": 3}),
]


@pytest.mark.parametrize(("name", "change"), DIFFERENT)
def test_another_job_is_refused(
    instance: Instance,
    key_id: str,
    tmp_path: Path,
    name: str,
    change: dict[str, Any],
) -> None:
    """Whatever parameter differs is named, finished or not, and nothing is changed."""
    asked: dict[str, Any] = {
        "out": tmp_path / "job", "key_id": key_id, "key_pair_spec": "EC_P256",
        "count": 5, "shard_size": 2,
    }  # fmt: skip
    bulk.write(instance, **asked)
    before = manifest_of(tmp_path / "job")
    if name == "key_id":
        change = {"key_id": instance.create_key().key_id}
    with pytest.raises(errors.InvalidParameter, match="Give the same again") as refused:
        bulk.write(instance, **asked | change)
    assert refused.value.parameter == name
    assert manifest_of(tmp_path / "job") == before


def test_a_place_that_is_taken_is_refused(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """Nothing is written beside or over somebody else's files."""
    (tmp_path / "job").mkdir()
    (tmp_path / "job/notes").write_text("mine")
    (tmp_path / "job.jsonl").write_text("mine")
    (tmp_path / "new.parquet.parts").mkdir()
    for name in ("job", "job.jsonl", "new.parquet"):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(errors.InvalidParameter, match="is there already"):
            bulk.write(instance, tmp_path / name, key_id, "EC_P256", 5)
        assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "empty").mkdir()
    bulk.write(instance, tmp_path / "empty", key_id, "EC_P256", 5)


def test_places_that_cannot_be(instance: Instance, key_id: str, tmp_path: Path) -> None:
    """A folder that is missing or a file, and an ending that says another format."""
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.StorageError, match="make it first"):
        bulk.write(instance, tmp_path / "none/job", key_id, "EC_P256", 5)
    with pytest.raises(errors.StorageError, match="file: it is no folder"):
        bulk.write(instance, tmp_path / "file", key_id, "EC_P256", 5)
    with pytest.raises(errors.InvalidParameter, match=r"job\.jsonl says jsonl"):
        bulk.write(
            instance, tmp_path / "job.jsonl", key_id, "EC_P256", 5,
            output_format="parquet",
        )  # fmt: skip
    (tmp_path / "folder.jsonl").mkdir()
    bulk.write(instance, tmp_path / "folder.jsonl", key_id, "EC_P256", 5)
    assert (tmp_path / "folder.jsonl/manifest.json").exists()


BAD: list[dict[str, Any]] = [
    {"key_pair_spec": "RSA_1"},
    {"key_format": "X"},
    {"count": 0},
    {"count": "5"},
    {"aad": b"a" * 8193},
    {"output_format": "csv"},
    {"shard_size": 0},
    {"workers": 0},
    {"wait": -1},
]


@pytest.mark.parametrize("bad", BAD)
def test_bad_arguments_make_no_pair(
    instance: Instance, key_id: str, tmp_path: Path, bad: dict[str, Any]
) -> None:
    """They are refused as for a single pair."""
    asked: dict[str, Any] = {"key_pair_spec": "EC_P256", "count": 5} | bad
    with pytest.raises(errors.InvalidParameter):
        bulk.write(instance, tmp_path / "job", key_id, **asked)
    assert not list(tmp_path.glob("job/pairs*"))
    with pytest.raises(errors.KeyNotFound):
        bulk.write(instance, tmp_path / "job", "alias/none", "EC_P256", 5)


def test_parquet_without_pyarrow_says_what_to_install(
    instance: Instance, key_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is made."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(errors.InvalidParameter, match=r"pairsmith\[parquet\]"):
        bulk.write(instance, tmp_path / "job.parquet", key_id, "EC_P256", 5)
    assert not list(tmp_path.glob("*job*"))
    bulk.write(instance, tmp_path / "job.jsonl", key_id, "EC_P256", 5)


def test_one_writer_at_a_time(instance: Instance, key_id: str, tmp_path: Path) -> None:
    """A second one is refused, and so is every other pair: the job has the slot."""
    refusals = []

    def meanwhile(done: int, _count: int) -> None:
        if done != 3 or refusals:
            return
        for call in (
            lambda: bulk.write(instance, tmp_path / "job", key_id, "EC_P256", 5),
            lambda: bulk.write(instance, tmp_path / "job2", key_id, "EC_P256", 5),
            lambda: instance.generate_data_key_pair(key_id, "EC_P256", "PEM"),
        ):
            with pytest.raises(errors.Throttled) as refused:
                call()
            refusals.append(type(refused.value))

    write_five(instance, tmp_path / "job", key_id, meanwhile)
    assert refusals == [errors.JobInUse, errors.Throttled, errors.Throttled]
    instance.generate_data_key_pair(key_id, "EC_P256", "PEM")


def test_a_lock_file_deleted_by_its_last_holder_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened just before it was deleted, it would let two writers in."""
    path = tmp_path / "lock"
    real, opened_files = os.open, []

    def slow_open(*args: Any, **kwargs: Any) -> int:
        descriptor = real(*args, **kwargs)
        opened_files.append(descriptor)
        if len(opened_files) == 1:
            path.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", slow_open)
    with storage.locked(path):
        assert len(opened_files) == 2
        with pytest.raises(errors.JobInUse), storage.locked(path):
            pass
    assert not path.exists()


def test_a_job_of_too_many_shards_is_refused(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """Before anything is made: its manifest would be too long to be read again."""
    with pytest.raises(errors.InvalidParameter, match="shards of 11 at least"):
        bulk.write(
            instance, tmp_path / "job", key_id, "EC_P256", 1_000_001, shard_size=10
        )
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize("name", ["manifest.json", "pairs-000001.jsonl"])
@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_what_is_no_file_is_neither_replaced_nor_waited_for(
    instance: Instance, key_id: str, tmp_path: Path, name: str, kind: str
) -> None:
    """A FIFO or a link in a place of a job's files is refused, and stays."""
    job, elsewhere = tmp_path / "job", tmp_path / "elsewhere"
    write_five(instance, job, key_id)
    path = job / name
    path.rename(elsewhere)
    if name != "manifest.json":  # as if it were to be written next
        manifest = bulk.read_manifest(job)
        dataclasses.replace(manifest, shards=(), complete=False).save(
            job / "manifest.json"
        )
        for shard in job.glob("pairs-*"):
            shard.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(elsewhere)
        elsewhere.write_bytes(elsewhere.read_bytes())
    before, content = path.lstat(), elsewhere.read_bytes()
    if (name, kind) == ("manifest.json", "link"):
        with pytest.raises(errors.StorageError, match="symbolic link"):
            bulk.read_manifest(job).save(path)
    else:
        with pytest.raises(errors.StorageError, match=r"link|not a file"):
            write_five(instance, job, key_id)
    assert path.lstat() == before
    assert elsewhere.read_bytes() == content


@pytest.mark.parametrize("kind", ["fifo", "dangling", "null"])
def test_a_single_file_replaces_nothing_but_a_file(
    instance: Instance, key_id: str, tmp_path: Path, kind: str
) -> None:
    """At its beginning or its end, when the file of a job has become something else."""
    out = tmp_path / "job.jsonl"

    def meanwhile(done: int, _count: int) -> None:
        if done != 5 or os.path.lexists(out):
            return
        if kind == "fifo":
            os.mkfifo(out)
        else:
            out.symlink_to("/dev/null" if kind == "null" else tmp_path / "none")

    with pytest.raises(errors.StorageError, match=r"link|not a file"):
        write_five(instance, out, key_id, meanwhile)
    assert not out.is_file()
    assert not (tmp_path / "none").exists()
    with pytest.raises(errors.StorageError):
        write_five(instance, out, key_id)
    new = out.rename(tmp_path / "new.jsonl")
    with pytest.raises(errors.InvalidParameter, match="is there already"):
        write_five(instance, new, key_id)
    write_five(instance, out, key_id)
    assert out.read_bytes().count(b"\n") == 5


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"Type": "pairsmith/bulk-manifest/v2"}',
        b'{"Type": "pairsmith/bulk-manifest/v1"}',
        b'{"Type": "pairsmith/bulk-manifest/v1", "Job": 7}',
        b"[" * 200_000,
        b"9" * 200_000,
        b'{"Type": 1e999999}',
        b"\xff\xfe",
    ],
    ids=lambda text: ascii(text)[:50],
)
def test_a_manifest_that_is_none_is_refused(
    instance: Instance, key_id: str, tmp_path: Path, text: bytes
) -> None:
    """By writing, reading and verifying alike, and it is left as it was."""
    (tmp_path / "job").mkdir()
    (tmp_path / "job/manifest.json").write_bytes(text)
    for call in (
        lambda: bulk.write(instance, tmp_path / "job", key_id, "EC_P256", 5),
        lambda: bulk.read_manifest(tmp_path / "job"),
        lambda: bulk.verify(tmp_path / "job", instance),
    ):
        with pytest.raises(errors.InvalidParameter, match="manifest is not valid"):
            call()
    assert (tmp_path / "job/manifest.json").read_bytes() == text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"Count": 5', '"Count": "5"'),
        ('"Count": 2', '"Count": 0'),
        ('"Count": 2', '"Count": 99999999999999999999'),
        ('"Count": 2', '"Count": 2, "Count": 2'),
        ('"KeyVersionIds": [', '"KeyVersionIds": "", "x": ['),
        ('"KeyVersionIds": [', '"KeyVersionIds": [7, '),
        ('"Operation": "Gen', '"Operation": "Re'),
        ('"Algorithm": "AES_GCM"', '"Algorithm": "AES_ECB"'),
        ('"Aad": ""', '"Aad": "?"'),
        ('"File": "pairs', '"File": "../pairs'),
        ('"File": "pairs', '"File": "/pairs'),
        ('"Sha256": "', '"Sha256": "x'),
        ('"Shards"', '"Shard"'),
    ],
)
def test_a_manifest_with_impossible_values_is_refused(
    instance: Instance, key_id: str, tmp_path: Path, old: str, new: str
) -> None:
    """Above all with names that lead elsewhere."""
    write_five(instance, tmp_path / "job", key_id)
    path = tmp_path / "job/manifest.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(errors.InvalidParameter):
        bulk.read_manifest(tmp_path / "job")
