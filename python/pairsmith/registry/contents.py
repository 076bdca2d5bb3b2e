"""The contents of a key: all that hangs on it, as one text that is authenticated.

State, versions, aliases, tags and dates decide who may do what with which key. Whoever
can write the database but has no root key may change their columns, but not the code
that authenticates them; and a key whose rows do not fit is Unavailable, alone.

Material is not in it: AES-GCM authenticates that, for its key and version, and a
re-wrap changes the row.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from pairsmith._core import ServiceKey
from pairsmith.registry.schema import aliases, key_versions, keys, tags

KeyRow = sa.Row[Any]

FORMAT = 1
"""Of the text; docs/formats.md describes it."""

COLUMNS = tuple(
    column.name
    for column in keys.columns
    if column.name not in ("revision", "contents", "contents_mac")
)
"""Of the table ``keys``: those that the contents hold."""


class StoredVersion(NamedTuple):
    """A row of ``key_versions``; each value is whatever the database holds."""

    key_id: str
    key_version_id: str
    root_key_id: str
    sequence: int
    created_at_ms: int
    retired_at_ms: int | None
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """A key's row with its aliases, tags and versions, as they were found."""

    row: KeyRow
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    versions: tuple[StoredVersion, ...]

    def text(self, revision: int | None) -> str:
        """Write them as the contents of that revision: JSON in ASCII, keys in order."""
        row = self.row
        return _json(
            {
                "format": FORMAT,
                "revision": revision,
                "key": {name: getattr(row, name) for name in COLUMNS},
                "aliases": _in_order(self.aliases),
                "tags": _in_order(self.tags.items()),
                "versions": _in_order(
                    (
                        each.key_version_id,
                        each.sequence,
                        each.created_at_ms,
                        each.retired_at_ms,
                    )
                    for each in self.versions
                ),
            }
        )


def place_of(key_id: str) -> str:
    """Name a key among all objects that have a revision."""
    return f"key/{key_id}"


def read(connection: sa.Connection, rows: Sequence[KeyRow]) -> list[Contents]:
    """Read what hangs on each of these keys, in one query for all."""
    parts: dict[object, tuple[list[str], dict[str, str], list[StoredVersion]]]
    parts = defaultdict(lambda: ([], {}, []))
    if rows:
        named = {"key_ids": [row.key_id for row in rows]}
        for kind, key_id, name, *more in connection.execute(_PARTS, named):
            names, labels, stored = parts[key_id]
            if kind == _ALIAS:
                names.append(name)
            elif kind == _TAG:
                labels[name] = more[0]
            else:
                stored.append(StoredVersion(key_id, name, *more))
    return [
        Contents(row, tuple(names), labels, tuple(stored))
        for row in rows
        for names, labels, stored in [parts[row.key_id]]
    ]


def authenticate(
    connection: sa.Connection,
    service_key: ServiceKey,
    contents: Contents,
    revision: int,
) -> None:
    """Store them as authentic, as they are in this transaction.

    Args:
        connection: In a transaction that writes.
        service_key: Authenticates them.
        contents: Read in this transaction, after whatever it has changed.
        revision: Of the key from now on.
    """
    key_id = contents.row.key_id
    text = contents.text(revision)
    connection.execute(
        sa.update(keys)
        .where(keys.c.key_id == key_id)
        .values(
            revision=revision,
            contents=text,
            contents_mac=service_key.mac(place_of(key_id), text.encode()),
        )
    )


def fault_of(
    service_key: ServiceKey, contents: Contents, newest: int | None
) -> str | None:
    """Tell what does not fit about a key; nothing if everything does.

    Args:
        service_key: Has authenticated what is authentic.
        contents: Read in one transaction.
        newest: The key's newest revision; ``None`` if there should be no such key.
    """
    row = contents.row
    text = contents.text(row.revision)
    if newest is None:
        return "its rows were put back after it was destroyed, or made by somebody else"
    if not _verifies(service_key, row, text):
        if not _verifies(service_key, row, row.contents):
            return "its row of keys is not authentic"
        return f"what differs: {', '.join(_differences(row.contents, text))}"
    if row.contents != text:
        return "what differs: contents"
    if row.revision != newest:
        return "an older state of it was put back"
    return None


def authentic_text(
    service_key: ServiceKey, contents: Contents, newest: int | None
) -> str | None:
    """Give the contents of the newest revision, if what is stored of them verifies.

    Args:
        service_key: Has authenticated them.
        contents: As they were found; the rows may say anything.
        newest: The key's newest revision.
    """
    for text in (contents.row.contents, contents.text(newest)):
        if _verifies(service_key, contents.row, text):
            return text if json.loads(text)["revision"] == newest else None
    return None


def _verifies(service_key: ServiceKey, row: KeyRow, text: object) -> bool:
    if not isinstance(row.contents_mac, bytes) or not isinstance(text, str):
        return False
    message = text.encode(errors="replace")
    return service_key.verify(place_of(row.key_id), message, row.contents_mac)


def _differences(authentic: str, found: str) -> list[str]:
    """Name, without values, what two texts of contents do not share."""
    one, other = json.loads(authentic), json.loads(found)
    named = [
        f"{part} {name}".strip()
        for part in ("aliases", "tags", "versions")
        for name in _unshared(one[part], other[part])
    ]
    columns = [name for name in COLUMNS if one["key"].get(name) != other["key"][name]]
    if one["revision"] != other["revision"]:
        columns.append("revision")
    return columns + named


def _unshared(ones: list[Any], others: list[Any]) -> list[str]:
    differing = [each for each in ones if each not in others]
    differing += [each for each in others if each not in ones]
    names = [str(each[0] if isinstance(each, list) else each) for each in differing]
    return list(dict.fromkeys(names))


def _in_order(values: Iterable[Any]) -> list[Any]:
    """Sort what may be of any type by how it is written."""
    return sorted(values, key=_json)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)


_ALIAS, _TAG, _VERSION = 1, 2, 3

_NO_TEXT = sa.cast(sa.null(), sa.Text)
_NO_NUMBER = sa.cast(sa.null(), sa.BigInteger)
_NO_BYTES = sa.cast(sa.null(), sa.LargeBinary)


def _parts_of(
    kind: int, key_id: sa.Column[Any], *columns: sa.ColumnElement[Any]
) -> sa.Select[Any]:
    wanted = key_id.in_(sa.bindparam("key_ids", expanding=True))
    return sa.select(sa.literal_column(str(kind)), key_id, *columns).where(wanted)


_PARTS = sa.union_all(
    _parts_of(
        _ALIAS,
        aliases.c.key_id,
        aliases.c.alias_name,
        _NO_TEXT,
        *[_NO_NUMBER] * 3,
        _NO_BYTES,
    ),
    _parts_of(
        _TAG,
        tags.c.key_id,
        tags.c.tag_key,
        tags.c.tag_value,
        *[_NO_NUMBER] * 3,
        _NO_BYTES,
    ),
    _parts_of(
        _VERSION,
        key_versions.c.key_id,
        key_versions.c.key_version_id,
        key_versions.c.root_key_id,
        key_versions.c.sequence,
        key_versions.c.created_at_ms,
        key_versions.c.retired_at_ms,
        key_versions.c.wrapped,
    ),
)
"""Aliases, tags and versions of some keys: kind, key id, and what each has."""
