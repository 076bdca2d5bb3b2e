"""Moving stored blobs: files, folders, jobs, and what cannot move."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jobs import found, manifest_of, records_of, rewrite, shard, vouch_for

from pairsmith import Instance, WrappedKeyPair, bulk, errors
from pairsmith.bulk import MoveReport, moving_files
from pairsmith.cli.output import as_text


def record_file(
    instance: Instance, key_id: str, path: Path, *, advance: bool = True
) -> WrappedKeyPair:
    """Write the record of a new pair as ``pairsmith generate`` does."""
    make = (
        instance.advance_generate_data_key_pair_without_plaintext
        if advance
        else instance.generate_data_key_pair_without_plaintext
    )
    record = make(key_id, "EC_P256", "DER", aad=b"device").record()
    path.write_text(record.to_json() + "\n")
    path.chmod(0o600)
    return record


def read_record(path: Path) -> WrappedKeyPair:
    """The record in a file."""
    return WrappedKeyPair.from_json(path.read_bytes())


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def told(report: MoveReport) -> list[str]:
    """What is wrong, without the folder."""
    return [str(each).rpartition("/")[2] for each in report.findings]


def test_records_move_to_the_primary_version(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """Each keeps its pair, its Aad and its mode; done again nothing is written."""
    folder = tmp_path / "records"
    (folder / "below").mkdir(parents=True)
    old = {
        path: record_file(instance, key_id, path)
        for path in (folder / "a.json", folder / "below" / "b.json")
    }
    (folder / "a.json").chmod(0o640)
    newest = instance.create_key_version(key_id).key_version_id
    report = bulk.rewrap_records(instance, [folder])
    assert (report.moved, report.files, report.problems) == (2, 2, 0)
    assert report.census.rows() == [(key_id, newest, 2)]
    for path, before in old.items():
        after = read_record(path)
        assert (after.key_version_id, after.aad) == (newest, b"device")
        assert after.encoded_public_key == before.encoded_public_key
        assert instance.decrypt(after).plaintext == instance.decrypt(before).plaintext
    assert stat.S_IMODE((folder / "a.json").stat().st_mode) == 0o640
    assert stat.S_IMODE((folder / "below" / "b.json").stat().st_mode) == 0o600
    before_again = {path: path.stat().st_ino for path in old}
    assert bulk.rewrap_records(instance, [folder]).moved == 0
    assert {path: path.stat().st_ino for path in old} == before_again


def test_a_dry_run_writes_nothing_and_tells_all(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """What would move, what would not, and where all of it is now."""
    record = record_file(instance, key_id, tmp_path / "a.json")
    damaged = json.loads((tmp_path / "a.json").read_text()) | {"Aad": ""}
    (tmp_path / "b.json").write_text(json.dumps(damaged))
    bulk.write(instance, tmp_path / "job", key_id, "EC_P256", 3, advance=True)
    instance.create_key_version(key_id)
    before = contents(tmp_path)
    report = bulk.rewrap_records(instance, [tmp_path], dry_run=True)
    assert (report.moved, report.problems) == (4, 1)
    assert told(report)[0].startswith("b.json: Nothing was decrypted")
    assert report.census.rows() == [(key_id, record.key_version_id, 5)]
    assert contents(tmp_path).keys() - {"kms.db-wal", "kms.db-shm"} == (
        before.keys() - {"kms.db-wal", "kms.db-shm"}
    )
    for name in ("a.json", "b.json", "job/manifest.json", "job/pairs-000001.jsonl"):
        assert (tmp_path / name).read_bytes() == before[name]


def test_plain_blobs_stay_unless_it_is_wished(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """Under the initial version, for ever; to another key; or as Advance ones."""
    path = tmp_path / "a.json"
    before = record_file(instance, key_id, path, advance=False)
    other = instance.create_key().key_id
    instance.create_key_version(other)
    report = bulk.rewrap_records(instance, [path])
    assert (report.moved, report.plain) == (0, 1)
    assert read_record(path) == before
    assert bulk.rewrap_records(instance, [path], destination_key_id=other).moved == 1
    moved = read_record(path)
    assert (moved.key_id, moved.key_version_id) == (other, None)
    report = bulk.rewrap_records(instance, [path], advance=True)
    primary = instance.describe_key(other).primary_key_version
    assert (report.moved, report.plain) == (1, 0)
    assert read_record(path).key_version_id == primary
    private = instance.decrypt(read_record(path)).plaintext
    assert private == instance.decrypt(before).plaintext


def test_only_the_blobs_of_one_key_move(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """Named by its alias; the others are counted."""
    other = instance.create_key().key_id
    mine = record_file(instance, key_id, tmp_path / "a.json")
    theirs = record_file(instance, other, tmp_path / "b.json")
    for key in (key_id, other):
        instance.create_key_version(key)
    report = bulk.rewrap_records(instance, [tmp_path], key_id="alias/test")
    assert report.moved == 1
    assert read_record(tmp_path / "a.json").key_version_id != mine.key_version_id
    assert read_record(tmp_path / "b.json") == theirs
    assert report.census.of_version(other, str(theirs.key_version_id)) == 1


def test_answers_of_encrypt_and_data_key_move(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """With the Aad that is given; what else is in the document stays."""
    for name, made in [
        ("memo", instance.advance_encrypt(key_id, b"secret", aad=b"memo")),
        ("key", instance.advance_generate_data_key(key_id, 32, aad=b"memo")),
        ("plain", instance.encrypt(key_id, b"secret", aad=b"memo")),
    ]:
        answer = made.to_dict() | {"Note": "mine"}
        answer.pop("Plaintext", None)
        (tmp_path / f"{name}.json").write_text(json.dumps(answer, default=as_text))
    newest = instance.create_key_version(key_id).key_version_id
    report = bulk.rewrap_records(instance, [tmp_path], aad=b"memo", advance=True)
    assert (report.moved, report.problems) == (3, 0)
    for name in ("memo", "key", "plain"):
        answer = json.loads((tmp_path / f"{name}.json").read_text())
        assert (answer["KeyVersionId"], answer["Note"]) == (newest, "mine")
    other = instance.create_key().key_id
    to_other = bulk.rewrap_records(instance, [tmp_path], destination_key_id=other)
    assert to_other.problems == 3  # without their Aad
    assert set(told(to_other)[0].split(": ")) >= {"key.json"}


def test_lines_move_and_what_does_not_open_stays(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """Reported by file and line; every other line moves, and none is lost."""
    path = tmp_path / "many.jsonl"
    bulk.write(instance, tmp_path / "job", key_id, "EC_P256", 6, advance=True,
               with_plaintext=True)  # fmt: skip
    lines = (tmp_path / "job" / "pairs-000001.jsonl").read_bytes().splitlines()
    lines[1] = lines[1].replace(b'"Aad": ""', b'"Aad": "AAAA"')
    lines[3] = b"{ damaged"
    lines[4] = b'{"a": "line of somebody else"}'
    lines.insert(2, b"")
    path.write_bytes(b"\r\n".join(lines))  # the last without an end
    newest = instance.create_key_version(key_id).key_version_id
    report = bulk.rewrap_records(instance, [path])
    assert (report.moved, report.problems, report.census.unread) == (3, 2, 1)
    assert [each.partition(": ")[0] for each in sorted(told(report))] == [
        "many.jsonl:2",
        "many.jsonl:5",
    ]
    after = path.read_bytes().splitlines()
    for number in (1, 2, 4, 5):
        assert after[number] == lines[number]
    moved = [json.loads(after[number]) for number in (0, 3, 6)]
    assert {each["KeyVersionId"] for each in moved} == {newest}
    for each, line in zip(moved, (0, 3, 6), strict=True):
        before = json.loads(lines[line])
        assert each["PrivateKeyPlaintext"] == before["PrivateKeyPlaintext"]
        assert list(each) == list(before)


KINDS: dict[str, dict[str, Any]] = {
    "lines": {"advance": True, "with_plaintext": True},
    "table": {"advance": True, "output_format": "parquet"},
    "plain": {},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["job", "single"])
def test_a_job_stays_verifiable(
    instance: Instance, key_id: str, tmp_path: Path, kind: str, name: str
) -> None:
    """After moving to a new version, then to another key, in every form of a job."""
    asked = dict(KINDS[kind])
    ending = asked.get("output_format", "jsonl")
    out = tmp_path / (name if name == "job" else f"{name}.{ending}")
    bulk.write(instance, out, key_id, "EC_P256", 5, shard_size=2, aad=b"lot 9", **asked)
    before = records_of(out)
    newest = instance.create_key_version(key_id).key_version_id
    other = instance.create_key().key_id
    instance.create_key_version(other)
    advance = bool(asked.get("advance"))
    report = bulk.rewrap_records(instance, [out])
    assert (report.moved, report.problems) == (5 * advance, 0)
    assert found(out, instance) == []
    if advance:
        assert manifest_of(out)["KeyVersionIds"] == [newest]
    if ending == "parquet":
        metadata = pq.read_metadata(out if out.suffix else shard(out, 1)).metadata
        assert metadata[b"Type"] == WrappedKeyPair.TYPE.encode()
    report = bulk.rewrap_records(instance, [tmp_path], destination_key_id=other)
    assert (report.moved, report.problems) == (5, 0)
    assert found(out, instance) == []
    assert manifest_of(out)["Job"]["KeyId"] == other
    report = bulk.rewrap_records(instance, [out], advance=True)
    assert (report.moved, report.plain) == (5 * (not advance), 0)
    assert found(out, instance) == []
    assert manifest_of(out)["Job"]["Operation"].startswith("Advance")
    after = records_of(out)
    same = ("PublicKey", "Aad", "PrivateKeyPlaintext")
    for one, two in zip(before, after, strict=True):
        assert [one.get(each) for each in same] == [two.get(each) for each in same]
    primary = instance.describe_key(other).primary_key_version
    assert report.census.rows() == [(other, primary, 5)]


def test_a_job_that_is_not_whole_is_counted_and_left(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """Unfinished, spoiled, or in use by another process: reported, not laundered."""
    for name in ("unfinished", "spoiled", "used"):
        bulk.write(instance, tmp_path / name, key_id, "EC_P256", 4, shard_size=2,
                   advance=True)  # fmt: skip
    manifest = bulk.read_manifest(tmp_path / "unfinished")
    part = bulk.Manifest(manifest.job, manifest.key_version_ids, manifest.shards[:1])
    part.save(tmp_path / "unfinished" / "manifest.json")
    rewrite(shard(tmp_path / "spoiled", 1), 2, Aad="AAAA")
    old = manifest.key_version_ids[0]
    newest = instance.create_key_version(key_id).key_version_id
    spoiled = shard(tmp_path / "spoiled", 1).read_bytes()
    with bulk.storage.locked(tmp_path / "used" / ".lock"):
        report = bulk.rewrap_records(instance, [tmp_path])
    assert report.census.blobs == {(key_id, old): 4, (key_id, newest): 2}
    assert report.census.unread == 2
    texts = " ".join(str(each) for each in report.findings)
    for each in ("unfinished: the job is not finished", "was changed",
                 "Another process"):  # fmt: skip
        assert each in texts
    assert shard(tmp_path / "spoiled", 1).read_bytes() == spoiled
    assert "was changed" in found(tmp_path / "spoiled", instance)[0]


def test_a_record_of_a_job_that_does_not_open_keeps_the_move_open(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """To another key: the manifest says so until the record is there, or is mended."""
    out = tmp_path / "job"
    bulk.write(instance, out, key_id, "EC_P256", 4, shard_size=2, advance=True)
    whole = shard(out, 1).read_bytes()
    blob = json.loads(whole.splitlines()[1])["PrivateKeyCiphertextBlob"]
    rewrite(shard(out, 1), 2, PrivateKeyCiphertextBlob=blob[:-8] + "AAAAAAA=")
    vouch_for(out)
    other = instance.create_key().key_id
    report = bulk.rewrap_records(instance, [out], destination_key_id=other)
    assert (report.moved, report.problems) == (3, 1)
    assert any("on their way" in each for each in found(out, instance, sample=1))
    third = instance.create_key().key_id
    report = bulk.rewrap_records(instance, [out], destination_key_id=third)
    assert report.moved == 0
    assert any(f"on their way to the key {other}" in str(each)
               for each in report.findings)  # fmt: skip
    with pytest.raises(errors.InvalidParameter, match="on their way"):
        bulk.write(instance, out, key_id, "EC_P256", 4, shard_size=2, advance=True)
    rewrite(shard(out, 1), 2, PrivateKeyCiphertextBlob=blob)
    vouch_for(out)
    report = bulk.rewrap_records(instance, [out], destination_key_id=other)
    assert (report.moved, report.problems) == (1, 0)
    assert found(out, instance) == []


def test_what_is_no_blob_is_left_alone(instance: Instance, tmp_path: Path) -> None:
    """Documents of others in a folder are counted; what may be a blob is reported."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "x"}')
    (folder / "list.json").write_text("[1]")
    (folder / "log.jsonl").write_text('{"a": 1}\n{"b": 2}\n')
    (folder / "notes.txt").write_text("{")
    (folder / ".hidden.json").write_text("{")
    pq.write_table(pa.table({"a": [1]}), folder / "numbers.parquet")
    report = bulk.rewrap_records(instance, [folder])
    assert (report.others, report.files, report.problems) == (4, 0, 0)
    (folder / "cut.json").write_text('{"Type": "pairsmith/wrapped-')
    (folder / "deep.json").write_text("[" * 100_000)
    (folder / "newer.json").write_text('{"Type": "pairsmith/wrapped-key-pair/v9"}')
    (folder / "cut.parquet").write_bytes(b"PAR1PAR1")
    report = bulk.rewrap_records(instance, [folder])
    assert (report.others, report.problems, report.census.unread) == (4, 4, 4)
    for name in ("package.json", "log.jsonl", "numbers.parquet"):
        report = bulk.rewrap_records(instance, [folder / name])
        assert told(report) == [f"{name}: it holds no blob"]
    with pytest.raises(errors.StorageError):
        bulk.rewrap_records(instance, [folder / "missing.json"])
    with pytest.raises(errors.KeyNotFound):
        bulk.rewrap_records(instance, [folder], key_id=f"key-{'0' * 21}")


