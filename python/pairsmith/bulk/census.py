"""A census: how many stored blobs each version of each key has, at one moment."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from pairsmith.documents import parse_json
from pairsmith.errors import InvalidParameter

LIMIT = 16 * 1024 * 1024
"""Bytes of a census at most: a hundred thousand versions."""


@dataclass(slots=True)
class Census:
    """What was counted.

    Attributes:
        taken_at: When the counting began, UTC: what was made later is not in it.
        blobs: How many blobs by key id and key version id; the version is empty for
            blobs of the plain operations, which are under the initial version.
        unread: How many files or lines could not be read: each may hold blobs.
    """

    taken_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    blobs: Counter[tuple[str, str]] = field(default_factory=Counter)
    unread: int = 0

    TYPE: ClassVar[str] = "pairsmith/blob-census/v1"

    def count(self, key_id: str, key_version_id: str | None) -> None:
        """Count one more blob."""
        self.blobs[key_id, key_version_id or ""] += 1

    def of_version(self, key_id: str, key_version_id: str) -> int:
        """How many blobs of the Advance operations are under that version."""
        return self.blobs[key_id, key_version_id]

    def rows(self) -> list[tuple[str, str, int]]:
        """Key id, key version id or nothing, and how many blobs, in that order."""
        return [(*name, count) for name, count in sorted(self.blobs.items()) if count]

    def to_dict(self) -> dict[str, Any]:
        """The census under the names of its file."""
        return {
            "Type": self.TYPE,
            "TakenAt": self.taken_at.isoformat(),
            "Unread": self.unread,
            "Blobs": [
                {"KeyId": key_id}
                | ({"KeyVersionId": version_id} if version_id else {})
                | {"Count": count}
                for key_id, version_id, count in self.rows()
            ],
        }

    def to_json(self) -> str:
        """One JSON document."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what ``to_json`` wrote.

        Raises:
            InvalidParameter: The text is no census; the message says why.
        """
        values = parse_json("census", text, limit=LIMIT)
        if not isinstance(values, dict) or values.get("Type") != cls.TYPE:
            raise InvalidParameter("census", f"its Type is not {cls.TYPE}")
        try:
            taken_at = datetime.fromisoformat(values["TakenAt"])
            found = cls(taken_at, unread=_number(values["Unread"]))
            for each in values["Blobs"]:
                name = str(each["KeyId"]), str(each.get("KeyVersionId", ""))
                found.blobs[name] += _number(each["Count"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidParameter("census", f"it is damaged: {error}") from None
        if taken_at.tzinfo is None:
            raise InvalidParameter("census", "its TakenAt has no time zone")
        return found


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a count is no whole number")
    return value
