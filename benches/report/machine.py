"""What is to be known of the machine that measures, and of its company meanwhile."""

import os
import platform
import re
import subprocess
import time
import tomllib
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cryptography.hazmat.backends.openssl.backend import backend

from pairsmith import Instance

ROOT = Path(__file__).parent.parent.parent
IDLE, WAITING, STOLEN = 3, 4, 7
"""Places in the first line of /proc/stat; all others are work."""


class Watch:
    """Looks at the machine before and after a measurement."""

    def __init__(self) -> None:
        self._begun = datetime.now(UTC)
        self._clock = time.monotonic()
        self._own = own_seconds()
        self._ticks = ticks()

    def facts(self) -> dict[str, Any]:
        """When it was, how long it took, and what others took of the CPUs meanwhile."""
        spent = [now - then for now, then in zip(ticks(), self._ticks, strict=True)]
        total = max(sum(spent), 1)
        working = total - spent[IDLE] - spent[WAITING] - spent[STOLEN]
        own = (own_seconds() - self._own) * os.sysconf("SC_CLK_TCK")
        return {
            "Begun": f"{self._begun:%Y-%m-%d %H:%M} UTC",
            "Seconds": round(time.monotonic() - self._clock, 1),
            "Others": round(max(working - own, 0) / total, 4),
            "Stolen": round(spent[STOLEN] / total, 4),
        }


def own_seconds() -> float:
    """CPU time of this process and of all that it has started and that have ended."""
    return sum(os.times()[:4])


def ticks() -> list[int]:
    """The time of all CPUs by kind: user, nice, system, idle, iowait, …, steal."""
    line = Path("/proc/stat").read_text("ascii").partition("\n")[0]
    return [int(word) for word in line.split()[1:9]]


def machine() -> dict[str, Any]:
    """The machine and everything on it that takes part."""
    return {
        "CPU": cpu(),
        "Cores": len(os.sched_getaffinity(0)),
        "Virtual": "hypervisor" in cpu_facts().get("flags", "").split(),
        "Engine": Instance.engine(),
        "System": platform.freedesktop_os_release()["PRETTY_NAME"],
        "Kernel": platform.release(),
        "Versions": versions(),
    }


def cpu() -> str:
    """The processor's name, with the numbers that tell its generation."""
    facts = cpu_facts()
    numbers = ", ".join(
        f"{name.removeprefix('cpu ')} {facts[name]}"
        for name in ("cpu family", "model", "stepping")
        if name in facts
    )
    name = facts.get("model name", platform.machine())
    return f"{name} ({numbers})" if numbers else name


def cpu_facts() -> dict[str, str]:
    """What /proc/cpuinfo says of the first processor."""
    block = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    pairs = (line.partition(":") for line in block.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def versions() -> dict[str, str]:
    """Whatever is compared, and what it was made with."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    crates = {package["name"]: package["version"] for package in lock}
    found = {
        "Pairsmith": f"{version('pairsmith')}, commit {commit()}",
        "Python": platform.python_version(),
        "rustc": output("rustc", "--version").split()[1],
        "cryptography": version("cryptography"),
        "OpenSSL": backend.openssl_version_text().split()[1],
        "pycryptodome": installed("pycryptodome"),
        **{name: crates[name] for name in ("ring", "k256", "rsa", "aws-lc-rs")},
    }
    return {name: text for name, text in found.items() if text}


def commit() -> str:
    """The commit measured; ``+`` if code was changed since."""
    changed = output("git", "status", "--porcelain", "--", "rust", "python")
    return output("git", "rev-parse", "--short=10", "HEAD") + "+" * bool(changed)


def installed(package: str) -> str:
    """Its version, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def output(*command: str) -> str:
    """What a command prints."""
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return re.sub(r"\s+$", "", run.stdout)
