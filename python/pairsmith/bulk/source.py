"""The pairs of a job, one after the other, as long as its key may be used."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    from pairsmith.batch import PairBatch
    from pairsmith.bulk.job import Job
    from pairsmith.instance import Instance
    from pairsmith.results import DataKeyPairWithoutPlaintext

LOOK_SECONDS = 1.0
"""How often the key is looked at: what the registry promises for other processes."""


def primary_version(instance: Instance, key_id: str) -> tuple[str, str]:
    """The real id of a key that may be used, and its primary version.

    Encrypting one byte asks what every data operation asks.

    Raises:
        KeyNotFound, KeyDisabled, KeyPendingDeletion, KeyUnavailable: It may not.
    """
    sealed = instance.advance_encrypt(key_id, b"?")
    return sealed.key_id, str(sealed.key_version_id)


def pairs(
    instance: Instance, job: Job, count: int, workers: int | None, wait: float
) -> Generator[DataKeyPairWithoutPlaintext]:
    """Generate ``count`` pairs, a slot of the guard held for all of them.

    A job takes hours, a batch knows its key's state and version only at its start:
    so both are looked at once a second. After a rotation an Advance job goes on with a
    new batch.

    Raises:
        PairsmithError: As for a single pair; also when it happens on the way.
    """
    made = 0
    while made < count:
        with _batch(instance, job, count - made, workers, wait) as batch:
            next_look = monotonic() + LOOK_SECONDS
            for pair in batch:
                made += 1
                yield pair
                if monotonic() < next_look:
                    continue
                _, primary = primary_version(instance, job.key_id)
                if job.advance and primary != pair.key_version_id:
                    break
                next_look = monotonic() + LOOK_SECONDS


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
