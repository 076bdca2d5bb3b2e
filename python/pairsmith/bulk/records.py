"""One pair as a line of JSON, or as a row of a table.

A line is the record of ``WrappedKeyPair.to_json`` in compact form; where the private
key in plain is wanted it stands behind, as ``PrivateKeyPlaintext``. The core writes it.
"""

from __future__ import annotations

import base64
import json
from binascii import Error
from typing import TYPE_CHECKING, Any, NamedTuple

from pairsmith.errors import InvalidParameter
from pairsmith.results import ALGORITHM, WrappedKeyPair

if TYPE_CHECKING:
    from pairsmith.bulk.job import Job
    from pairsmith.bulk.manifest import Manifest

PLAINTEXT = "PrivateKeyPlaintext"


class Row(NamedTuple):
    """A pair that was read back.

    Attributes:
        record: All that opening it takes.
        plaintext: The private key in plain, where it was written.
    """

    record: WrappedKeyPair
    plaintext: bytes | None


def parse_line(line: bytes) -> Row:
    """Read what ``PairReader.read_lines`` gave.

    Raises:
        InvalidParameter: The line is something else; the message says what is wrong.
    """
    if not line.endswith(b"\n"):
        raise InvalidParameter("record", "it is cut off, or far too long")
    text, separator, rest = line.rpartition(b', "PrivateKeyPlaintext": "')
    if not separator:
        return Row(WrappedKeyPair.from_json(line), None)
    private, end, nothing = rest.partition(b'"}\n')
    if not end or nothing:
        raise InvalidParameter("record", "it does not end as it should")
    try:
        plaintext = base64.b64decode(private, validate=True)
    except Error:
        raise InvalidParameter("record", f"{PLAINTEXT} is not Base64") from None
    return Row(WrappedKeyPair.from_json(text + b"}"), plaintext)


def parse_fields(fields: dict[str, Any]) -> Row:
    """Read a row of a table, whose columns are named like the members of a line.

    Raises:
        InvalidParameter: A value is missing or something else.
    """
    plaintext = fields.pop(PLAINTEXT, None)
    try:
        text = json.dumps(
            {"Type": WrappedKeyPair.TYPE}
            | {name: value for name, value in fields.items() if value is not None},
            default=_base64,
        )
    except TypeError as error:
        raise InvalidParameter("record", f"{error!s:.200}") from None
    return Row(WrappedKeyPair.from_json(text), plaintext)


def strangeness(row: Row, manifest: Manifest) -> str | None:
    """What a record has that its job does not; ``None`` if it is one of the job's."""
    reasons = [_strangeness(row, job, manifest) for job in manifest.jobs]
    return None if None in reasons else reasons[0]


def _strangeness(row: Row, job: Job, manifest: Manifest) -> str | None:
    record = row.record
    expected = (job.key_id, job.key_pair_spec, job.key_format, ALGORITHM, job.aad)
    found = (
        record.key_id,
        record.key_pair_spec,
        record.key_format,
        record.algorithm,
        record.aad,
    )
    names = ("KeyId", "KeyPairSpec", "KeyFormat", "Algorithm", "Aad")
    for name, is_, should in zip(names, found, expected, strict=True):
        if is_ != should:
            return f"its {name} is not the job's"
    if job.advance and record.key_version_id not in manifest.key_version_ids:
        return "its KeyVersionId is not in the manifest"
    if not job.advance and record.key_version_id is not None:
        return "it has a KeyVersionId, which only Advance operations give"
    if (row.plaintext is not None) != job.with_plaintext:
        return f"{PLAINTEXT} is {'missing' if job.with_plaintext else 'in it'}"
    return None


def _base64(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError("a value is neither text nor bytes")
    return base64.b64encode(value).decode("ascii")
