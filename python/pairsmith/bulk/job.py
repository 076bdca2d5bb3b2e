"""What a bulk job makes: parsed once, kept in the manifest, compared later."""

from __future__ import annotations

import base64
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self

from pairsmith import parameters as parse
from pairsmith.errors import InvalidParameter
from pairsmith.results import ALGORITHM, KeyFormat, KeyPairSpec

SHARD_LIMIT = 10_000_000
"""Pairs in a shard at most; more would be a file that nobody can handle."""
SHARDS_LIMIT = 100_000
"""Shards of a job at most, so that its manifest stays readable: see there."""

_OPERATIONS = {
    "GenerateDataKeyPair": (False, True),
    "GenerateDataKeyPairWithoutPlaintext": (False, False),
    "AdvanceGenerateDataKeyPair": (True, True),
    "AdvanceGenerateDataKeyPairWithoutPlaintext": (True, False),
}
"""The documented operations: whether Advance, and whether with plaintext."""


class OutputFormat(StrEnum):
    """What the files are; also how their names end."""

    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Everything that decides which pairs a job makes, and into what files.

    Attributes:
        key_id: The real id of the key that wraps.
        key_pair_spec: What is generated.
        key_format: How both halves are encoded.
        advance: Under the primary version; else under the initial one.
        with_plaintext: Whether private keys in plain are written, too.
        aad: What every blob is bound to.
        count: How many pairs.
        output_format: JSON Lines or Parquet.
        shard_size: Pairs in a shard at most.
    """

    key_id: str
    key_pair_spec: KeyPairSpec
    key_format: KeyFormat
    advance: bool
    with_plaintext: bool
    aad: bytes
    count: int
    output_format: OutputFormat
    shard_size: int

    @property
    def operation(self) -> str:
        """The documented operation that a pair of this job is made by."""
        wanted = (self.advance, self.with_plaintext)
        return next(name for name, kind in _OPERATIONS.items() if kind == wanted)

    def require_same(self, asked: Job, place: object) -> None:
        """Refuse to go on with a job that is another than the one asked for.

        Raises:
            InvalidParameter: They differ; the first parameter that does is named.
        """
        for item in fields(self):
            mine, other = getattr(self, item.name), getattr(asked, item.name)
            if mine != other:
                raise InvalidParameter(
                    item.name,
                    f"the job at {place} has {mine!s:.80}, not {other!s:.80}. "
                    "Give the same again to go on with it, or another place to begin "
                    "a new one.",
                )

    def to_dict(self) -> dict[str, Any]:
        """The job as its manifest has it: names of the wire, the Aad as Base64."""
        return {
            "KeyId": self.key_id,
            "Operation": self.operation,
            "KeyPairSpec": str(self.key_pair_spec),
            "KeyFormat": str(self.key_format),
            "Algorithm": ALGORITHM,
            "Aad": base64.b64encode(self.aad).decode("ascii"),
            "Count": self.count,
            "OutputFormat": str(self.output_format),
            "ShardSize": self.shard_size,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote.

        Raises:
            InvalidParameter, KeyError, TypeError, ValueError: It is something else.
        """
        advance, with_plaintext = _OPERATIONS[values["Operation"]]
        if values["Algorithm"] != ALGORITHM or not isinstance(values["KeyId"], str):
            raise ValueError("its key is none of ours")
        return cls(
            key_id=values["KeyId"],
            key_pair_spec=KeyPairSpec(values["KeyPairSpec"]),
            key_format=KeyFormat(values["KeyFormat"]),
            advance=advance,
            with_plaintext=with_plaintext,
            aad=parse.parse_aad(base64.b64decode(values["Aad"], validate=True)),
            count=parse.parse_count("Count", values["Count"], limit=parse.BATCH_LIMIT),
            output_format=OutputFormat(values["OutputFormat"]),
            shard_size=parse_shard_size(values["ShardSize"], KeyPairSpec.EC_P256),
        )


def parse_shard_size(value: object, spec: KeyPairSpec) -> int:
    """How many pairs a shard has; ``None`` is what suits the spec."""
    if value is None:
        return spec.kind.shard
    return parse.parse_count("shard_size", value, limit=SHARD_LIMIT)


def require_few_shards(count: int, shard_size: int) -> None:
    """Refuse a job whose manifest would be too long to be read again.

    Raises:
        InvalidParameter: It has more shards than ``SHARDS_LIMIT``.
    """
    least = -(-count // SHARDS_LIMIT)
    if shard_size < least:
        raise InvalidParameter(
            "shard_size",
            f"{count} pairs need shards of {least} at least, for a job may have "
            f"{SHARDS_LIMIT} of them",
        )


def parse_output_format(value: object) -> OutputFormat:
    """An ``OutputFormat`` or its name."""
    try:
        return OutputFormat(str(value))
    except ValueError:
        raise InvalidParameter("output_format", "it must be jsonl or parquet") from None
