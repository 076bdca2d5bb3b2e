"""What ``doctor`` finds about the server's certificates; looking makes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pairsmith.cli.findings import Finding, Verdict
from pairsmith.errors import PairsmithError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pairsmith.server.settings import Settings
    from pairsmith.server.tls import TlsFiles

SUBJECT = "Certificate"


def server_findings() -> Iterator[Finding]:
    """Certificates of a server with the settings of this folder, if it has any."""
    try:
        files = _files()
        if files is None:
            return
        from pairsmith.server.tls import is_valid_now, notices

        told = list(notices(files))
        verdict = Verdict.NOTE if is_valid_now(files) else Verdict.PROBLEM
    except PairsmithError as error:
        yield Finding(SUBJECT, Verdict.PROBLEM, str(error))
        return
    for notice in told:
        yield Finding(SUBJECT, verdict, notice)
    if not told:
        yield Finding(SUBJECT, Verdict.GOOD, f"{files.shown} is not about to end")


def server_settings() -> Settings:
    """The settings that ``serve`` would have here; no command of theirs is run.

    Raises:
        InvalidParameter: They are not as they must be.
    """
    from pairsmith.server.settings_file import DEFAULT_FILE, load_settings

    named = os.environ.get("PAIRSMITH_CONFIG")
    path = Path(named) if named else DEFAULT_FILE
    return load_settings(path if named or path.exists() else None)


def _files() -> TlsFiles | None:
    """The certificates there are; ``None`` before the first start and without TLS."""
    from pairsmith.server.tls import CA_FILE, TlsFiles, own_files

    settings = server_settings()
    chosen = settings.tls
    if chosen.insecure_http:
        return None
    if chosen.certificate or chosen.key:
        return own_files(chosen.certificate, chosen.key)
    folder = Path(settings.files.folder) / "tls"
    if not (folder / CA_FILE).is_file():
        return None
    server, ca = folder / "server.pem", folder / CA_FILE
    return TlsFiles(server, folder / "server.key", ca, made=False)
