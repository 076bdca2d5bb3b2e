"""A registry with everything that one can have, and what is known of it.

Built by the operations that users have, step by step; after each step the tables are
copied, for what was true once is what an attacker has in a backup.
"""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from table_rows import Rows, Tables

from pairsmith import Instance
from pairsmith.instance.guards import open_guard
from pairsmith.registry import Registry
from pairsmith.results import WrappedKeyPair
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore

BEGIN = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
"""Seconds since 1970 at which the history begins; a step takes a minute."""

KEYS = ("plain", "other", "retired", "disabled", "pending", "protected")
NEVER = "destroyed"
"""The key that is no more, though its blobs are."""

IDENTITIES = {
    "admin": ["*"],
    "app": ["decrypt:alias/app,alias/moved", "Encrypt,read:tag:Team=edge"],
    "devices": ["pairs-without-plaintext:alias/devices", "manage:tag:Env=test"],
    "narrowed": ["GenerateRandom"],
    "revoked": ["*"],
    "expired": ["decrypt:*"],
    "removed": ["*"],
}
"""The rules of each access key at the end; all but "app" and "devices" began as all."""


@dataclass(frozen=True, slots=True)
class SealedText:
    """A blob with all that opens it, and what is inside."""

    label: str
    kind: str
    key: str
    key_version_id: str
    advance: bool
    iv: bytes
    aad: bytes
    blob: bytes
    plaintext: bytes
    record: WrappedKeyPair | None = None


@dataclass(slots=True)
class World:
    """Where the registry is, and what was made in it."""

    url: str
    root_key: str
    now: float = BEGIN
    keys: dict[str, str] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    texts: list[SealedText] = field(default_factory=list)
    history: list[Tables] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write it down for another process."""
        path.write_bytes(pickle.dumps(self))

    @classmethod
    def load(cls, path: Path, url: str) -> "World":
        """Read what this program wrote, for a copy of the database."""
        world = pickle.loads(path.read_bytes())  # noqa: S301 -- our own file
        assert isinstance(world, cls)
        return replace(world, url=url)


@dataclass(frozen=True, slots=True)
class Opened:
    """A registry with all that stands on it."""

    registry: Registry
    instance: Instance
    store: AccessStore

    def forget(self) -> None:
        """Know no more than a process that has just begun."""
        access = self.registry.access
        access.cache.empty()
        access._revisions = (None, None)


@contextmanager
def opened(world: World) -> Iterator[Opened]:
    """Open the registry as a process does that begins, at the world's time."""
    registry = Registry.open(
        world.url, world.root_key, clock=lambda: world.now, background=False
    )
    with registry:
        instance = Instance(registry, open_guard(registry, 1))
        store = AccessStore(registry)  # `forget` ends it
        try:
            yield Opened(registry, instance, store)
        finally:
            store.close()
            instance.close()


def build(url: str, root_key: str) -> World:
    """Make everything there is, in an empty database."""
    world = World(url, root_key)
    with opened(world) as here:
        rows = Rows(url)
        try:
            for step in _steps(world, here):
                step()
                world.now += 60
                here.forget()
                world.history.append(rows.all())
        finally:
            rows.close()
    return world


Step = Callable[[], object]


def _steps(world: World, here: Opened) -> Iterator[Step]:
    yield from _key_steps(world, here.registry)
    for label in (*KEYS, NEVER):
        yield partial(_seal_all, world, here, label)
    yield from _access_steps(world, here.store)
    yield from _change_steps(world, here.registry)
    yield lambda: _seal_pairs(world, here, "plain", advance=True)


def _key_steps(world: World, registry: Registry) -> Iterator[Step]:
    def create(label: str) -> None:
        tags = {"Team": "edge" if label == "plain" else "core", "Env": "test"}
        created = registry.create_key(f"The key {label}", tags=tags)
        world.keys[label] = created.key_id
        aliases = {"plain": "app", "other": "devices"}
        registry.create_alias(f"alias/{aliases.get(label, label)}", created.key_id)

    for label in (*KEYS, NEVER):
        yield partial(create, label)
    yield lambda: registry.create_alias("alias/moved", world.keys["plain"])
    yield lambda: registry.create_alias("alias/unbound", world.keys["plain"])


def _access_steps(world: World, store: AccessStore) -> Iterator[Step]:
    everything = parse_policy(["*"])

    def create(label: str) -> None:
        lasting = {"app", "devices"}
        first = parse_policy(IDENTITIES[label]) if label in lasting else everything
        end = datetime.fromtimestamp(world.now, UTC) + timedelta(days=90)
        if label == "devices":
            world.identities[label] = store.create_client(label, first).key.id
        else:
            made, _ = store.create_access_key(label, first, not_after=end)
            world.identities[label] = made.id

    named = world.identities
    for label in IDENTITIES:
        yield partial(create, label)
    yield store.audit_key
    yield lambda: store.set_policy(
        named["narrowed"], parse_policy(IDENTITIES["narrowed"])
    )
    yield lambda: store.set_policy(
        named["expired"], parse_policy(IDENTITIES["expired"])
    )
    yield lambda: store.revoke(named["revoked"])
    yield lambda: store.set_not_after(
        named["expired"], datetime.fromtimestamp(world.now - 60, UTC)
    )
    yield lambda: store.remove(named["removed"])


