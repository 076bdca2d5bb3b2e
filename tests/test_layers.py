"""Who may touch the Rust core."""

import ast
from pathlib import Path

import pairsmith

PACKAGE = Path(pairsmith.__file__).parent
ALLOWED = {"instance", "registry", "requests.py", "request_signatures.py"} | {
    "generators.py",
    "process.py",
}
"""``requests.py`` takes its ids from there, four times as fast as from ``uuid``, and
``request_signatures.py`` the public keys that verify them;
``generators.py`` is what benchmarks measure: the bare core, nothing around it;
``process.py`` protects processes, for which the core has the system call."""


def imported_modules(source: Path) -> set[str]:
    """Every module that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
            found.add(str(node.module))
    return found


def test_only_registry_and_instance_touch_the_core() -> None:
    """Delete the command line and the server, and a complete library is left."""
    touching = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if any(name.startswith("pairsmith._core") for name in imported_modules(path))
    }
    assert touching == ALLOWED
