"""Keys, versions, aliases, states and rotation, in a database."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pairsmith.registry.dev_root_key import DevRootKey
    from pairsmith.registry.key_file import FileRootKey
    from pairsmith.registry.maintenance import MaintenanceReport
    from pairsmith.registry.registry import Registry
    from pairsmith.registry.repair import RepairReport
    from pairsmith.registry.resolved import Key, ResolvedKey
    from pairsmith.registry.rewrap import RewrapReport
    from pairsmith.registry.root_key import (
        CommandRootKey,
        EnvironmentRootKey,
        RootKeyProvider,
        RootKeys,
        parse_root_key_provider,
    )

__all__ = [
    "CommandRootKey",
    "DevRootKey",
    "EnvironmentRootKey",
    "FileRootKey",
    "Key",
    "MaintenanceReport",
    "Registry",
    "RepairReport",
    "ResolvedKey",
    "RewrapReport",
    "RootKeyProvider",
    "RootKeys",
    "parse_root_key_provider",
]

_HOMES = {
    "DevRootKey": "dev_root_key",
    "FileRootKey": "key_file",
    "Key": "resolved",
    "MaintenanceReport": "maintenance",
    "Registry": "registry",
    "RepairReport": "repair",
    "ResolvedKey": "resolved",
    "RewrapReport": "rewrap",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- whatever is exported
    """Import on first use: SQLAlchemy alone takes a tenth of a second."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'root_key')}"), name)
