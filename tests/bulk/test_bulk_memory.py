"""A bulk job of any size takes the same memory."""

import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 20 * 1024
"""KiB between a thousand pairs and a hundred thousand."""

PROGRAM = """
import sys
from pairsmith import Instance, bulk
folder, count, name = sys.argv[1:]
with Instance.open(f"sqlite:///{folder}/kms.db") as kms:
    key_id = kms.create_key().key_id
    bulk.write(kms, f"{folder}/{name}", key_id, "EC_P256", int(count))
# What getrusage tells begins with the parent's memory.
with open("/proc/self/status") as status:
    print(*(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.parametrize("place", ["job", "job.jsonl", "job.parquet"])
def test_a_hundred_thousand_pairs_take_what_a_thousand_take(
    tmp_path: Path, place: str
) -> None:
    """At the peak, within 20 MiB; as shards, as lines and as one table."""

    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(folder), str(count), place],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(ended.stdout)

    small, large = peak(1000), peak(100_000)
    assert small > 20_000  # it is KiB
    assert large - small < LIMIT, (small, large)
