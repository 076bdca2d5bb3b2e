"""What ``doctor`` finds: one thing looked at, how it is, what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a thing is; only a problem makes the exit code differ from 0."""

    GOOD = "good"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, how it is, and what to do if it is not good."""

    subject: str
    verdict: Verdict
    text: str
    next_step: str = ""
