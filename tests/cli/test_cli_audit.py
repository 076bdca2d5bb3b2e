"""``pairsmith audit``: the log beside the database, whole or not."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from terminal import Terminal

from pairsmith import Instance
from pairsmith.server.access.store import AccessStore
from pairsmith.server.audit import AuditEntry, AuditLog


@pytest.fixture
def log(terminal: Terminal) -> Path:
    """An audit log of five operations, where the command looks for it."""
    path = terminal.folder / "kms.db.audit.log"
    with Instance.open(terminal.database) as instance:
        store = AccessStore(instance.registry)
        with contextlib.closing(AuditLog.open(path, store.audit_key())) as opened:
            for number in range(5):
                opened.record(
                    AuditEntry(
                        "Decrypt", "KAAP.1", "app", f"r{number}", "", "", "", "OK", 200,
                        "::1", datetime.now(UTC), 0.1,
                    )
                )  # fmt: skip
        store.close()
    return path


def test_a_whole_log_is_said_to_be_whole(terminal: Terminal, log: Path) -> None:
    """By default the one beside the database; with the head to be noted."""
    head = terminal.do("audit", "head").stdout.strip()
    seen = terminal.ask("audit", "verify")
    assert (seen["Lines"], seen["Parts"], seen["Head"]) == (6, 1, head)
    assert (seen["SignaturesChecked"], seen["AnchorFound"]) == (True, False)
    said = terminal.do("audit", "verify", log, "--anchor", head).stdout
    assert "6 lines in 1 file\n" in said
    assert "Anchor" in said
    assert terminal.ask("audit", "head")["Sequence"] == 6


def test_a_changed_line_is_named(terminal: Terminal, log: Path) -> None:
    """The exit code is that of a refusal, and the message names file and line."""
    log.write_bytes(log.read_bytes().replace(b'"r2"', b'"rX"'))
    code, error = terminal.refused("audit", "verify")
    assert (code, error["Code"]) == (1, "AuditBroken")
    assert f"{log}, line 4: it was changed" in error["Message"]


def test_a_cut_end_is_found_by_the_record_or_the_anchor(
    terminal: Terminal, log: Path
) -> None:
    """Without both the shorter log is whole."""
    head = terminal.do("audit", "head").stdout.strip()
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    code, error = terminal.refused("audit", "verify")
    assert (code, "went on to 6: lines were removed" in error["Message"]) == (1, True)
    log.with_name(f"{log.name}.head").unlink()
    assert terminal.ask("audit", "verify")["Lines"] == 5
    assert (
        "removed" in terminal.refused("audit", "verify", "--anchor", head)[1]["Message"]
    )


def test_the_chain_can_be_checked_where_the_key_is_not(
    terminal: Terminal, log: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On another machine, without the database; the answer says what was not seen."""
    elsewhere = Terminal(tmp_path_factory.mktemp("elsewhere"))
    seen = elsewhere.ask("audit", "verify", log, "--without-key")
    assert (seen["Lines"], seen["SignaturesChecked"]) == (6, False)
    assert "not checked" in elsewhere.do("audit", "verify", log, "--without-key").stdout
    head = elsewhere.do("audit", "head", log, "--without-key").stdout
    assert head == terminal.do("audit", "head").stdout
    elsewhere.do("init")
    for command in ("verify", "head"):
        code, error = elsewhere.refused("audit", command, log)
        assert (code, "not written by this instance" in error["Message"]) == (1, True)


def test_where_there_is_no_log_nothing_is_whole(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Neither to verify nor to anchor; a folder is no log either."""
    for command in ("verify", "head"):
        code, error = terminal.refused("audit", command)
        assert (code, "there is no audit log" in error["Message"]) == (1, True)
        code, error = terminal.refused("audit", command, tmp_path)
        assert (code, "directory" in error["Message"]) == (3, True)
    code, error = terminal.refused("audit", "verify", "--anchor", "7")
    assert "audit head" in error["Message"]
