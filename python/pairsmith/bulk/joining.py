"""The last step of a job with a single file: its parts become the file."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from pairsmith.bulk.job import OutputFormat
from pairsmith.bulk.manifest import Shard
from pairsmith.bulk.storage import Draft, stored
from pairsmith.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pairsmith.bulk.manifest import Manifest
    from pairsmith.bulk.place import Place

PIECE = 1024 * 1024
"""Bytes copied at once."""


def join(place: Place, manifest: Manifest) -> Manifest:
    """Make the one file of its parts, say so in the manifest, remove the parts.

    Killed on the way it begins again: the parts stay until the manifest names the file.
    The same parts give the same bytes, so a file that is there already is either ours
    or refused.

    Raises:
        InvalidParameter: A part was changed, or a file of somebody else is in the way.
        StorageError: The disk refuses.
    """
    parts = [(place.root / shard.file, shard.sha256) for shard in manifest.shards]
    with Draft(place.out) as draft:
        if manifest.job.output_format is OutputFormat.PARQUET:
            _join_tables(parts, draft, with_plaintext=manifest.job.with_plaintext)
        else:
            _join_lines(parts, draft)
        _refuse_other(place.out, draft.sha256)
        draft.place()
        joined = Shard(place.out.name, manifest.done, draft.size, draft.sha256)
    manifest = replace(manifest, shards=(joined,), complete=True)
    manifest.save(place.manifest)
    remove_parts(place)
    return manifest


def remove_parts(place: Place) -> None:
    """Remove the folder of the parts of a file that is whole, if it is still there.

    Raises:
        StorageError: The disk refuses.
    """
    with stored(place.parts):
        if place.is_file and place.parts.is_dir():
            shutil.rmtree(place.parts)


def _join_lines(parts: list[tuple[Path, str]], draft: Draft) -> None:
    for path, sha256 in parts:
        digest = hashlib.sha256()
        for piece in _pieces(path):
            digest.update(piece)
            draft.write(piece)
        _require_whole(path, digest.hexdigest(), sha256)


def _join_tables(
    parts: list[tuple[Path, str]], draft: Draft, *, with_plaintext: bool
) -> None:
    from pairsmith.bulk.parquet import copy_groups, table_writer

    with table_writer(draft, with_plaintext=with_plaintext) as writer:
        for path, sha256 in parts:
            _require_whole(path, hash_of(path), sha256)
            copy_groups(path, writer)


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits.

    Raises:
        StorageError: It cannot be read.
    """
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    with stored(path), path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _require_whole(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise InvalidParameter(
            "out", f"{path} was changed since it was written: begin anew elsewhere."
        )


def _refuse_other(path: Path, sha256: str) -> None:
    if path.is_file() and hash_of(path) != sha256:
        raise InvalidParameter(
            "out", f"{path} has come from elsewhere meanwhile: move it away."
        )
