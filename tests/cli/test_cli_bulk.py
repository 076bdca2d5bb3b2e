"""``pairsmith bulk`` and ``bulk verify``, as a person and as a program types them."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import Terminal

from pairsmith.cli.bulk_progress import shown_rate
from waiting import PATIENCE_SECONDS

BULK = ("bulk", "--key", "alias/devices", "--spec", "EC_P256", "--count")


def command(terminal: Terminal, *words: object) -> list[str]:
    """The words that start it as a process."""
    program = [sys.executable, "-m", "pairsmith", "--database", terminal.database]
    return [*program, *map(str, words)]


@pytest.mark.usefixtures("key_id")
def test_a_job_is_written_and_found_sound(terminal: Terminal, tmp_path: Path) -> None:
    """What was done is told in a few lines, and nothing on stderr."""
    done = terminal.do(*BULK, 5, "--out", tmp_path / "job", "--shard-size", 2)
    assert re.search(r"Pairs +5 of EC_P256, PEM\n", done.stdout)
    assert re.search(r"Written to .*job \(3 files, [\d,]+ bytes\)", done.stdout)
    assert "only wrapped" in done.stdout
    looked = terminal.do("bulk", "verify", tmp_path / "job")
    assert re.search(r"Shards +3 of 3 whole\n", looked.stdout)
    assert re.search(r"Opened +5 that fit\n", looked.stdout)
    assert looked.stdout.endswith("All is well.\n")
    assert "Moduli" not in looked.stdout


def test_every_option_is_obeyed(terminal: Terminal, key_id: str) -> None:
    """Also as JSON, of which private keys are no part."""
    out = terminal.folder / "pairs"
    answer = terminal.ask(
        "bulk", "--key", key_id, "--spec", "EC_P256K", "--count", 3, "--out", out,
        "--format", "DER", "--aad", "lot 7", "--with-plaintext", "--advance",
        "--output-format", "parquet", "--shard-size", 2, "--workers", 1, "--wait", 1,
    )  # fmt: skip
    assert "PLAINTEXT" not in json.dumps(answer).upper().replace(
        "ADVANCEGENERATEDATAKEYPAIR", ""
    )
    versions = answer.pop("KeyVersionIds")
    assert [version.startswith(key_id) for version in versions] == [True]
    assert [each["File"] for each in answer.pop("Shards")] == [
        "pairs-000001.parquet",
        "pairs-000002.parquet",
    ]
    assert answer == {
        "KeyId": key_id,
        "Operation": "AdvanceGenerateDataKeyPair",
        "KeyPairSpec": "EC_P256K",
        "KeyFormat": "DER",
        "Algorithm": "AES_GCM",
        "Aad": "bG90IDc=",
        "Count": 3,
        "OutputFormat": "parquet",
        "ShardSize": 2,
        "Out": str(out),
    }
    found = terminal.ask("bulk", "verify", out, "--sample", 2)
    assert (found["Problems"], found["Opened"], found["Records"]) == (0, 2, 3)


def test_records_decrypt_on_the_command_line(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """A line is what ``decrypt`` takes."""
    terminal.do(
        "bulk", "--key", key_id, "--spec", "EC_P256", "--count", 2, "--out",
        tmp_path / "job.jsonl", "--aad", "lot 7",
    )  # fmt: skip
    for line in (tmp_path / "job.jsonl").read_bytes().splitlines():
        opened = terminal.do("decrypt", "-", "--out", "-", stdin=line)
        assert opened.stdout.startswith("-----BEGIN PRIVATE KEY-----")


@pytest.mark.usefixtures("key_id")
def test_problems_have_an_exit_code(terminal: Terminal, tmp_path: Path) -> None:
    """3, and each is told with file and line, to people and to programs."""
    out = tmp_path / "job"
    terminal.do(*BULK, 5, "--out", out)
    lines = (out / "pairs-000001.jsonl").read_bytes().splitlines(keepends=True)
    (out / "pairs-000001.jsonl").write_bytes(b"".join([*lines, lines[1], b"7\n"]))
    answer = terminal.run("bulk", "verify", out)
    assert (answer.exit_code, answer.stderr) == (3, "")
    assert "problem  pairs-000001.jsonl: it was changed" in answer.stdout
    assert "problem  pairs-000001.jsonl:7: " in answer.stdout
    assert (
        "problem  pairs-000001.jsonl:6: it is the pair of pairs-000001.jsonl:2"
        in answer.stdout
    )
    assert answer.stdout.endswith("4 problems\n")
    answer = terminal.run("--json", "bulk", "verify", out, "--no-open")
    assert answer.exit_code == 3
    assert answer.document["Problems"] == 4
    assert answer.document["Opened"] is None
    assert answer.document["Findings"][1] == {
        "File": "pairs-000001.jsonl",
        "Line": 7,
        "Text": "its Type is not pairsmith/wrapped-key-pair/v1",
    }


def test_verification_without_opening_needs_no_instance(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """And says that nothing was opened, and what was not compared."""
    out = tmp_path / "job"
    terminal.do(
        "bulk", "--key", key_id, "--spec", "RSA_2048", "--count", 2, "--out", out
    )
    elsewhere = Terminal(tmp_path / "none")
    looked = elsewhere.do("bulk", "verify", out, "--no-open", "--no-gcd")
    assert re.search(r"Opened +none\n", looked.stdout)
    assert re.search(r"Moduli +not compared\n", looked.stdout)
    looked = elsewhere.do("bulk", "verify", out, "--no-open")
    assert re.search(r"Moduli +2 compared\n", looked.stdout)
    code, error = elsewhere.refused("bulk", "verify", out)
    assert (code, error["Code"]) == (3, "NoDatabase")


@pytest.mark.usefixtures("key_id")
def test_another_command_on_the_same_job_is_refused(
    terminal: Terminal, tmp_path: Path
) -> None:
    """With the parameter that differs; the same again is welcome."""
    out = tmp_path / "job"
    terminal.do(*BULK, 5, "--out", out)
    code, error = terminal.refused(*BULK, 6, "--out", out)
    assert (code, error["Code"]) == (1, "InvalidParameter")
    assert "count" in error["Message"]
    assert "has 5, not 6" in error["Message"]
    code, error = terminal.refused(*BULK, 5, "--out", out, "--advance")
    assert "advance" in error["Message"]
    terminal.do(*BULK, 5, "--out", out)


def test_what_is_not_understood(terminal: Terminal) -> None:
    """Each is said before anything is opened."""
    answer = terminal.run("bulk", "--spec", "EC_P256", "--out", "x")
    assert answer.exit_code == 2
    assert "Missing: --key, --count." in answer.stderr
    answer = terminal.run("bulk", "--count", 5, "verify", "x")
    assert answer.exit_code == 2
    assert "--count is not for verify" in answer.stderr
    assert terminal.run(*BULK, 0, "--out", "x").exit_code == 2
    assert terminal.run(*BULK, 5, "--out", "x", "--shard-size", 0).exit_code == 2
    assert terminal.run("bulk", "verify", "x", "--sample", 0).exit_code == 2
    assert terminal.run("bulk", "check", "x").exit_code == 2
    assert terminal.refused("bulk", "verify", "x", "--no-open")[0] == 1


def test_an_error_on_the_way_tells_how_to_go_on(
    terminal: Terminal, key_id: str, tmp_path: Path
) -> None:
    """With the step that helps first; a job that never began has nothing to go on."""
    out = tmp_path / "job"
    terminal.do("key", "disable", key_id)
    code, error = terminal.refused(*BULK, 5, "--out", out)
    assert (code, error["Code"]) == (1, "Rejected.Disabled")
    assert "the same command" not in error["Next"]
    terminal.do("key", "enable", key_id)
    code, error = terminal.refused(*BULK, 5, "--out", tmp_path / "none/job")
    assert (code, error["Code"]) == (3, "ServiceUnavailableTemporary")
    lock = tmp_path / ".job.jsonl.lock"
    lock.mkdir()
    code, error = terminal.refused(*BULK, 5, "--out", tmp_path / "job.jsonl")
    assert code == 3
    assert str(lock) in error["Message"]


def started(terminal: Terminal, *words: object) -> tuple[subprocess.Popen[bytes], int]:
    """The command on a terminal of its own, and the other end of that."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        command(terminal, *words),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=environment,
    )
    os.close(theirs)
    return process, ours


