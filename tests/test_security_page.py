"""What SECURITY.md promises is tested where it says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
TEST = re.compile(r"`((?:rust/)?tests/[\w/.-]+)(?:::(\w+))?`")
ROW = re.compile(r"^\| ([A-Z]\d+) \|(.*)\|$", re.MULTILINE)


@pytest.mark.parametrize(("path", "name"), sorted(set(TEST.findall(PAGE))))
def test_every_test_that_is_named_exists(path: str, name: str) -> None:
    """Each path leads to a file; where a test is named, the file has it."""
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"\b(?:def|fn) {name or 'test_|fn '}", text), (path, name)


def test_every_promise_has_a_mechanism_and_a_test() -> None:
    """Each row of the threat model has three parts, and names a test in the last."""
    rows = ROW.findall(PAGE)
    assert len(rows) > 30
    names = [name for name, _ in rows]
    assert len(names) == len(set(names))
    for name, rest in rows:
        promise, mechanism, test = rest.split(" | ")
        assert promise.strip(), name
        assert mechanism.strip(), name
        assert TEST.search(test), name
