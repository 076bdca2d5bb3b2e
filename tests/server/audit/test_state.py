"""``NAME.head``: what the last writer has left, or nothing."""

from pathlib import Path

import pytest
from entries import KEY

from pairsmith.server.audit.chain import Head
from pairsmith.server.audit.state import RECORD_BYTES, Point, State, StateFile

WRITTEN = Point(Head(10**17, b"w" * 32), b"v" * 32, 2**40)
SYNCED = Point(Head(10**16, b"s" * 32), b"r" * 32, 2**39)
STATE = State(
    WRITTEN, SYNCED, 10**17 + 1, 2**63, "0062224b-3380-459e-8ca4-4552418bca24"
)


@pytest.fixture
def file(tmp_path: Path) -> StateFile:
    """A record that is not there yet."""
    return StateFile(tmp_path / "audit.log.head", KEY)


@pytest.mark.parametrize("durable", [False, True])
def test_what_is_written_is_read(
    file: StateFile, tmp_path: Path, *, durable: bool
) -> None:
    """Within a sector, for the owner's eyes only, whatever was there before."""
    assert file.read() is None
    file.write(STATE, durable=durable)
    assert file.read() == STATE
    shorter = State(Point(), Point(), 0, 1, "")
    file.write(shorter, durable=durable)
    assert file.read() == shorter
    record = tmp_path / "audit.log.head"
    assert record.stat().st_size == RECORD_BYTES
    assert record.stat().st_mode & 0o777 == 0o600


def test_a_record_that_was_changed_is_none(file: StateFile, tmp_path: Path) -> None:
    """Any byte of it, a part of it, an empty file, or one of another instance."""
    file.write(STATE)
    record = tmp_path / "audit.log.head"
    text = record.read_bytes()
    for position in range(len(text.rstrip())):
        changed = bytearray(text)
        changed[position] ^= 1
        record.write_bytes(changed)
        assert file.read() is None
    for length in range(len(text.rstrip())):
        record.write_bytes(text[:length])
        assert file.read() is None
    record.write_bytes(text)
    assert StateFile(record, b"another key").read() is None


def test_after_a_power_failure_only_what_the_disk_had_is_certain() -> None:
    """The same start of the machine, or one line for both, makes it exact."""
    assert STATE.certain(STATE.boot) == WRITTEN
    assert STATE.following(STATE.boot) == WRITTEN.head
    for boot in ("another", ""):
        assert STATE.certain(boot) == SYNCED
        assert STATE.following(boot) == Head(STATE.reserved, SYNCED.head.hash)
    stopped = STATE.with_synced(WRITTEN)
    assert stopped.certain("another") == WRITTEN
    assert STATE.with_synced(Point()) == STATE
