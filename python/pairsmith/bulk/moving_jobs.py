"""Moving the records of a job, shard by shard, so that it can die at any moment.

Before a shard is replaced the manifest says by what (``Move``); after that it counts
the new one. Killed in between, the hash of the file tells which of the two it is. So
the manifest vouches for every shard at every moment, and a job whose records are partly
under another key says so until the last one is there.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from pairsmith.bulk.joining import hash_of
from pairsmith.bulk.manifest import Move, Shard, load_manifest
from pairsmith.bulk.moving import look, move_entries
from pairsmith.bulk.record_files import FileKind, entry_writer, read_entries, reason
from pairsmith.bulk.storage import Draft, locked, stored
from pairsmith.errors import InvalidParameter, JobInUse, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pairsmith.bulk.job import Job
    from pairsmith.bulk.manifest import Manifest
    from pairsmith.bulk.moving import Mover, MoveReport, Tally
    from pairsmith.bulk.place import Place
    from pairsmith.bulk.record_files import Entry
    from pairsmith.instance import Instance

UNFINISHED_MOVE = (
    "its records are on their way to another key or version: the same "
    "pairsmith rewrap-records command as before goes on with it"
)


def settled(place: Place, manifest: Manifest) -> Manifest:
    """The manifest with the shard that is there, of the two that it might be.

    Raises:
        StorageError: The shard cannot be read.
    """
    if manifest.move is None or manifest.move.shard is None:
        return manifest
    new = manifest.move.shard
    path = place.root / new.file
    at_rest = replace(manifest, move=Move(manifest.move.job))
    if path.exists() and hash_of(path) == new.sha256:
        return replace(at_rest, shards=_with(manifest.shards, new))
    return at_rest


def move_job(
    place: Place,
    instance: Instance,
    mover: Mover,
    report: MoveReport,
    tell: Callable[[int], object],
    *,
    dry_run: bool,
) -> None:
    """Move the records of a job; what cannot be done is reported.

    Args:
        place: Where it is.
        instance: Where the keys are.
        mover: What goes where.
        report: What is told.
        tell: Told the bytes of each shard that is done.
        dry_run: Write nothing.

    Raises:
        ServiceUnavailable: Nothing would move at present.
    """
    try:
        with nullcontext() if dry_run else locked(place.lock):
            manifest = load_manifest(place.manifest)
            if manifest is not None:
                manifest = settled(place, manifest)
                job = _JobMove(place, manifest, mover, report, dry_run=dry_run)
                job.run(instance, tell)
    except JobInUse as error:
        report.add_unread(str(place.out), None, str(error))
    except (InvalidParameter, StorageError) as error:
        report.add_unread(str(place.manifest), None, reason(error))


class _JobMove:
    """One run over a job."""

    def __init__(
        self,
        place: Place,
        manifest: Manifest,
        mover: Mover,
        report: MoveReport,
        *,
        dry_run: bool,
    ) -> None:
        self._place = place
        self._manifest = manifest
        self._mover = mover
        self._report = report
        self._dry_run = dry_run
        self._kind = FileKind(str(manifest.job.output_format))
        self._aim = self._destination()
        self._versions: dict[str, None] = {}
        self._left = 0  # blobs that are not where they should be, or may not be
        self._stopped = False

    def run(self, instance: Instance, tell: Callable[[int], object]) -> None:
        """Move shard after shard, then let the manifest say what the job is now."""
        waiting = False
        for shard in self._manifest.shards:
            waiting |= self._shard(shard)
            tell(shard.size)
        if waiting and self._obstacle:
            self._report.add(str(self._place.out), None, self._obstacle)
        if not self._dry_run and not self._obstacle:
            self._close(instance)

    def _destination(self) -> Job:
        """What the job is to be."""
        job = self._manifest.job
        found = self._mover.destination(job.key_id, advance=job.advance)
        if found is None:
            return job
        return replace(job, key_id=found[0], advance=found[1])

    @property
    def _obstacle(self) -> str:
        """Why nothing of the job may move now; empty if it may."""
        move = self._manifest.move
        if self._stopped:
            return "nothing more of the job was moved: the same command goes on"
        if not self._manifest.complete:
            return "the job is not finished: finish it first, then move its records"
        if move is not None and move.job != self._aim:
            return (
                f"its records are on their way to the key {move.job.key_id}: finish "
                "that first"
            )
        return ""

    def _shard(self, shard: Shard) -> bool:
        """Move one shard; whether anything in it is to move."""
        path = self._place.root / shard.file
        name = str(path)
        unread = self._report.census.unread
        try:
            intact = path.exists() and hash_of(path) == shard.sha256
            if not intact:
                self._left += 1
                self._report.add_unread(
                    name, None, "it is missing or was changed: see bulk verify"
                )
            tally = look(name, self._entries(shard), self._mover, self._report)
            waiting = tally.waiting > 0
            if waiting and intact and not self._obstacle:
                tally = self._moved(shard, tally)
        except (InvalidParameter, StorageError) as error:
            self._left += 1
            if self._report.census.unread == unread:
                self._report.add_unread(name, None, reason(error))
            return False
        self._count(tally)
        return waiting

    def _count(self, tally: Tally) -> None:
        self._report.files += 1
        self._report.moved += tally.moved
        self._report.census.blobs += tally.blobs
        self._versions |= tally.versions
        self._left += tally.waiting + tally.unread

    def _moved(self, shard: Shard, before: Tally) -> Tally:
        """Write a shard anew; what is in it then, or still is."""
        path = self._place.root / shard.file
        name = str(path)
        if self._dry_run:
            entries = self._entries(shard)
            tried = move_entries(name, entries, self._mover, self._report, None)
            before.moved = tried.moved
            return before
        try:
            with Draft(path) as draft:
                writer = entry_writer(draft, self._kind, path)
                entries = self._entries(shard)
                after = move_entries(name, entries, self._mover, self._report, writer)
                if after.moved:
                    self._replace(shard, draft, after)
        except InvalidParameter as error:
            self._report.add(name, None, reason(error))
            return before
        except StorageError as error:
            # Which of the two shards is there now is for the next run to find out: to
            # go on would be to save a manifest that no longer names both.
            self._stopped = True
            self._report.add(name, None, reason(error))
            return before
        return after

    def _replace(self, shard: Shard, draft: Draft, tally: Tally) -> None:
        """Say by what the shard is replaced, replace it, and say that it is."""
        new = replace(shard, size=draft.size, sha256=draft.sha256)
        versions = dict.fromkeys([*self._manifest.key_version_ids, *tally.versions])
        with stored(draft.path):
            draft.take_after(draft.path.stat())
        self._save(
            replace(
                self._manifest,
                key_version_ids=tuple(versions),
                move=Move(self._aim, new),
            )
        )
        draft.place()
        shards = _with(self._manifest.shards, new)
        self._save(replace(self._manifest, shards=shards, move=Move(self._aim)))

    def _close(self, instance: Instance) -> None:
        """The job is what it was to be, unless records of another key are left."""
        if self._manifest.move is None:
            return
        if self._left and self._aim != self._manifest.job:
            return
        versions = self._manifest.key_version_ids
        if not self._left:
            versions = tuple(self._versions)
        if not self._aim.advance:
            described = instance.describe_key(self._aim.key_id)
            versions = (described.initial_key_version,)
        self._save(
            replace(self._manifest, job=self._aim, key_version_ids=versions, move=None)
        )

    def _save(self, manifest: Manifest) -> None:
        path = self._place.manifest
        with Draft(path) as draft:
            draft.write(manifest.to_json().encode("ascii"))
            with stored(path):
                draft.take_after(path.stat())
            draft.place()
        self._manifest = manifest

    def _entries(self, shard: Shard) -> Iterator[Entry]:
        return read_entries(self._place.root / shard.file, self._kind)


def _with(shards: tuple[Shard, ...], new: Shard) -> tuple[Shard, ...]:
    return tuple(new if shard.file == new.file else shard for shard in shards)
