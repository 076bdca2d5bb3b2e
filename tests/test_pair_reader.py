"""Batches as tables of Arrow: read by the libraries of others, ended early, failing."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from pairsmith import AsyncInstance, Instance, WrappedKeyPair, errors
from pairsmith.batch import PairBatch
from pairsmith.bulk import parquet

Rows = list[dict[str, Any]]


def by_pyarrow(table: object) -> Rows:
    """As pyarrow reads it."""
    rows: Rows = pa.table(table).to_pylist()
    return rows


def by_polars(table: object) -> Rows:
    """As polars reads it."""
    return pl.DataFrame(table).to_dicts()


def by_duckdb(pairs: object) -> Rows:  # noqa: ARG001 -- DuckDB finds it by its name
    """As DuckDB reads it."""
    answer = duckdb.connect().execute("select * from pairs")
    assert answer.description is not None
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


READERS: list[Callable[[object], Rows]] = [by_pyarrow, by_polars, by_duckdb]
OPERATIONS = [
    "generate_data_key_pairs",
    "generate_data_key_pairs_without_plaintext",
    "advance_generate_data_key_pairs",
    "advance_generate_data_key_pairs_without_plaintext",
]


def record(row: dict[str, Any]) -> WrappedKeyPair:
    """The record of a row, from its columns alone."""
    return WrappedKeyPair(
        key_id=row["KeyId"],
        key_version_id=row["KeyVersionId"],
        key_pair_spec=row["KeyPairSpec"],
        key_format=row["KeyFormat"],
        algorithm=row["Algorithm"],
        aad=row["Aad"],
        iv=row["Iv"],
        private_key_ciphertext_blob=row["PrivateKeyCiphertextBlob"],
        encoded_public_key=row["PublicKey"],
    )


def curves(instance: Instance, key_id: str, count: int) -> PairBatch[Any]:
    """A batch of EC_P256."""
    return instance.generate_data_key_pairs_without_plaintext(
        key_id, "EC_P256", "PEM", count
    )


def require_free(instance: Instance, key_id: str) -> None:
    """Nobody holds a slot of the guard."""
    instance.generate_data_key_pair(key_id, "EC_P256", "PEM")


def threads() -> int:
    """How many threads this process has, those of Rust included."""
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_libraries_read_every_pair(
    instance: Instance,
    key_id: str,
    operation: str,
    whole: bool,  # noqa: FBT001 -- a parameter
    read: Callable[[object], Rows],
) -> None:
    """From a table or a stream; pairs open, and only what was asked for is there."""
    for spec, key_format, count in (("EC_P256", "DER", 130), ("RSA_2048", "PEM", 2)):
        batch = getattr(instance, operation)(
            "alias/test", spec, key_format, count, aad=b"a"
        )
        rows = read(batch.to_arrow() if whole else batch.to_reader())
        assert len({row["PublicKey"] for row in rows}) == count
        for row in rows[:2]:
            assert row["KeyId"] == key_id
            assert (row["KeyVersionId"] is None) is not operation.startswith("advance")
            opened = instance.decrypt(record(row))
            assert opened.private_key().public_key() == record(row).public_key()
            if "without" in operation:
                assert "PrivateKeyPlaintext" not in row
            else:
                assert row["PrivateKeyPlaintext"] == opened.plaintext
        require_free(instance, key_id)


@pytest.mark.parametrize("with_plaintext", [True, False])
def test_tables_are_those_of_bulk_jobs(
    instance: Instance,
    key_id: str,
    with_plaintext: bool,  # noqa: FBT001 -- a parameter
) -> None:
    """Names, types, nullability and metadata, told before anything is read."""
    operation = (
        instance.generate_data_key_pairs
        if with_plaintext
        else instance.generate_data_key_pairs_without_plaintext
    )
    expected = parquet.schema(with_plaintext=with_plaintext)
    with operation(key_id, "EC_P256", "PEM", 3) as batch:
        reader = batch.to_reader()
        assert pa.schema(reader).equals(expected, check_metadata=True)
        table = reader.read()
        assert table is not None
        assert pa.schema(table).equals(expected, check_metadata=True)
        found = pa.record_batch(table)
    assert found.schema.equals(expected, check_metadata=True)
    found.validate(full=True)


def test_tables_have_as_many_rows_as_are_wanted(
    instance: Instance, key_id: str
) -> None:
    """Fewer only in the last; by default what is worth a table."""
    batch = curves(instance, key_id, 1000)
    assert [len(table) for table in batch.to_reader(rows=300)] == [300, 300, 300, 100]
    lengths = [len(table) for table in curves(instance, key_id, 5000).to_reader()]
    assert lengths == [2048, 2048, 904]
    reader = curves(instance, key_id, 10).to_reader()
    assert [len(reader.read(rows) or ()) for rows in (3, 1, None, 5)] == [3, 1, 6, 0]
    for rows in (0, -1, 65_537, "3"):
        with (
            curves(instance, key_id, 1) as batch,
            pytest.raises(errors.InvalidParameter, match="rows"),
        ):
            batch.to_reader(rows)  # type: ignore[arg-type]
        reader = curves(instance, key_id, 1).to_reader()
        for read in (reader.read, reader.read_lines):
            with pytest.raises(errors.InvalidParameter, match="rows"):
                read(rows)  # type: ignore[arg-type]
        assert len(list(reader)) == 1
    require_free(instance, key_id)


@pytest.mark.parametrize("rows", [None, 7])
def test_what_was_iterated_is_not_in_the_table(
    instance: Instance, key_id: str, rows: int | None
) -> None:
    """Each pair is given once, in whatever way; in a table also those that wait."""
    batch = instance.generate_data_key_pairs(key_id, "EC_P256", "DER", 3000)
    taken = [next(batch) for _ in range(5)]
    assert batch.is_ready
    table = pa.table(batch.to_reader(rows))
    assert not batch.is_ready
    assert rows is None or {len(each) for each in table.to_batches()} <= {*range(8)}
    keys = [pair.encoded_public_key for pair in taken]
    keys += table.column("PublicKey").to_pylist()
    assert len(keys) == len(set(keys)) == 3000
    for row in table.slice(0, 2).to_pylist():
        opened = instance.decrypt(record(row))
        assert opened.plaintext == row["PrivateKeyPlaintext"]
    assert list(batch) == []


def test_a_table_is_read_again_and_again(instance: Instance, key_id: str) -> None:
    """Also after the batch is gone, and the memory is the same."""
    table = curves(instance, key_id, 10).to_arrow()
    assert len(table) == 10
    one, other = pa.table(table), pa.table(table)
    assert one.equals(other)
    buffers = [each.column("PublicKey").chunk(0).buffers()[2] for each in (one, other)]
    assert buffers[0].address == buffers[1].address


def test_nothing_that_is_left_is_an_empty_table(
    instance: Instance, key_id: str
) -> None:
    """With all its columns; what was closed early does not pass for all."""
    batch = curves(instance, key_id, 3)
    assert len(list(batch)) == 3
    for empty in (batch.to_arrow(), batch.to_reader()):
        table = pa.table(empty)
        assert table.num_rows == 0
        assert table.schema.equals(parquet.schema(with_plaintext=False))
    assert list(batch.to_reader()) == []
    batch = curves(instance, key_id, 3)
    batch.close()
    with pytest.raises(errors.OperationCancelled):
        batch.to_arrow()
    with pytest.raises(pa.ArrowInvalid, match="interrupted"):
        pa.table(batch.to_reader())


def test_a_reader_that_is_given_up_stops_the_workers(
    instance: Instance, key_id: str
) -> None:
    """Closed, forgotten, or forgotten by the library that it was given to."""
    pa.table(curves(instance, key_id, 3).to_reader())  # libraries start threads, too
    before = threads()

    def closed(batch: PairBatch[Any]) -> None:
        with batch.to_reader() as reader:
            assert reader.read() is not None
            assert threads() > before

    def forgotten(batch: PairBatch[Any]) -> None:
        assert next(batch.to_reader())

    def forgotten_elsewhere(batch: PairBatch[Any]) -> None:
        stream = pa.RecordBatchReader.from_stream(batch.to_reader())
        del batch
        gc.collect()
        assert stream.read_next_batch().num_rows == 2048
        assert threads() > before
        with pytest.raises(errors.Throttled):
            require_free(instance, key_id)

    def never_read(batch: PairBatch[Any]) -> None:
        batch.to_reader().__arrow_c_stream__()

    for give_up in (closed, forgotten, forgotten_elsewhere, never_read):
        give_up(curves(instance, key_id, 10**9))
        gc.collect()
        assert threads() == before, give_up
        require_free(instance, key_id)


def test_the_end_of_a_stream_frees_the_slot(instance: Instance, key_id: str) -> None:
    """Though whoever has read it still holds it."""
    stream = pa.RecordBatchReader.from_stream(curves(instance, key_id, 10).to_reader())
    assert len(list(stream)) == 1
    require_free(instance, key_id)
    assert list(stream) == []


def test_a_failure_in_the_middle_is_told_as_ours(
    instance: Instance, key_id: str
) -> None:
    """By the reader itself; a library has words of its own, ``with`` has ours again."""
    batch = curves(instance, key_id, 10**9)
    reader = batch.to_reader()
    assert reader.read() is not None
    batch.close()
    with pytest.raises(errors.OperationCancelled):
        reader.read()

    batch = curves(instance, key_id, 10**9)

    def read_on() -> None:
        with batch.to_reader() as reader:
            stream = pa.RecordBatchReader.from_stream(reader)
            stream.read_next_batch()
            batch.close()
            stream.read_all()

    with pytest.raises(errors.OperationCancelled) as raised:
        read_on()
    assert isinstance(raised.value.__context__, pa.ArrowInvalid)

    # Somebody who does not care what a library says hears of it all the same; once.
    batch = curves(instance, key_id, 10**9)
    reader = batch.to_reader()

    def do_not_care() -> None:
        with reader, suppress(pa.ArrowInvalid):
            batch.close()
            pa.table(reader)

    with pytest.raises(errors.OperationCancelled):
        do_not_care()
    with reader:
        pass
    require_free(instance, key_id)


def test_a_core_that_is_not_well_fills_no_table(tmp_path: Path) -> None:
    """A self-test that fails in the middle of a stream ends it, with its own error."""
    program = f"""
