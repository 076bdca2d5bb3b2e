"""Killed again and again, the registry loses nothing that was acknowledged."""

import os
import random
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tampering import inspect

from pairsmith.registry import Registry
from places import Place

SEED = 20261123
ALIASES = [f"alias/{letter}" for letter in "abcdefgh"]


@dataclass
class Acknowledged:
    """What the writer was told is done, and what it was about to do when it died."""

    versions: dict[str, list[str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    doubtful: str = ""

    def read(self, line: str) -> None:
        """Take in one line of the writer's protocol."""
        if line.startswith("?"):
            self.doubtful = line[1:]
            return
        match line.split():
            case ["key", key, version]:
                self.versions[key] = [version]
            case ["version", key, version]:
                self.versions[key].append(version)
            case ["alias", alias, key]:
                self.aliases[alias] = key
            case ["unalias", alias]:
                del self.aliases[alias]
        self.doubtful = ""


@pytest.fixture(params=["sqlite", "postgresql"])
def durable_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Give a place on a real disk, or on a server that outlives its clients."""
    if request.param == "postgresql":
        yield request.getfixturevalue("postgresql_place")
        return
    place = Place(f"sqlite:///{tmp_path}/kms.db", tmp_path)
    with place.opened:
        yield place


@pytest.mark.parametrize("rounds", [15, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_writer_loses_nothing(durable_place: Place, rounds: int) -> None:
    """Over many kills no acknowledged change is lost, and every key has one primary."""
    generator = random.Random(SEED)  # noqa: S311 -- moments, not secrets
    known = Acknowledged()
    doubts = 0
    for round_number in range(rounds):
        lines = _lines_of_a_killed_writer(durable_place, generator)
        for line in lines:
            known.read(line)
        doubts += bool(known.doubtful)
        _check(durable_place, known, f"seed {SEED}, round {round_number}")
    assert doubts  # or the kills never met a write
    assert len(known.versions) > rounds // 2


def _lines_of_a_killed_writer(place: Place, generator: random.Random) -> list[str]:
    reader, writer = os.pipe()
    seed = generator.random()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _write_for_ever(place, writer, random.Random(seed))  # noqa: S311
    os.close(writer)
    # Death comes some moment after any line, and mostly in the middle of a write.
    lines = generator.randrange(1, 12)
    received = b""
    while received.count(b"\n") < lines:
        received += os.read(reader, 65_536)
    select.select([], [], [], generator.uniform(0.0, 0.01))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while chunk := os.read(reader, 65_536):
        received += chunk
    os.close(reader)
    return received.decode().splitlines()


def _write_for_ever(place: Place, pipe: int, generator: random.Random) -> None:
    def say(line: str) -> None:
        os.write(pipe, f"{line}\n".encode())

    try:
        with Registry.open(place.url, place.root_key, background=False) as registry:
            made = registry.create_key()
            say(f"key {made.key_id} {made.primary_key_version}")
            while True:
                _write_something(registry, generator, say)
    finally:
        os._exit(1)


def _write_something(registry: Registry, generator: random.Random, say: object) -> None:
    page = registry.list_keys(page_size=100)
    key = generator.choice(page.items).key_id
    alias = generator.choice(ALIASES)
    bound = {each.alias_name for each in registry.list_aliases(page_size=100).items}
    match generator.randrange(4):
        case 0:
            say("?a key")
            made = registry.create_key()
            say(f"key {made.key_id} {made.primary_key_version}")
        case 1:
            say("?a version")
            added = registry.create_key_version(key)
            say(f"version {key} {added.key_version_id}")
        case 2:
            say(f"?{alias} {key}")
            (registry.update_alias if alias in bound else registry.create_alias)(
                alias, key
            )
            say(f"alias {alias} {key}")
        case 3 if alias in bound:
            say(f"?{alias} ")
            registry.delete_alias(alias)
            say(f"unalias {alias}")


def _check(place: Place, known: Acknowledged, where: str) -> None:
    with Registry.open(place.url, place.root_key, background=False) as registry:
        primaries = dict(place.execute("SELECT key_id, primary_version_id FROM keys"))
        versions: dict[str, list[str]] = {}
        for key, version in place.execute(
            "SELECT key_id, key_version_id FROM key_versions "
            "WHERE key_id != 'pairsmith-server' ORDER BY sequence"
        ):
            versions.setdefault(key, []).append(version)
        for key, acknowledged in known.versions.items():
            # At most one more than was acknowledged: the one it died over.
            assert versions[key][: len(acknowledged)] == acknowledged, where
            known.versions[key] = versions[key]
        assert primaries == {key: each[-1] for key, each in versions.items()}, where
        known.versions |= versions
        _check_aliases(dict(place.execute("SELECT * FROM aliases")), known, where)
        found = inspect(registry)
        assert (found.faults, found.missing, found.damaged_pages) == ({}, (), ()), where
        newest = registry.list_keys(page_size=100).items[-1]
        for primary in (True, False):
            assert registry.resolve(newest.key_id, primary=primary), where


def _check_aliases(bound: dict[str, str], known: Acknowledged, where: str) -> None:
    alias, _, key = known.doubtful.partition(" ")
    if alias in ALIASES and bound.get(alias, "") == key:  # it happened, unacknowledged
        known.aliases.pop(alias, None)
        known.aliases |= {alias: key} if key else {}
    assert bound == known.aliases, where
