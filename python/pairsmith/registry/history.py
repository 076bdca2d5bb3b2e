"""The change log of one registry as its users see it: shown, verified, anchored."""

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
    """Read the change log from its first line to its head, in pages.

    Others may go on changing the registry meanwhile.

    Args:
        access: Open.
        anchor: A line that must be there.
        progress: Told how far it is.

    Raises:
        ChangeLogBroken: Names the first line that is not as it was written.
    """
    verifier: Verifier | None = None
    while True:
        with access.looking() as connection:
            revisions = access.revisions(connection)
            known = Head() if revisions is None else revisions.head
            if verifier is None:
                if revisions is None:
                    return _verify_nothing(change_log.last_line(connection), anchor)
                verifier = Verifier(revisions.service_key, anchor)
            last = verifier.seen.head.sequence
            # The very first page begins before every number, also one below 1.
            page = change_log.lines_after(connection, last or None)
        if not page:
            return verifier.finish(known)
        verifier.take(page)
        if progress is not None:
            progress(verifier.seen.lines, known.sequence)


def _verify_nothing(last: Head, anchor: Head | None) -> Verification:
    """The change log of a registry that nobody has changed yet."""
    if last != Head():
        reason = "nothing was changed here yet: somebody else has put it there."
        raise ChangeLogBroken(1, reason)
    if anchor is not None:
        reason = f"the log ends before the anchor, which is line {anchor.sequence}."
        raise ChangeLogBroken(1, reason)
    return Verification()
