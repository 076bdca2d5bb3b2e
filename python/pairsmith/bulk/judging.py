"""The records of a shard, most of them judged by the core, thousands in one call.

The core knows the records that a job writes, to the byte. Those that are different,
and those that are to be opened, are read one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pairsmith.bulk.job import OutputFormat
from pairsmith.bulk.public_numbers import DIGEST
from pairsmith.bulk.records import parse_line
from pairsmith.bulk.storage import stored
from pairsmith.errors import InvalidParameter
from pairsmith.instance.judging import judge_lines
from pairsmith.pair_reader import line_beginning
from pairsmith.results import ALGORITHM, KeyFormat, KeyPairSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from pairsmith.bulk.manifest import Manifest
    from pairsmith.bulk.records import Row

    Choose = Callable[[int], Collection[int]]

LINE_LIMIT = 256 * 1024
"""Bytes of a line at most; the longest, RSA_4096 with the longest Aad, has 25,000."""
PIECE = 1024 * 1024
"""Bytes of lines that are judged together: more than the longest line."""


class Members(NamedTuple):
    """What a record of a job begins with."""

    key_id: str
    key_version_id: str | None
    key_pair_spec: KeyPairSpec
    key_format: KeyFormat
    algorithm: str
    aad: bytes


class Judged(NamedTuple):
    """Some records of a shard, in order.

    Attributes:
        size: How many.
        digests: 16 bytes of each, of its public number; zeros if it is in doubt.
        numbers: The number itself, if it is kept; zeros if the record is in doubt.
        doubtful: The places of records that are not as the core writes them.
        chosen: The places of records that were chosen.
        rows: By their places, all of these: read, or what is wrong.
    """

    size: int
    digests: bytes
    numbers: bytes
    doubtful: frozenset[int]
    chosen: frozenset[int]
    rows: dict[int, Row | InvalidParameter]


def judge_shard(
    path: Path, manifest: Manifest, choose: Choose, width: int
) -> Iterator[Judged]:
    """Judge every record of a shard.

    Args:
        path: The file.
        manifest: What the records should be.
        choose: Told how many records come next, says which of them are to be read.
        width: Bytes of the public numbers that are kept; 0 keeps none.

    Raises:
        StorageError: The file cannot be read.
        InvalidParameter: It is damaged so that nothing more can be read.
    """
    if manifest.job.output_format is OutputFormat.PARQUET:
        from pairsmith.bulk.parquet_judging import judge_tables

        return judge_tables(path, manifest, choose, width)
    return _judge_lines(path, manifest, choose, width)


def possible_members(manifest: Manifest) -> list[Members]:
    """What records may begin with: one for each version, and more while they move."""
    job = manifest.job
    kind = (job.key_pair_spec, job.key_format, job.with_plaintext)
    return [
        Members(
            each.key_id,
            version,
            job.key_pair_spec,
            job.key_format,
            ALGORITHM,
            each.aad,
        )
        for each in manifest.jobs
        if (each.key_pair_spec, each.key_format, each.with_plaintext) == kind
        for version in (manifest.key_version_ids if each.advance else [None])
    ]


def _judge_lines(
    path: Path, manifest: Manifest, choose: Choose, width: int
) -> Iterator[Judged]:
    job = manifest.job
    beginnings = list(map(line_beginning, possible_members(manifest)))
    with stored(path), path.open("rb") as file:
        start = 0
        while piece := file.read(PIECE):
            length, digests, numbers, doubtful = judge_lines(
                piece,
                beginnings=beginnings,
                spec=job.key_pair_spec,
                key_format=job.key_format,
                with_plaintext=job.with_plaintext,
                keep_numbers=width > 0,
                longest=LINE_LIMIT,
            )
            file.seek(start)
            if length:
                count = len(digests) // DIGEST
                rows = {row: _read(piece[begin:end]) for row, begin, end in doubtful}
                places, chosen = frozenset(rows), frozenset(choose(count))
                lines = piece[:length].split(b"\n") if chosen else []
                rows |= {row: _read(lines[row] + b"\n") for row in chosen - places}
                yield Judged(count, digests, numbers, places, chosen, rows)
                start = file.seek(start + length)
            else:
                # It is cut off, or too long; then it counts as several.
                line = file.readline(LINE_LIMIT)
                nothing = bytes(DIGEST), bytes(width)
                one = frozenset([0])
                yield Judged(1, *nothing, one, frozenset(choose(1)), {0: _read(line)})
                start += len(line)


def _read(line: bytes) -> Row | InvalidParameter:
    try:
        return parse_line(line)
    except InvalidParameter as error:
        return error
