"""Which operation a key's state allows, cell by cell as documented.

Where the documents leave a cell empty, the nearest documented neighbour decides:
rotation policies follow ``CreateKeyVersion``, and a key whose row says Unavailable may
be described, named and deleted, but neither used nor switched on or off. One that is
not as it was authenticated is refused before anybody asks here: see ``stored_keys.py``.
"""

from enum import Enum, auto

from pairsmith.errors import (
    KeyDisabled,
    KeyPendingDeletion,
    KeyPendingImport,
    KeyUnavailable,
    PairsmithError,
    StateModifiedFailed,
)
from pairsmith.model import KeyState


class Operation(Enum):
    """What a state may forbid; describing, listing and tagging are always allowed."""

    USE = auto()
    UPDATE_DESCRIPTION = auto()
    ENABLE_OR_DISABLE = auto()
    SCHEDULE_DELETION = auto()
    CANCEL_DELETION = auto()
    SET_DELETION_PROTECTION = auto()
    CREATE_ALIAS = auto()
    UPDATE_ALIAS = auto()
    CREATE_VERSION = auto()
    UPDATE_ROTATION_POLICY = auto()
    RETIRE_VERSION = auto()


_COLUMNS = (
    KeyState.ENABLED,
    KeyState.DISABLED,
    KeyState.PENDING_DELETION,
    KeyState.PENDING_IMPORT,
    KeyState.UNAVAILABLE,
)

_OK = None
_ONLY_ENABLED = (
    _OK,
    KeyDisabled,
    KeyPendingDeletion,
    KeyPendingImport,
    KeyUnavailable,
)
_NOT_PENDING_DELETION = (_OK, _OK, KeyPendingDeletion, _OK, _OK)
_REFUSED = StateModifiedFailed

_TABLE: dict[Operation, tuple[type[PairsmithError] | None, ...]] = {
    Operation.USE: _ONLY_ENABLED,
    Operation.UPDATE_DESCRIPTION: _NOT_PENDING_DELETION,
    Operation.ENABLE_OR_DISABLE: (_OK, _OK, _REFUSED, _REFUSED, _REFUSED),
    Operation.SCHEDULE_DELETION: (_OK, _OK, _REFUSED, _OK, _OK),
    Operation.CANCEL_DELETION: (_REFUSED, _REFUSED, _OK, _REFUSED, _REFUSED),
    Operation.SET_DELETION_PROTECTION: _NOT_PENDING_DELETION,
    Operation.CREATE_ALIAS: (_OK, _OK, _REFUSED, _OK, _OK),
    Operation.UPDATE_ALIAS: _NOT_PENDING_DELETION,
    Operation.CREATE_VERSION: _ONLY_ENABLED,
    Operation.UPDATE_ROTATION_POLICY: _ONLY_ENABLED,
    Operation.RETIRE_VERSION: _NOT_PENDING_DELETION,
}

_ADVICE: dict[KeyState, str] = {
    KeyState.ENABLED: "it is Enabled",
    KeyState.DISABLED: "it is Disabled; enable it first",
    KeyState.PENDING_DELETION: "it waits for deletion; cancel that first",
    KeyState.PENDING_IMPORT: "it has no key material yet",
    KeyState.UNAVAILABLE: "it is Unavailable; restore its rows from a backup",
}


def require(operation: Operation, key_id: str, state: KeyState) -> None:
    """Let the operation pass, or raise the documented error of that cell."""
    error = _TABLE[operation][_COLUMNS.index(state)]
    if error is None:
        return
    advice = _ADVICE[state]
    if operation is Operation.CANCEL_DELETION:
        advice = f"it is {state} and does not wait for deletion"
    raise error(f"The key {key_id} does not allow that: {advice}.")
