"""Something sealed under every version of a key: the proof that all of them open."""

from pairsmith.registry import Registry

Sealed = dict[str, tuple[bytes, bytes]]
"""By key version id: iv and blob."""


def seal_with_versions(registry: Registry, versions: int = 10) -> Sealed:
    """Make a key of so many versions, and seal something with each."""
    key = registry.create_key().key_id
    for _ in range(versions - 1):
        registry.create_key_version(key)
    sealed = {}
    for version in registry.list_key_versions(key, page_size=100).items:
        name = version.key_version_id
        wrapping_key = registry.resolve_version(name).wrapping_key
        sealed[name] = wrapping_key.seal(name.encode(), b"", advance=False)
    return sealed


def check_sealed(registry: Registry, sealed: Sealed) -> None:
    """Open everything that was sealed, with key material read afresh."""
    registry._access.cache.empty()
    for name, (iv, blob) in sealed.items():
        opened = registry.resolve_version(name).wrapping_key.open(blob, iv, b"")
        assert opened[0] == name.encode()
