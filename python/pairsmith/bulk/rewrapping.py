"""Moving every stored blob of files, folders and jobs to another key or version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pairsmith import parameters as parse
from pairsmith.bulk.finding import find_files
from pairsmith.bulk.moving import Mover, MoveReport
from pairsmith.bulk.moving_files import move_file
from pairsmith.bulk.moving_jobs import move_job
from pairsmith.bulk.source import primary_version
from pairsmith.bulk.stored_blobs import Target

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from pairsmith.instance import Instance


def rewrap_records(
    instance: Instance,
    paths: Iterable[str | os.PathLike[str]],
    *,
    key_id: str = "",
    destination_key_id: str = "",
    advance: bool = False,
    aad: bytes = b"",
    dry_run: bool = False,
    progress: Callable[[int, int], object] = lambda _done, _total: None,
) -> MoveReport:
    """Move the blobs in files, folders and jobs, without showing what is inside.

    Each file is replaced whole or not at all, with the mode it has. Stopped at any
    moment, the same call goes on: a blob that is where it should be is left alone.

    Args:
        instance: Where the keys are.
        paths: Files, and folders that are searched: records and answers of encrypt
            and data-key (``.json``), ``.jsonl``, ``.parquet``, bulk jobs.
        key_id: Id or alias of the key whose blobs move; by default all.
        destination_key_id: Id or alias of the key that is to wrap; by default the one
            that does, and its primary version.
        advance: Whether blobs of the plain operations become Advance ones. Otherwise
            they move to an initial version: that is, only to another key.
        aad: Of answers of encrypt and data-key, which do not hold theirs.
        dry_run: Try all of it and write nothing.
        progress: Told how many bytes are done, and of how many.

    Returns:
        What moved, what could not, and a census of all blobs.

    Raises:
        InvalidParameter: An argument is not as said.
        KeyNotFound, KeyDisabled and so on: A key that was named may not be used.
        StorageError: A file or folder that was named cannot be looked at.
        ServiceUnavailable: The database or the root key failed on the way.
    """
    flag, dry_run = parse.parse_flag("advance", advance), bool(dry_run)
    to = destination_key_id and primary_version(instance, destination_key_id)[0]
    mine = key_id and instance.describe_key(key_id).key_id
    mover = Mover(instance, mine, Target(to, flag, parse.parse_aad(aad)))
    report = MoveReport()
    found = find_files(paths)
    total, done = sum(each.size for each in found), 0

    def tell(size: int) -> None:
        nonlocal done
        done += size
        progress(min(done, total), total)

    for each in found:
        if each.job is not None:
            move_job(each.job, instance, mover, report, tell, dry_run=dry_run)
        else:
            move_file(each.path, mover, report, named=each.named, dry_run=dry_run)
            tell(each.size)
    return report