def _change_steps(world: World, registry: Registry) -> Iterator[Step]:
    keys = world.keys
    yield lambda: registry.create_key_version(keys["plain"])
    yield lambda: registry.create_key_version(keys["retired"])
    yield lambda: registry.create_key_version(keys["retired"])
    yield lambda: registry.retire_key_version(
        keys["retired"],
        registry.list_key_versions(keys["retired"]).items[1].key_version_id,
    )
    yield lambda: registry.update_alias("alias/moved", keys["other"])
    yield lambda: registry.delete_alias("alias/unbound")
    yield lambda: registry.untag_key(keys["other"], ["Env"])
    yield lambda: registry.tag_key(keys["plain"], {"Env": "production"})
    yield lambda: registry.update_rotation_policy(
        keys["other"], enabled=True, rotation_interval="90d"
    )
    yield lambda: registry.update_key_description(keys["other"], "Described anew")
    yield lambda: registry.set_deletion_protection(keys["protected"], enabled=True)
    yield lambda: registry.disable_key(keys["disabled"])
    yield lambda: registry.schedule_key_deletion(keys[NEVER], 7)
    yield lambda: _let_pass(world, registry, days=8)
    yield lambda: registry.schedule_key_deletion(keys["pending"], 30)


def _let_pass(world: World, registry: Registry, *, days: int) -> None:
    """Let time pass until a key is destroyed."""
    world.now += days * 86400
    report = registry.run_maintenance()
    assert report.destroyed == (world.keys[NEVER],)


def _seal_all(world: World, here: Opened, label: str) -> None:
    """Make one of each kind of blob under a key."""
    key_id, instance = world.keys[label], here.instance
    for advance in (False, True):
        for aad in (b"", b"device 7"):
            plaintext = f"message {len(world.texts)} of {label}".encode()
            encrypt = instance.advance_encrypt if advance else instance.encrypt
            sealed = encrypt(key_id, plaintext, aad=aad)
            _keep(
                world, here, label, kind="message", advance=advance, aad=aad,
                iv=sealed.iv, blob=sealed.ciphertext_blob, plaintext=plaintext,
            )  # fmt: skip
        make = (
            instance.advance_generate_data_key
            if advance
            else instance.generate_data_key
        )
        made = make(key_id, 32, aad=b"data key")
        _keep(
            world, here, label, kind="data key", advance=advance, aad=b"data key",
            iv=made.iv, blob=made.ciphertext_blob, plaintext=made.plaintext,
        )  # fmt: skip
        _seal_pairs(world, here, label, advance=advance)
    _seal_job(world, here, label)


def _seal_pairs(world: World, here: Opened, label: str, *, advance: bool) -> None:
    """Make a pair in either encoding under a key."""
    for key_format in ("DER", "PEM"):
        make = (
            here.instance.advance_generate_data_key_pair
            if advance
            else here.instance.generate_data_key_pair
        )
        aad = b"pair" if key_format == "PEM" else b""
        pair = make(world.keys[label], "EC_P256", key_format, aad=aad)
        _keep(
            world, here, label, kind="pair", advance=advance, aad=aad,
            iv=pair.iv, blob=pair.private_key_ciphertext_blob,
            plaintext=pair.private_key_plaintext, record=pair.record(),
        )  # fmt: skip


def _seal_job(world: World, here: Opened, label: str) -> None:
    """Seal what a bulk job would: no operation of the instance does it alone."""
    resolved = here.registry.resolve(world.keys[label], primary=False)
    seal = resolved.wrapping_key.seal
    iv, blob = seal(b"job" * 11, b"job", advance=False, purpose="job")

    _keep(
        world, here, label, kind="job", advance=False, aad=b"job",
        iv=iv, blob=blob, plaintext=b"job" * 11,
    )  # fmt: skip


def _keep(
    world: World,
    here: Opened,
    label: str,
    *,
    kind: str,
    advance: bool,
    aad: bytes,
    iv: bytes,
    blob: bytes,
    plaintext: bytes,
    record: WrappedKeyPair | None = None,
) -> None:
    version = here.registry.resolve(world.keys[label], primary=advance)
    layout = "Advance" if advance else "plain"
    world.texts.append(
        SealedText(
            label=f"{kind} {len(world.texts)} of {label}, {layout}",
            kind=kind,
            key=label,
            key_version_id=version.key_version_id,
            advance=advance,
            iv=iv,
            aad=aad,
            blob=blob,
            plaintext=plaintext,
            record=record,
        )
    )
