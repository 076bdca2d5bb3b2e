"""The chain of the change log, without the registry around it."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from signers import PlainSigner

from pairsmith.errors import InvalidParameter
from pairsmith.registry import change_log
from pairsmith.registry.actor import Actor
from pairsmith.registry.chain import Head, parse_anchor
from pairsmith.registry.change_entry import LINE_BYTES, Entry, merged, parse_entry
from pairsmith.registry.change_log import ChangeLogBroken, Line, Verifier, write_line
from pairsmith.registry.schema import changes

SIGNER = PlainSigner()
LINES = 7


def entry(number: int, **noted: object) -> Entry:
    """The entry of a change that was made then."""
    noted = {"key_id": f"key-{number}"} | noted
    return Entry("CreateKey", 1_800_000_000_000 + number, noted, Actor())


def chain(count: int = LINES) -> list[Line]:
    """So many lines."""
    lines, head = [], Head()
    for number in range(1, count + 1):
        lines.append(write_line(SIGNER, head, entry(number)))
        head = lines[-1].head
    return lines


def verified(lines: list[Line], head: Head, anchor: Head | None = None) -> int:
    """How many lines are whole."""
    verifier = Verifier(SIGNER, anchor)
    verifier.take(lines)
    return verifier.finish(head).lines


def test_a_whole_chain_is_whole() -> None:
    """As long as it is, with its last line as its head, and each line as its anchor."""
    lines = chain()
    assert verified([], Head()) == 0
    assert verified(lines, lines[-1].head) == LINES
    for line in lines:
        verifier = Verifier(SIGNER, parse_anchor(str(line.head)))
        verifier.take(lines)
        assert verifier.finish(lines[-1].head).anchor_found


def _changed(line: Line) -> Line:
    return replace(line, entry=line.entry.replace("CreateKey", "DeleteKey"))


def _rehashed(line: Line) -> Line:
    changed = _changed(line)
    return replace(changed, hash=change_log.hash_of(bytes(32), changed.entry.encode()))


def _of_another(line: Line) -> Line:
    return replace(line, mac=PlainSigner(b"other").mac("change", line.hash))


def _of_another_place(line: Line) -> Line:
    return replace(line, mac=SIGNER.mac("key/key-1", line.hash))


@pytest.mark.parametrize("at", range(LINES))
@pytest.mark.parametrize(
    "change", [_changed, _rehashed, _of_another, _of_another_place]
)
def test_the_first_changed_line_is_named(
    at: int, change: Callable[[Line], Line]
) -> None:
    """Whatever was changed in it, and whoever has signed it."""
    lines = chain()
    head = lines[-1].head
    lines[at] = change(lines[at])
    with pytest.raises(ChangeLogBroken) as broken:
        verified(lines, head)
    assert broken.value.sequence == at + 1


@pytest.mark.parametrize("at", range(LINES))
def test_a_missing_repeated_or_moved_line_is_named(at: int) -> None:
    """At every place, the last one included."""
    lines = chain()
    head = lines[-1].head
    shuffled = lines[:at] + lines[at + 1 :]
    twice = [*lines[: at + 1], *lines[at:]]
    for changed, named in ((shuffled, at + 1), (twice, at + 2)):
        with pytest.raises(ChangeLogBroken) as broken:
            verified(changed, head)
        assert broken.value.sequence == named


def test_an_authentic_line_of_another_chain_does_not_fit() -> None:
    """Lines written after a rollback have the right key and the wrong predecessor."""
    lines = chain()
    other = write_line(SIGNER, lines[2].head, entry(99))
    with pytest.raises(ChangeLogBroken) as broken:
        verified([*lines[:3], other, *lines[4:]], lines[-1].head)
    assert broken.value.sequence == 5


def test_an_anchor_shows_a_rollback() -> None:
    """Both a database that was put back, and one that has gone on since."""
    lines = chain()
    anchor = lines[5].head
    with pytest.raises(ChangeLogBroken, match="before the anchor") as broken:
        verified(lines[:4], lines[3].head, anchor)
    assert broken.value.sequence == 5
    gone_on, head = lines[:4], lines[3].head
    for number in range(50, 54):
        gone_on.append(write_line(SIGNER, head, entry(number)))
        head = gone_on[-1].head
    with pytest.raises(ChangeLogBroken, match="not the line of the anchor"):
        verified(gone_on, head, anchor)
    assert verified(gone_on, head) == 8


@pytest.mark.parametrize("name", ["sequence", "entry", "hash", "mac"])
@pytest.mark.parametrize(
    "value", [None, "", b"", 0, -1, 1.5, "x", b"x" * 32, "7", [], 1 << 62, "é", "{}"]
)
def test_a_value_of_any_type_is_a_broken_line_and_nothing_else(
    name: str, value: Any
) -> None:
    """SQLite keeps anything in any column; the verifier names the line."""
    lines = chain()
    head = lines[-1].head
    lines[3] = replace(lines[3], **{name: value})
    with pytest.raises(ChangeLogBroken) as broken:
        verified(lines, head)
    assert broken.value.sequence == 4


def test_random_changes_of_bytes_are_all_found() -> None:
    """2,000 flipped bits over all columns of a chain, none of them unnoticed."""
    seed = random.randrange(1 << 32)  # noqa: S311 -- to be repeated
    source = random.Random(seed)  # noqa: S311 -- as above
    lines = chain()
    head = lines[-1].head
    for _ in range(2000):
        at = source.randrange(LINES)
        name = source.choice(["entry", "hash", "mac"])
        value = getattr(lines[at], name)
        data = bytearray(value.encode() if isinstance(value, str) else value)
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        changed = bytes(data)
        flipped = replace(
            lines[at],
            **{name: changed.decode("latin-1") if name == "entry" else changed},
        )
        with pytest.raises(ChangeLogBroken) as broken:
            verified([*lines[:at], flipped, *lines[at + 1 :]], head)
        assert broken.value.sequence == at + 1, seed


# Entries.


def test_notes_grow() -> None:
    """Subjects are kept once each; of details lists grow and objects merge."""
    noted = merged(
        {},
        {
            "key_id": "key-a",
            "tags": {"a": "1"},
            "tag_keys": ["a"],
            "days": 7,
            "no": None,
        },
    )
    noted = merged(
        noted,
        {
            "key_id": ["key-b", "key-a"],
            "tags": {"b": "2"},
            "tag_keys": ["b"],
            "days": 8,
        },
    )
    assert merged(noted, {"alias_name": "alias/x"}) == {
        "key_id": ["key-a", "key-b"],
        "alias_name": ["alias/x"],
        "tags": {"a": "1", "b": "2"},
        "tag_keys": ["a", "b"],
        "days": 8,
    }


def test_values_are_told_as_json_has_them() -> None:
    """Moments, durations and flags; bytes are refused, for they may be a secret."""
    until = datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert merged(
        {},
        {
            "until": until,
            "interval": timedelta(days=365),
            "short": timedelta(milliseconds=1500),
            "enabled": False,
            "names": {"b", "a"},
        },
    ) == {
        "until": "2030-01-02T03:04:05.678Z",
        "interval": "31536000s",
        "short": "1.5s",
        "enabled": False,
        "names": ["a", "b"],
    }
    for value in (b"secret", object(), {"a": b"secret"}, 1.5):
        with pytest.raises(TypeError) as caught:
            merged({}, {"anything": value})
        assert "secret" not in str(caught.value)
    for subject in (b"key", 7, {"key": "a"}, [b"key"]):
        with pytest.raises(TypeError):
            merged({}, {"key_id": subject})


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.one_of(
            st.text(max_size=9000), st.integers(-(1 << 63), 1 << 63), st.booleans()
        ),
        max_size=5,
    )
)
def test_what_is_told_is_read_again(told: dict[str, Any]) -> None:
    """Whatever characters it has; long texts are cut."""
    text = entry(1, tags=told).text(1)
    assert text.isascii()
    assert parse_entry(text, 1)["details"]["tags"] == {
        name: value[:8192] if isinstance(value, str) else value
        for name, value in told.items()
    }


def test_a_line_of_any_size_can_be_written_and_read() -> None:
    """Of very many subjects the first thousand are told, and how many there were."""
    aliases = [f"alias/{number:0>250}" for number in range(6000)]
    text = entry(1, alias_name=aliases).text(1)
    assert len(text) < LINE_BYTES
    told = parse_entry(text, 1)
    assert told["subjects"]["alias_name"] == aliases[:1000]
    assert told["details"]["subject_counts"] == {"key_id": 1, "alias_name": 6000}


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 2}, {"sequence": True}, {"time": None}, {"operation": 1},
        {"outcome": []}, {"actor": "x"}, {"details": []}, {"subjects": {"a": "b"}},
        {"subjects": {"a": [1]}},
    ],
)  # fmt: skip
def test_lines_are_read_strictly(change: dict[str, Any]) -> None:
    """Each field is there, of its type; more fields may come."""
    told = json.loads(entry(1).text(1))
    assert parse_entry(json.dumps(told | {"more": 1}), 1)["more"] == 1
    with pytest.raises(InvalidParameter):
        parse_entry(json.dumps(told | change), 1)
    for name in change:
        short = {key: value for key, value in told.items() if key != name}
        with pytest.raises(InvalidParameter):
            parse_entry(json.dumps(short), 1)


@pytest.mark.parametrize("text", ["", "7", "0:" + "0" * 64, "7:abc", f"x:{'0' * 64}"])
def test_an_anchor_is_read_strictly(text: str) -> None:
    """Anything but number and hash is refused."""
    with pytest.raises(InvalidParameter):
        parse_anchor(text)


# Rows, on a table of its own.


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    """A database with the table of changes and nothing else."""
    engine = sa.create_engine("sqlite://")
    changes.create(engine)
    with engine.begin() as opened:
        yield opened
    engine.dispose()


def append(connection: sa.Connection, count: int, head: Head = Head()) -> Head:  # noqa: B008 -- it is frozen
    """Append so many lines; give the head."""
    for number in range(count):
        head = change_log.append(connection, SIGNER, head, entry(number))
    return head


def whole(connection: sa.Connection, head: Head) -> int:
    """How many lines of the table are whole."""
    verifier = Verifier(SIGNER)
    last = None
    while page := change_log.lines_after(connection, last):
        verifier.take(page)
        last = page[-1].sequence
    return verifier.finish(head).lines


def test_lines_are_read_page_by_page(connection: sa.Connection) -> None:
    """More than a page of them, in both directions; the newest first for people."""
    head = append(connection, 250)
    assert head == change_log.last_line(connection)
    assert whole(connection, head) == 250
    shown = change_log.read(connection, SIGNER, limit=130)
    assert [each.sequence for each in shown] == list(range(250, 120, -1))
    assert all(each.is_authentic for each in shown)
    more = change_log.read(connection, SIGNER, before=121, limit=1000)
    assert [each.sequence for each in more] == list(range(120, 0, -1))
    (one,) = change_log.read(connection, SIGNER, about="key-7")
    assert (one.sequence, one.told["subjects"]) == (8, {"key_id": ["key-7"]})
    assert change_log.read(connection, SIGNER, about="key-%") == []


def test_a_line_follows_the_head_whatever_the_table_says(
    connection: sa.Connection,
) -> None:
    """Rows that somebody removed or put there neither stop a change nor join it."""
    head = append(connection, 3)
    connection.execute(sa.delete(changes).where(changes.c.sequence == 3))
    head = append(connection, 1, head)
    assert head.sequence == 4
    forged = {"entry": "{}", "hash": bytes(32), "mac": bytes(32)}
    for sequence in (5, 6, 9):
        connection.execute(sa.insert(changes).values(sequence=sequence, **forged))
    head = append(connection, 2, head)
    assert head.sequence == 8
    with pytest.raises(ChangeLogBroken, match="missing") as broken:
        whole(connection, head)
    assert broken.value.sequence == 3


def test_a_row_of_any_size_or_type_is_shown_as_not_authentic(
    connection: sa.Connection,
) -> None:
    """It is not read into memory either."""
    append(connection, 3)
    for name, value, after in (
        ("mac", 7, True),
        ("entry", "x" * 2_000_000, True),
        ("hash", "text", False),  # of which the next line is not made
    ):
        connection.exec_driver_sql(
            f"UPDATE changes SET {name} = ? WHERE sequence = 2",  # noqa: S608 -- ours
            (value,),
        )
        shown = change_log.read(connection, SIGNER)
        assert [each.is_authentic for each in shown] == [after, False, True]
        if name == "entry":
            assert shown[1].told == {}
