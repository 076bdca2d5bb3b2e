"""Dev mode: a folder, what is seeded into it, and how its application is built."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.errors import InvalidParameter
from pairsmith.instance.seeded import LEAST_SEED_BYTES, SeededInstance
from pairsmith.server.addresses import Address
from pairsmith.server.app import Application
from pairsmith.server.dev.control import Control
from pairsmith.server.dev.faults import Faults
from pairsmith.server.dev.root_key import (
    database_url,
    dev_root_key,
    ensure_marked,
    require_marked,
)
from pairsmith.server.dev.seed_file import SeedFile, read_seed_file
from pairsmith.server.logs import logger
from pairsmith.server.services import open_services
from pairsmith.server.serving import require_loopback
from pairsmith.server.settings import Settings, with_setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pairsmith.instance import Instance
    from pairsmith.registry import RootKeys
    from pairsmith.server.dev.faults import Fault
    from pairsmith.server.serving import Load

EXPOSE = "--dev-open-to-the-network"
"""The option that lets a dev server listen elsewhere than on the loopback."""

NOT_EXPOSED = (
    "a dev server has throw-away keys, shows its credentials and does what tests ask: "
    f"only {EXPOSE} lets others than this host connect to it"
)

HEADER = b"x-pairsmith-dev"
DETERMINISTIC_HEADER = b"x-pairsmith-deterministic"


@dataclass(frozen=True, slots=True)
class DevSettings(Settings):
    """Settings of a dev server, the only ones that open what ``--dev`` has made."""

    def root_key_provider(self) -> RootKeys:
        """The marked root key of the folder."""
        return dev_root_key(Path(self.files.folder))


@dataclass(frozen=True, slots=True)
class DevMode:
    """A dev server that is to be started.

    Attributes:
        settings: Those given, with the folder and its database in place.
        seed: What there shall be from the start.
        deterministic: What every pair is made of; ``None`` makes them at random.
        is_exposed: Whether it may listen elsewhere than on the loopback.
    """

    settings: DevSettings
    seed: SeedFile
    is_exposed: bool = False
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
    *,
    is_exposed: bool = False,
) -> Iterator[DevMode]:
    """Enter dev mode; a folder that was not given vanishes afterwards.

    Args:
        settings: As the operator gave them.
        seed_file: TOML.
        deterministic: A text that determines every pair; 16 bytes or more.
        is_exposed: Whether it may listen elsewhere than on the loopback; never with
            ``deterministic``.

    Raises:
        InvalidParameter: The seed file or that text is wrong, or a setting does not go
            with dev mode, or it would listen where it may not.
        RootKeyError: The folder holds keys that dev mode has not made.
    """
    _require_boxed(settings, deterministic, is_exposed=is_exposed)
    seed = SeedFile() if seed_file is None else read_seed_file(seed_file)
    pairs_of = None if deterministic is None else _parse_seed(deterministic)
    if settings.files.folder != Settings().files.folder:
        folder = Path(settings.files.folder)
        yield DevMode(_in_folder(settings, folder), seed, is_exposed, pairs_of)
        return
    with tempfile.TemporaryDirectory(prefix="pairsmith-dev-") as made:
        made_settings = _in_folder(settings, Path(made))
        yield DevMode(made_settings, seed, is_exposed, pairs_of)


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
    return Marked(Application(services, Control(waiting).routes()), headers)


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


def _require_boxed(
    settings: Settings, deterministic: str | None, *, is_exposed: bool
) -> None:
    """See that nobody outside this host is served who was not meant to be.

    ``serving.prepare`` looks again, at the very address that it listens on.
    """
    if deterministic is not None and is_exposed:
        raise InvalidParameter(
            "deterministic",
            "pairs that anybody can compute are for this host only: leave out "
            f"--deterministic, or {EXPOSE}.",
        )
    address = Address.find(settings.listen.host, settings.listen.port)
    if not is_exposed:
        require_loopback(address, NOT_EXPOSED)


def _in_folder(settings: Settings, folder: Path) -> DevSettings:
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
    settings = with_setting(settings, "database", "url", url)
    return DevSettings(*(getattr(settings, each.name) for each in fields(settings)))
