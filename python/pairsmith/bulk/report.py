"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pairsmith.bulk.manifest import Manifest

FINDINGS_KEPT = 1000
"""More are only counted: a file that is no file of pairs has one on every line."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        file: The shard, or the manifest.
        line: The line of the shard, or the row of a table, from 1.
        text: What is wrong with it.
    """

    file: str
    line: int | None
    text: str

    def __str__(self) -> str:
        """The place and what is wrong there."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.text}"


@dataclass(slots=True)
class Report:
    """What was looked at, and everything that is wrong.

    Attributes:
        manifest: The manifest that was read.
        shards: How many shards are what the manifest says, to the byte.
        records: How many records could be read.
        opened: How many private keys were opened and fit their public halves.
        moduli: How many different moduli were compared with each other.
        findings: The first of all that is wrong.
        problems: How many findings there are.
    """

    manifest: Manifest
    shards: int = 0
    records: int = 0
    opened: int = 0
    moduli: int = 0
    findings: list[Finding] = field(default_factory=list)
    problems: int = 0

    def add(self, file: str, line: int | None, text: str) -> None:
        """Note one more."""
        self.problems += 1
        if len(self.findings) < FINDINGS_KEPT:
            self.findings.append(Finding(file, line, text))
