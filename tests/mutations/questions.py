"""What is asked of a registry, and whether an answer is wrong.

An answer is right if it is the one that was given before anybody changed anything, or a
documented refusal. Whatever else is given is wrong: another plaintext, a right that
nobody gave, a key that its state forbids, a failure that no document knows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

from mutated_world import NEVER, Opened, SealedText, World

from pairsmith.errors import CATALOGUE, InternalFailure, PairsmithError
from pairsmith.model import KeyState
from pairsmith.registry import Registry
from pairsmith.registry.revisions import page_of
from pairsmith.server.access.rows import IdentityNotFound

DOCUMENTED = {kind.code for kind in CATALOGUE} | {
    IdentityNotFound.code,
    "ChangeLogBroken",
}

OPERATIONS = ("Decrypt", "Encrypt", "DescribeKey", "ScheduleKeyDeletion", "ListKeys")
PAIRS = "GenerateDataKeyPairWithoutPlaintext"


class Verdict(StrEnum):
    """What an answer is, beside the one that was given before."""

    SAME = "same"
    REFUSED = "refused"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A documented error."""

    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Defect:
    """An exception that is no documented error."""

    text: str


Answer = Any
"""What was given, a ``Refusal`` or a ``Defect``."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask.

    Attributes:
        name: Says what is asked.
        about: The objects on which the answer depends, such as ``key/key-…``.
        ask: Gives the answer, or raises.
        weaker: Whether another answer gives less than the first, so that nobody gains.
    """

    name: str
    about: frozenset[str]
    ask: Callable[[Opened], Answer]
    weaker: Callable[[Answer, Answer], bool] = lambda _first, _now: False

    def answer(self, here: Opened) -> Answer:
        """Ask, and take an error for an answer."""
        try:
            return self.ask(here)
        except PairsmithError as error:
            if type(error) is InternalFailure:  # it stands for what nobody expected
                return Defect(f"{error!r} because of {error.__cause__!r}")
            if error.code in DOCUMENTED:
                return Refusal(type(error).__name__, error.code)
            return Defect(f"{type(error).__name__} with the code {error.code}")
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is the finding
            return Defect(repr(error))

    def verdict(self, first: Answer, now: Answer) -> Verdict:
        """Compare an answer with the first one."""
        if isinstance(now, Defect):
            return Verdict.WRONG
        if now == first:
            return Verdict.SAME
        if isinstance(now, Refusal) or self.weaker(first, now):
            return Verdict.REFUSED
        return Verdict.WRONG


def questions(world: World) -> list[Question]:
    """Everything that is asked of this world."""
    return [on_its_page(each) for each in _questions(world)]


def on_its_page(question: Question) -> Question:
    """The same question, whose answer depends on the pages of its objects, too."""
    # What is no object of the registry, such as the change log, stands on none.
    pages = {page_object(page_of(each)) for each in question.about if "/" in each}
    return replace(question, about=question.about | pages)


def _questions(world: World) -> list[Question]:
    return [
        *_about_names(world),
        *_about_texts(world),
        *_about_identities(world),
        *_about_lists(),
    ]


def about_new_name(name: str, about: frozenset[str]) -> Iterator[Question]:
    """What is asked when a mutation brings in a name that nobody had."""
    for primary in (False, True):
        which = "primary" if primary else "initial"
        ask = partial(_use, name, primary)
        yield Question(f"new name: use {which} of {name}", about, ask)
    yield Question(f"new name: identity {name}", about, partial(_identity, name))


def key_object(key_id: object) -> str:
    """Name a key as an object on which answers depend."""
    return f"key/{key_id}"


def identity_object(identity_id: object) -> str:
    """Name an identity as an object on which answers depend."""
    return f"identity/{identity_id}"


def page_object(number: object) -> str:
    """Name a page of the revisions, on which answers about its objects depend."""
    return f"page/{number}"


AUDIT_KEY = "secret/audit-log"
CHANGE_LOG = "change log"


def names_of(world: World) -> dict[str, str]:
    """Every id and alias that there is or was, with the key that it leads to."""
    names = {key_id: key_id for key_id in world.keys.values()}
    aliases = world.history[-1]["aliases"]
    return names | dict(aliases) | {"alias/unbound": "", f"alias/{NEVER}": ""}


def _about_names(world: World) -> Iterator[Question]:
    for name, key_id in names_of(world).items():
        about = frozenset({key_object(key_id)})
        for primary in (False, True):
            which = "primary" if primary else "initial"
            yield Question(
                f"use {which} of {name}", about, partial(_use, name, primary)
            )
        yield Question(f"describe {name}", about, partial(_describe, name), _no_more)
        yield Question(f"versions of {name}", about, partial(_versions, name), _no_more)
        yield Question(f"tags of {name}", about, partial(_tags, name), _no_more)
        yield Question(f"aliases of {name}", about, partial(_aliases, name), _no_more)


