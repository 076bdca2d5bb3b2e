"""Every change of a credential leaves a line: which, whose, its rights and validity."""

import inspect
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from pairsmith.errors import InvalidParameter
from pairsmith.registry import Registry
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.rows import IdentityNotFound
from pairsmith.server.access.store import AccessStore
from places import Place

BEGIN = datetime(2027, 1, 2, tzinfo=UTC)
END = datetime(2028, 3, 4, tzinfo=UTC)
RULES = ("Decrypt:alias/app-*", "GenerateRandom")
OTHER = ("Encrypt:alias/other",)
PASSWORD = "Passw0rd-never-told"

READING = {
    "client", "access_key", "present_client", "touch", "kept_audit_key",
    "clients", "access_keys", "close",
}  # fmt: skip
"""Those that change nothing; ``touch`` notes when a credential was used last."""

MOMENTS = ["2027-01-02T00:00:00.000Z", "2028-03-04T00:00:00.000Z"]


@pytest.fixture
def store(registry: Registry) -> Iterator[AccessStore]:
    """A store over a new registry."""
    made = AccessStore(registry)
    yield made
    made.close()


@pytest.fixture
def registry(place: Place) -> Registry:
    """Give an open registry without keys."""
    return place.open()


@pytest.fixture(params=["client", "access_key"])
def identity_id(request: pytest.FixtureRequest, store: AccessStore) -> str:
    """A client key or an access key named "app"."""
    if request.param == "client":
        return store.create_client("app", parse_policy(RULES), None, BEGIN, END).key.id
    return store.create_access_key("app", parse_policy(RULES), BEGIN, END)[0].id


Case = Callable[[AccessStore, str], list[str]]
"""Makes the change, about an identity there is; gives words of its line."""


def _create_client(store: AccessStore, _: str) -> list[str]:
    made = store.create_client("new", parse_policy(RULES), PASSWORD, BEGIN, END)
    return [made.key.id, "new", *RULES, *MOMENTS, '"client"']


def _create_access_key(store: AccessStore, _: str) -> list[str]:
    key, secret = store.create_access_key("new", parse_policy(RULES), BEGIN, END)
    assert secret not in newest(store)
    return [key.id, "new", *RULES, *MOMENTS, '"access_key"']


def _revoke(store: AccessStore, identity_id: str) -> list[str]:
    store.revoke(identity_id)
    return [identity_id, "app", "revoked_at"]


def _set_policy(store: AccessStore, identity_id: str) -> list[str]:
    store.set_policy(identity_id, parse_policy(OTHER))
    return [identity_id, "app", *OTHER, *RULES]


def _set_not_after(store: AccessStore, identity_id: str) -> list[str]:
    store.set_not_after(identity_id, datetime(2029, 5, 6, tzinfo=UTC))
    return [identity_id, "app", "2029-05-06T00:00:00.000Z", MOMENTS[1]]


def _remove(store: AccessStore, identity_id: str) -> list[str]:
    store.remove(identity_id)
    return [identity_id, "app"]


def _audit_key(store: AccessStore, _: str) -> list[str]:
    assert store.audit_key().hex() not in newest(store)
    return ["audit-log"]


WRITING: dict[str, Case] = {
    "create_client": _create_client,
    "create_access_key": _create_access_key,
    "revoke": _revoke,
    "set_policy": _set_policy,
    "set_not_after": _set_not_after,
    "remove": _remove,
    "audit_key": _audit_key,
}


def newest(store: AccessStore) -> str:
    """The newest line."""
    (line,) = Registry(store._access, allow_short_intervals=False).changes(limit=1)
    assert line.is_authentic
    return json.dumps(line.told)


def test_every_method_has_a_case() -> None:
    """A new one fails here until somebody says whether it changes something."""
    methods = {
        name
        for name, value in inspect.getmembers(AccessStore)
        if not name.startswith("_") and callable(value)
    }
    assert methods == WRITING.keys() | READING


@pytest.mark.parametrize("method", WRITING)
def test_every_change_leaves_one_line(
    method: str, store: AccessStore, registry: Registry, identity_id: str
) -> None:
    """With the credential, its name, its rights and validity; and no secret."""
    before = registry.changes_head().sequence
    words = WRITING[method](store, identity_id)
    line = newest(store)
    assert [word for word in words if word not in line] == []
    assert PASSWORD not in line
    assert registry.verify_changes().lines == before + 1
    told: dict[str, Any] = json.loads(line)
    assert (told["outcome"], told["actor"]["kind"]) == ("OK", "library")
    if method != "audit_key":
        assert told["subjects"].keys() >= {"identity_id", "identity_name"}


def test_what_failed_leaves_no_line(store: AccessStore, registry: Registry) -> None:
    """An identity that is not there, a validity that is none, files not written."""
    made = store.create_client("app", parse_policy(RULES))
    head = registry.changes_head()
    for call in (
        lambda: store.revoke("nobody"),
        lambda: store.remove("nobody"),
        lambda: store.set_policy("nobody", parse_policy(OTHER)),
    ):
        with pytest.raises(IdentityNotFound):
            call()
    with pytest.raises(InvalidParameter):
        store.set_not_after(made.key.id, made.key.not_before)

    def keep(_: object) -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 -- our own
        store.create_client("new", parse_policy(RULES), keep=keep)
    assert registry.changes_head() == head
    assert [each.id for each in store.clients()] == [made.key.id]
