"""What Python adds to a pair of a batch, in instructions: the same on every machine."""

import os
import re
import shutil
import subprocess
import sys

import pytest

LIMIT = 12_000
"""Instructions that a pair costs more as a Python object than as a row of a table.

There were 6,400 to 8,800, from run to run, when the limit was set.
"""
FEW, MANY = 500, 2500

CHILD = """
import sys, tempfile
from pathlib import Path
from pairsmith import Instance

way, count = sys.argv[1], int(sys.argv[2])
with tempfile.TemporaryDirectory() as folder:
    with Instance.open(f"sqlite:///{Path(folder) / 'kms.db'}") as instance:
        key_id = instance.create_key().key_id
        with instance.generate_data_key_pairs(
            key_id, "EC_P256", "PEM", count, workers=1
        ) as batch:
            made = sum(1 for _ in batch) if way == "pairs" else len(batch.to_arrow())
assert made == count
"""


def instructions(way: str, count: int) -> int:
    """Count those of a whole process; valgrind runs the portable engine."""
    counted = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         sys.executable, "-c", CHILD, way, str(count)],
        env={**os.environ, "PYTHONHASHSEED": "0", "PAIRSMITH_ALLOW_TRACING": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"Collected : (\d+)", counted.stderr)
    assert found is not None, counted.stderr
    return int(found[1])


def instructions_of_a_pair(way: str) -> float:
    """What each pair adds, so that start and end do not count."""
    return (instructions(way, MANY) - instructions(way, FEW)) / (MANY - FEW)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed")
def test_python_adds_few_instructions_to_a_pair_of_a_batch() -> None:
    """An object for each pair, and the loop over them."""
    added = instructions_of_a_pair("pairs") - instructions_of_a_pair("table")
    assert 0 < added < LIMIT, f"{added:,.0f} instructions"
