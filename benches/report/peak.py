"""A command of ``pairsmith``, and then the most memory that it had at once, in KiB.

It is the process's own count: the kernel's for its parent (``ru_maxrss``) begins with
what the parent had when it started it.
"""

import re
import sys
from pathlib import Path

from pairsmith.cli import main


def most_memory() -> int:
    """Peak of the resident memory of this process, in KiB."""
    status = Path("/proc/self/status").read_text("ascii")
    (found,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found)


if __name__ == "__main__":
    main(sys.argv[1:], standalone_mode=False)
    print(most_memory())
