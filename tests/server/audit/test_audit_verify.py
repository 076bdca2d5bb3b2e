"""Whatever is done to a log, verification names the line; and what it cannot see."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from entries import KEY, line_of, lines, write
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.errors import InvalidParameter
from pairsmith.server.audit.chain import NO_HASH, Head, read_line
from pairsmith.server.audit.verify import AuditBroken, parse_anchor, verify

COUNT = 8


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of a log: its beginning and eight entries."""
    path = tmp_path_factory.mktemp("whole") / "audit.log"
    write(path, COUNT)
    return lines(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where altered logs are put, one over the other."""
    return tmp_path_factory.mktemp("altered") / "audit.log"


def broken(place: Path, text: bytes, key: bytes | None = KEY) -> AuditBroken | None:
    """What verification says to that text."""
    place.write_bytes(text)
    try:
        verify(place, key)
    except AuditBroken as error:
        return error
    return None


def test_a_whole_log_verifies(whole: list[bytes], place: Path) -> None:
    """With the key and without; it counts what it saw."""
    place.write_bytes(b"".join(whole))
    seen = verify(place, KEY)
    assert (seen.lines, seen.first_sequence, seen.parts) == (COUNT + 1, 1, 1)
    assert (seen.recoveries, seen.incomplete_bytes) == (0, 0)
    assert (seen.head.sequence, seen.signatures_checked) == (COUNT + 1, True)
    assert not verify(place, None).signatures_checked


def test_the_chain_is_what_the_page_says(whole: list[bytes]) -> None:
    """Recomputed without our code: SHA-256 over previous hash and bytes of the line."""
    previous = NO_HASH
    for number, line in enumerate(whole, start=1):
        body, _, tail = line.partition(b',"hash":"')
        previous = hashlib.sha256(previous + body).digest()
        assert tail[:64].decode() == previous.hex()
        assert json.loads(line)["sequence"] == number


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_changed_byte_is_found_in_its_line(
    whole: list[bytes], place: Path, data: st.DataObject
) -> None:
    """Whichever byte it is; a lost last newline alone is an incomplete last line."""
    text = b"".join(whole)
    position = data.draw(st.integers(0, len(text) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != text[position]))
    found = broken(place, text[:position] + bytes([byte]) + text[position + 1 :])
    assert found is not None
    assert found.line_number == text[:position].count(b"\n") + 1


@given(first=st.integers(0, COUNT), count=st.integers(1, COUNT))
@settings(deadline=None)
def test_removed_lines_are_found_where_they_are_missing(
    whole: list[bytes], place: Path, first: int, count: int
) -> None:
    """Anywhere but at the end, which an anchor is for."""
    rest = whole[first + count :]
    found = broken(place, b"".join(whole[:first] + rest))
    if not rest:
        assert found is None
        return
    assert found is not None
    assert found.line_number == first + 1
    assert ("missing" if first else "removed") in str(found)


@given(st.permutations(range(COUNT + 1)))
@settings(deadline=None)
def test_reordered_lines_are_found(
    whole: list[bytes], place: Path, order: list[int]
) -> None:
    """The first that is not in its place is named."""
    found = broken(place, b"".join(whole[number] for number in order))
    displaced = [at for at, number in enumerate(order) if at != number]
    if not displaced:
        assert found is None
        return
    assert found is not None
    assert found.line_number == displaced[0] + 1


@given(source=st.integers(0, COUNT), target=st.integers(0, COUNT + 1))
@settings(deadline=None)
def test_a_repeated_line_is_found(
    whole: list[bytes], place: Path, source: int, target: int
) -> None:
    """Wherever it is put, the line named is the first that does not follow."""
    altered = [*whole[:target], whole[source], *whole[target:]]
    found = broken(place, b"".join(altered))
    assert found is not None
    assert found.line_number == target + (2 if source == target else 1)


def test_a_chain_written_anew_shows_only_by_its_signatures(
    whole: list[bytes], place: Path
) -> None:
    """Who lacks the key can make a chain that hangs together, but not sign it."""
    head, forged = Head(), []
    for line in whole:
        read = read_line(line[:-1])
        assert read is not None
        told = read.told()
        del told["sequence"]
        written, head = line_of(b"another key", head, told | {"code": "Forged"})
        forged.append(written)
    assert broken(place, b"".join(forged), key=None) is None
    found = broken(place, b"".join(forged))
    assert found is not None
    assert (found.line_number, "not written by this instance" in str(found)) == (
        1,
        True,
    )


def test_a_cut_end_shows_by_an_anchor_alone(whole: list[bytes], place: Path) -> None:
    """A shorter log is whole; the head kept elsewhere tells that there was more."""
    place.write_bytes(b"".join(whole))
    anchor = parse_anchor(str(verify(place, KEY).head))
    assert verify(place, KEY, anchor=anchor).anchor_found
    middle = read_line(whole[3][:-1])
    assert middle is not None
    assert verify(place, KEY, anchor=middle.head).anchor_found
    place.write_bytes(b"".join(whole[:-2]))
    assert verify(place, KEY).lines == COUNT - 1
    with pytest.raises(AuditBroken, match="lines were removed"):
        verify(place, KEY, anchor=anchor)


def test_a_cut_end_shows_by_the_record_beside_it(
    tmp_path: Path, start_anew: Callable[[], None]
) -> None:
    """As far as it knows what was there; with the key alone, for it may be forged."""
    path = tmp_path / "audit.log"
    write(path, COUNT)
    text = path.read_bytes()
    for _ in range(2):
        verify(path, KEY)
        path.write_bytes(b"".join(lines(path)[:-1]))
        with pytest.raises(AuditBroken, match="went on to 9: lines were removed"):
            verify(path, KEY)
        assert verify(path, None).lines == COUNT
        path.write_bytes(text)
        start_anew()


def test_a_log_written_anew_by_the_key_s_holder_shows_by_an_anchor(
    whole: list[bytes], tmp_path: Path
) -> None:
    """The line of the anchor's number is another one."""
    last = read_line(whole[-1][:-1])
    assert last is not None
    place = tmp_path / "audit.log"
    write(place, COUNT + 3)
    verify(place, KEY)
    with pytest.raises(AuditBroken, match="written anew") as caught:
        verify(place, KEY, anchor=last.head)
    assert caught.value.line_number == COUNT + 1


@pytest.mark.parametrize(
    "text", ["", "5", "5:", "0:" + "a" * 64, "x:" + "a" * 64, "5:aa"]
)
def test_an_anchor_that_is_none_is_refused(text: str) -> None:
    """Nobody shall believe that something was compared."""
    with pytest.raises(InvalidParameter, match="audit head"):
        parse_anchor(text)


def test_an_incomplete_last_line_is_told_and_no_damage(
    whole: list[bytes], place: Path
) -> None:
    """A kill leaves one; in the middle of a log it is damage."""
    text = b"".join(whole)
    place.write_bytes(text + whole[-1][:40])
    assert verify(place, KEY).incomplete_bytes == 40
    found = broken(place, text[:-1] + whole[-1])
    assert found is not None
    assert found.line_number == COUNT + 1


def test_a_line_without_end_is_refused_and_not_read(place: Path) -> None:
    """A megabyte without a newline is no line, nor is a line of nothing."""
    for text in (b"x" * 1_500_000, b"\n", b"{}\n", b"\0" * 100 + b"\n"):
        found = broken(place, text)
        assert found is not None
        assert found.line_number == 1


def test_a_rotated_log_verifies_as_one(tmp_path: Path) -> None:
    """Parts follow each other; one that is missing or cut is found."""
    path = tmp_path / "audit.log"
    write(path, 30, rotate_bytes=2000)
    parts = sorted(tmp_path.glob("audit.log.0*"))
    assert len(parts) > 3
    seen = verify(path, KEY)
    assert seen.parts == len(parts) + 1
    assert seen.lines == seen.head.sequence == len(lines(path))
    kept = parts[1].read_bytes()
    parts[1].unlink()
    with pytest.raises(AuditBroken, match="missing") as caught:
        verify(path, KEY)
    assert (caught.value.path, caught.value.line_number) == (parts[2], 1)
    parts[1].write_bytes(b"".join(kept.splitlines(keepends=True)[:-1]))
    with pytest.raises(AuditBroken, match="missing") as caught:
        verify(path, KEY)
    assert caught.value.path == parts[2]
    parts[1].write_bytes(b"")
    with pytest.raises(AuditBroken, match="empty"):
        verify(path, KEY)
    parts[1].write_bytes(kept[:-1])
    with pytest.raises(AuditBroken, match="cut off"):
        verify(path, KEY)


def test_old_parts_may_be_archived(tmp_path: Path) -> None:
    """What is left verifies, and says from where on."""
    path = tmp_path / "audit.log"
    write(path, 30, rotate_bytes=2000)
    first = min(tmp_path.glob("audit.log.0*"))
    count = len(first.read_bytes().splitlines())
    first.unlink()
    seen = verify(path, KEY)
    assert (seen.first_sequence, seen.head.sequence) == (count + 1, seen.lines + count)


def test_a_cut_part_cannot_pose_as_the_first(tmp_path: Path) -> None:
    """A part begins with what it follows; without that line it is no part."""
    path = tmp_path / "audit.log"
    write(path, 3)
    path.write_bytes(b"".join(lines(path)[1:]))
    with pytest.raises(AuditBroken, match="removed from this file"):
        verify(path, KEY)


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes read of bytes there are, over all parts."""
    monkeypatch.setattr("pairsmith.server.audit.verify.PROGRESS_BYTES", 1)
    path = tmp_path / "audit.log"
    write(path, 10, rotate_bytes=2000)
    told: list[tuple[int, int]] = []
    verify(path, KEY, progress=lambda done, total: told.append((done, total)))
    total = sum(len(line) for line in lines(path))
    assert told[-1] == (total, total)
    assert told == sorted(told)


def test_there_must_be_a_log(tmp_path: Path) -> None:
    """None at all is not a whole one."""
    with pytest.raises(InvalidParameter, match="there is no audit log"):
        verify(tmp_path / "audit.log", KEY)
    (tmp_path / "a*").mkdir()
    write(tmp_path / "a*" / "audit[1].log", 2)
    shutil.copy(tmp_path / "a*" / "audit[1].log", tmp_path / "audit1.log.000000000003")
    assert verify(tmp_path / "a*" / "audit[1].log", KEY).parts == 1
