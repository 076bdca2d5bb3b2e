"""What the core judges thousands of at once is judged as if each were read."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jobs import found, manifest_of, shard, vouch_for

from pairsmith import Instance, bulk
from pairsmith.bulk import judging, parquet_judging

SEED = random.SystemRandom().randrange(2**32)
"""Told when something is found."""

TABLES = {
    "EC": {"key_pair_spec": "EC_P256", "advance": True, "with_plaintext": True},
    "RSA": {"key_pair_spec": "RSA_2048", "key_format": "DER"},
}
"""Tables besides those of ``jobs.KINDS``."""


def doubt_everything(patch: pytest.MonkeyPatch) -> None:
    """Let the core recognise no record, so that all are read."""
    real = judging.judge_lines

    def judge_lines(text: bytes, **expected: Any) -> Any:
        return real(text, **(expected | {"beginnings": []}))

    patch.setattr(judging, "judge_lines", judge_lines)
    patch.setattr(parquet_judging._Expected, "matches", lambda *_: False)


def findings(out: Path, opener: Instance | None) -> list[Any]:
    """What is found, and all that is counted."""
    told = []
    for each in (opener, None):
        report = bulk.verify(out, each, sample=100)
        told.append((report.shards, report.records, report.opened, report.moduli))
    return [*found(out, opener, sample=100), *found(out, None), *told]


def spoil_lines(path: Path, draw: random.Random) -> None:
    """Change a file of lines in one of many ways."""
    text = path.read_bytes()
    lines = text.splitlines(keepends=True)
    one, other = (draw.randrange(len(lines)) for _ in range(2))
    place = draw.randrange(len(text))
    values, others = json.loads(lines[one]), json.loads(lines[other])
    name = draw.choice(list(values))
    match draw.randrange(9):
        case 0:  # a bit
            flipped = text[place] ^ 1 << draw.randrange(8)
            lines = [text[:place], bytes([flipped]), text[place + 1 :]]
        case 1:  # the end
            lines = [text[:place]]
        case 2:  # a line again
            lines[one] = lines[other]
        case 3:  # the same record in other words
            lines[one] = json.dumps(values, separators=(",", ":")).encode() + b"\n"
        case 4:  # a member of another
            values[name] = others.get(name, "x")
            lines[one] = json.dumps(values).encode() + b"\n"
        case 5:  # a member less
            del values[name]
            lines[one] = json.dumps(values).encode() + b"\n"
        case 6:  # a value that is none
            values[name] = draw.choice(["", "A", "AA", "=A==", "YQ==", "EC_P256", "é"])
            lines[one] = json.dumps(values).encode() + b"\n"
        case 7:  # no record
            strange = [b"\n", b"\r\n", b"7\n", b"\xff\n", lines[0][:-1] + b"\r\n"]
            long = [b"a" * length + b"\n" for length in (300_000, 3 << 20)]
            lines.insert(one, draw.choice(strange + long))
        case _:  # another order
            draw.shuffle(lines)
    path.write_bytes(b"".join(lines))


def spoil_table(path: Path, draw: random.Random) -> None:
    """Change a table in one of many ways."""
    table = pq.read_table(path)
    rows, schema = table.to_pylist(), table.schema
    one, other = (draw.randrange(len(rows)) for _ in range(2))
    name = draw.choice(schema.names)
    key = rows[one]["PublicKey"]
    place = draw.randrange(len(key))
    match draw.randrange(7):
        case 0:
            rows[one][name] = rows[other][name]
        case 1:
            rows[one][name] = b"x" if isinstance(rows[one][name], bytes) else "x"
        case 2:
            rows[one][name] = None
            schema = pa.schema([each.with_nullable(True) for each in schema])  # noqa: FBT003 -- pyarrow's
        case 3:
            rows[one] = rows[other]
        case 4:
            flipped = bytes([key[place] ^ 1 << draw.randrange(8)])
            rows[one]["PublicKey"] = key[:place] + flipped + key[place + 1 :]
        case 5:
            schema = schema.remove(schema.get_field_index(name))
            rows = [{each: row[each] for each in schema.names} for row in rows]
        case _:
            schema = pa.schema(list(schema)[::-1])
    pq.write_table(pa.Table.from_pylist(rows, schema), path)


@pytest.fixture(scope="module")
def tables(made: tuple[Instance, Path]) -> None:
    """Make tables of more kinds."""
    instance, folder = made
    key_id = manifest_of(folder / "EC")["Job"]["KeyId"]
    for kind, asked in TABLES.items():
        bulk.write(
            instance,
            folder / f"table {kind}",
            key_id,
            count=10,
            shard_size=4,
            output_format="parquet",
            **asked,  # type: ignore[arg-type]
        )


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    "kind", ["EC", "plain", "RSA", "parquet", "table EC", "table RSA"]
)
def test_judging_finds_what_reading_finds(
    opener: Instance, job: Callable[[str], Path], kind: str, tmp_path: Path
) -> None:
    """In files that were changed in any way, vouched for or not; sound ones as well."""
    draw = random.Random(f"{SEED} {kind}")  # noqa: S311 -- places, not secrets
    sound = job(kind)
    for number in range(20):
        out = Path(sound.rename(tmp_path / f"{number}"))
        sound = job(kind)
        if number:
            path = shard(out, draw.randint(1, 3))
            spoil = spoil_lines if path.suffix == ".jsonl" else spoil_table
            spoil(path, draw)
            if draw.random() < 0.8 and path.stat().st_size:
                vouch_for_what_there_is(out)
        judged = findings(out, opener)
        with pytest.MonkeyPatch.context() as patch:
            doubt_everything(patch)
            assert judged == findings(out, opener), f"seed {SEED}, number {number}"


def vouch_for_what_there_is(out: Path) -> None:
    """Let the manifest say what the shards are, unless one has no line at all."""
    if all(b"\n" in path.read_bytes() for path in out.glob("pairs-*")):
        vouch_for(out)


@pytest.mark.parametrize("kind", ["EC", "RSA", "parquet"])
def test_the_core_knows_what_a_job_writes(
    job: Callable[[str], Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No record of a sound job is read, unless it is to be opened."""
    read = 0

    def count(*_: Any) -> Any:
        nonlocal read
        read += 1

    monkeypatch.setattr(judging, "parse_line", count)
    monkeypatch.setattr(parquet_judging, "parse_fields", count)
    assert bulk.verify(job(kind), None).records == 10
    assert read == 0


def test_a_line_may_be_anywhere_in_a_piece(
    opener: Instance,
    key_id_of_made: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the size of a piece, each record is judged once, opened as itself."""
    out = tmp_path / "job"
    bulk.write(opener, out, key_id_of_made, "EC_P256", 50, shard_size=40)
    longest = max(map(len, (out / "pairs-000001.jsonl").read_bytes().splitlines())) + 1
    for piece in (longest, longest + 1, 3 * longest - 1, 10 * longest, 1 << 20):
        monkeypatch.setattr(judging, "PIECE", piece)
        report = bulk.verify(out, opener, sample=7)
        assert (report.problems, report.records, report.opened) == (0, 50, 7)


@pytest.fixture
def key_id_of_made(made: tuple[Instance, Path]) -> str:
    """The key that wraps all of it."""
    return str(manifest_of(made[1] / "EC")["Job"]["KeyId"])
