"""New root keys in files: whole or not at all, and on the disk before they are used."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pairsmith._core import RootKey
from pairsmith.errors import RootKeyError
from pairsmith.registry.key_bytes import KEY_BYTES, read_descriptor
from pairsmith.registry.key_file_place import synchronise_directory, write_new
from pairsmith.trusted_folders import resolve_trusted

DEV_MARK = b"pairsmith --dev\n"
"""How the root key of a dev folder begins; its successor begins so, too."""


def create_key_file(path: Path, mark: bytes = b"") -> None:
    """Write a new key beside its place, then link it there: whole, or not at all.

    Nothing happens if another process was first.

    Args:
        path: The file, or a symbolic link that is to lead to it.
        mark: What the key begins with; at random otherwise.

    Raises:
        RootKeyError: It cannot be written there, or others can change the folder.
    """
    draft = None
    try:
        place = resolve_trusted(path, may_be_missing=True, as_guest=True)
        draft = place.with_name(f"{place.name}.{secrets.token_hex(8)}.draft")
        key = bytearray(os.urandom(KEY_BYTES))
        key[: len(mark)] = mark
        write_new(draft, key)
        with suppress(FileExistsError):  # another process was first; its key it is
            os.link(draft, place)
        draft.unlink()
        synchronise_directory(place.parent)
    except OSError as error:
        if draft is not None:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        raise RootKeyError(
            f"The root key cannot be created at {path} ({error.strerror}): let this "
            "user write there, or name another place with root_key."
        ) from error


def create_successor(place: Path, replaces: str) -> RootKey:
    """Write the key that will replace one, beside it, with its mode and its group.

    Args:
        place: The file that will be replaced.
        replaces: The id of the root key in it.

    Raises:
        RootKeyError: It cannot be written there.
    """
    draft = None
    try:
        material = _material_like(place)
        root_key = RootKey(material)
        final = place.with_name(f"{place.name}.{replaces}.{root_key.root_key_id}.next")
        draft = final.with_suffix(".draft")
        write_new(draft, material, like=place)
        draft.rename(final)
        # If this fails the file stays: another re-wrap may have begun to rely on it.
        synchronise_directory(place.parent)
    except OSError as error:
        if draft is not None:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        raise RootKeyError(
            f"No new root key can be made beside {place} ({error.strerror}): let this "
            "user write there, or name another place for it with --to."
        ) from error
    return root_key


def _material_like(place: Path) -> bytearray:
    """Draw a new key, marked as the present one is."""
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        present = read_descriptor(descriptor)
    finally:
        os.close(descriptor)
    mark = DEV_MARK if present.startswith(DEV_MARK) else b""
    present[:] = bytes(len(present))
    return bytearray(mark + os.urandom(KEY_BYTES - len(mark)))
