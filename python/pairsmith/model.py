"""What the registry holds, as values: keys, versions, aliases, tags, and pages of them.

Attributes carry Python names and types; ``to_dict`` gives the names and forms of the
management OpenAPI (2016-01-20): ``KeyId``, ``2026-11-23T20:06:19Z``, ``31536000s``.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar


class KeyState(StrEnum):
    """Only an Enabled key encrypts, and only an Enabled key decrypts."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_DELETION = "PendingDeletion"
    PENDING_IMPORT = "PendingImport"
    UNAVAILABLE = "Unavailable"


class KeySpec(StrEnum):
    """What kind of key wraps; there is one kind so far."""

    ALIYUN_AES_256 = "Aliyun_AES_256"


class KeyUsage(StrEnum):
    """What a key may be used for."""

    ENCRYPT_DECRYPT = "ENCRYPT/DECRYPT"


class Origin(StrEnum):
    """Where the key material comes from; imported material is not supported yet."""

    ALIYUN_KMS = "Aliyun_KMS"


class ProtectionLevel(StrEnum):
    """What guards the key material; hardware modules are not supported."""

    SOFTWARE = "SOFTWARE"


class AutomaticRotation(StrEnum):
    """Whether a key rotates by itself; Suspended while it is not Enabled."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True)
class KeyMetadata:
    """One key as ``describe_key`` shows it.

    ``next_rotation_date`` and ``rotation_interval`` are ``None`` unless the key has a
    rotation policy; ``delete_date`` is ``None`` unless the key is PendingDeletion.
    ``creator`` is whom the server made it for, and empty for callers of the library.
    """

    key_id: str
    key_state: KeyState
    key_spec: KeySpec
    key_usage: KeyUsage
    origin: Origin
    protection_level: ProtectionLevel
    description: str
    creator: str
    creation_date: datetime
    initial_key_version: str
    primary_key_version: str
    automatic_rotation: AutomaticRotation
    last_rotation_date: datetime
    next_rotation_date: datetime | None
    rotation_interval: timedelta | None
    delete_date: datetime | None
    deletion_protection: bool
    deletion_protection_description: str

    def to_dict(self) -> dict[str, Any]:
        """Give the ``KeyMetadata`` of the management OpenAPI."""
        wire = {
            "KeyId": self.key_id,
            "KeyState": str(self.key_state),
            "KeySpec": str(self.key_spec),
            "KeyUsage": str(self.key_usage),
            "Origin": str(self.origin),
            "ProtectionLevel": str(self.protection_level),
            "Description": self.description,
            "Creator": self.creator,
            "CreationDate": wire_date(self.creation_date),
            "PrimaryKeyVersion": self.primary_key_version,
            "AutomaticRotation": str(self.automatic_rotation),
            "LastRotationDate": wire_date(self.last_rotation_date),
            "DeletionProtection": "Enabled" if self.deletion_protection else "Disabled",
            "DeletionProtectionDescription": self.deletion_protection_description,
        }
        if self.next_rotation_date is not None:
            wire["NextRotationDate"] = wire_date(self.next_rotation_date)
        if self.rotation_interval is not None:
            wire["RotationInterval"] = wire_interval(self.rotation_interval)
        if self.delete_date is not None:
            wire["DeleteDate"] = wire_date(self.delete_date)
        return wire


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """One version of a key; its material never leaves the registry.

    ``retire_date`` is ``None`` unless the version is retired and opens nothing.
    """

    key_id: str
    key_version_id: str
    creation_date: datetime
    retire_date: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the ``KeyVersion`` of the management OpenAPI.

        ``RetireDate`` is one member more than is documented, of retired versions only.
        """
        wire = {
            "KeyId": self.key_id,
            "KeyVersionId": self.key_version_id,
            "CreationDate": wire_date(self.creation_date),
        }
        if self.retire_date is not None:
            wire["RetireDate"] = wire_date(self.retire_date)
        return wire


@dataclass(frozen=True, slots=True)
class Alias:
    """A second name of exactly one key, ``alias/`` included."""

    alias_name: str
    key_id: str

    def to_dict(self) -> dict[str, Any]:
        """Give the ``Alias`` of the management OpenAPI."""
        return {"AliasName": self.alias_name, "KeyId": self.key_id}


@dataclass(frozen=True, slots=True)
class Tag:
    """A label on a key."""

    key_id: str
    tag_key: str
    tag_value: str

    def to_dict(self) -> dict[str, Any]:
        """Give the ``Tag`` of the management OpenAPI."""
        return {
            "KeyId": self.key_id,
            "TagKey": self.tag_key,
            "TagValue": self.tag_value,
        }


class OnTheWire(Protocol):
    """Whatever has a form with wire names."""

    def to_dict(self) -> dict[str, Any]:
        """Give that form."""


Item = TypeVar("Item", bound=OnTheWire)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some of many, and how many there are.

    ``wire_path`` is where the wire puts the items, such as ``Keys.Key``.
    """

    items: tuple[Item, ...]
    page_number: int
    page_size: int
    total_count: int
    wire_path: str

    def to_dict(self) -> dict[str, Any]:
        """Give the answer of the management OpenAPI's List operations."""
        outer, inner = self.wire_path.split(".")
        return {
            "PageNumber": self.page_number,
            "PageSize": self.page_size,
            "TotalCount": self.total_count,
            outer: {inner: [item.to_dict() for item in self.items]},
        }


def wire_date(moment: datetime) -> str:
    """Write a moment as the wire does: UTC, whole seconds, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def wire_interval(interval: timedelta) -> str:
    """Write an interval as the wire reports it: seconds with their unit."""
    return f"{int(interval.total_seconds())}s"