import pyarrow as pa
from pairsmith import Instance, errors
from pairsmith._core import _fail_self_test
with Instance.open("sqlite:///{tmp_path}/kms.db") as kms:
    key_id = kms.create_key().key_id
    def failing(read):
        batch = kms.generate_data_key_pairs(key_id, "EC_P256", "PEM", 10**9)
        with batch.to_reader() as reader:
            read(reader)
    try:
        failing(lambda reader: (reader.read(), _fail_self_test(), pa.table(reader)))
    except errors.SelfTestError as error:
        assert isinstance(error.__context__, pa.ArrowInvalid)
        print("told")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("told\n", "", 0)


def test_a_forked_child_is_told(instance: Instance, key_id: str) -> None:
    """The threads are the parent's: the child gets an error, the parent its pairs."""
    reader = curves(instance, key_id, 5000).to_reader()
    assert reader.read() is not None
    child = os.fork()
    if child == 0:
        status = 1
        try:
            reader.read()
        except errors.InternalFailure:
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sum(map(len, reader)) == 5000 - 2048


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_4096"])
def test_interrupt_is_obeyed_while_a_table_is_filled(tmp_path: Path, spec: str) -> None:
    """Ctrl-C raises KeyboardInterrupt, and what is not made yet can still be had."""
    program = f"""
from pairsmith import Instance
with Instance.open("sqlite:///{tmp_path}/kms.db") as kms:
    key_id = kms.create_key().key_id
    batch = kms.generate_data_key_pairs(key_id, "{spec}", "PEM", 10**6)
    next(batch)
    reader = batch.to_reader()
    try:
        print("started", flush=True)
        while True:
            reader.read(65_536)
    except KeyboardInterrupt:
        print(len(reader.read(3)), flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "3\n"
        assert process.wait() == 0


@pytest.mark.parametrize("operation", OPERATIONS)
def test_lines_of_json_are_records(
    instance: Instance, key_id: str, operation: str
) -> None:
    """As ``to_json`` writes them, with the private key behind if it was asked for."""
    aad = bytes(range(256))
    batch = getattr(instance, operation)(key_id, "EC_P256K", "PEM", 200, aad=aad)
    pair = next(batch)
    reader = batch.to_reader()
    groups = list(iter(reader.read_lines, None))
    assert sum(group.pairs for group in groups) == 199
    lines = b"".join(group.text for group in groups).splitlines(keepends=True)
    assert len(lines) == 199
    for line in lines[:3]:
        text, _, private = line.partition(b', "PrivateKeyPlaintext"')
        assert bool(private) is not ("without" in operation)
        found = WrappedKeyPair.from_json(text.rstrip(b"}\n") + b"}")
        assert (found.key_id, found.aad) == (key_id, aad)
        assert found.key_version_id == pair.key_version_id
        instance.decrypt(found)
    require_free(instance, key_id)


def test_tables_without_stopping_the_event_loop(url: str) -> None:
    """The same, awaited."""

    async def test() -> None:
        async with await AsyncInstance.open(url) as kms:
            key_id = (await kms.create_key()).key_id
            batch = await kms.generate_data_key_pairs(key_id, "EC_P256", "PEM", 300)
            await anext(batch)
            assert len(await batch.to_arrow()) == 299
            batch = await kms.generate_data_key_pairs(key_id, "EC_P256", "PEM", 10**9)
            async with batch.to_reader(rows=50) as reader:
                async for table in reader:
                    row = pa.record_batch(table).slice(0, 1).to_pylist()[0]
                    opened = await kms.decrypt(record(row))
                    assert opened.plaintext == row["PrivateKeyPlaintext"]
                    break
            await kms.generate_data_key_pair(key_id, "EC_P256", "PEM")

    asyncio.run(test())


MEMORY = """
import sys
from pairsmith import Instance
folder, count = sys.argv[1:]
with Instance.open(f"sqlite:///{folder}/kms.db") as kms:
    key_id = kms.create_key().key_id
    batch = kms.generate_data_key_pairs(key_id, "EC_P256", "PEM", int(count))
    assert sum(map(len, batch.to_reader())) == int(count)
with open("/proc/self/status") as status:
    print(*(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def test_a_stream_of_any_length_takes_the_same_memory(tmp_path: Path) -> None:
    """Fifty thousand take what some thousand take, within a fifth of their size."""

    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        ended = subprocess.run(
            [sys.executable, "-c", MEMORY, str(folder), str(count)],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(ended.stdout)

    small, large = peak(5000), peak(50_000)
    assert small > 20_000  # it is KiB
    assert large - small < 50_000 * 800 // 1024 // 5, (small, large)
