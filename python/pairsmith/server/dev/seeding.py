"""Applying a seed file: afterwards there is what it says, however often it is applied.

What is there and not in the file is left alone. A client or access key that differs
from the file is made anew; a key keeps its versions.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pairsmith.errors import AliasAlreadyExists, KeyNotFound
from pairsmith.private_files import make_folder
from pairsmith.server.access.credentials import FixedAccessKey, FixedClient
from pairsmith.server.access.policy import parse_policy
from pairsmith.server.access.store import AccessStore
from pairsmith.server.dev.seed_file import EVERYTHING
from pairsmith.server.first_start import write_secret
from pairsmith.server.services import open_instance

if TYPE_CHECKING:
    from pairsmith.registry import Registry
    from pairsmith.server.access.model import NewClient
    from pairsmith.server.dev.seed_file import (
        SeededAccessKey,
        SeededClient,
        SeededKey,
        SeedFile,
    )
    from pairsmith.server.settings import Settings

Facts = list[tuple[str, str]]

FIRST_ALIAS = "alias/dev"
"""Of the one key that there is without a seed file."""


def seed_folder(settings: Settings, seed: SeedFile) -> Facts:
    """Apply a seed file; tell which credentials there are.

    Without clients, access keys or keys in the file, a first one of each is made.

    Returns:
        Names and values to be shown to whoever started the server; they are secrets.
    """
    folder = Path(settings.files.folder) / "clients"
    make_folder(folder)
    with open_instance(settings) as instance:
        for key in seed.keys:
            _seed_key(instance.registry, key)
        if not instance.registry.list_keys(page_size=1).total_count:
            first = instance.registry.create_key("made by --dev")
            instance.registry.create_alias(FIRST_ALIAS, first.key_id)
        with closing(AccessStore(instance.registry)) as access:
            for client in seed.clients:
                _seed_client(access, folder, client)
            for access_key in seed.access_keys:
                _seed_access_key(access, access_key)
            _make_first(access, folder)
            return _facts(access, folder)


def _seed_key(registry: Registry, key: SeededKey) -> None:
    try:
        found = registry.describe_key(key.id)
    except KeyNotFound:
        registry.create_key(key.description, tags=key.tags, key_id=key.id)
    else:
        if found.description != key.description:
            registry.update_key_description(key.id, key.description)
        registry.tag_key(key.id, key.tags)
    for alias in key.aliases:
        try:
            registry.create_alias(alias, key.id)
        except AliasAlreadyExists:
            registry.update_alias(alias, key.id)


def _seed_client(access: AccessStore, folder: Path, client: SeededClient) -> None:
    found = access.client(client.id)
    if found is not None:
        kept = _kept_password(folder, client.id) == client.password
        if kept and found.revoked_at is None and _is_key(found.public_key_der, client):
            if found.policy.texts() != client.policy.texts():
                access.set_policy(client.id, client.policy)
            return
        access.remove(client.id)
    _credential_path(folder, client.id).unlink(missing_ok=True)
    _password_path(folder, client.id).unlink(missing_ok=True)
    fixed = FixedClient(client.id, client.private_key)
    access.create_client(
        client.name,
        client.policy,
        client.password,
        fixed=fixed,
        keep=partial(_write_files, folder),
    )


def _seed_access_key(access: AccessStore, key: SeededAccessKey) -> None:
    found = access.access_key(key.id)
    if found is not None:
        if found.secret == key.secret.encode() and found.revoked_at is None:
            if found.policy.texts() != key.policy.texts():
                access.set_policy(key.id, key.policy)
            return
        access.remove(key.id)
    fixed = FixedAccessKey(key.id, key.secret)
    access.create_access_key(key.name, key.policy, fixed=fixed)


def _make_first(access: AccessStore, folder: Path) -> None:
    everything = parse_policy(EVERYTHING)
    if not access.clients():
        keep = partial(_write_files, folder)
        access.create_client("first", everything, keep=keep)
    if not access.access_keys():
        access.create_access_key("first", everything)


def _write_files(folder: Path, new: NewClient) -> None:
    write_secret(_credential_path(folder, new.key.id), new.credential_json)
    write_secret(_password_path(folder, new.key.id), new.password)


def _facts(access: AccessStore, folder: Path) -> Facts:
    facts: Facts = []
    for client in access.clients():
        password = _kept_password(folder, client.id)
        if password is not None:
            facts.append(("Client key", str(_credential_path(folder, client.id))))
            facts.append(("Its password", password))
    for key in access.access_keys():
        facts.append(("Access key", key.id))
        facts.append(("Its secret", key.secret.decode()))
    return facts


def _is_key(public_key_der: bytes, client: SeededClient) -> bool:
    """Whether a client's key is the one given; any will do where none is."""
    if client.private_key is None:
        return True
    given = client.private_key.public_key()
    return public_key_der == given.public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )


def _kept_password(folder: Path, client_key_id: str) -> str | None:
    """What opens a client's file in the folder; ``None`` if either is not there."""
    try:
        if not _credential_path(folder, client_key_id).exists():
            return None
        return _password_path(folder, client_key_id).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _credential_path(folder: Path, client_key_id: str) -> Path:
    return folder / f"clientKey_{client_key_id}.json"


def _password_path(folder: Path, client_key_id: str) -> Path:
    return folder / f"clientKey_{client_key_id}_Password.txt"
