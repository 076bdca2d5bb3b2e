"""Which revision of each object is the newest: an older one put back is refused.

An object is a key, an identity or a secret of the server, named ``key/…``,
``identity/…``, ``secret/…``. What is stored of it is authenticated with its revision;
here stands which revision that must be, or that there is no such object (any more).

Objects are spread over 256 pages. Page 0 names the newest revision of each page, and
the head of the change log, so it stands for everything. A write transaction writes the
pages that it touches and page 0. Who puts back *all* tables as they were is not found
out: that takes an anchor outside the database.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from pairsmith._core import ServiceKey
from pairsmith.errors import DatabaseError, KeyUnavailable
from pairsmith.registry.chain import Head
from pairsmith.registry.schema import revision_pages

PAGES = 256
"""Pages of objects, numbered from 1."""

TOP = 0

Page = dict[str, int]
"""Objects and their revisions."""


@dataclass(slots=True)
class Revisions:
    """The revisions as one transaction finds them; pages are read when first needed.

    Shared by readers for as long as nothing changes. A writer has its own.

    Attributes:
        service_key: Authenticates pages, keys and lines.
        revision: Of the last transaction that wrote.
        head: Of the change log.
    """

    service_key: ServiceKey
    revision: int = 0
    head: Head = field(default_factory=Head)
    _newest: dict[int, int] = field(default_factory=dict)
    _pages: dict[int, Page | None] = field(default_factory=dict)
    _changed: set[int] = field(default_factory=set)

    def of(self, connection: sa.Connection, name: str) -> int | None:
        """Give the newest revision of an object, ``None`` if there is no such object.

        Raises:
            KeyUnavailable: Its page is damaged.
        """
        return self._page_of(connection, name).get(name)

    def load(self, connection: sa.Connection, names: Iterable[str]) -> None:
        """Read the pages of many objects at once."""
        missing = {page_of(name) for name in names} - self._pages.keys()
        if missing:
            self._read(connection, missing)

    def load_all(self, connection: sa.Connection) -> tuple[int, ...]:
        """Read every page; give the numbers of those that are damaged."""
        self._read(connection, set(self._newest) - self._pages.keys())
        return tuple(sorted(n for n, page in self._pages.items() if page is None))

    def names(self) -> set[str]:
        """Name every object of the pages that were read and are not damaged."""
        return {name for page in self._pages.values() for name in page or ()}

    def put(self, connection: sa.Connection, name: str, revision: int | None) -> None:
        """Note another newest revision, or that the object is no more."""
        page = self._page_of(connection, name)
        if revision is None:
            page.pop(name, None)
        else:
            page[name] = revision
        self._changed.add(page_of(name))

    def store(self, connection: sa.Connection, revision: int, head: Head) -> None:
        """Write the pages that were changed, and page 0."""
        for number in sorted(self._changed):
            entries = {"objects": self._pages[number], "revision": revision}
            _write(connection, self.service_key, number, entries)
            self._newest[number] = revision
        self.revision, self.head = revision, head
        pages = {str(number): each for number, each in self._newest.items()}
        last = [head.sequence, head.hash.hex()]
        top = {"change": last, "pages": pages, "revision": revision}
        _write(connection, self.service_key, TOP, top)
        self._changed.clear()

    def _read(self, connection: sa.Connection, numbers: set[int]) -> None:
        found = connection.execute(_PAGES, {"pages": sorted(numbers)})
        rows = {row.page: row for row in found}
        for page in numbers:
            self._pages[page] = self._verified(page, rows.get(page))

    def _page_of(self, connection: sa.Connection, name: str) -> Page:
        number = page_of(name)
        self.load(connection, [name])
        page = self._pages[number]
        if page is None:
            raise KeyUnavailable(
                f"Page {number} of the table revision_pages is damaged, and with it "
                f"what tells whether {name} is as it was left: restore a backup of the "
                "database. Objects of other pages are not affected."
            )
        return page

    def _verified(self, number: int, row: sa.Row[Any] | None) -> Page | None:
        """Give the page's objects; nothing if it is not the newest, or not ours."""
        newest = self._newest.get(number)
        if newest is None:
            return {}  # never written, whatever stands there
        entries = None if row is None else _entries_of(self.service_key, row)
        if entries is None or entries["revision"] != newest:
            return None
        objects: Page = entries["objects"]
        return objects


def open_revisions(
    connection: sa.Connection, service_key: ServiceKey
) -> Revisions | None:
    """Read page 0; nothing if there is none.

    Raises:
        DatabaseError: It is damaged.
    """
    row = connection.execute(_PAGES, {"pages": [TOP]}).first()
    if row is None:
        return None
    entries = _entries_of(service_key, row)
    if entries is None:
        raise damaged_top()
    sequence, digest = entries["change"]
    return Revisions(
        service_key,
        entries["revision"],
        Head(sequence, bytes.fromhex(digest)),
        {int(number): each for number, each in entries["pages"].items()},
    )


def page_of(name: str) -> int:
    """Tell on which page an object stands."""
    return 1 + hashlib.sha256(name.encode(errors="replace")).digest()[0]


def damaged_top() -> DatabaseError:
    """Say that what stands for everything is not as Pairsmith writes it."""
    return DatabaseError(
        "Page 0 of the table revision_pages is missing or damaged, so nothing can be "
        "believed: restore a backup of the database.",
        retryable=False,
    )


def older_top() -> DatabaseError:
    """Say that somebody has put back what stands for everything."""
    return DatabaseError(
        "Page 0 of the table revision_pages is older than the change log, so somebody "
        "has put it back: restore a backup of the whole database.",
        retryable=False,
    )


def _entries_of(service_key: ServiceKey, row: sa.Row[Any]) -> dict[str, Any] | None:
    """Read a page that verifies."""
    text, mac = row.entries, row.mac
    if not isinstance(text, str) or not isinstance(mac, bytes):
        return None
    if not service_key.verify(_place_of(row.page), text.encode(errors="replace"), mac):
        return None
    entries: dict[str, Any] = json.loads(text)
    return entries


def _write(
    connection: sa.Connection,
    service_key: ServiceKey,
    number: int,
    entries: Mapping[str, object],
) -> None:
    text = json.dumps(entries, sort_keys=True, separators=(",", ":"))
    values = {
        "entries": text,
        "mac": service_key.mac(_place_of(number), text.encode()),
    }
    if not connection.execute(_UPDATE, {"number": number, **values}).rowcount:
        connection.execute(_INSERT, {"page": number, **values})


_PAGES = sa.select(revision_pages).where(
    revision_pages.c.page.in_(sa.bindparam("pages", expanding=True))
)
_UPDATE = sa.update(revision_pages).where(
    revision_pages.c.page == sa.bindparam("number")
)
_INSERT = sa.insert(revision_pages)


def _place_of(number: int) -> str:
    return f"revisions/{number}"
