"""Bulk jobs for tests: read by libraries of others, spoiled on purpose."""

import hashlib
import itertools
import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pairsmith import Instance, WrappedKeyPair, bulk
from pairsmith.bulk import Manifest, source, writing

KINDS = {
    "EC": {"key_pair_spec": "EC_P256", "advance": True, "with_plaintext": True},
    "plain": {"key_pair_spec": "EC_P256K", "key_format": "DER"},
    "RSA": {"key_pair_spec": "RSA_2048"},
    "parquet": {"key_pair_spec": "EC_P256", "output_format": "parquet"},
}
"""Of each kind what is asked for, besides key and count."""


def manifest_of(out: Path) -> Any:
    """The manifest, as a JSON document."""
    beside = out.with_name(f"{out.name}.manifest.json")
    path = beside if out.suffix else out / "manifest.json"
    return json.loads(path.read_text("ascii"))


def records_of(out: Path) -> list[dict[str, Any]]:
    """Every record of a job, in order, with names of the wire and bytes as bytes."""
    folder = out.parent if out.suffix else out
    files = [folder / shard["File"] for shard in manifest_of(out)["Shards"]]
    return [record for file in files for record in _records(file)]


def _records(file: Path) -> Iterator[dict[str, Any]]:
    if file.suffix == ".parquet":
        rows = pq.read_table(file).to_pylist()
        yield from (
            {name: value for name, value in row.items() if value is not None}
            for row in rows
        )
        return
    for line in file.read_text("ascii").splitlines():
        values = json.loads(line)
        assert values.pop("Type") == WrappedKeyPair.TYPE
        for name in ("Aad", "Iv", "PrivateKeyCiphertextBlob", "PublicKey"):
            values[name] = b64decode(values[name], validate=True)
        if "PrivateKeyPlaintext" in values:
            values["PrivateKeyPlaintext"] = b64decode(values["PrivateKeyPlaintext"])
        yield values


def opened(instance: Instance, record: dict[str, Any]) -> bytes:
    """The private key, from the pieces of a record as a stranger would store them."""
    if "KeyVersionId" in record:
        blob = record["PrivateKeyCiphertextBlob"]
        return instance.advance_decrypt(blob, aad=record["Aad"]).plaintext
    return instance.decrypt(
        record["PrivateKeyCiphertextBlob"],
        key_id=record["KeyId"],
        iv=record["Iv"],
        aad=record["Aad"],
    ).plaintext


def public_keys(out: Path) -> list[bytes]:
    """The public keys of a job, in order."""
    return [record["PublicKey"] for record in records_of(out)]


def rewrite(file: Path, number: int, **changes: str) -> None:
    """Change members of one line of a shard, the first being line 1."""
    lines = file.read_bytes().splitlines(keepends=True)
    values = json.loads(lines[number - 1]) | changes
    lines[number - 1] = json.dumps(values).encode() + b"\n"
    file.write_bytes(b"".join(lines))


def vouch_for(out: Path) -> None:
    """Let the manifest say what the shards are now: so only their content is wrong."""
    path = out / "manifest.json"
    document = manifest_of(out)
    for shard in document["Shards"]:
        content = (out / shard["File"]).read_bytes()
        shard["Bytes"] = len(content)
        shard["Sha256"] = hashlib.sha256(content).hexdigest()
        if out.joinpath(shard["File"]).suffix == ".jsonl":
            shard["Count"] = content.count(b"\n")
    path.write_text(json.dumps(document))
    Manifest.from_json(path.read_bytes())


def write_five(
    instance: Instance,
    out: Path,
    key_id: str,
    told: Callable[[int, int], object] = lambda _done, _count: None,
) -> None:
    """Write five pairs, two in a shard, and tell of each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "TELL_SECONDS", 0.0)
        patch.setattr(source, "EC_GROUP", 1)
        bulk.write(instance, out, key_id, "EC_P256", 5, shard_size=2, progress=told)


def interrupt_after(pairs: int, instance: Instance, out: Path, key_id: str) -> None:
    """Write five, but let Ctrl-C come while the pair after so many is awaited."""
    with pytest.MonkeyPatch.context() as patch:
        interrupt_source(patch, pairs)
        with pytest.raises(KeyboardInterrupt):
            write_five(instance, out, key_id)


def interrupt_source(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Make pairs one by one, and let Ctrl-C come while the one after so many is."""
    real, taken = source.PairSource.take, itertools.count()

    def take(pairs: source.PairSource, most: int) -> source.Group:
        if next(taken) == after:
            raise KeyboardInterrupt
        return real(pairs, most)

    monkeypatch.setattr(source, "EC_GROUP", 1)
    monkeypatch.setattr(source.PairSource, "take", take)


def shard(out: Path, number: int) -> Path:
    """A shard, the first being 1."""
    return out / manifest_of(out)["Shards"][number - 1]["File"]


def found(out: Path, instance: Instance | None, **how: Any) -> list[str]:
    """What verification finds."""
    report = bulk.verify(out, instance, **({"sample": 10} | how))
    assert report.problems == len(report.findings)
    return [str(finding) for finding in report.findings]
