"""Bulk jobs of every kind, made once, to be copied and spoiled."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jobs import KINDS

from pairsmith import Instance, bulk


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Instance, Path]]:
    """An instance, and a job of each kind: ten pairs in shards of four."""
    folder = tmp_path_factory.mktemp("verify")
    with Instance.open(f"sqlite:///{folder / 'kms.db'}") as instance:
        key_id = instance.create_key().key_id
        instance.create_key_version(key_id)
        for kind, asked in KINDS.items():
            bulk.write(instance, folder / kind, key_id, count=10, shard_size=4, **asked)  # type: ignore[arg-type]
        yield instance, folder


@pytest.fixture
def opener(made: tuple[Instance, Path]) -> Instance:
    """The instance that opens them."""
    return made[0]


@pytest.fixture
def job(made: tuple[Instance, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a job, to be spoiled."""

    def copy(kind: str) -> Path:
        return Path(shutil.copytree(made[1] / kind, tmp_path / kind))

    return copy
