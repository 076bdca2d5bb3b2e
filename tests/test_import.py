"""``import pairsmith`` costs next to nothing."""

import subprocess
import sys

import pairsmith

HEAVY = ["sqlalchemy", "alembic", "cryptography", "click", "rich", "asyncio"]


def test_nothing_heavy_is_imported() -> None:
    """Importing the package loads none of the libraries that it stands on."""
    program = f"""
import sys
import pairsmith
print([name for name in {[*HEAVY, "pairsmith._core"]} if name in sys.modules])
"""
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    """What ``__all__`` promises can be had, and is documented; else AttributeError."""
    for name in pairsmith.__all__:
        assert getattr(pairsmith, name) is not None
    assert set(pairsmith.__all__) <= set(dir(pairsmith))
    assert not hasattr(pairsmith, "nothing")
