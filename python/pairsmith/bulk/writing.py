"""Writing a job, from its beginning or from where it was left."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from pairsmith import parameters as parse
from pairsmith.bulk.job import (
    Job,
    OutputFormat,
    parse_shard_size,
    require_few_shards,
)
from pairsmith.bulk.joining import join, remove_parts
from pairsmith.bulk.manifest import Manifest, Shard, load_manifest
from pairsmith.bulk.moving_jobs import UNFINISHED_MOVE
from pairsmith.bulk.place import MANIFEST, Place
from pairsmith.bulk.shards import require_libraries, shard_writer
from pairsmith.bulk.source import PairSource, primary_version
from pairsmith.bulk.storage import Draft, locked, make_folder, stored
from pairsmith.errors import InvalidParameter, PairsmithError, StorageError
from pairsmith.results import KeyFormat, KeyPairSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pairsmith.instance import Instance

TELL_SECONDS = 0.1
"""How often progress is told, at most."""


def write(
    instance: Instance,
    out: str | os.PathLike[str],
    key_id: str,
    key_pair_spec: KeyPairSpec | str,
    count: int,
    *,
    key_format: KeyFormat | str = KeyFormat.PEM,
    aad: bytes = b"",
    advance: bool = False,
    with_plaintext: bool = False,
    output_format: OutputFormat | str | None = None,
    shard_size: int | None = None,
    workers: int | None = None,
    wait: float = 0.0,
    progress: Callable[[int, int], object] = lambda _done, _count: None,
) -> Manifest:
    """Write ``count`` pairs to ``out``, or what is still missing there.

    The same call goes on with a job that was stopped, however it was; done, it does
    nothing. When it raises, every shard in the manifest is whole, and unless the disk
    refused or an interrupt came at a bad moment, no pair is lost that was made.

    Args:
        instance: Where the key is.
        out: A folder, which is made; or a file that ends in ``.jsonl`` or ``.parquet``.
        key_id: Id or alias of the key that wraps.
        key_pair_spec: As for a single pair.
        count: How many pairs.
        key_format: ``PEM`` or ``DER``, for both halves.
        aad: What every blob is bound to, up to 8192 bytes.
        advance: Under the primary version of the moment.
        with_plaintext: Write the private keys in plain, too.
        output_format: ``jsonl`` or ``parquet``; by default what the name says.
        shard_size: Pairs in a shard; by default 1,000 of RSA and 100,000 others. So
            many have to be made again, at most, when the process was killed.
        workers: How many threads, by default one for every core.
        wait: Seconds to wait for a slot of the guard.
        progress: Told how many pairs are done, and of how many.

    Returns:
        The manifest of the whole job.

    Raises:
        InvalidParameter: An argument is not as said, or what is at ``out`` is
            something else.
        JobInUse: Another process is writing there.
        StorageError: The disk refuses.
        PairsmithError: As for a single pair; also when it happens on the way.
    """
    place = Place.of(out)
    spec = parse.parse_spec(key_pair_spec)
    job = Job(
        key_id=primary_version(instance, key_id)[0],
        key_pair_spec=spec,
        key_format=parse.parse_format(key_format),
        advance=advance,
        with_plaintext=with_plaintext,
        aad=parse.parse_aad(aad),
        count=parse.parse_count("count", count, limit=parse.BATCH_LIMIT),
        output_format=place.output_format(output_format),
        shard_size=parse_shard_size(shard_size, spec),
    )
    require_few_shards(job.count, job.shard_size)
    require_libraries(job.output_format)
    if not place.out.parent.is_dir():
        raise StorageError(f"{place.out.parent} is not a folder: make it first.")
    make_folder(place.root)
    with locked(place.lock):
        manifest = _begun(instance, place, job)
        if manifest.complete:
            remove_parts(place)
            return manifest
        make_folder(place.parts)
        missing = job.count - manifest.done
        with closing(PairSource(instance, job, missing, workers, wait)) as source:
            manifest = _Writing(place, manifest, progress).run(source)
        if place.is_file:
            return join(place, manifest)
        return manifest


def _begun(instance: Instance, place: Place, job: Job) -> Manifest:
    """The manifest of the job that is there, or of a new one."""
    manifest = load_manifest(place.manifest)
    if manifest is None:
        _refuse_taken(place)
        initial = instance.describe_key(job.key_id).initial_key_version
        manifest = Manifest(job, () if job.advance else (initial,))
        manifest.save(place.manifest)
        return manifest
    manifest.job.require_same(job, place.out)
    if manifest.move is not None:
        raise InvalidParameter("out", UNFINISHED_MOVE)
    for shard in manifest.shards:
        path = place.root / shard.file
        with stored(path):
            if not path.is_file() or path.stat().st_size != shard.size:
                raise InvalidParameter(
                    "out",
                    f"{path} is missing or was changed, and the manifest counts on it: "
                    "restore it, or begin anew elsewhere.",
                )
    return manifest


def _refuse_taken(place: Place) -> None:
    """Begin over nothing: what a killed beginning leaves behind is all there may be."""
    if place.is_file:
        both = (place.out, place.parts)
        taken = [path for path in both if os.path.lexists(path)]
    else:
        ours = {place.lock.name, f".{MANIFEST}.draft"}
        with stored(place.out):
            taken = [path for path in place.out.iterdir() if path.name not in ours]
    if taken:
        raise InvalidParameter(
            "out",
            f"{min(taken)} is there already, and no manifest of a job: give another "
            "place, or remove it.",
        )


class _Writing:
    """One run of a job: shard after shard, each in the manifest once it is whole."""

    def __init__(
        self,
        place: Place,
        manifest: Manifest,
        progress: Callable[[int, int], object],
    ) -> None:
        self._place = place
        self._manifest = manifest
        self._job = manifest.job
        self._done = manifest.done
        self._progress = progress
        self._next_telling = 0.0

    def run(self, source: PairSource) -> Manifest:
        """Write all that the source gives."""
        self._tell()
        while self._done < self._job.count:
            self._write_shard(source)
        self._next_telling = 0.0
        self._tell()
        return self._manifest

    def _write_shard(self, source: PairSource) -> None:
        """Write one shard; one that is cut short by an error is whole all the same."""
        number = len(self._manifest.shards) + 1
        path = self._place.shard(number, self._job.output_format)
        size = min(self._job.shard_size, self._job.count - self._done)
        versions: dict[str | None, None] = {}
        with Draft(path) as draft:
            writer = shard_writer(draft, self._job)
            count = 0
            while count < size:
                try:
                    group = source.take(size - count)
                except (PairsmithError, KeyboardInterrupt):
                    # Between two groups nothing is half done.
                    if count:
                        writer.finish()
                        self._add(draft, count, versions)
                    raise
                writer.add(group)
                versions[group.key_version_id] = None
                count += group.size
                self._done += group.size
                self._tell()
            writer.finish()
            self._add(draft, size, versions)

    def _add(self, draft: Draft, count: int, versions: dict[str | None, None]) -> None:
        """Place a shard, then say so: the other way round it might not be there."""
        draft.place()
        name = self._place.name_of(draft.path)
        shard = Shard(name, count, draft.size, draft.sha256)
        manifest = self._manifest.with_shard(shard, filter(None, versions))
        complete = manifest.done == self._job.count and not self._place.is_file
        manifest = replace(manifest, complete=complete)
        manifest.save(self._place.manifest)
        self._manifest = manifest

    def _tell(self) -> None:
        now = monotonic()
        if now >= self._next_telling:
            self._next_telling = now + TELL_SECONDS
            self._progress(self._done, self._job.count)