def seen(screen: int, until: str | None = None) -> str:
    """What appears on the screen, up to a text or to the end."""
    text = ""
    while until is None or not re.search(until, text):
        try:
            piece = os.read(screen, 65_536)
        except OSError:  # the other end was closed
            piece = b""
        if not piece:
            assert until is None, text
            break
        text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", piece.decode())
    return text


@pytest.mark.usefixtures("key_id")
def test_a_person_sees_a_bar_and_can_stop_it(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Rate and time left; Ctrl-C tells how far it is, and the same goes on."""
    out = tmp_path / "job"
    words = ("bulk", "--key", "alias/devices", "--spec", "RSA_2048", "--count")
    process, screen = started(terminal, *words, 10**6, "--out", out)
    text = seen(screen, r"\d/s +\d+:\d\d:\d\d left")
    assert re.search(r"RSA_2048 +.*\d+ of 1,000,000", text)
    process.send_signal(signal.SIGINT)
    text = seen(screen)
    os.close(screen)
    assert process.wait(PATIENCE_SECONDS) == 130
    (done,) = re.findall(r"Next: +([\d,]+) of 1,000,000 pairs are safe in", text)
    assert "Error: Stopped." in text
    assert "Traceback" not in text
    manifest = json.loads((out / "manifest.json").read_text())
    shards = manifest["Shards"]
    assert sum(each["Count"] for each in shards) == int(done.replace(",", "")) > 0
    process, screen = started(terminal, *words, 10**6, "--out", out)
    text = seen(screen, rf"{done} of 1,000,000")
    process.kill()
    process.wait(PATIENCE_SECONDS)
    os.close(screen)
    assert terminal.run("bulk", "verify", out).exit_code == 3  # it is not finished
    kept = json.loads((out / "manifest.json").read_text())["Shards"]
    assert kept[: len(shards)] == shards


@pytest.mark.usefixtures("key_id")
def test_stages_of_verification_have_bars(terminal: Terminal, tmp_path: Path) -> None:
    """One for reading, one for the moduli; they are gone at the end."""
    words = ("bulk", "--key", "alias/devices", "--spec", "RSA_2048", "--count", 20)
    terminal.do(*words, "--out", tmp_path / "job")
    process, screen = started(terminal, "bulk", "verify", tmp_path / "job")
    text = seen(screen)
    os.close(screen)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert re.search(r"Reading .*20 of 20", text)
    assert re.search(r"Comparing moduli .* of \d+", text)
    assert "All is well." in text


@pytest.mark.usefixtures("key_id")
def test_no_terminal_no_bar(terminal: Terminal, tmp_path: Path) -> None:
    """A pipe gets the last lines and nothing else."""
    ended = subprocess.run(
        command(terminal, *BULK, 3000, "--out", tmp_path / "job"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    assert "━" not in ended.stdout
    assert "\x1b" not in ended.stdout
    assert ended.stdout.startswith("Pairs ")


@pytest.mark.usefixtures("key_id")
def test_killed_and_started_again(terminal: Terminal, tmp_path: Path) -> None:
    """Meanwhile a second one is refused; afterwards the same command goes on."""
    out = tmp_path / "job"
    words = (*BULK, 50_000, "--out", out, "--shard-size", 1000, "--wait", 20)
    process, screen = started(terminal, *words)
    seen(screen, r"[1-9][\d,]{3,} of 50,000")
    process.send_signal(signal.SIGSTOP)  # or it might be finished meanwhile
    code, error = terminal.refused(*words)
    assert (code, error["Code"]) == (1, "Rejected.Throttling")
    assert "Another process" in error["Message"]
    assert "finished" in error["Next"]
    process.kill()
    assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    os.close(screen)
    done = terminal.ask(*words)
    assert sum(shard["Count"] for shard in done["Shards"]) == 50_000
    found = terminal.ask("bulk", "verify", out)
    assert (found["Problems"], found["Records"]) == (0, 50_000)


def test_rates_are_readable() -> None:
    """Slow ones have a decimal, and one that is not known is not there."""
    assert shown_rate(None) == ""
    assert shown_rate(0.31) == "0.3/s"
    assert shown_rate(9.96) == "10.0/s"
    assert shown_rate(12_345.6) == "12,346/s"
