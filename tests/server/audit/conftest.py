"""Where logs are, and machines that are started anew."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pairsmith.server.audit import log, state


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log will be."""
    return tmp_path / "audit.log"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is refused because the machine is busy."""
    monkeypatch.setattr(log, "WAIT_SECONDS", 60.0)
    monkeypatch.setattr(log, "CHECK_SECONDS", 60.0)


@pytest.fixture
def start_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets the machine have been started anew, as after a power failure."""
    starts = tmp_path / "boot_id"
    starts.write_text("0\n")
    monkeypatch.setattr(state, "BOOT_ID", starts)
    return lambda: starts.write_text(f"{int(starts.read_text()) + 1}\n") and None
