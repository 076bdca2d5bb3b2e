"""Another value in the place of one, of every kind that somebody might think of."""

from collections.abc import Callable
from random import Random
from typing import Any

from mutated_world import NEVER, World

from pairsmith.registry.identifiers import SERVICE


def _flip_bit(_: World, random: Random, value: Any) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value ^ (1 << random.randrange(40))
    if isinstance(value, bytes) and value:
        changed = bytearray(value)
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
        return bytes(changed)
    if isinstance(value, str) and value:
        at = random.randrange(len(value))
        flipped = chr(ord(value[at]) ^ (1 << random.randrange(7)))
        return value[:at] + flipped + value[at + 1 :]
    return value


def _truncate(_: World, random: Random, value: Any) -> object:
    if not isinstance(value, (bytes, str)) or not value:
        return value
    at = random.randrange(len(value))
    return value[:at] if random.random() < 0.5 else value[at + 1 :]


def _extend(_: World, random: Random, value: Any) -> object:
    if isinstance(value, bytes):
        return value + random.randbytes(random.randrange(1, 40))
    if isinstance(value, str):
        return value + random.choice(["x", " ", "\0", "ä", "/", "0" * 40])
    return value


def _null(_: World, _random: Random, _value: Any) -> object:
    return None


def _number(world: World, random: Random, value: Any) -> object:
    near = value if isinstance(value, int) else 0
    now_ms = int(world.now * 1000)
    return random.choice(
        [
            0, 1, -1, near + 1, near - 1, now_ms, now_ms - 86_400_000, 1, 2**31, 2**62,
            -(2**63), 2**63 - 1,
        ]
    )  # fmt: skip


def _word(world: World, random: Random, value: Any) -> object:
    """A word that means something somewhere: an id, a name, a state, a version."""
    words: list[object] = [
        *world.keys.values(),
        *world.identities.values(),
        *("Enabled", "Disabled", "PendingDeletion", "Unavailable", "PendingImport"),
        *("client", "access_key", "Team", "edge", "core", "production", "Env"),
        *("alias/new", "alias/app", "alias/moved", f"alias/{NEVER}", SERVICE),
        *(text.key_version_id for text in random.sample(world.texts, 3)),
    ]
    return random.choice([word for word in words if word != value])


def _other(world: World, random: Random, value: Any) -> object:
    """A value of any column of any row, of the same type if there is one."""
    tables = world.history[-1]
    everything = [each for rows in tables.values() for row in rows for each in row]
    alike = [
        each for each in random.sample(everything, 40) if type(each) is type(value)
    ]
    return random.choice(alike or everything)


def _nonsense(_: World, random: Random, _value: Any) -> object:
    return random.choice(["", "x", b"", b"\xff\x00", 1.5, "ä" * 300, "\ud7ff", 7, True])


Make = Callable[[World, Random, Any], object]

VALUES: dict[str, Make] = {
    "bit": _flip_bit,
    "truncated": _truncate,
    "extended": _extend,
    "null": _null,
    "number": _number,
    "word": _word,
    "of another place": _other,
    "nonsense": _nonsense,
}
