"""Looks at a registry that go to the database, whatever is believed for a moment."""

from pairsmith.registry import Registry
from pairsmith.registry.key_facts import KeyFacts
from pairsmith.server.access.store import AccessStore


def facts_of(registry: Registry, name: str) -> KeyFacts:
    """What decides about rights on the key of this name."""
    with registry.access.view() as view:
        return view.key(name, primary=False).facts


def doubting(registry: Registry) -> AccessStore:
    """A store that asks the database's change counter every time."""
    registry.access.cache.present = lambda: None  # type: ignore[method-assign]
    return AccessStore(registry)