def _about_texts(world: World) -> Iterator[Question]:
    for text in world.texts:
        about = frozenset({key_object(world.keys[text.key])})
        yield Question(f"open {text.label}", about, partial(_open, world, text))
        if text.record is not None:
            yield Question(f"record {text.label}", about, partial(_open_record, text))


def _about_identities(world: World) -> Iterator[Question]:
    for label, identity_id in world.identities.items():
        about = frozenset({identity_object(identity_id)})
        ask = partial(_identity, identity_id)
        yield Question(f"identity {label}", about, ask, _is_absent)
        for name, key_id in names_of(world).items():
            both = about | {key_object(key_id)}
            for operation in (*OPERATIONS, PAIRS):
                yield Question(
                    f"may {label} {operation} {name}",
                    both,
                    partial(_may, world, identity_id, operation, name),
                    lambda _first, now: now is False,
                )
    yield Question("audit key", frozenset({AUDIT_KEY}), _audit_key)


def _about_lists() -> Iterator[Question]:
    every = frozenset({"every key"})
    yield Question("list keys", every, _all_keys, _each_same_or_unavailable)
    everybody = frozenset({"every identity"})
    yield Question("list identities", everybody, _all_identities, _no_more)

    if hasattr(Registry, "verify_changes"):
        yield Question("change log", frozenset({CHANGE_LOG}), _change_log)


def _change_log(here: Opened) -> Answer:
    return here.registry.verify_changes()


def _use(name: str, primary: bool, here: Opened) -> Answer:  # noqa: FBT001 -- bound
    resolved = here.registry.resolve(name, primary=primary)
    return resolved.key_id, resolved.key_version_id


def _describe(name: str, here: Opened) -> Answer:
    return _shown(here.registry.describe_key(name))


def _shown(metadata: Any) -> Answer:
    if metadata.key_state is KeyState.UNAVAILABLE:
        return Refusal("Unavailable", "")
    return metadata.to_dict()


def _versions(name: str, here: Opened) -> Answer:
    return {str(each) for each in here.registry.list_key_versions(name).items}


def _tags(name: str, here: Opened) -> Answer:
    return {str(each) for each in here.registry.list_tags(name)}


def _aliases(name: str, here: Opened) -> Answer:
    page = here.registry.list_aliases_by_key_id(name)
    return {str(each) for each in page.items}


def _no_more(first: Answer, now: Answer) -> bool:
    """A list may become shorter, or empty where there was none."""
    before = first if isinstance(first, set) else set()
    return isinstance(now, set) and now <= before


def _open(world: World, text: SealedText, here: Opened) -> Answer:
    if text.advance:
        opened = here.instance.advance_decrypt(text.blob, aad=text.aad)
    else:
        key_id = world.keys[text.key]
        opened = here.instance.decrypt(
            text.blob, key_id=key_id, iv=text.iv, aad=text.aad
        )
    return opened.key_id, opened.plaintext


def _open_record(text: SealedText, here: Opened) -> Answer:
    assert text.record is not None
    opened = here.instance.decrypt(text.record)
    return opened.key_id, opened.plaintext


def _identity(identity_id: str, here: Opened) -> Answer:
    found: Any = here.store.client(identity_id) or here.store.access_key(identity_id)
    if found is None:
        return None
    secret = getattr(found, "secret", None) or found.public_key_der
    valid = (found.not_before, found.not_after, found.revoked_at)
    return type(found), found.id, found.name, found.policy.texts(), valid, secret


def _is_absent(_first: Answer, now: Answer) -> bool:
    return now is None


def _may(
    world: World, identity_id: str, operation: str, name: str, here: Opened
) -> bool:
    """Whether a request signed by this identity gets to the operation."""
    found = here.store.client(identity_id) or here.store.access_key(identity_id)
    if found is None or not found.valid_at(_moment(world)):
        return False
    with here.registry.access.view() as view:
        facts = view.key(name, primary=False).facts
    return found.policy.allows(operation, facts)


def _moment(world: World) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(world.now, UTC)


def _audit_key(here: Opened) -> Answer:
    return here.store.kept_audit_key()


def _all_keys(here: Opened) -> Answer:
    page = here.registry.list_keys(page_size=100)
    return {each.key_id: _shown(each) for each in page.items}


def _each_same_or_unavailable(first: Answer, now: Answer) -> bool:
    if isinstance(first, Refusal) or isinstance(now, Refusal):
        return isinstance(now, Refusal)
    return all(
        isinstance(shown, Refusal) or shown == first.get(key_id)
        for key_id, shown in now.items()
    )


def _all_identities(here: Opened) -> Answer:
    every = [*here.store.clients(), *here.store.access_keys()]
    return {_identity(each.id, here) for each in every}
