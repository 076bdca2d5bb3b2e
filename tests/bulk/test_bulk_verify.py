"""Verification finds what is wrong with files and manifest, and says where."""

import json
import random
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from jobs import KINDS, found, interrupt_after, manifest_of, rewrite, shard, vouch_for

from pairsmith import Instance, bulk, errors
from pairsmith.bulk.report import FINDINGS_KEPT, Report


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_job_is_found_sound(
    opener: Instance, job: Callable[[str], Path], kind: str
) -> None:
    """And it is told how much was looked at."""
    report = bulk.verify(job(kind), opener, sample=1000)
    assert (report.problems, report.findings) == (0, [])
    assert (report.shards, report.records, report.opened) == (3, 10, 10)
    assert report.moduli == (10 if kind == "RSA" else 0)


@pytest.mark.parametrize("kind", ["EC", "plain", "RSA"])
def test_a_flipped_bit_is_found_wherever_it_is(
    opener: Instance, job: Callable[[str], Path], kind: str
) -> None:
    """The hash names the shard; where the record suffers, opening names the line."""
    out = job(kind)
    draw = random.Random(1)  # noqa: S311 -- places, not secrets
    path = shard(out, 2)
    content = path.read_bytes()
    with_line = 0
    for _ in range(40):
        place = draw.randrange(len(content))
        flipped = content[place] ^ 1 << draw.randrange(8)
        path.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
        findings = found(out, opener, sample=1)
        assert findings[0].startswith("pairs-000002.jsonl: it was changed")
        assert all(each.startswith("pairs-000002.jsonl") for each in findings)
        line = content.count(b"\n", 0, place) + 1
        with_line += any(f":{line}: " in each for each in findings)
    assert with_line > 30  # unused bits of Base64 have no meaning


def test_a_bit_of_a_table_is_found(
    opener: Instance, job: Callable[[str], Path]
) -> None:
    """Wherever it is, and nothing worse happens."""
    out = job("parquet")
    draw = random.Random(2)  # noqa: S311
    path = shard(out, 2)
    content = path.read_bytes()
    for _ in range(60):
        place = draw.randrange(len(content))
        flipped = content[place] ^ 1 << draw.randrange(8)
        path.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
        findings = found(out, opener, sample=1)
        assert findings[0].startswith("pairs-000002.parquet: it was changed")


@pytest.mark.parametrize("kind", ["EC", "parquet"])
def test_a_missing_shard_is_found(
    opener: Instance, job: Callable[[str], Path], kind: str
) -> None:
    """By its name."""
    out = job(kind)
    path = shard(out, 2)
    path.unlink()
    assert found(out, opener) == [f"{path.name}: it is missing"]


@pytest.mark.parametrize("kind", ["EC", "parquet"])
@pytest.mark.parametrize("left", [0.99, 0.5, 0.0])
def test_a_truncated_shard_is_found(
    opener: Instance, job: Callable[[str], Path], kind: str, left: float
) -> None:
    """By hash and count; a line that was cut is named."""
    out = job(kind)
    path = shard(out, 2)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * left)])
    findings = found(out, opener)
    assert findings[0].startswith(f"{path.name}: it was changed")
    assert f"{path.name}: it has" in findings[-1] or kind == "EC"
    if kind == "EC" and left == 0.99:
        assert "pairs-000002.jsonl:4: it is cut off, or far too long" in findings


def test_a_shard_cut_between_lines_is_found(
    opener: Instance, job: Callable[[str], Path]
) -> None:
    """Though every line that is left is sound."""
    out = job("EC")
    lines = shard(out, 1).read_bytes().splitlines(keepends=True)
    shard(out, 1).write_bytes(b"".join(lines[:3]))
    changed, fewer = found(out, opener)
    assert "it was changed" in changed
    assert fewer == "pairs-000001.jsonl: it has 3 records, and the manifest says 4"


def test_swapped_shards_are_found(opener: Instance, job: Callable[[str], Path]) -> None:
    """And it is said with what they were."""
    out = job("EC")
    first, second = shard(out, 1), shard(out, 2)
    first.rename(out / "aside")
    second.rename(first)
    (out / "aside").rename(second)
    assert found(out, opener) == [
        "pairs-000001.jsonl: it has the content of pairs-000002.jsonl",
        "pairs-000002.jsonl: it has the content of pairs-000001.jsonl",
    ]