def test_links_stay_links_and_hard_links_are_refused(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """A link's file is replaced where it is, once; a second name would be left old."""
    real, folder = tmp_path / "real", tmp_path / "folder"
    real.mkdir()
    folder.mkdir()
    record_file(instance, key_id, real / "a.json")
    (folder / "link.json").symlink_to(real / "a.json")
    (folder / "again.json").symlink_to(real / "a.json")
    (folder / "loop").symlink_to(folder)
    record_file(instance, key_id, folder / "b.json")
    os.link(folder / "b.json", tmp_path / "second-name")
    newest = instance.create_key_version(key_id).key_version_id
    report = bulk.rewrap_records(instance, [folder, real])
    assert (report.moved, report.files) == (1, 2)
    assert "hard links" in told(report)[0]
    assert (folder / "link.json").is_symlink()
    assert read_record(real / "a.json").key_version_id == newest


def test_keys_that_cannot_be_used_stop_nothing_else(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """Records of a disabled or unknown key are reported, the others move."""
    disabled = instance.create_key().key_id
    for name, key in (("a", key_id), ("b", disabled)):
        record_file(instance, key, tmp_path / f"{name}.json")
    text = (tmp_path / "a.json").read_text().replace(key_id, f"key-{'0' * 21}")
    (tmp_path / "c.json").write_text(text)
    instance.create_key_version(key_id)
    instance.disable_key(disabled)
    report = bulk.rewrap_records(instance, [tmp_path])
    assert (report.moved, report.problems) == (1, 2)
    assert [each.partition(": ")[0] for each in told(report)] == ["b.json", "c.json"]


def test_a_disk_that_refuses_loses_nothing(
    instance: Instance, key_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reported; the file stays as it was, and the next call moves it."""
    path = tmp_path / "a.json"
    before = record_file(instance, key_id, path)
    instance.create_key_version(key_id)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        report = bulk.rewrap_records(instance, [path])
    assert (report.moved, report.problems) == (0, 1)
    assert "No space left" in told(report)[0]
    assert read_record(path) == before
    assert report.census.rows() == [(key_id, before.key_version_id, 1)]
    assert not list(tmp_path.glob(".*draft"))
    assert bulk.rewrap_records(instance, [path]).moved == 1


@pytest.mark.parametrize("refused", range(1, 9))
def test_a_disk_that_refuses_within_a_job_loses_nothing(
    instance: Instance, key_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    refused: int,
) -> None:  # fmt: skip
    """Whichever file cannot get its name, once: the next call ends with a whole job."""
    out = tmp_path / "job"
    bulk.write(instance, out, key_id, "EC_P256", 4, shard_size=2, advance=True)
    other = instance.create_key().key_id
    real, calls = os.replace, 0

    def replace(*names: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == refused:
            raise OSError(28, "No space left on device")
        real(*names)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        report = bulk.rewrap_records(instance, [out], destination_key_id=other)
    assert report.problems == (refused < 8) + (refused < 7)
    left = found(out, instance, sample=4)
    assert all("on their way" in each for each in left), left
    again = bulk.rewrap_records(instance, [out], destination_key_id=other)
    assert again.problems == 0
    assert found(out, instance, sample=4) == []
    assert {record["KeyId"] for record in records_of(out)} == {other}


def test_a_file_that_changes_meanwhile_is_not_overwritten(
    instance: Instance, key_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wrote it last is right; the next call moves what is there then."""
    path = tmp_path / "a.json"
    record_file(instance, key_id, path)
    instance.create_key_version(key_id)
    real: Any = moving_files.move_entries

    def interfere(*args: Any) -> Any:
        answer = real(*args)
        path.write_text("{}")
        return answer

    monkeypatch.setattr(moving_files, "move_entries", interfere)
    report = bulk.rewrap_records(instance, [path])
    assert "somebody has changed it" in told(report)[0]
    assert path.read_text() == "{}"


def test_progress_ends_at_all_bytes(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """Told after every file and shard."""
    for number in range(3):
        record_file(instance, key_id, tmp_path / f"{number}.json")
    bulk.write(instance, tmp_path / "job", key_id, "EC_P256", 4, shard_size=2)
    steps: list[tuple[int, int]] = []
    bulk.rewrap_records(instance, [tmp_path], progress=lambda *step: steps.append(step))
    assert len(steps) == 5
    assert steps[-1][0] == steps[-1][1] > 0
