"""Which guard a registry has: lock files beside SQLite, leases in PostgreSQL."""

from pairsmith.guard import Guard, Slots
from pairsmith.registry import Registry


def open_guard(registry: Registry, limit: int, suffix: str = "") -> Slots:
    """Open a guard that everything shares that shares the registry's database.

    Args:
        registry: An open one.
        limit: How many slots there are, 1 or more.
        suffix: Tells a second guard from the one of the pairs.

    Raises:
        DatabaseError: It cannot be opened.
    """
    path = registry.guard_path
    if path is not None:
        return Guard(path.with_name(f"{path.name}{suffix}"), limit)
    from pairsmith.instance.leases import LeaseGuard  # needs PostgreSQL's driver

    server = registry.access.database.server
    if server is None:
        raise TypeError("a registry is in a file or on a server")
    return LeaseGuard(server, f"pairs{suffix}", limit)
