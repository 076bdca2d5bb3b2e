"""What a line of the audit log has is described, and lines of before still verify."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

from entries import line_of

from pairsmith.server.audit import AuditEntry
from pairsmith.server.audit.chain import Head, read_line
from pairsmith.server.audit.verify import verify

PAGE = Path(__file__).parents[3] / "docs/audit.md"
KEY = b"k" * 32

BEFORE = {
    "time": "2026-11-24T12:00:00.000000Z", "operation": "Decrypt",
    "principal_id": "KAAP.1", "principal_name": "issuer", "request_id": "r",
    "key_id": "key-1", "key_version_id": "key-1-1", "code": "OK",
    "remote_address": "10.0.0.7", "http_status": 200, "duration_seconds": 0.000412,
}  # fmt: skip
"""A line as it was before there were requests and results in it."""


def entry(**told: object) -> AuditEntry:
    """An entry with more than it must have."""
    return AuditEntry(
        "CreateAlias", "LTAI1", "ops", "r", "key-1", "", "", "OK", 200, "::1",
        datetime.now(UTC), 0.1, **told,  # type: ignore[arg-type]
    )  # fmt: skip


def test_every_field_is_described() -> None:
    """A new one is not told before the page tells of it."""
    page = PAGE.read_text(encoding="utf-8")
    assert [each.name for each in fields(AuditEntry)
            if f"`{each.name}`" not in page and each.name != "time"] == []  # fmt: skip


def test_lines_of_before_and_of_now_make_one_log(tmp_path: Path) -> None:
    """The format grows by fields; whoever reads it need not know all of them."""
    begin = {"time": BEFORE["time"], "event": "begin", "previous": "00" * 32}
    new = entry(
        key_ids=("key-1", "key-2"), request={"AliasName": "alias/a"},
        result={"Allow": ["*"]}, purpose="message",
    ).to_dict()  # fmt: skip
    head, lines = Head(), b""
    for told in (begin, BEFORE, new, BEFORE):
        line, head = line_of(KEY, head, told)
        lines += line
    log = tmp_path / "audit.log"
    log.write_bytes(lines)
    assert verify(log, KEY).lines == 4
    read = read_line(lines.splitlines()[2])
    assert read is not None
    told = read.told()
    assert told["key_ids"] == ["key-1", "key-2"]
    assert told["request"] == {"AliasName": "alias/a"}
    assert told["result"] == {"Allow": ["*"]}
    assert told["purpose"] == "message"


def test_values_that_may_be_secret_are_not_told() -> None:
    """Bytes, wherever they are; nothing but what JSON has."""
    secret = b"never told"
    told = entry(
        request={"A": secret, "B": [secret, "x"], "C": {"D": secret}, "E": object()},
        result={"F": secret, "G": True, "H": 7, "I": None},
    ).to_dict()
    assert told["request"] == {"B": ["x"], "C": {}}
    assert told["result"] == {"G": True, "H": 7}


def test_a_line_of_many_long_texts_is_bounded() -> None:
    """Each text, each list, and all of them; lists in lists have an end, too."""
    deep: list[object] = []
    for _ in range(50):
        deep = [deep, "x"]
    told = entry(
        request={
            "Text": "t" * 1000, "List": ["l" * 1000] * 1000, "Deep": deep,
            **{f"Name{number}": "n" * 1000 for number in range(1000)},
        }
    ).to_dict()  # fmt: skip
    assert len(told["request"]["Text"]) == 512
    assert len(json.dumps(told)) < 50_000
