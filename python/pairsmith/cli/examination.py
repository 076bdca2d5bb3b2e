"""What ``doctor`` looks at. Looking changes nothing but makes a throw-away instance."""

from __future__ import annotations

import os
import platform
import stat
import tempfile
import time
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from pairsmith.cli.initialise import root_key_place
from pairsmith.cli.opening import is_initialised, shown_url, sqlite_path
from pairsmith.errors import PairsmithError
from pairsmith.results import KeyPairSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from pairsmith.cli.settings import Settings
    from pairsmith.registry.engine import Database

SECONDS_PER_SPEC = 0.4
MOST_PAIRS_PER_SPEC = 25


class Verdict(StrEnum):
    """How a thing is; only a problem makes the exit code differ from 0."""

    GOOD = "good"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, how it is, and what to do if it is not good."""

    subject: str
    verdict: Verdict
    text: str
    next_step: str = ""


def examine(settings: Settings, *, timing: bool) -> Iterator[Finding]:
    """Look at everything, one finding after the other.

    Args:
        settings: Which instance.
        timing: Whether pairs are generated to see how long they take.
    """
    yield from _software()
    yield _engine()
    if is_initialised(settings.database):
        yield from _database(settings)
        yield from _files(settings)
        yield _root_key(settings)
    else:
        yield Finding(
            "Database",
            Verdict.PROBLEM,
            f"there is none at {shown_url(settings.database)}",
            "pairsmith init makes it; --database names another.",
        )
    if timing:
        yield from _times()


def _software() -> Iterator[Finding]:
    place = f"Python {platform.python_version()}, {platform.system()}"
    yield Finding(
        "Pairsmith",
        Verdict.GOOD,
        f"{version('pairsmith')} on {place} {platform.machine()}",
    )
    libraries = ("cryptography", "SQLAlchemy", "alembic", "click", "rich")
    text = ", ".join(f"{name} {version(name)}" for name in libraries)
    yield Finding("Libraries", Verdict.GOOD, text)


def _engine() -> Finding:
    from pairsmith.instance import Instance

    try:
        name = Instance.engine()
    except PairsmithError as error:
        return Finding("Prime engine", Verdict.PROBLEM, str(error), "unset it.")
    if name == "avx512ifma":
        return Finding("Prime engine", Verdict.GOOD, f"{name}: eight primes at a time")
    if _cpu_has_avx512ifma():
        return Finding(
            "Prime engine",
            Verdict.NOTE,
            f"{name}, though this CPU has AVX-512 IFMA",
            "PAIRSMITH_ENGINE=auto lets RSA keys be several times faster.",
        )
    return Finding(
        "Prime engine",
        Verdict.NOTE,
        f"{name}: this CPU has no AVX-512 IFMA",
        "on one that has (Intel Ice Lake, AMD Zen 4 and later) RSA keys are several "
        "times faster.",
    )


def _cpu_has_avx512ifma() -> bool:
    try:
        return "avx512ifma" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def _database(settings: Settings) -> Iterator[Finding]:
    from pairsmith.registry.engine import Database

    try:
        database = Database(settings.database)
        try:
            with database.reading() as connection:
                yield _engine_of(database, connection)
                yield from _contents(connection)
        finally:
            database.close()
    except PairsmithError as error:
        yield Finding("Database", Verdict.PROBLEM, str(error))


def _engine_of(database: Database, connection: sa.Connection) -> Finding:
    numbers = connection.dialect.server_version_info or ()
    release = ".".join(map(str, numbers))
    if database.sqlite_path is None:
        return Finding(
            "Database", Verdict.GOOD, f"{database.name}, PostgreSQL {release}"
        )
    journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    text = f"{database.sqlite_path}, SQLite {release}, journal {journal}"
    if found != "ok":
        return Finding(
            "Database", Verdict.PROBLEM, f"{text}: {found}", "restore a backup."
        )
    return Finding("Database", Verdict.GOOD, text)


def _contents(connection: sa.Connection) -> Iterator[Finding]:
    """Keys by state, and what waits to be done."""
    import sqlalchemy as sa

    from pairsmith.registry import deletion, rotation
    from pairsmith.registry.key_ring import root_key_ids
    from pairsmith.registry.schema import REVISION_TABLE, REVISIONS, keys

    revision: str = connection.execute(
        sa.select(sa.column("version_num")).select_from(sa.table(REVISION_TABLE))
    ).scalar_one()
    if revision not in REVISIONS:
        yield Finding(
            "Schema",
            Verdict.PROBLEM,
            f"{revision}, written by a newer Pairsmith",
            "install that one.",
        )
        return
    by_state = connection.execute(
        sa.select(keys.c.key_state, sa.func.count()).group_by(keys.c.key_state)
    ).all()
    text = ", ".join(f"{count} {state}" for state, count in by_state)
    yield Finding("Keys", Verdict.GOOD, text or "none yet")
    now_ms = int(time.time() * 1000)
    rotations = len(rotation.due_keys(connection, now_ms))
    deletions = len(deletion.due_keys(connection, now_ms))
    if rotations or deletions:
        yield Finding(
            "Waiting",
            Verdict.NOTE,
            f"{rotations} rotations and {deletions} deletions are due",
            "they happen on use, or within half a minute while a process has it open.",
        )
    else:
        yield Finding("Waiting", Verdict.GOOD, "no rotation and no deletion is due")
    if root_key_ids(connection).following is not None:
        yield Finding(
            "Re-wrap",
            Verdict.PROBLEM,
            "one was begun and not finished",
            "pairsmith rewrap, with the same --to, finishes it.",
        )


def _files(settings: Settings) -> Iterator[Finding]:
    """Files that only their owner may read, in a folder that only the owner changes."""
    path = sqlite_path(settings.database)
    private = [] if path is None else sorted(path.parent.glob(f"{path.name}*"))
    kind, _, place = root_key_place(settings).partition(":")
    if kind == "file":
        private.append(Path(place).absolute())
    looked_at = 0
    good = True
    for file in dict.fromkeys(private):
        try:
            mode = file.stat().st_mode
        except OSError:
            continue  # the root key's finding tells of one that is missing
        looked_at += 1
        if stat.S_ISREG(mode) and mode & 0o077:
            good = False
            yield Finding(
                "Permissions",
                Verdict.PROBLEM,
                f"others may use {file} ({stat.S_IMODE(mode):04o})",
                f"chmod 600 {file}",
            )
    for folder in dict.fromkeys(file.parent for file in private):
        mode = folder.stat().st_mode if folder.is_dir() else 0
        if mode & 0o022 and not mode & stat.S_ISVTX:
            good = False
            yield Finding(
                "Permissions",
                Verdict.PROBLEM,
                f"others may replace files in {folder} ({stat.S_IMODE(mode):04o})",
                f"chmod go-w {folder}",
            )
        if not os.access(folder, os.W_OK, effective_ids=True):
            good = False
            yield Finding(
                "Permissions",
                Verdict.PROBLEM,
                f"this user may not write in {folder}",
                "SQLite puts its journal there.",
            )
    if good and looked_at:
        yield Finding("Permissions", Verdict.GOOD, f"{looked_at} files, owner only")


def _root_key(settings: Settings) -> Finding:
    from pairsmith.instance import Instance

    try:
        with Instance.open(settings.database, settings.root_key):
            pass
    except PairsmithError as error:
        return Finding("Root key", Verdict.PROBLEM, str(error))
    return Finding(
        "Root key", Verdict.GOOD, f"{root_key_place(settings)} opens the database"
    )


def _times() -> Iterator[Finding]:
    """Pairs of every spec in an instance that is gone afterwards."""
    from pairsmith.instance import Instance

    with (
        tempfile.TemporaryDirectory(prefix="pairsmith-") as folder,
        Instance.open(f"sqlite:///{folder}/doctor.db") as instance,
    ):
        key_id = instance.create_key("doctor").key_id
        for spec in KeyPairSpec:
            seconds: list[float] = []
            while (
                len(seconds) < MOST_PAIRS_PER_SPEC and sum(seconds) < SECONDS_PER_SPEC
            ):
                begun = time.perf_counter()
                instance.generate_data_key_pair_without_plaintext(key_id, spec, "PEM")
                seconds.append(time.perf_counter() - begun)
            yield Finding(
                f"One {spec}",
                Verdict.GOOD,
                f"{median(seconds) * 1000:.3g} ms (median of {len(seconds)})",
            )
