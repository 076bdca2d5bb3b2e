"""Where the files of a job are: in a folder of their own, or beside a single file.

DIR/manifest.json                    FILE.jsonl
DIR/pairs-000001.jsonl               FILE.jsonl.manifest.json
DIR/pairs-000002.jsonl               FILE.jsonl.parts/   until the file is whole
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.bulk.job import OutputFormat, parse_output_format
from pairsmith.errors import InvalidParameter

if TYPE_CHECKING:
    import os

FILE_ENDINGS = {f".{each}": each for each in OutputFormat}
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Place:
    """The paths of one job.

    Attributes:
        out: The folder, or the file.
        is_file: Whether it is to be a single file.
    """

    out: Path
    is_file: bool

    @classmethod
    def of(cls, out: str | os.PathLike[str]) -> Place:
        """A folder, unless the name ends like a file of pairs and is no folder."""
        path = Path(out).absolute()
        return cls(path, path.suffix in FILE_ENDINGS and not path.is_dir())

    @property
    def manifest(self) -> Path:
        """The manifest of the job."""
        if self.is_file:
            return self.out.with_name(f"{self.out.name}.{MANIFEST}")
        return self.out / MANIFEST

    @property
    def lock(self) -> Path:
        """The file whose lock says that somebody is writing."""
        if self.is_file:
            return self.out.with_name(f".{self.out.name}.lock")
        return self.out / ".lock"

    @property
    def root(self) -> Path:
        """The folder that names of shards are relative to."""
        return self.out.parent if self.is_file else self.out

    @property
    def parts(self) -> Path:
        """The folder that shards are written to."""
        if self.is_file:
            return self.out.with_name(f"{self.out.name}.parts")
        return self.out

    def shard(self, number: int, output_format: OutputFormat) -> Path:
        """The shard of that number, from 1."""
        return self.parts / f"pairs-{number:06}.{output_format}"

    def name_of(self, path: Path) -> str:
        """The name by which the manifest knows a shard."""
        return path.relative_to(self.root).as_posix()

    def output_format(self, asked: object) -> OutputFormat:
        """What was asked for, or what the name of the file says, or JSON Lines.

        Raises:
            InvalidParameter: There is no such format, or the name says another.
        """
        named = FILE_ENDINGS[self.out.suffix] if self.is_file else None
        if asked is None:
            return named or OutputFormat.JSONL
        wanted = parse_output_format(asked)
        if named not in (None, wanted):
            raise InvalidParameter(
                "output_format", f"it is {wanted}, but {self.out.name} says {named}"
            )
        return wanted
