"""Blobs and records that somebody has changed on their way.

Whatever a blob or a record has become, it opens to what was sealed or not at all; and
it opens only where everything that was bound to it is as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from flipping import flipped
from mutated_world import Opened, SealedText, World
from questions import Answer, Question
from record_mutations import RECORD_CHANGES

from pairsmith.results import WrappedKeyPair

HEADER = 51
"""Bytes before the sealed part of an Advance blob, its Iv the last twelve."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A changed text, and how it is opened.

    Attributes:
        kind: What was done to it.
        question: Opens it.
        right: What it may give: the plaintext, if the change means nothing; else none.
    """

    kind: str
    question: Question
    right: Answer


def blob_attempt(world: World, random: Random) -> Attempt:
    """Change a blob, its Iv, its Aad or its key, and open it either way."""
    text = random.choice(world.texts)
    kind, change = random.choice(list(BLOB_CHANGES.items()))
    changed = change(world, text, random)
    advance = random.random() < 0.5
    named = advance and random.random() < 0.5
    ask = _advance(world, changed, named=named) if advance else _plain(world, changed)
    question = Question(f"open {text.label}", frozenset(), ask)
    return Attempt(f"blob: {kind}", question, _right(world, text, changed, advance))


def record_attempt(world: World, random: Random) -> Attempt:
    """Change the JSON of a record, and open it as a pair."""
    texts = [text for text in world.texts if text.record is not None]
    text, other = random.choice(texts), random.choice(texts)
    assert text.record is not None
    assert other.record is not None
    kind, change = random.choice(list(RECORD_CHANGES.items()))
    before = text.record.to_json()
    after = change(before, other.record.to_json(), random)

    def ask(here: Opened) -> Answer:
        record = WrappedKeyPair.from_json(after)
        opened = here.instance.decrypt(record)
        # What the record says of itself is believed by whoever opens it.
        return replace(record), opened.plaintext

    question = Question(f"record {text.label}: {after[:2000]!r}", frozenset(), ask)
    rights = [(each.record, each.plaintext) for each in (text, other)]
    return Attempt(f"record: {kind}", question, AnyOf(rights))


class AnyOf:
    """Equal to any of several answers."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = answers

    def __eq__(self, other: object) -> bool:
        """Whether the other is one of them."""
        return other in self._answers

    __hash__ = None  # type: ignore[assignment]


def _right(
    world: World,
    text: SealedText,
    changed: SealedText,
    advance: bool,  # noqa: FBT001
) -> Answer:
    """The plaintext where nothing that binds was changed; no answer elsewhere."""
    # A blob may have become another that there is: then that is what it opens to.
    text = next((each for each in world.texts if each.blob == changed.blob), text)
    ignored = {"iv", "key"} if text.advance and advance else set()
    same = all(
        getattr(changed, name) == getattr(text, name)
        for name in {"blob", "iv", "aad", "key"} - ignored
    )
    return text.plaintext if same else None


def _plain(world: World, text: SealedText) -> Callable[[Opened], Answer]:
    key_id = world.keys[text.key]
    return lambda here: (
        here.instance.decrypt(
            text.blob, key_id=key_id, iv=text.iv, aad=text.aad
        ).plaintext
    )


def _advance(
    world: World, text: SealedText, *, named: bool
) -> Callable[[Opened], Answer]:
    key_id = world.keys[text.key] if named or not text.advance else ""
    return lambda here: (
        here.instance.advance_decrypt(
            text.blob, key_id=key_id, iv=text.iv, aad=text.aad
        ).plaintext
    )


# Changes of blobs.


def _any(world: World, random: Random) -> SealedText:
    return random.choice(world.texts)


def _header_off(_: World, text: SealedText, __: Random) -> SealedText:
    if not text.advance:
        return replace(text, blob=text.blob[1:])
    iv, sealed = text.blob[HEADER - 12 : HEADER], text.blob[HEADER:]
    return replace(text, blob=sealed, iv=iv)


def _header_on(world: World, text: SealedText, random: Random) -> SealedText:
    if text.advance:
        other = next(each for each in world.texts if each.advance)
        return replace(text, blob=other.blob[:HEADER] + text.blob)
    headers = [each for each in world.texts if each.advance and each.key == text.key]
    header = random.choice(headers).blob[:3]
    named = text.key_version_id.encode()
    return replace(text, blob=header + named + text.iv + text.blob)


def _head_byte(_: World, text: SealedText, random: Random) -> SealedText:
    """Another format, purpose, spec or encoding: small numbers where they stand."""
    start = HEADER if text.advance else 0
    at, value = start + random.randrange(5), random.randrange(7)
    return replace(text, blob=text.blob[:at] + bytes([value]) + text.blob[at + 1 :])


def _head_of_another(world: World, text: SealedText, random: Random) -> SealedText:
    other, start = _any(world, random), HEADER if text.advance else 0
    other_start = HEADER if other.advance else 0
    head = other.blob[other_start : other_start + 4]
    return replace(text, blob=text.blob[:start] + head + text.blob[start + 4 :])


def _format_1(_: World, text: SealedText, __: Random) -> SealedText:
    """The same sealed text with the head that the older format has."""
    start = HEADER if text.advance else 0
    return replace(text, blob=text.blob[:start] + b"\x01" + text.blob[start + 4 :])


def _spliced(world: World, text: SealedText, random: Random) -> SealedText:
    other = _any(world, random)
    at = random.randrange(min(len(text.blob), len(other.blob)))
    return replace(text, blob=text.blob[:at] + other.blob[at:])


def _cut(_: World, text: SealedText, random: Random) -> SealedText:
    at = random.randrange(len(text.blob))
    return replace(
        text, blob=text.blob[:at] if random.random() < 0.7 else text.blob[at + 1 :]
    )


def _longer(_: World, text: SealedText, random: Random) -> SealedText:
    more = random.randbytes(random.randrange(1, 70))
    return replace(
        text, blob=text.blob + more if random.random() < 0.5 else more + text.blob
    )


def _version_of_another(world: World, text: SealedText, random: Random) -> SealedText:
    if not text.advance:
        return replace(text, iv=_any(world, random).iv)
    named = _any(world, random).key_version_id.encode()
    return replace(text, blob=text.blob[:3] + named + text.blob[39:])


Change = Callable[[World, SealedText, Random], SealedText]

BLOB_CHANGES: dict[str, Change] = {
    "bit": lambda _, text, random: replace(text, blob=flipped(text.blob, random)),
    "bit of the Iv": lambda _, text, random: replace(text, iv=flipped(text.iv, random)),
    "bit of the Aad": lambda _, text, random: replace(
        text, aad=flipped(text.aad, random)
    ),
    "cut": _cut,
    "longer": _longer,
    "Iv of another": lambda world, text, random: replace(
        text, iv=_any(world, random).iv
    ),
    "Aad of another": lambda world, text, random: replace(
        text, aad=_any(world, random).aad
    ),
    "key of another": lambda world, text, random: replace(
        text, key=_any(world, random).key
    ),
    "blob of another": lambda world, text, random: replace(
        _any(world, random), iv=text.iv, aad=text.aad, key=text.key
    ),
    "header off": _header_off,
    "header on": _header_on,
    "head byte": _head_byte,
    "head of another": _head_of_another,
    "head of format 1": _format_1,
    "spliced": _spliced,
    "version of another": _version_of_another,
}
