"""A bulk job of any size takes the same memory."""

import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("many", "limit_kib"),
    [(20_000, 10_240), pytest.param(100_000, 20_480, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("place", ["job", "job.jsonl", "job.parquet"])
def test_many_pairs_take_what_a_few_thousand_take(
    tmp_path: Path, place: str, many: int, limit_kib: int
) -> None:
    """At the peak, within what half of them are; as shards, lines and one table.

    The few are more than a row group, so that whatever is filled is filled once.
    """

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

    small, large = peak(3000), peak(many)
    assert small > 20_000  # it is KiB
    assert large - small < limit_kib, (small, large)
