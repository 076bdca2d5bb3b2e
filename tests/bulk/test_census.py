"""A census survives its file, and a damaged one is refused."""

import json

import pytest

from pairsmith.bulk import Census
from pairsmith.errors import InvalidParameter


def made() -> Census:
    """Two versions of a key, and plain blobs of another."""
    census = Census(unread=2)
    for key_id, version in [("k", "k-2"), ("k", "k-1"), ("k", "k-1"), ("o", None)]:
        census.count(key_id, version)
    return census


def test_it_is_read_as_it_was_written() -> None:
    """Counts, moment and what could not be read."""
    census = made()
    assert Census.from_json(census.to_json()) == census
    assert census.rows() == [("k", "k-1", 2), ("k", "k-2", 1), ("o", "", 1)]
    assert census.of_version("k", "k-1") == 2
    assert census.of_version("k", "k-9") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"Type": "pairsmith/blob-census/v2"},
        {"TakenAt": "yesterday"},
        {"TakenAt": "2026-01-01T00:00:00"},
        {"TakenAt": None},
        {"Unread": -1},
        {"Unread": "0"},
        {"Blobs": {"k": 1}},
        {"Blobs": [{"KeyId": "k"}]},
        {"Blobs": [{"KeyId": "k", "Count": 1.5}]},
        {"Blobs": 5},
    ],
)
def test_what_is_no_census_is_refused(changes: dict[str, object]) -> None:
    """Each member is looked at."""
    document = json.loads(made().to_json()) | changes
    with pytest.raises(InvalidParameter):
        Census.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_what_is_no_document_is_refused(text: str) -> None:
    """Nothing but the documented error comes out."""
    with pytest.raises(InvalidParameter):
        Census.from_json(text)