def test_an_extra_line_is_found(opener: Instance, job: Callable[[str], Path]) -> None:
    """Also as the repetition that it is."""
    out = job("EC")
    lines = shard(out, 3).read_bytes().splitlines(keepends=True)
    shard(out, 3).write_bytes(b"".join([*lines, lines[0]]))
    changed, more, again = found(out, opener)
    assert "it was changed" in changed
    assert more == "pairs-000003.jsonl: it has 3 records, and the manifest says 2"
    assert again == "pairs-000003.jsonl:3: it is the pair of pairs-000003.jsonl:1"


def test_a_manifest_that_does_not_add_up_is_found(
    opener: Instance, job: Callable[[str], Path]
) -> None:
    """More was to be made, a shard is named twice, or one is not named."""
    out = job("EC")
    whole = manifest_of(out)
    path = out / "manifest.json"
    path.write_text(json.dumps(whole | {"Job": whole["Job"] | {"Count": 11}}))
    assert found(out, opener) == [
        "manifest.json: the job is not finished: it has 10 of 11 pairs"
    ]
    twice = [*whole["Shards"], whole["Shards"][0]]
    path.write_text(json.dumps(whole | {"Shards": twice}))
    findings = found(out, opener)
    assert "manifest.json: it names pairs-000001.jsonl twice" in findings
    path.write_text(json.dumps(whole))
    (out / "pairs-000004.jsonl").write_text("")
    assert found(out, opener) == ["pairs-000004.jsonl: it is not in the manifest"]


def test_a_job_that_is_not_finished_is_no_sound_one(
    instance: Instance, key_id: str, tmp_path: Path
) -> None:
    """What there is of it is verified, in parts, too."""
    for name in ("job", "job.jsonl"):
        out = tmp_path / name
        interrupt_after(3, instance, out, key_id)
        report = bulk.verify(out, instance)
        assert (report.problems, report.records, report.opened) == (1, 3, 3)
        assert "it has 3 of 5 pairs" in str(report.findings[0])


def test_the_sample_is_as_large_as_asked_for(
    opener: Instance, job: Callable[[str], Path]
) -> None:
    """Chosen anew every time, from all shards."""
    out = job("plain")
    rewrite(shard(out, 2), 2, Iv=b64encode(bytes(12)).decode())
    vouch_for(out)
    reports = [bulk.verify(out, opener, sample=3) for _ in range(60)]
    assert {report.opened + report.problems for report in reports} == {3}
    # Found with odds of 3 in 10 each time.
    assert {report.problems for report in reports} == {0, 1}
    assert bulk.verify(out, None).opened == 0
    assert bulk.verify(out, None).problems == 0


def test_a_job_of_another_instance_cannot_be_opened(
    instance: Instance, opener: Instance, job: Callable[[str], Path]
) -> None:
    """Nor one whose key is disabled: that is an error and no finding."""
    out = job("EC")
    with pytest.raises(errors.KeyNotFound):
        bulk.verify(out, instance)
    key_id = manifest_of(out)["Job"]["KeyId"]
    opener.disable_key(key_id)
    try:
        with pytest.raises(errors.KeyDisabled):
            bulk.verify(out, opener)
    finally:
        opener.enable_key(key_id)


def test_no_job_no_verification(instance: Instance, tmp_path: Path) -> None:
    """The message says where a manifest was looked for."""
    for name in ("none", "none.jsonl"):
        with pytest.raises(errors.InvalidParameter, match=name):
            bulk.verify(tmp_path / name, instance)


def test_without_gmpy2_it_is_said_what_to_install(
    job: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For RSA alone, and there is a way around it."""
    monkeypatch.setitem(sys.modules, "gmpy2", None)
    with pytest.raises(errors.InvalidParameter, match=r"pairsmith\[verify\]"):
        bulk.verify(job("RSA"), None)
    assert bulk.verify(job("plain"), None).problems == 0


def test_progress_is_told_by_stage(
    opener: Instance, job: Callable[[str], Path]
) -> None:
    """Each ends at its total."""
    told: list[tuple[str, int, int]] = []
    bulk.verify(job("RSA"), opener, progress=lambda *each: told.append(each))
    stages = dict.fromkeys(stage for stage, _, _ in told)
    assert list(stages) == ["Reading", "Comparing moduli"]
    for stage in stages:
        *_, (_, done, total) = (each for each in told if each[0] == stage)
        assert done == total


def test_only_so_many_findings_are_kept(made: tuple[Instance, Path]) -> None:
    """All of them are counted."""
    report = Report(bulk.read_manifest(made[1] / "EC"))
    for line in range(FINDINGS_KEPT + 5):
        report.add("file", line, "it is wrong")
    assert len(report.findings) == FINDINGS_KEPT
    assert report.problems == FINDINGS_KEPT + 5
