"""Many pairs: batches through Instance and AsyncInstance."""

import gc
import os
import signal
import subprocess
import sys
import threading

import pytest

from pairsmith import (
    DataKeyPair,
    DataKeyPairWithoutPlaintext,
    Instance,
    KeyFormat,
    KeyPairSpec,
    errors,
)
from reading import belong_together

BATCHES = [
    "generate_data_key_pairs",
    "generate_data_key_pairs_without_plaintext",
    "advance_generate_data_key_pairs",
    "advance_generate_data_key_pairs_without_plaintext",
]


@pytest.mark.parametrize("operation", BATCHES)
@pytest.mark.parametrize("spec", KeyPairSpec)
@pytest.mark.parametrize("key_format", KeyFormat)
def test_every_pair_of_a_batch_comes_back_whole(
    instance: Instance,
    key_id: str,
    operation: str,
    spec: KeyPairSpec,
    key_format: KeyFormat,
) -> None:
    """What holds for a single pair holds for each of a batch."""
    # Opening large keys takes the time: libraries check them.
    count = 1 if spec in (KeyPairSpec.RSA_3072, KeyPairSpec.RSA_4096) else 3
    batch = getattr(instance, operation)(
        "alias/test", spec, key_format, count, aad=b"a"
    )
    pairs = list(batch)
    assert len(pairs) == count
    for pair in pairs:
        assert type(pair) is (
            DataKeyPairWithoutPlaintext if "without" in operation else DataKeyPair
        )
        assert pair.key_id == key_id
        assert (pair.key_version_id is not None) is operation.startswith("advance")
        opened = instance.decrypt(pair.record())
        assert belong_together(opened.plaintext, pair.encoded_public_key)
        if isinstance(pair, DataKeyPair):
            assert opened.plaintext == pair.private_key_plaintext


def test_ten_thousand_pairs_are_ten_thousand(instance: Instance, key_id: str) -> None:
    """No two pairs of a batch share a point, an Iv or a salt."""
    batch = instance.generate_data_key_pairs_without_plaintext(
        key_id, "EC_P256", "DER", 10_000
    )
    points, ivs, salts = set(), set(), set()
    for pair in batch:
        points.add(pair.encoded_public_key)
        ivs.add(pair.iv)
        salts.add(pair.private_key_ciphertext_blob[4:20])
    assert len(points) == len(ivs) == len(salts) == 10_000


def test_one_slot_for_the_whole_batch(instance: Instance, key_id: str) -> None:
    """While a batch is open nothing else is generated; its end frees the slot."""
    batch = instance.generate_data_key_pairs(key_id, "EC_P256", "PEM", 2)
    next(batch)
    with pytest.raises(errors.Throttled):
        instance.generate_data_key_pair(key_id, "EC_P256", "PEM")
    with pytest.raises(errors.Throttled):
        instance.generate_data_key_pairs(key_id, "EC_P256", "PEM", 2)
    instance.encrypt(key_id, b"x")
    assert len(list(batch)) == 1
    assert list(batch) == []
    instance.generate_data_key_pair(key_id, "EC_P256", "PEM")


def test_closing_early_frees_the_slot_and_keeps_what_was_taken(
    instance: Instance, key_id: str
) -> None:
    """A closed batch gives nothing more; its first pair still opens."""
    with instance.generate_data_key_pairs(key_id, "RSA_2048", "PEM", 10**9) as batch:
        pair = next(batch)
    assert list(batch) == []
    batch.close()
    assert instance.decrypt(pair.record()).plaintext == pair.private_key_plaintext
    instance.generate_data_key_pair(key_id, "EC_P256", "PEM")


def test_a_forgotten_batch_frees_the_slot(instance: Instance, key_id: str) -> None:
    """Nobody has to close a batch that nobody refers to."""
    batch = instance.generate_data_key_pairs(key_id, "RSA_4096", "PEM", 10**9)
    next(batch)
    del batch
    gc.collect()
    instance.generate_data_key_pair(key_id, "EC_P256", "PEM")


def test_bad_requests_start_nothing(instance: Instance, key_id: str) -> None:
    """What is wrong is found before a thread is started or the slot taken."""
    threads = threading.active_count()
    for arguments in (
        (key_id, "RSA_1", "PEM", 1),
        (key_id, "EC_P256", "X", 1),
        (key_id, "EC_P256", "PEM", 0),
        (key_id, "EC_P256", "PEM", -1),
        (key_id, "EC_P256", "PEM", "3"),
        (key_id, "EC_P256", "PEM", 2**60),
    ):
        with pytest.raises(errors.InvalidParameter):
            instance.generate_data_key_pairs(*arguments)  # type: ignore[arg-type]
    with pytest.raises(errors.InvalidParameter, match="workers"):
        instance.generate_data_key_pairs(key_id, "EC_P256", "PEM", 1, workers=0)
    with pytest.raises(errors.KeyNotFound):
        instance.generate_data_key_pairs("alias/none", "EC_P256", "PEM", 1)
    assert threading.active_count() == threads
    instance.generate_data_key_pair(key_id, "EC_P256", "PEM")


def test_a_forked_child_is_told(instance: Instance, key_id: str) -> None:
    """The threads are the parent's: the child gets an error, the parent its pairs."""
    batch = instance.generate_data_key_pairs(key_id, "RSA_2048", "PEM", 40)
    next(batch)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            list(batch)
        except errors.InternalFailure:
            batch.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(batch)) == 39


def test_interrupt_is_obeyed_and_the_process_ends(tmp_path: str) -> None:
    """Ctrl-C in the middle of a batch raises KeyboardInterrupt at once."""
    program = f"""
import sys
from pairsmith import Instance
with Instance.open("sqlite:///{tmp_path}/kms.db") as kms:
    key_id = kms.create_key().key_id
    batch = kms.generate_data_key_pairs(key_id, "RSA_4096", "PEM", 10**6)
    pair = next(batch)
    try:
        print("started", flush=True)
        for pair in batch:
            pass
    except KeyboardInterrupt:
        kms.decrypt(pair.record())
        batch.close()
        print("interrupted", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert process.wait() == 0
