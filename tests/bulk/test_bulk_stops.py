"""Bulk jobs that are stopped on the way lose nothing, and go on."""

import errno
import resource
from pathlib import Path
from typing import Any

import pytest
from jobs import (
    interrupt_after,
    interrupt_source,
    public_keys,
    records_of,
    write_five,
)

from pairsmith import Instance, bulk, errors
from pairsmith.bulk import source, storage, writing

PLACES = ["job", "job.jsonl", "job.parquet"]


@pytest.mark.parametrize("place", PLACES)
def test_a_key_disabled_on_the_way_stops_the_job(
    instance: Instance,
    key_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    """With its own error; every pair made so far is kept, and the job goes on later."""
    monkeypatch.setattr(source, "LOOK_SECONDS", 0.0)
    out = tmp_path / place

    def disable(done: int, _count: int) -> None:
        if done == 3:
            instance.disable_key(key_id)

    with pytest.raises(errors.KeyDisabled):
        write_five(instance, out, key_id, disable)
    assert bulk.read_manifest(out).done == 3
    first = public_keys(out)
    instance.enable_key(key_id)
    write_five(instance, out, key_id)
    assert public_keys(out)[:3] == first
    assert bulk.verify(out, instance).problems == 0


def test_a_rotation_on_the_way_is_followed(
    instance: Instance, key_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Advance records are under the version of their moment, and all of them open."""
    monkeypatch.setattr(source, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(source, "EC_GROUP", 1)
    monkeypatch.setattr(writing, "TELL_SECONDS", 0.0)
    old = instance.describe_key(key_id).primary_key_version

    def rotate(done: int, _count: int) -> None:
        if done == 3 and len(instance.list_key_versions(key_id).items) == 1:
            instance.create_key_version(key_id)

    out = tmp_path / "job"
    manifest = bulk.write(
        instance, out, key_id, "EC_P256", 9, advance=True, progress=rotate
    )
    new = instance.describe_key(key_id).primary_key_version
    assert manifest.key_version_ids == (old, new)
    versions = [record["KeyVersionId"] for record in records_of(out)]
    assert versions[:3] == [old] * 3
    assert versions[-1] == new
    assert versions == sorted(versions, key=[old, new].index)
    assert bulk.verify(out, instance).problems == 0


@pytest.mark.parametrize("place", PLACES)
def test_an_interrupt_keeps_what_is_done(
    instance: Instance,
    key_id: str,
    tmp_path: Path,
    place: str,
) -> None:
    """Between two pairs all of them, at a bad moment all whole shards."""
    out = tmp_path / place

    def interrupt(done: int, _count: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_five(instance, out, key_id, interrupt)
    assert bulk.read_manifest(out).done == 2
    interrupt_after(1, instance, out, key_id)
    assert bulk.read_manifest(out).done == 3
    before = public_keys(out)
    write_five(instance, out, key_id)
    assert public_keys(out)[:3] == before
    assert bulk.verify(out, instance, sample=5).problems == 0


@pytest.mark.parametrize("place", PLACES)
def test_a_full_disk_loses_no_shard(
    instance: Instance, key_id: str, tmp_path: Path, place: str
) -> None:
    """The error names the file and the reason; with room again the job goes on."""
    out = tmp_path / place
    asked: Any = (instance, out, key_id, "EC_P256", 250)
    with pytest.MonkeyPatch.context() as patch:
        interrupt_source(patch, 100)
        with pytest.raises(KeyboardInterrupt):
            bulk.write(*asked, shard_size=50)
    before = public_keys(out)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(errors.StorageError, match="File too large") as refused:
            bulk.write(*asked, shard_size=50)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "pairs-000003" in str(refused.value)
    assert not list(tmp_path.rglob(".*pairs*"))
    bulk.write(*asked, shard_size=50)
    assert public_keys(out)[:100] == before
    assert bulk.verify(out, instance).problems == 0


@pytest.mark.parametrize("refusing", ["fsync", "replace", "open", "mkdir"])
def test_a_disk_that_refuses_is_told_of(
    instance: Instance,
    key_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refusing: str,
) -> None:
    """At whichever step, it is a StorageError and the same call works afterwards."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(storage.os, refusing, refuse)
        with pytest.raises(errors.StorageError, match="Input/output error"):
            bulk.write(instance, tmp_path / "job.jsonl", key_id, "EC_P256", 5)
    bulk.write(instance, tmp_path / "job.jsonl", key_id, "EC_P256", 5)
    assert bulk.verify(tmp_path / "job.jsonl", instance).problems == 0


def test_shards_that_are_gone_stop_a_job_from_going_on(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """A manifest is no proof that nobody has deleted or cut anything since."""
    out = tmp_path / "job"
    interrupt_after(3, instance, out, key_id)
    shard = out / "pairs-000001.jsonl"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    with pytest.raises(errors.InvalidParameter, match="missing or was changed"):
        write_five(instance, out, key_id)
    shard.unlink()
    with pytest.raises(errors.InvalidParameter, match="missing or was changed"):
        write_five(instance, out, key_id)
    shard.write_bytes(content)
    write_five(instance, out, key_id)


@pytest.mark.parametrize("place", ["job.jsonl", "job.parquet"])
def test_a_changed_part_is_not_joined(
    instance: Instance,
    key_id: str,
    tmp_path: Path,
    place: str,
) -> None:
    """Nor is a file replaced that came from elsewhere meanwhile."""
    out = tmp_path / place
    interrupt_after(3, instance, out, key_id)
    (part,) = tmp_path.glob("job*.parts/pairs-000001.*")
    content = part.read_bytes()
    part.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    with pytest.raises(errors.InvalidParameter, match="was changed since"):
        write_five(instance, out, key_id)
    part.write_bytes(content)
    out.write_bytes(b"mine")
    with pytest.raises(errors.InvalidParameter, match="from elsewhere"):
        write_five(instance, out, key_id)
    assert out.read_bytes() == b"mine"
    out.unlink()
    write_five(instance, out, key_id)
    assert bulk.verify(out, instance).problems == 0
