"""Killed at any moment, a bulk job goes on and ends with exactly its pairs."""

import os
import random
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from dying import died_at
from jobs import public_keys, records_of

from pairsmith import Instance, WrappedKeyPair, bulk
from pairsmith.bulk import writing

SEED = 20261124
SHARD = 1000


@pytest.mark.parametrize(
    ("kills", "count"),
    [(5, 15_000), pytest.param(20, 60_000, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("place", ["job", "job.parquet"])
def test_kills_lose_and_repeat_nothing(
    instance: Instance, key_id: str, tmp_path: Path, place: str, kills: int, count: int
) -> None:
    """Each in the middle; whatever the manifest named before a kill is there after."""
    draw = random.Random(SEED)  # noqa: S311 -- moments, not secrets
    out = tmp_path / place
    known: list[str] = []
    in_a_shard = 0
    for kill in range(kills):
        more = draw.randrange(1, 2500)
        done = _killed_after(instance, out, key_id, count, more)
        manifest = bulk.read_manifest(out)
        hashes = [shard.sha256 for shard in manifest.shards]
        assert hashes[: len(known)] == known, f"seed {SEED}, kill {kill}"
        assert not manifest.complete, "killed too late to mean anything"
        known = hashes
        in_a_shard += done > manifest.done
    assert in_a_shard > kills // 2  # or the kills never met a shard under way
    assert len(known) > kills // 4  # or nothing was ever done
    _write(instance, out, key_id, count)
    keys = public_keys(out)
    assert len(keys) == len(set(keys)) == count
    report = bulk.verify(out, instance, sample=2000)
    assert (report.problems, report.records, report.opened) == (0, count, 2000)
    assert {path.name for path in tmp_path.glob("*job*")} <= {
        place,
        f"{place}.manifest.json",
    }


def _write(
    instance: Instance,
    out: Path,
    key_id: str,
    count: int,
    told: Callable[[int, int], object] = lambda *_: None,
) -> None:
    bulk.write(
        instance, out, key_id, "EC_P256", count, key_format="DER", shard_size=SHARD,
        progress=told,
    )  # fmt: skip


def _killed_after(
    instance: Instance, out: Path, key_id: str, count: int, more: int
) -> int:
    """Kill a writer that has told of so many more pairs; give what it told last.

    It waits after whatever it tells, so it never gets far however late the kill comes.
    """
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        writing.TELL_SECONDS = 0.0

        def tell(done: int, _of: int) -> None:
            theirs.sendall(done.to_bytes(4, "big"))
            theirs.recv(1)

        try:
            _write(instance, out, key_id, count, tell)
        finally:
            os._exit(1)
    theirs.close()
    first = done = int.from_bytes(ours.recv(4), "big")
    ours.sendall(b".")
    while done < first + more:
        told = ours.recv(4)
        assert told, "the writer ended by itself"
        done = int.from_bytes(told, "big")
        ours.sendall(b".")
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    ours.close()
    return done


@pytest.mark.parametrize(
    "place", ["job", "job.parquet", pytest.param("job.jsonl", marks=pytest.mark.slow)]
)
def test_death_at_every_single_step(
    instance: Instance, key_id: str, tmp_path: Path, place: str
) -> None:
    """Before and after each call, and within a shard: the job goes on from all."""
    step = 0
    while True:
        folder = tmp_path / str(step)
        folder.mkdir()
        out = folder / place
        died = died_at(step, partial(_write_three, instance, out, key_id))
        _write_three(instance, out, key_id)
        records = records_of(out)
        assert len({record["PublicKey"] for record in records}) == len(records) == 3
        assert bulk.verify(out, instance, sample=3).opened == 3, step
        assert not [path for path in folder.rglob("*") if path.name.startswith(".")]
        assert not list(folder.glob("*.parts"))
        if not died:
            break
        step += 1
    assert step > 40  # steps there were


def _write_three(instance: Instance, out: Path, key_id: str) -> None:
    bulk.write(instance, out, key_id, "EC_P256", 3, shard_size=2)


def test_what_a_kill_leaves_is_never_read(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """A shard that is whole but in no manifest, and drafts, are made anew."""
    out = tmp_path / "job"
    bulk.write(instance, out, key_id, "EC_P256", 4, shard_size=2)
    old = (out / "pairs-000002.jsonl").read_bytes()
    manifest = bulk.read_manifest(out)
    earlier = bulk.Manifest(manifest.job, manifest.key_version_ids, manifest.shards[:1])
    earlier.save(out / "manifest.json")
    (out / ".pairs-000002.jsonl.draft").write_bytes(old[:100])
    (out / ".manifest.json.draft").write_bytes(b"{")
    (out / ".lock").write_bytes(b"")
    bulk.write(instance, out, key_id, "EC_P256", 4, shard_size=2)
    new = (out / "pairs-000002.jsonl").read_bytes()
    assert not set(new.splitlines()) & set(old.splitlines())
    assert bulk.verify(out, instance, sample=4).problems == 0
    for line in new.splitlines():
        instance.decrypt(WrappedKeyPair.from_json(line))
