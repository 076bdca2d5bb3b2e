"""The change log of one registry as its users see it: shown, verified, anchored."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import sqlalchemy as sa

from pairsmith.errors import InvalidParameter
from pairsmith.registry import change_log
from pairsmith.registry.access import Access
from pairsmith.registry.chain import Head
from pairsmith.registry.change_log import (
    ChangeLogBroken,
    LoggedChange,
    Progress,
    Verification,
    Verifier,
)
from pairsmith.registry.changing import require_revisions
from pairsmith.registry.engine import Database
from pairsmith.registry.key_ring import KeyRing
from pairsmith.registry.revisions import Revisions

Look = tuple[sa.Connection, Revisions | None]
"""A transaction, and the revisions as it finds them."""

LIMIT = 1000
"""Lines of one answer at most."""


def newest(
    access: Access, *, before: int | None = None, limit: int = 100, about: str = ""
) -> list[LoggedChange]:
    """Give lines, the newest first.

    Args:
        access: Open.
        before: Only lines with a smaller number.
        limit: 1 to 1000.
        about: Only lines that have this identifier among their subjects.

    Raises:
        InvalidParameter: One of these is not as described.
    """
    if type(limit) is not int or not 1 <= limit <= LIMIT:
        raise InvalidParameter("limit", f"give a whole number from 1 to {LIMIT}.")
    if before is not None and (type(before) is not int or before < 1):
        raise InvalidParameter("before", "give the number of a line.")
    if not (about.isascii() and about.isprintable()):
        raise InvalidParameter("about", "give an identifier, such as a key id.")
    with access.looking() as connection:
        revisions = access.revisions(connection)
        if revisions is None:
            return []
        return change_log.read(
            connection, revisions.service_key, before=before, limit=limit, about=about
        )


def head(access: Access) -> Head:
    """Give the last line, as an anchor to be kept elsewhere; authenticated."""
    with access.looking() as connection:
        revisions = access.revisions(connection)
        return Head() if revisions is None else revisions.head


def verify(
    access: Access, anchor: Head | None = None, progress: Progress | None = None
) -> Verification:
    """Read the change log from its first line to its head.

    Args:
        access: Open.
        anchor: A line that must be there.
        progress: Told how far it is.

    Raises:
        ChangeLogBroken: Names the first line that is not as it was written.
    """

    @contextmanager
    def look() -> Iterator[Look]:
        with access.looking() as connection:
            yield connection, access.revisions(connection)

    return verify_pages(look, anchor, progress)


def verify_database(database: Database, ring: KeyRing) -> Verification:
    """The same of a database that is not opened, for ``doctor``.

    Raises:
        ChangeLogBroken: As above.
        DatabaseError, RootKeyError: What everything hangs on does not open.
    """

    @contextmanager
    def look() -> Iterator[Look]:
        with database.reading() as connection:
            yield connection, require_revisions(connection, ring)

    return verify_pages(look, None, None)


def verify_pages(
    looking: Callable[[], AbstractContextManager[Look]],
    anchor: Head | None,
    progress: Progress | None,
) -> Verification:
    """Read page by page, each in a transaction of its own.

    Others may go on changing the registry meanwhile: where the lines end, the head
    that was read before them cannot be an older one.
    """
    verifier: Verifier | None = None
    while True:
        with looking() as (connection, revisions):
            if verifier is None:
                if revisions is None:
                    return _verify_nothing(change_log.last_line(connection), anchor)
                verifier = Verifier(revisions.service_key, anchor)
            head = Head() if revisions is None else revisions.head
            # The first page begins before every number, also one below 1.
            last = verifier.seen.head.sequence or None
            page = change_log.lines_after(connection, last)
        if not page:
            return verifier.finish(head)
        verifier.take(page)
        if progress is not None:
            progress(verifier.seen.lines, head.sequence)


def _verify_nothing(last: Head, anchor: Head | None) -> Verification:
    """The change log of a registry that nobody has changed yet."""
    if last != Head():
        reason = "nothing was changed here yet: somebody else has put it there."
        raise ChangeLogBroken(1, reason)
    if anchor is not None:
        reason = f"the log ends before the anchor, which is line {anchor.sequence}."
        raise ChangeLogBroken(1, reason)
    return Verification()
