"""The folder where workers add up: what happens when it cannot be used."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pairsmith.server import metrics_files
from pairsmith.server.metrics_files import RESERVED_BYTES, FiguresFolder, count_in

COUNTING = """
import os, sys
from pairsmith import Instance
from pairsmith.server.metrics import Metrics
from pairsmith.server.metrics_files import SHARED_DIRECTORY, count_in

url, folder, number, damage = sys.argv[1:]
print("shared", count_in(folder or None, int(number)))
with Instance.open(url) as instance:
    metrics = Metrics(instance)
    metrics.observe("Decrypt", "", "OK", 0.002)
    if damage == "remove":
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
    elif damage == "spoil":
        with open(os.path.join(folder, "counter_7.db"), "wb") as file:
            file.write(b"\\x7f" * 4096)
    metrics.observe("Decrypt", "", "OK", 0.002)
    print(metrics.render()[0].decode())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for figures and nothing else."""
    path = tmp_path / "figures"
    path.mkdir()
    return path


def counted(url: str, folder: Path | None, number: int = 0, damage: str = "") -> str:
    """What a worker that decrypts twice shows afterwards."""
    arguments = [url, str(folder or ""), str(number), damage]
    return subprocess.run(
        [sys.executable, "-c", COUNTING, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def decryptions(shown: str) -> str:
    """The count of decryptions."""
    name = 'pairsmith_operations_total{code="OK",operation="Decrypt",spec=""} '
    return shown.partition(name)[2].splitlines()[0]


def test_a_worker_goes_on_where_the_one_of_the_same_number_ended(
    url: str, folder: Path
) -> None:
    """Figures never go back, and there are as many files as numbers."""
    assert decryptions(counted(url, folder)) == "2.0"
    assert decryptions(counted(url, folder)) == "4.0"
    shown = counted(url, folder, number=1)
    assert decryptions(shown) == "6.0"
    assert "pairsmith_figures_shared 1" in shown
    assert len(list(folder.iterdir())) == 4


def test_room_is_reserved_before_a_file_is_mapped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the kernel would kill the worker when the disk is full."""
    monkeypatch.delenv(metrics_files.SHARED_DIRECTORY, raising=False)

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    asked: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", lambda *given: asked.extend(given[1:]))
        metrics_files._reserve(folder / "counter_0.db")
    assert asked == [0, RESERVED_BYTES]
    monkeypatch.setattr(os, "posix_fallocate", full)
    assert not count_in(str(folder), 0)
    assert metrics_files.SHARED_DIRECTORY not in os.environ
    assert list(folder.iterdir()) == [], "half a file would spoil those of others"


def test_without_a_folder_a_worker_counts_for_itself(url: str, folder: Path) -> None:
    """And says that the figures are its own."""
    shown = counted(url, folder / "absent")
    assert "shared False" in shown
    assert decryptions(shown) == "2.0"
    assert "pairsmith_figures_shared 0" in shown
    assert not count_in(None, 0)


@pytest.mark.parametrize("damage", ["remove", "spoil"])
def test_damaged_files_cost_no_request_and_no_page(
    url: str, folder: Path, damage: str
) -> None:
    """Somebody cleans the temporary folder, or writes into it."""
    shown = counted(url, folder, damage=damage)
    assert decryptions(shown) == "2.0"
    assert "pairsmith_figures_shared 0" in shown


def test_a_file_that_cannot_be_read_is_made_anew(url: str, folder: Path) -> None:
    """Whatever is in it."""
    for content in (b"", b"of", b"\xff" * 4096, b"\x7f" * 4096, bytes(4096)):
        path = folder / "counter_0.db"
        path.write_bytes(content)
        metrics_files._reserve(path)
        assert path.stat().st_size == RESERVED_BYTES
        assert not any(path.read_bytes())
    assert decryptions(counted(url, folder)) == "2.0"


def test_the_folder_is_made_anew_when_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked before each worker: a full or absent temporary folder heals by itself."""
    place = tmp_path / "temporary"
    monkeypatch.setattr(metrics_files.tempfile, "tempdir", str(place))
    figures = FiguresFolder()
    assert figures.ensure() is None
    place.mkdir()
    first = figures.ensure()
    assert first is not None
    assert figures.ensure() == first
    Path(first).rmdir()
    second = figures.ensure()
    assert second is not None
    assert Path(second).stat().st_mode & 0o777 == 0o700
    figures.remove()
    assert list(place.iterdir()) == []
