"""The 32 bytes of a root key, in the forms in which people write them down.

Whatever array they pass through is wiped, and they are never part of a message.
"""

import binascii
import os

from pairsmith._core import RootKey
from pairsmith.errors import RootKeyError

KEY_BYTES = 32
MOST_BYTES_READ = 4096


def read_descriptor(descriptor: int) -> bytearray:
    """Read what a file or a pipe holds, up to a page, into an array of our own."""
    array = bytearray(MOST_BYTES_READ)
    count = os.readv(descriptor, [array])
    taken = array[:count]
    array[:] = bytes(len(array))
    return taken


def parse_root_key(written: bytearray, source: str) -> RootKey:
    """Build the root key and wipe every array it passed through.

    Args:
        written: 32 raw bytes, 64 hexadecimal digits or 44 characters of Base64.
        source: Where they come from, for the message.

    Raises:
        RootKeyError: They are anything else.
    """
    key = bytearray()
    try:
        key = _decoded(written)
        return RootKey(key)
    except ValueError:
        raise RootKeyError(
            f"There is no root key in {source}: it must be 32 bytes, raw, as 64 "
            "hexadecimal digits or as 44 characters of Base64."
        ) from None
    finally:
        written[:] = bytes(len(written))
        key[:] = bytes(len(key))


def _decoded(written: bytearray) -> bytearray:
    if len(written) == KEY_BYTES:
        return bytearray(written)
    text = written.strip()
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytearray(binascii.unhexlify(text))
        return bytearray(binascii.a2b_base64(text, strict_mode=True))
    finally:
        text[:] = bytes(len(text))
