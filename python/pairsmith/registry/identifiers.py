"""Ids of keys and versions, in the documented shape; random, so hard to guess."""

import re
import secrets
import string

ALPHABET = string.ascii_lowercase + string.digits

KEY_ID = re.compile(r"key-[a-z0-9]{21}")
KEY_ID_CHARACTERS = 25
KEY_VERSION_ID = re.compile(r"key-[a-z0-9]{21}-[a-z0-9]{10}")
SERVICE_VERSION_ID = re.compile(r"pairsmith-server-[a-z0-9]{19}")


SERVICE = "pairsmith-server"
"""Owner of the service version, in the place of a key id; no key can have it."""


def new_key_id() -> str:
    """Give ``key-`` and 21 characters: 108 bits of chance."""
    return f"key-{_random_characters(21)}"


def new_key_version_id(key_id: str) -> str:
    """Give the key id, a hyphen and 10 characters: 36 in all, as the wire wants."""
    return f"{key_id}-{_random_characters(10)}"


def new_service_version_id() -> str:
    """Give an id for a version of the service: 36 characters, as every one has."""
    return f"{SERVICE}-{_random_characters(19)}"


def _random_characters(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))
