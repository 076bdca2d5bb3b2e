"""A request is decided about, and done, with the registry as it was at one moment."""

from collections.abc import Iterator
from math import inf
from typing import Any

import pytest
from applications import Application
from signing import Client, error_of

from pairsmith import Instance
from pairsmith.registry import Registry
from pairsmith.registry.view import View
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.path import decision, hallway

ALIAS = "alias/app"
HIDDEN = b"only the other key opens this"


@pytest.fixture
def elsewhere(url: str, instance: Instance) -> Iterator[Registry]:
    """The same registry as another process has it open."""
    del instance  # which has made it
    with Registry.open(url, background=False) as registry:
        yield registry


class World:
    """Two keys, an alias of the first, and a client that may use what has the alias.

    Attributes:
        mine: The id of the first.
        secret: The id of the other.
        client: May encrypt and decrypt by the alias.
    """

    def __init__(self, application: Application, elsewhere: Registry) -> None:
        self.application, self.elsewhere = application, elsewhere
        registry = application.instance.registry
        self.mine = registry.create_key().key_id
        self.secret = registry.create_key().key_id
        registry.create_alias(ALIAS, self.mine)
        self.hidden = application.instance.encrypt(self.secret, HIDDEN)
        self.client: Client = application.client(f"crypto,decrypt:{ALIAS}")

    def narrow_and_move(self) -> None:
        """Take the right to the alias away; then let it lead to the other key."""
        store, policy = AccessStore(self.elsewhere), parse_policy([f"*:{self.mine}"])
        store.set_policy(self.client.signer.key_id, policy)
        self.elsewhere.update_alias(ALIAS, self.secret)

    def ask(self) -> Any:
        """Ask for what is hidden."""
        return self.client.send(
            "Decrypt",
            messages.DecryptRequest(
                KeyId=ALIAS,
                CiphertextBlob=self.hidden.ciphertext_blob,
                Iv=self.hidden.iv,
            ),
        )


@pytest.fixture
def world(application: Application, elsewhere: Registry) -> World:
    """The world before anything was changed."""
    return World(application, elsewhere)


def test_a_right_that_was_taken_away_does_not_meet_the_key_of_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at who asks and the look at the key, somebody changes both."""
    cache = world.application.instance.registry.access.cache
    assert error_of(world.ask()).ErrorCode == "InternalFailure"
    cache.fresh_until = inf
    find, changes = View.identity, [world.narrow_and_move]

    def identity(view: View, *arguments: Any) -> Any:
        found = find(view, *arguments)
        while changes:
            changes.pop()()
            cache.fresh_until = -inf  # which is seen by whoever looks from now on
        return found

    monkeypatch.setattr(View, "identity", identity)
    # The blob of the other key does not open: the alias still leads to the first.
    assert error_of(world.ask()).ErrorCode == "InternalFailure"
    assert error_of(world.ask()).ErrorCode == "Forbidden.NoPermission"


def test_a_right_is_decided_about_anew_where_a_look_was_needed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is known yet: one look finds out who asks, and the next one decides."""
    world.application.instance.registry.access.cache.empty()
    decide, changes = hallway.decide_in_database, [world.narrow_and_move]

    def decided(*arguments: Any) -> Any:
        while changes:
            changes.pop()()
        return decide(*arguments)

    monkeypatch.setattr(hallway, "decide_in_database", decided)
    assert error_of(world.ask()).ErrorCode == "Forbidden.NoPermission"
    assert changes == []


def test_what_another_process_changes_is_believed_all_at_once(world: World) -> None:
    """Identity and key are renewed by one look: never the one without the other."""
    cache = world.application.instance.registry.access.cache
    for _ in range(2):
        assert error_of(world.ask()).ErrorCode == "InternalFailure"
    world.narrow_and_move()
    cache.fresh_until = inf
    assert error_of(world.ask()).ErrorCode == "InternalFailure"
    cache.fresh_until = -inf
    assert error_of(world.ask()).ErrorCode == "Forbidden.NoPermission"


def test_a_request_that_is_known_reads_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one is decided about and done without the database."""
    registry = world.application.instance.registry.access
    for _ in range(2):
        world.client.call("Encrypt", KeyId=ALIAS, Plaintext=b"x")
        registry.cache.fresh_until = inf
    monkeypatch.setattr(registry.database, "reading", None)
    assert world.client.call("Encrypt", KeyId=ALIAS, Plaintext=b"x").KeyId == world.mine


def test_what_is_forbidden_is_looked_at_and_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For whoever may not use a key, nothing is rotated or destroyed."""
    registry = world.application.instance.registry.access
    settled: list[object] = []
    monkeypatch.setattr(registry, "settle", settled.append)
    request = messages.AdvanceEncryptRequest(KeyId=world.secret, Plaintext=b"x")
    answer = world.client.send("AdvanceEncrypt", request)
    assert error_of(answer).ErrorCode == "Forbidden.NoPermission"
    assert settled == []


def test_a_key_is_looked_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Policy and work have one and the same look, whichever API it is."""
    looks: list[str] = []
    look_at = decision._look_at

    def noted(view: View, key: Any) -> Any:
        looks.append(key.name)
        return look_at(view, key)

    world.client.call("Encrypt", KeyId=ALIAS, Plaintext=b"x")
    monkeypatch.setattr(decision, "_look_at", noted)
    world.client.call("Encrypt", KeyId=ALIAS, Plaintext=b"x")
    assert looks == [ALIAS]
    world.application.caller("read:*").call("DescribeKey", KeyId=ALIAS)
    assert looks == [ALIAS, ALIAS]
