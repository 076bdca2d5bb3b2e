"""Verifying a job: its files, its records, a sample opened, its moduli compared."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from functools import partial
from typing import TYPE_CHECKING

from pairsmith.bulk.halves import misfit, modulus_bytes, public_number
from pairsmith.bulk.joining import hash_of
from pairsmith.bulk.judging import judge_shard
from pairsmith.bulk.manifest import load_manifest
from pairsmith.bulk.moving_jobs import UNFINISHED_MOVE, settled
from pairsmith.bulk.place import Place
from pairsmith.bulk.public_numbers import PublicNumbers
from pairsmith.bulk.records import strangeness
from pairsmith.bulk.report import FINDINGS_KEPT, Report
from pairsmith.bulk.shards import require_libraries
from pairsmith.bulk.source import primary_version
from pairsmith.errors import InvalidParameter, StorageError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection
    from pathlib import Path

    from pairsmith.bulk.judging import Judged
    from pairsmith.bulk.manifest import Manifest, Shard
    from pairsmith.bulk.public_numbers import Moduli
    from pairsmith.bulk.records import Row
    from pairsmith.errors import PairsmithError
    from pairsmith.instance import Instance

SAMPLE = 100
"""Records opened by default."""


def verify(
    out: str | os.PathLike[str],
    instance: Instance | None,
    *,
    sample: int = SAMPLE,
    gcd: bool = True,
    progress: Callable[[str, int, int], object] = lambda _stage, _done, _total: None,
) -> Report:
    """Look whether everything at ``out`` is as the job was to make it.

    Every shard is hashed, every record read and compared with the job, every public
    key with all others. A sample is opened, chosen at random; of a shard that was
    changed everything is, to find where. The moduli of RSA keys are searched for
    common primes.

    Args:
        out: The folder or the file of a job.
        instance: What opens records; ``None`` opens none.
        sample: How many are opened.
        gcd: Whether moduli are searched for common primes.
        progress: Told what is being done, how much of it is, and of how much.

    Returns:
        What was looked at and what is wrong; it raises nothing for what it finds.

    Raises:
        InvalidParameter: There is no job; or a library that is needed is missing.
        StorageError: The manifest cannot be read.
        PairsmithError: The key of the job cannot be used with this instance.
    """
    place = Place.of(out)
    manifest = load_manifest(place.manifest)
    if manifest is None:
        raise InvalidParameter("out", f"there is no manifest of a job at {place.out}")
    manifest = settled(place, manifest)
    require_libraries(manifest.job.output_format)
    width = modulus_bytes(manifest.job.key_pair_spec) if gcd else 0
    if width:
        _require_gmpy2()
    if instance is not None:
        primary_version(instance, manifest.job.key_id)
    return _Verification(place, manifest, instance, progress).run(sample, width)


def _require_gmpy2() -> None:
    try:
        import gmpy2  # noqa: F401
    except ImportError:
        raise InvalidParameter(
            "gcd",
            "searching moduli for common primes needs gmpy2: pip install "
            "'pairsmith[verify]', or go without it",
        ) from None


class _Verification:
    """One pass over a job."""

    def __init__(
        self,
        place: Place,
        manifest: Manifest,
        instance: Instance | None,
        progress: Callable[[str, int, int], object],
    ) -> None:
        self._place = place
        self._manifest = manifest
        self._instance = instance
        self._progress = progress
        self._report = Report(manifest)
        self._chosen: list[int] = []
        # Of each shard the position of its first record among all, and its name.
        self._starts: list[int] = []
        self._files: list[str] = []

    def run(self, sample: int, width: int) -> Report:
        """Look at everything.

        Args:
            sample: How many records are opened.
            width: Bytes of the moduli to compare; 0 compares none.
        """
        total = self._manifest.done
        draw = random.SystemRandom()
        self._chosen = sorted(draw.sample(range(total), min(sample, total)))
        self._check_manifest()
        numbers = PublicNumbers(width)
        for shard in self._manifest.shards:
            self._check_shard(shard, numbers)
        self._progress("Reading", total, total)
        repeated = self._check_distinct(numbers)
        if width:
            self._check_moduli(numbers.moduli(without=repeated))
        return self._report

    def _check_manifest(self) -> None:
        manifest, name = self._manifest, self._place.manifest.name
        done, count = manifest.done, manifest.job.count
        if done != count or not manifest.complete:
            self._report.add(
                name, None, f"the job is not finished: it has {done} of {count} pairs"
            )
        if manifest.move is not None:
            self._report.add(name, None, UNFINISHED_MOVE)
        files = [shard.file for shard in manifest.shards]
        for file in {file for file in files if files.count(file) > 1}:
            self._report.add(name, None, f"it names {file} twice")
        if not manifest.complete or self._place.is_file:
            return
        for path in sorted(self._place.parts.glob("pairs-*")):
            if self._place.name_of(path) not in files:
                self._report.add(path.name, None, "it is not in the manifest")

    def _check_shard(self, shard: Shard, numbers: PublicNumbers) -> None:
        path = self._place.root / shard.file
        if not path.is_file():
            gone = "it is no file" if path.exists() else "it is missing"
            self._report.add(shard.file, None, gone)
            return
        self._starts.append(len(numbers))
        self._files.append(shard.file)
        line = 0
        try:
            intact = self._is_intact(path, shard)
            choose = partial(self._choose, numbers, intact=intact)
            for judged in judge_shard(path, self._manifest, choose, numbers.width):
                self._check_judged(shard.file, line, judged, numbers)
                line += judged.size
                self._progress("Reading", len(numbers), self._manifest.done)
        except (InvalidParameter, StorageError) as error:
            self._report.add(shard.file, line + 1, _reason(error))
        if line != shard.count:
            self._report.add(
                shard.file,
                None,
                f"it has {line} records, and the manifest says {shard.count}",
            )

    def _choose(
        self, numbers: PublicNumbers, count: int, *, intact: bool
    ) -> Collection[int]:
        """Which of the next records to open: of a shard that was changed, all."""
        if self._instance is None:
            return ()
        if not intact:
            return range(count)
        first = len(numbers)
        begin, end = (bisect_left(self._chosen, first + n) for n in (0, count))
        return [position - first for position in self._chosen[begin:end]]

    def _check_judged(
        self, file: str, lines: int, judged: Judged, numbers: PublicNumbers
    ) -> None:
        """Count records that are sound, and look at those that may not be."""
        first = len(numbers)
        numbers.extend(judged.digests, judged.numbers)
        self._report.records += judged.size - len(judged.doubtful)
        for place, row in sorted(judged.rows.items()):
            line = lines + place + 1
            if place in judged.doubtful:
                numbers.put(first + place, self._check_row(file, line, row))
            if place in judged.chosen:
                self._check_opening(file, line, row)

    def _is_intact(self, path: Path, shard: Shard) -> bool:
        found = hash_of(path)
        if found == shard.sha256:
            self._report.shards += 1
            return True
        size = path.stat().st_size
        text = f"it was changed: {size} bytes with SHA-256 {found}, and the manifest "
        text += f"says {shard.size} with {shard.sha256}"
        for other in self._manifest.shards:
            if found == other.sha256:
                text = f"it has the content of {other.file}"
        self._report.add(shard.file, None, text)
        return False

    def _check_row(
        self, file: str, line: int, row: Row | InvalidParameter
    ) -> bytes | None:
        """Compare a record with the job, and give its public number if it has one."""
        if isinstance(row, InvalidParameter):
            self._report.add(file, line, _reason(row))
            return None
        self._report.records += 1
        text = strangeness(row, self._manifest)
        if text is not None:
            self._report.add(file, line, text)
        try:
            return public_number(row.record)
        except ValueError as error:
            self._report.add(file, line, f"its public key cannot be read: {error}")
            return None

    def _check_opening(self, file: str, line: int, row: Row | InvalidParameter) -> None:
        """Open a record."""
        if self._instance is None or isinstance(row, InvalidParameter):
            return
        text = misfit(self._instance, row)
        if text is None:
            self._report.opened += 1
        else:
            self._report.add(file, line, text)

    def _check_distinct(self, numbers: PublicNumbers) -> set[int]:
        """Positions of pairs that were there before."""
        repeated = set()
        for first, position in numbers.repeated():
            repeated.add(position)
            self._report.add(
                *self._found_at(position), f"it is the pair of {self._place_of(first)}"
            )
        return repeated

    def _check_moduli(self, moduli: Moduli) -> None:
        from pairsmith.bulk.batch_gcd import partners, sharing

        self._report.moduli = len(moduli)
        found = sharing(moduli, progress=partial(self._progress, "Comparing moduli"))
        for one, other in partners(moduli, found, FINDINGS_KEPT):
            here, there = (moduli.positions[each] for each in (one, other))
            self._report.add(
                *self._found_at(here),
                f"its modulus shares a prime with {self._place_of(there)}: anybody can "
                "compute the private keys of both",
            )

    def _found_at(self, position: int) -> tuple[str, int]:
        """The shard and the line of a record."""
        number = bisect_right(self._starts, position) - 1
        return self._files[number], position - self._starts[number] + 1

    def _place_of(self, position: int) -> str:
        return "{}:{}".format(*self._found_at(position))


def _reason(error: PairsmithError) -> str:
    """What is wrong, without the name of a parameter that nobody has given."""
    return str(error).removeprefix("The parameter record is not valid: ")
