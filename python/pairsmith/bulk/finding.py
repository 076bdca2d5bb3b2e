"""Finding the files that hold blobs, below folders and by their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.bulk.manifest import Manifest
from pairsmith.bulk.place import MANIFEST, Place
from pairsmith.bulk.record_files import kind_of
from pairsmith.bulk.storage import stored
from pairsmith.errors import InvalidParameter, StorageError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or a job.

    Attributes:
        path: The file, links followed; of a job what ``Place.of`` takes.
        job: The job that it is.
        named: Whether it was named itself, and not found in a folder.
        size: Bytes, about.
    """

    path: Path
    job: Place | None
    named: bool
    size: int


def find_files(paths: Iterable[str | os.PathLike[str]]) -> list[Found]:
    """Every file that may hold blobs, each once, in the order of their names.

    Raises:
        StorageError: A folder or file that was named cannot be looked at.
    """
    found: dict[Path, Found] = {}
    for each in paths:
        path = Path(each).absolute()
        with stored(path):
            path = path.resolve(strict=True)
        for one in _below(path) if path.is_dir() else [_file(path, named=True)]:
            found.setdefault(one.path, one)
    return list(found.values())


def _below(folder: Path) -> Iterator[Found]:
    """What is in a folder; hidden files and folders are nobody's business."""
    place = Place.of(folder)
    if _is_job(place):
        yield Found(folder, place, named=False, size=_size(folder))
    with stored(folder):
        inside = sorted(folder.iterdir())
    for path in inside:
        if path.name.startswith(".") or _belongs_to_job(path):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)
        elif kind_of(path) is not None and path.is_file():
            yield _file(path.resolve(), named=False)


def _file(path: Path, *, named: bool) -> Found:
    if not path.is_file():
        raise StorageError(f"{path} is no regular file.")
    with stored(path):
        size = path.stat().st_size
    place = Place.of(path)
    return Found(path, place if _is_job(place) else None, named=named, size=size)


def _belongs_to_job(path: Path) -> bool:
    """Whether a file is counted with a job: its shard, its part, its manifest."""
    if path.name == MANIFEST:
        return _is_job(Place.of(path.parent))
    if path.name.endswith(f".{MANIFEST}"):
        return _is_job(Place.of(path.with_name(path.name.removesuffix(f".{MANIFEST}"))))
    if path.is_dir():
        whole = path.with_name(path.name.removesuffix(".parts"))
        return path.name.endswith(".parts") and _is_job(Place.of(whole))
    return path.name.startswith("pairs-") and _is_job(Place.of(path.parent))


def _is_job(place: Place) -> bool:
    """Whether there is a manifest of ours, or one that should be and is damaged."""
    try:
        text = place.manifest.read_bytes()
    except OSError:
        return False
    try:
        Manifest.from_json(text)
    except (InvalidParameter, RecursionError):
        return Manifest.TYPE.encode() in text
    return True


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("pairs-*"))
