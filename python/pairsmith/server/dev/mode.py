"""Dev mode: a folder, what is seeded into it, and how its application is built."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.errors import InvalidParameter
from pairsmith.instance.seeded import LEAST_SEED_BYTES, SeededInstance
from pairsmith.server.app import create_app
from pairsmith.server.dev.control import Control
from pairsmith.server.dev.faults import Faults
from pairsmith.server.dev.root_key import database_url, ensure_marked, require_marked
from pairsmith.server.dev.seed_file import SeedFile, read_seed_file
from pairsmith.server.logs import logger
from pairsmith.server.services import open_services
from pairsmith.server.settings import Settings, with_setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pairsmith.instance import Instance
    from pairsmith.server.dev.faults import Fault
    from pairsmith.server.serving import Load

HEADER = b"x-pairsmith-dev"
DETERMINISTIC_HEADER = b"x-pairsmith-deterministic"


@dataclass(frozen=True, slots=True)
class DevMode:
    """A dev server that is to be started.

    Attributes:
        settings: Those given, with the folder and its database in place.
        seed: What there shall be from the start.
        deterministic: What every pair is made of; ``None`` makes them at random.
    """

    settings: Settings
    seed: SeedFile
    deterministic: bytes | None = field(default=None, repr=False)

    def loader(self) -> Load:
        """What builds the application in the worker."""
        return partial(
            load_app, faults=self.seed.faults, deterministic=self.deterministic
        )


@contextmanager
def dev_mode(
    settings: Settings,
    seed_file: Path | None = None,
    deterministic: str | None = None,
) -> Iterator[DevMode]:
    """Enter dev mode; a folder that was not given vanishes afterwards.

    Args:
        settings: As the operator gave them.
        seed_file: TOML.
        deterministic: A text that determines every pair; 16 bytes or more.

    Raises:
        InvalidParameter: The seed file or that text is wrong, or a setting does not go
            with dev mode.
        RootKeyError: The folder holds keys that dev mode has not made.
    """
    seed = SeedFile() if seed_file is None else read_seed_file(seed_file)
    pairs_of = None if deterministic is None else _parse_seed(deterministic)
    if settings.files.folder != Settings().files.folder:
        folder = Path(settings.files.folder)
        yield DevMode(_in_folder(settings, folder), seed, pairs_of)
        return
    with tempfile.TemporaryDirectory(prefix="pairsmith-dev-") as made:
        yield DevMode(_in_folder(settings, Path(made)), seed, pairs_of)


def load_app(
    settings: Settings, *, faults: tuple[Fault, ...], deterministic: bytes | None
) -> ASGIApp:
    """Build the application, in the one worker process that there is.

    Raises:
        RootKeyError: The folder's root key was not made by ``--dev``.
    """
    require_marked(Path(settings.files.folder))
    logger().warning("dev mode: for tests, never for secrets")
    waiting, headers, instance = Faults(faults), {HEADER: b"1"}, None
    if deterministic is not None:
        logger().warning("deterministic mode: every private key can be computed")
        headers[DETERMINISTIC_HEADER] = b"1"
        instance = open_seeded(settings, deterministic)
    services = replace(open_services(settings, instance), faults=waiting)
    return Marked(create_app(services, Control(waiting).routes()), headers)


def open_seeded(settings: Settings, seed: bytes) -> Instance:
    """Open the folder's instance so that the seed determines its pairs.

    Raises:
        RootKeyError: The folder's root key was not made by ``--dev``.
    """
    folder = Path(settings.files.folder)
    require_marked(folder)
    return SeededInstance.seeded(
        database_url(folder),
        seed,
        pair_limit=settings.pairs.limit,
        threads=settings.pairs.threads,
    )


class Marked:
    """An application whose every answer says what kind of server it is from.

    Args:
        app: What answers.
        headers: What is said.
    """

    def __init__(self, app: ASGIApp, headers: dict[bytes, bytes]) -> None:
        self._app = app
        self._headers = list(headers.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        await self._app(scope, receive, marked)


def _parse_seed(text: str) -> bytes:
    seed = text.encode(errors="surrogateescape")
    if len(seed) < LEAST_SEED_BYTES:
        raise InvalidParameter(
            "deterministic", f"give {LEAST_SEED_BYTES} characters or more."
        )
    return seed


def _in_folder(settings: Settings, folder: Path) -> Settings:
    folder = folder.absolute()
    url = database_url(folder)
    if settings.database.url not in (Settings().database.url, url):
        raise InvalidParameter(
            "database.url", "--dev has a database of its own; leave it out."
        )
    if settings.database.root_key:
        raise InvalidParameter(
            "database.root_key", "--dev has a root key of its own; leave it out."
        )
    if settings.listen.workers > 1:
        raise InvalidParameter(
            "listen.workers", "--dev is one worker, which has it all."
        )
    ensure_marked(folder)
    settings = with_setting(settings, "files", "folder", str(folder))
    return with_setting(settings, "database", "url", url)
