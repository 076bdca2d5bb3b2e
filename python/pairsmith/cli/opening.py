"""Opening an instance for one command; only ``init`` makes one that is not there."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pairsmith.cli.failures import ENVIRONMENT, Failure
from pairsmith.errors import PairsmithError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pairsmith.cli.settings import Settings
    from pairsmith.instance import Instance
    from pairsmith.registry import RootKeyProvider, RootKeys


@contextmanager
def opened(
    settings: Settings,
    *,
    other_root_key: str | None = None,
    pairwise_test: bool = False,
) -> Iterator[Instance]:
    """The instance that is meant.

    Args:
        settings: Where it is, and its root key.
        other_root_key: One that may open it as well: a re-wrap moves to it.
        pairwise_test: Whether the halves of pairs are tried on each other first.

    Raises:
        Failure: It does not exist.
        PairsmithError: It cannot be opened.
    """
    if not is_initialised(settings.database):
        raise Failure(
            f"There are no keys at {shown_url(settings.database)} yet.",
            code="NoDatabase",
            exit_code=ENVIRONMENT,
            next_step="pairsmith init makes the database; --database names another.",
        )
    from pairsmith.instance import Instance

    root_keys: RootKeys | None = settings.root_key
    if other_root_key is not None:
        root_keys = [*_root_keys(settings), other_root_key]
    refuse = settings.refuse_format_1
    with Instance.open(
        settings.database,
        root_keys,
        pairwise_test=pairwise_test,
        refuse_format_1=refuse,
    ) as instance:
        yield instance


def is_initialised(url: str) -> bool:
    """Whether a database is there and holds something; nothing is made by looking.

    A URL that means nothing counts as there: opening it tells what is wrong with it.
    """
    path = sqlite_path(url)
    if path is not None:
        return path.exists() and (not path.is_file() or path.stat().st_size > 0)
    return not url.startswith("postgresql") or _server_has_schema(url)


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite URL; ``None`` for any other."""
    from pairsmith.registry.urls import parse_database_url

    try:
        return parse_database_url(url).real_path
    except PairsmithError:
        return None


def shown_url(url: str) -> str:
    """The URL without its password."""
    from pairsmith.registry.urls import parse_database_url

    try:
        parsed = parse_database_url(url)
    except PairsmithError:
        return "the database given"
    return url if parsed.server is None else parsed.name


def _root_keys(settings: Settings) -> Sequence[RootKeyProvider]:
    from pairsmith.registry.root_key import default_root_key, parse_root_key_providers

    if settings.root_key is None:
        return default_root_key(sqlite_path(settings.database))
    return parse_root_key_providers(settings.root_key)


def _server_has_schema(url: str) -> bool:
    import sqlalchemy as sa

    from pairsmith.registry.engine import Database
    from pairsmith.registry.schema import REVISION_TABLE

    database = Database(url)
    try:
        with database.reading() as connection:
            return sa.inspect(connection).has_table(REVISION_TABLE)
    finally:
        database.close()
