"""The private CA under clocks that were wrong, and at its end."""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import Certificate

from pairsmith.server import private_ca, tls
from pairsmith.server.private_ca import is_valid, read_certificate

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def made(folder: Path, now: datetime) -> tuple[Certificate, Certificate, bool]:
    """CA and server certificate after a start at this time, and whether it is new."""
    files = tls.made_files(folder, ["kms.example"], now)
    assert files.ca is not None
    authority, certificate = map(read_certificate, (files.ca, files.certificate))
    certificate.verify_directly_issued_by(authority)
    assert is_valid(authority, now)
    assert is_valid(certificate, now)
    assert certificate.not_valid_after_utc <= authority.not_valid_after_utc
    return authority, certificate, files.made


def test_a_certificate_made_while_the_clock_was_ahead_is_made_anew(
    tmp_path: Path,
) -> None:
    """Clients would refuse it for a year; the CA, made before, stays."""
    authority, _, _ = made(tmp_path, NOW)
    _, ahead, _ = made(tmp_path, NOW + 365 * DAY)
    again, certificate, is_new = made(tmp_path, NOW)
    assert (again, is_new) == (authority, False)
    assert certificate != ahead


@pytest.mark.parametrize("days", [-20000, 4000, 20000])
def test_the_ca_that_clients_know_comes_back_when_the_clock_is_right(
    tmp_path: Path, days: int
) -> None:
    """A clock that was in another decade for one start costs no client its trust."""
    authority, _, is_new = made(tmp_path, NOW)
    assert is_new
    made(tmp_path, NOW + days * DAY)
    again, _, _ = made(tmp_path, NOW)
    assert again == authority


def test_a_ca_made_while_the_clock_was_ahead_is_replaced(tmp_path: Path) -> None:
    """The first start had the wrong clock: nobody can have used that CA."""
    ahead, _, _ = made(tmp_path, NOW + 365 * DAY)
    authority, _, is_new = made(tmp_path, NOW)
    assert is_new
    assert authority != ahead
    assert made(tmp_path, NOW + DAY)[0] == authority


def test_no_server_certificate_outlives_the_ca(tmp_path: Path) -> None:
    """Near the CA's end the last one stays until then; after it all is made anew."""
    authority, _, _ = made(tmp_path, NOW)
    end = authority.not_valid_after_utc
    same, last, _ = made(tmp_path, end - 50 * DAY)
    assert same == authority
    assert last.not_valid_after_utc == end
    assert made(tmp_path, end - DAY)[:2] == (authority, last)
    successor, _, is_new = made(tmp_path, end + DAY)
    assert successor != authority
    assert is_new


def test_a_ca_key_that_is_kept_elsewhere_is_asked_for_only_to_sign(
    tmp_path: Path,
) -> None:
    """Who moves ``ca.key`` away keeps their CA."""
    authority, _, _ = made(tmp_path, NOW)
    (tmp_path / "ca.key").rename(tmp_path / "elsewhere")
    assert made(tmp_path, NOW + DAY)[0] == authority
    with pytest.raises(tls.TlsError, match=r"ca\.key"):
        made(tmp_path, NOW + 390 * DAY)
    assert read_certificate(tmp_path / tls.CA_FILE) == authority


class Killed(BaseException):
    """What a process meets that is killed: nothing of ours catches it."""


def dying(call: Callable[..., Any], after: int) -> Callable[..., Any]:
    """A call that kills the process instead of being made for the n-th time."""
    left = count(after, -1)

    def call_or_die(*arguments: object, **named: object) -> Any:
        if next(left) == 0:
            raise Killed
        return call(*arguments, **named)

    return call_or_die


@pytest.mark.parametrize("then", [NOW, NOW + 4000 * DAY, NOW - 20000 * DAY])
@pytest.mark.parametrize("first", [None, NOW])
def test_a_start_that_was_killed_is_repaired_by_the_next(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: datetime | None,
    then: datetime,
) -> None:
    """Before and after every file, when the CA is made, replaced or brought back."""
    for number in range(9):
        folder = tmp_path / str(number)
        known = None if first is None else made(folder, first)[0]
        with monkeypatch.context() as patch:
            patch.setattr(private_ca, "_write", dying(private_ca._write, number // 2))
            if number % 2:
                patch.setattr(os, "fsync", dying(os.fsync, number // 2))
            with suppress(Killed):
                tls.made_files(folder, ["kms.example"], then)
        made(folder, then)
        if known is not None:
            assert made(folder, NOW)[0] == known
