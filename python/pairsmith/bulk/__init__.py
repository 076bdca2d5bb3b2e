"""Very many pairs, written to files that survive being interrupted, and verified.

    from pairsmith import Instance, bulk

    with Instance.open("sqlite:///kms.db") as kms:
        bulk.write(kms, "pairs", "alias/devices", "EC_P256", 100_000)
        assert not bulk.verify("pairs", kms).findings

A job is a folder of shards with a manifest, or one file with its manifest beside it.
The manifest names whole shards only: it is replaced after a shard is safe on the disk,
so a job that died at any moment goes on from there when the same call is made again.
"""

from pairsmith.bulk.census import Census
from pairsmith.bulk.job import Job, OutputFormat
from pairsmith.bulk.manifest import Manifest, Shard, read_manifest
from pairsmith.bulk.moving import MoveReport
from pairsmith.bulk.report import Finding, Report
from pairsmith.bulk.rewrapping import rewrap_records
from pairsmith.bulk.verifying import verify
from pairsmith.bulk.writing import write

__all__ = [
    "Census",
    "Finding",
    "Job",
    "Manifest",
    "MoveReport",
    "OutputFormat",
    "Report",
    "Shard",
    "read_manifest",
    "rewrap_records",
    "verify",
    "write",
]
