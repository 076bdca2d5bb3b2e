"""Whether another process may look into one: asked without the privilege of root."""

import os
import shutil
import subprocess
from pathlib import Path


def unprivileged() -> list[str]:
    """What a command begins with so that it, root's too, has no right to trace all.

    For both sides: nobody may trace a process that has more rights.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "setpriv (util-linux) is needed to give up rights"
    return [setpriv, "--bounding-set=-sys_ptrace"]


def may_be_traced(process: int) -> bool:
    """Whether a process of the same user may look into it, as debuggers do.

    The link to its program is read, which takes the right to trace it and is denied by
    no other security module.
    """
    words = [*unprivileged(), "readlink", f"/proc/{process}/exe"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def core_limits(process: int) -> list[str]:
    """The soft and the hard limit of core dumps."""
    lines = Path(f"/proc/{process}/limits").read_text("ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("Max core file size"))
    return line.split()[4:6]
