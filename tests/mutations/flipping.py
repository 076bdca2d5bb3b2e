"""One bit that is another."""

from random import Random


def flipped(value: bytes, random: Random) -> bytes:
    """The bytes with one bit that is another."""
    if not value:
        return b"\x01"
    changed = bytearray(value)
    # The head and the tail are where meaning is: they are met as often as the rest.
    at = random.choice(
        [
            random.randrange(len(value)),
            random.randrange(min(len(value), 60)),
            len(value) - 1 - random.randrange(min(len(value), 20)),
        ]
    )
    changed[at] ^= 1 << random.randrange(8)
    return bytes(changed)
