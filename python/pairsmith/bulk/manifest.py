"""The manifest: what a job is, and the shards of it that are whole."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pairsmith.bulk.job import SHARD_LIMIT, Job
from pairsmith.bulk.place import Place
from pairsmith.bulk.storage import Draft, stored
from pairsmith.documents import parse_json, shown
from pairsmith.errors import InvalidParameter, StorageError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path

_NAME = re.compile(r"(?!\.)[^/\0]+(/(?!\.)[^/\0]+)?")
"""A file beside the manifest or one folder below, and nowhere else."""
_SHA256 = re.compile(r"[0-9a-f]{64}")

MANIFEST_BYTES = 256 * 1024 * 1024
"""A manifest at most: more than one with 100,000 shards of the longest names."""

BYTES_LIMIT = 2**63 - 1
"""Bytes of a shard at most, as of any file."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A whole file of pairs.

    Attributes:
        file: Its name, relative to the folder of the job.
        count: How many pairs it has.
        size: How many bytes.
        sha256: Of its bytes, in hexadecimal digits.
    """

    file: str
    count: int
    size: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """The shard as the manifest has it."""
        return {
            "File": self.file,
            "Count": self.count,
            "Bytes": self.size,
            "Sha256": self.sha256,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        file, sha256 = values["File"], values["Sha256"]
        if not _NAME.fullmatch(file) or not _SHA256.fullmatch(sha256):
            raise ValueError("a shard has an impossible name or hash")
        count, size = values["Count"], values["Bytes"]
        if type(count) is not int or not 1 <= count <= SHARD_LIMIT:
            raise ValueError("a shard has an impossible count")
        if type(size) is not int or not 1 <= size <= BYTES_LIMIT:
            raise ValueError("a shard has an impossible size")
        return cls(file, count, size, sha256)


@dataclass(frozen=True, slots=True)
class Move:
    """The records of a job on their way to another key or version.

    Attributes:
        job: What the job is once all of them are there.
        shard: What a shard is about to be replaced by: until the manifest says so, the
            file of that name is either this one or the one under ``Shards``.
    """

    job: Job
    shard: Shard | None = None

    def to_dict(self) -> dict[str, Any]:
        """The move as the manifest has it."""
        values: dict[str, Any] = {"Job": self.job.to_dict()}
        if self.shard is not None:
            values["Shard"] = self.shard.to_dict()
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        shard = values.get("Shard")
        job = Job.from_dict(values["Job"])
        return cls(job, None if shard is None else Shard.from_dict(shard))


@dataclass(frozen=True, slots=True)
class Manifest:
    """A job and how far it is.

    Attributes:
        job: What it makes.
        key_version_ids: Under which versions, in the order of their first use.
        shards: The whole ones, in the order of their pairs.
        complete: Whether all pairs are there, in the files where they belong.
        move: Where its records are going, until all are there.
    """

    job: Job
    key_version_ids: tuple[str, ...] = ()
    shards: tuple[Shard, ...] = ()
    complete: bool = False
    move: Move | None = None

    TYPE: ClassVar[str] = "pairsmith/bulk-manifest/v1"

    @property
    def done(self) -> int:
        """How many pairs are safe."""
        return sum(shard.count for shard in self.shards)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The job; while its records move, also what it will be."""
        return (self.job,) if self.move is None else (self.job, self.move.job)

    def with_shard(self, shard: Shard, key_version_ids: Iterable[str]) -> Manifest:
        """The manifest with one more shard, and the versions that it is under."""
        versions = dict.fromkeys([*self.key_version_ids, *key_version_ids])
        return replace(
            self, shards=(*self.shards, shard), key_version_ids=tuple(versions)
        )

    def to_json(self) -> str:
        """One JSON document."""
        document: dict[str, Any] = {
            "Type": self.TYPE,
            "Job": self.job.to_dict(),
            "KeyVersionIds": self.key_version_ids,
            "Complete": self.complete,
            "Shards": [shard.to_dict() for shard in self.shards],
        }
        if self.move is not None:
            document["Move"] = self.move.to_dict()
        return json.dumps(document, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read what ``to_json`` wrote.

        Raises:
            InvalidParameter: The text is no manifest; the message says why.
        """
        values = parse_json("manifest", text, limit=MANIFEST_BYTES)
        if not isinstance(values, dict) or values.get("Type") != cls.TYPE:
            raise InvalidParameter("manifest", f"its Type is not {cls.TYPE}")
        try:
            return cls(
                job=Job.from_dict(values["Job"]),
                key_version_ids=_texts(values["KeyVersionIds"]),
                shards=tuple(map(Shard.from_dict, values["Shards"])),
                complete=values["Complete"] is True,
                move=Move.from_dict(values["Move"]) if "Move" in values else None,
            )
        except KeyError as missing:
            reason = f"{shown(missing.args[0])} is missing or unknown"
            raise InvalidParameter("manifest", reason) from None
        except (TypeError, ValueError) as error:
            raise InvalidParameter("manifest", f"{error!s:.200}") from None

    def save(self, path: Path) -> None:
        """Replace the manifest on the disk, in one step.

        Raises:
            StorageError: The disk refuses; the old manifest stays.
        """
        with Draft(path) as draft:
            draft.write(self.to_json().encode("ascii"))
            draft.place()


def load_manifest(path: Path) -> Manifest | None:
    """Read a manifest; ``None`` if there is none.

    Raises:
        InvalidParameter: It is no manifest.
        StorageError: It cannot be read.
    """
    with stored(path):
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # opened, a FIFO would wait
                raise StorageError(f"{path}: it is not a file.")
            with path.open("rb") as file:
                text = file.read(MANIFEST_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
    return Manifest.from_json(text)


def read_manifest(out: str | os.PathLike[str]) -> Manifest:
    """What is at ``out``, the folder or the file of a job, and how far it is.

    Raises:
        InvalidParameter: There is no job.
        StorageError: It cannot be read.
    """
    place = Place.of(out)
    manifest = load_manifest(place.manifest)
    if manifest is None:
        raise InvalidParameter("out", f"there is no {place.manifest}")
    return manifest


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(
        isinstance(each, str) for each in values
    ):
        raise ValueError("its KeyVersionIds are no list of texts")
    return tuple(values)
