"""This process: nobody reads its memory from outside.

Keys are in the memory of whatever opens an instance. The command line and the server
forbid core dumps and tracing for their processes; a library does not, for the process
is its application's, which may call ``forbid_dumps`` itself.
"""

from __future__ import annotations

import os

from pairsmith._core import forbid_dumps as _forbid_dumps

ALLOW_TRACING = "PAIRSMITH_ALLOW_TRACING"
"""Set to ``1`` by developers who need a debugger, py-spy or a core dump."""


def forbid_dumps() -> bool:
    """Forbid core dumps and tracing of this process until it executes another program.

    The limit of core dumps (``RLIMIT_CORE``) is set to 0, for programs that are started
    from here, too. On Linux the process is not dumpable any more
    (``PR_SET_DUMPABLE``): debuggers, ``/proc/PID/mem`` and handlers of core dumps are
    for root only, also where ``kernel.yama.ptrace_scope`` is 0.

    Returns:
        Whether that is so; ``False`` if ``PAIRSMITH_ALLOW_TRACING=1`` asks for the
        opposite.

    Raises:
        OSError: The system refuses it.
    """
    if os.environ.get(ALLOW_TRACING) == "1":
        return False
    _forbid_dumps()
    return True
