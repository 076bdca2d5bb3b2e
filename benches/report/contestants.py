"""Those who make pairs: ``python -m benches.report.contestants NAME CPU...``.

Each is a process of its own on the CPUs that it is given.

They speak the protocol of ``pairsmith.generators``: a line in, ``EC_P256 300 1``, asks
for 300 pairs on one thread, and is answered by their durations in seconds; a batch,
which makes them together, answers with one duration for all. All of them do the whole
work: generate, encode both halves as PEM, wrap the private one; but for PyCryptodome,
which only generates.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pairsmith import Instance, bulk
from pairsmith.bulk import judging
from pairsmith.generators import of_cryptography, of_pycryptodome

Answer = Callable[[str, int, int], list[float]]
"""Spec, pairs and threads to durations."""

POOLED = 32
"""Pairs that a warm pool holds; a turn takes no more of them."""


def of_instance(instance: Instance) -> Answer:
    """The whole operation, one pair at a time."""

    def generate(spec: str) -> object:
        return instance.generate_data_key_pair("alias/bench", spec, "PEM")

    return one_by_one(generate)


def of_core(instance: Instance) -> Answer:
    """The one call into Rust that the operation makes."""
    key = instance._registry.resolve("alias/bench", primary=False).wrapping_key  # noqa: SLF001

    def generate(spec: str) -> object:
        return key.generate_data_key_pair(
            spec, "PEM", b"", advance=False, with_plaintext=True
        )

    return one_by_one(generate)


def of_batch(instance: Instance) -> Answer:
    """A batch on so many threads, taken as fast as it comes."""

    def answer(spec: str, pairs: int, threads: int) -> list[float]:
        begun = time.perf_counter()
        with instance.generate_data_key_pairs(
            "alias/bench", spec, "PEM", pairs, workers=threads
        ) as batch:
            made = sum(1 for _ in batch)
        took = time.perf_counter() - begun
        assert made == pairs
        return [took]

    return answer


def of_tables(operation: str) -> Callable[[Instance], Answer]:
    """A batch without an object for each pair: tables that the core has filled."""

    def of(instance: Instance) -> Answer:
        def answer(spec: str, pairs: int, threads: int) -> list[float]:
            begun = time.perf_counter()
            batch = getattr(instance, operation)(
                "alias/bench", spec, "PEM", pairs, workers=threads
            )
            with batch.to_reader() as reader:
                made = sum(map(len, reader))
            took = time.perf_counter() - begun
            assert made == pairs
            return [took]

        return answer

    return of


def of_bulk(output_format: str) -> Callable[[Instance], Answer]:
    """A bulk job, from its first pair to its manifest on the disk."""

    def of(instance: Instance) -> Answer:
        def answer(spec: str, pairs: int, threads: int) -> list[float]:
            with tempfile.TemporaryDirectory() as folder:
                begun = time.perf_counter()
                write_job(instance, folder, spec, pairs, threads, output_format)
                return [time.perf_counter() - begun]

        return answer

    return of


def of_verification(*, reading: bool) -> Callable[[Instance], Answer]:
    """The verification of a job of JSON Lines, all of it but opening.

    Args:
        reading: Whether the core recognises no record, so that each is read by itself,
            as before there was a core that could.
    """

    def of(instance: Instance) -> Answer:
        if reading:
            doubt_everything()

        def answer(spec: str, pairs: int, threads: int) -> list[float]:
            with tempfile.TemporaryDirectory() as folder:
                write_job(instance, folder, spec, pairs, threads, "jsonl")
                begun = time.perf_counter()
                report = bulk.verify(f"{folder}/job", None)
                took = time.perf_counter() - begun
            assert (report.records, report.problems) == (pairs, 0)
            return [took]

        return answer

    return of


def write_job(
    instance: Instance,
    folder: str,
    spec: str,
    pairs: int,
    threads: int,
    output_format: str,
) -> None:
    """Write a bulk job into a folder."""
    bulk.write(
        instance,
        f"{folder}/job",
        "alias/bench",
        spec,
        pairs,
        workers=threads,
        output_format=output_format,
    )


def doubt_everything() -> None:
    """Let the core recognise no line of a job in this process."""
    real = judging.judge_lines

    def judge_lines(text: bytes, **expected: Any) -> Any:  # noqa: ANN401 -- as it is
        return real(text, **(expected | {"beginnings": []}))

    judging.judge_lines = judge_lines


def of_pool(instance: Instance) -> Answer:
    """The whole operation out of a full pool, which is full again at the end."""

    def answer(spec: str, pairs: int, threads: int) -> list[float]:
        assert pairs <= POOLED
        assert instance.warm_up()
        durations = of_instance(instance)(spec, pairs, threads)
        assert instance.warm_up()
        return durations

    return answer


def by_hand(_instance: Instance) -> Answer:
    """The same work as a service would write it with ``cryptography``.

    It reuses one AES key, derives none per message, and asks no registry and no guard.
    """
    wrap = AESGCM(AESGCM.generate_key(256))

    _, make = of_cryptography()

    def generate(spec: str) -> object:
        key: Any = make(spec, 1)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        iv = os.urandom(12)
        return public, private, iv, wrap.encrypt(iv, private, None)

    return one_by_one(generate)


def pycryptodome(_instance: Instance) -> Answer:
    """PyCryptodome: generation alone."""
    _, generate = of_pycryptodome()
    return one_by_one(lambda spec: generate(spec, 1))


CONTESTANTS: dict[str, Callable[[Instance], Answer]] = {
    "instance": of_instance,
    "core": of_core,
    "batch": of_batch,
    "tables": of_tables("generate_data_key_pairs"),
    "bare batch": of_tables("generate_data_key_pairs_without_plaintext"),
    "bulk parquet": of_bulk("parquet"),
    "bulk jsonl": of_bulk("jsonl"),
    "verify": of_verification(reading=False),
    "verify by reading": of_verification(reading=True),
    "pool": of_pool,
    "by hand": by_hand,
    "pycryptodome": pycryptodome,
}


def one_by_one(generate: Callable[[str], object]) -> Answer:
    """Time each pair."""

    def answer(spec: str, pairs: int, _threads: int) -> list[float]:
        durations = []
        for _ in range(pairs):
            begun = time.perf_counter()
            generate(spec)
            durations.append(time.perf_counter() - begun)
        return durations

    return answer


@contextmanager
def instance_for(name: str) -> Iterator[Instance]:
    """An instance with one key; with a pool only for whoever is measured by it."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'kms.db'}"
        pool = {"RSA_2048": POOLED} if name == "pool" else None
        with Instance.open(url, pool=pool) as instance:
            instance.create_alias("alias/bench", instance.create_key().key_id)
            yield instance


def serve(name: str) -> None:
    """Answer until the input ends."""
    with instance_for(name) as instance:
        answer = CONTESTANTS[name](instance)
        print(name, flush=True)
        for request in sys.stdin:
            spec, pairs, threads = request.split()
            print(*answer(spec, int(pairs), int(threads)), flush=True)


if __name__ == "__main__":
    os.sched_setaffinity(0, map(int, sys.argv[2:]))
    serve(sys.argv[1])
