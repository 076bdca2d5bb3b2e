"""The pairs of a job, group after group, as long as its key may be used."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from pairsmith.bulk.job import OutputFormat

if TYPE_CHECKING:
    from pairsmith.batch import PairBatch
    from pairsmith.bulk.job import Job
    from pairsmith.instance import Instance
    from pairsmith.pair_reader import PairReader, PairRecordBatch
    from pairsmith.results import DataKeyPairWithoutPlaintext

LOOK_SECONDS = 1.0
"""How often the key is looked at: what the registry promises for other processes."""

GROUP = 2048
RSA_GROUP = 4
"""Pairs of a group at most: some hundredths of a second of work, half a second of the
slowest kind's."""


def primary_version(instance: Instance, key_id: str) -> tuple[str, str]:
    """The real id of a key that may be used, and its primary version.

    Encrypting one byte asks what every data operation asks.

    Raises:
        KeyNotFound, KeyDisabled, KeyPendingDeletion, KeyUnavailable: It may not.
    """
    sealed = instance.advance_encrypt(key_id, b"?")
    return sealed.key_id, str(sealed.key_version_id)


class Group(NamedTuple):
    """Pairs that were made together.

    Attributes:
        size: How many.
        key_version_id: The version that they are under, in Advance jobs.
        content: Lines of JSON, or a table, as the job wants it.
    """

    size: int
    key_version_id: str | None
    content: bytes | PairRecordBatch


class PairSource:
    """Generates the pairs of a job, a slot of the guard held for all of them.

    A job takes hours, a batch knows its key's state and version only at its start:
    so both are looked at once a second. After a rotation an Advance job goes on with a
    new batch.
    """

    def __init__(
        self, instance: Instance, job: Job, count: int, workers: int | None, wait: float
    ) -> None:
        """Take what a batch takes; it begins with the first pair that is wanted."""
        self._instance = instance
        self._job = job
        self._left = count
        self._workers = workers
        self._wait = wait
        self._most = RSA_GROUP if job.key_pair_spec.kind.is_long else GROUP
        self._reader: PairReader | None = None
        self._version: str | None = None
        self._next_look = 0.0

    def take(self, most: int) -> Group:
        """Give the next pairs, ``most`` at most; there must be some left.

        Raises:
            PairsmithError: As for a single pair; also when it happens on the way.
        """
        reader = self._usable_reader()
        rows = min(most, self._left, self._most)
        content: bytes | PairRecordBatch | None
        if self._job.output_format is OutputFormat.JSONL:
            count, content = reader.read_lines(rows) or (0, None)
        else:
            content = reader.read(rows)
            count = 0 if content is None else len(content)
        if content is None:
            raise AssertionError("a batch gives as many pairs as it was asked for")
        self._left -= count
        return Group(count, self._version, content)

    def close(self) -> None:
        """Stop making pairs."""
        if self._reader is not None:
            self._reader.close()

    def _usable_reader(self) -> PairReader:
        """The reader of a batch, begun anew after a rotation."""
        if self._reader is not None and monotonic() >= self._next_look:
            _, primary = primary_version(self._instance, self._job.key_id)
            self._next_look = monotonic() + LOOK_SECONDS
            if self._job.advance and primary != self._version:
                self._reader.close()
                self._reader = None
        if self._reader is None:
            batch = _batch(
                self._instance, self._job, self._left, self._workers, self._wait
            )
            self._version = batch.common.key_version_id
            self._reader = batch.to_reader()
            self._next_look = monotonic() + LOOK_SECONDS
        return self._reader


def _batch(
    instance: Instance, job: Job, count: int, workers: int | None, wait: float
) -> PairBatch[DataKeyPairWithoutPlaintext]:
    operation = {
        (False, True): instance.generate_data_key_pairs,
        (False, False): instance.generate_data_key_pairs_without_plaintext,
        (True, True): instance.advance_generate_data_key_pairs,
        (True, False): instance.advance_generate_data_key_pairs_without_plaintext,
    }[job.advance, job.with_plaintext]
    return operation(
        job.key_id,
        job.key_pair_spec,
        job.key_format,
        count,
        aad=job.aad,
        wait=wait,
        workers=workers,
    )
