"""One exception per documented error code, all under ``PairsmithError``.

The codes are those of the KMS Instance API and of its management OpenAPI. A class that
refines another (``DecryptionError`` under ``InternalFailure``) shares its code: on the
wire only documented codes are ever seen. ``CATALOGUE`` lists every class once; the
documentation is generated from it and a test compares it with the documented table.

This module imports nothing heavy: the Rust core and every layer raise from it.
"""

# ruff: noqa: N818 -- the names are those of the documented codes.

from typing import Any, ClassVar


class PairsmithError(Exception):
    """Whatever Pairsmith raises on purpose; catch it to catch them all.

    Args:
        message: What happened and what to do next, for the caller of the Python API.
            Without one, the documented text of the code is used.
        request_id: The request it belongs to, if known; may be set later.
    """

    code: ClassVar[str] = "InternalFailure"
    http_status: ClassVar[int] = 500
    wire_message: ClassVar[str] = "Internal Failure."
    """The documented text, which is all that the wire tells."""

    retryable: bool = False
    """Whether the same call may succeed later without anything being changed."""

    request_id: str | None

    def __init__(
        self, message: str | None = None, *, request_id: str | None = None
    ) -> None:
        super().__init__(self.wire_message if message is None else message)
        self.request_id = request_id

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by state, so that subclasses are free in what they ask to be made."""
        return _restored, (type(self), self.args), self.__dict__


def _restored(kind: type[PairsmithError], args: tuple[Any, ...]) -> PairsmithError:
    return kind.__new__(kind, *args)


# 400: the request itself is wrong.


class InvalidParameter(PairsmithError):
    """A value is missing, of the wrong type, too long, or outside what is allowed.

    Args:
        parameter: Its name in the Python API, such as ``key_id``.
        reason: What is wrong and what would be right; continues the sentence.
        request_id: As for every error.
    """

    code = "InvalidParameter"
    http_status = 400
    wire_message = "The specified parameter is not valid."

    def __init__(
        self, parameter: str, reason: str, *, request_id: str | None = None
    ) -> None:
        super().__init__(
            f"The parameter {parameter} is not valid: {reason}", request_id=request_id
        )
        self.parameter = parameter


class UnsupportedOperation(PairsmithError):
    """The operation exists, but not for this kind of key, algorithm or instance."""

    code = "UnsupportedOperation"
    http_status = 400
    wire_message = "Rejected.UnsupportedOperation"  # sic: that text is documented


class RejectedUnsupportedOperation(PairsmithError):
    """The key forbids it: above all, its deletion protection is on.

    Switch the protection off with ``set_deletion_protection`` before scheduling.
    """

    code = "Rejected.UnsupportedOperation"
    http_status = 400
    wire_message = "Unsupported operation."


class AliasAlreadyExists(PairsmithError):
    """The alias is bound already; ``update_alias`` binds it to another key."""

    code = "AliasAlreadyExists"
    http_status = 400
    wire_message = "AliasName Already Exists."


class LimitExceeded(PairsmithError):
    """One more would be more than a key or an instance may have, such as 20 tags."""

    code = "Rejected.LimitExceeded"
    http_status = 400
    wire_message = (
        "The request was rejected because user create resource limit was exceeded"
    )


# 404: the thing named does not exist.


class KeyNotFound(PairsmithError):
    """No key has this id or alias: mistyped, deleted, or of another instance."""

    code = "Forbidden.KeyNotFound"
    http_status = 404
    wire_message = "The specified key does not exist."


class KeyVersionNotFound(PairsmithError):
    """No such version of the key: mistyped, or of another key or instance."""

    code = "Forbidden.KeyVersionNotFound"
    http_status = 404
    wire_message = "The specified Key version is not found."


class AliasNotFound(PairsmithError):
    """No such alias. Data operations say ``KeyNotFound`` instead, as documented."""

    code = "Forbidden.AliasNotFound"
    http_status = 404
    wire_message = "The specified Alias is not found."


class OnlySymmetricKeySupported(PairsmithError):
    """The operation wraps, so it needs a symmetric key; this one is asymmetric."""

    code = "Forbidden.OnlySymmetricKeySupported"
    http_status = 404
    wire_message = (
        "The key is not a symmetric key. The API only supports symmetric keys."
    )


# 409: the key exists, but its state forbids the operation.


class KeyDisabled(PairsmithError):
    """The key is Disabled; ``enable_key`` lets it work again, decryption included."""

    code = "Rejected.Disabled"
    http_status = 409
    wire_message = "The request was rejected because the key state is Disabled."


class KeyVersionRetired(KeyDisabled):
    """The key version was retired; ``restore_key_version`` lets it open blobs again.

    Blobs under it should have been moved to the primary version before it was retired.
    """


class KeyPendingDeletion(PairsmithError):
    """The key waits for its destruction; ``cancel_key_deletion`` brings it back."""

    code = "Rejected.PendingDeletion"
    http_status = 409
    wire_message = "The request was rejected because the key state is PendingDeletion."


class KeyPendingImport(PairsmithError):
    """The key has no material yet: it was made to receive some from outside."""

    code = "Rejected.PendingImport"
    http_status = 409
    wire_message = "The request was rejected because the key state is PendingImport."


class KeyUnavailable(PairsmithError):
    """The key cannot be used at present, or its stored row does not open.

    A row that was changed, swapped or cut does not open under the root key; the message
    names the key version, and the row must be restored from a backup of the database.
    """

    code = "Rejected.Unavailable"
    http_status = 409
    wire_message = "The request was rejected because the key state is Unavailable."


class StateModifiedFailed(PairsmithError):
    """The key's state does not allow the change of state that was asked for."""

    code = "Rejected.StateModifiedFailed"
    http_status = 409
    wire_message = "Keystate modified failed."


# 429: too much at once.


class Throttled(PairsmithError):
    """Another pair is being generated and the instance allows one at a time.

    Try again after a while, wait with ``wait=seconds``, or raise the limit.
    """

    code = "Rejected.Throttling"
    http_status = 429
    wire_message = "Concurrency Limit Exceeded."
    retryable = True


class JobInUse(Throttled):
    """Another process is writing the same bulk job; let it, or stop it first."""

    def __init__(
        self,
        message: str = "Another process is writing this bulk job: let it finish, or "
        "stop it first.",
        *,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)


# 500: the work itself failed.


class InternalFailure(PairsmithError):
    """Something that should not happen did: a defect here or in a library."""


class DecryptionError(InternalFailure):
    """Blob, Iv, Aad, key and version do not belong together, or the blob was changed.

    Which of them it was is not told: an attacker would learn from it.
    """

    def __init__(self, *, request_id: str | None = None) -> None:
        super().__init__(
            "Nothing was decrypted: key, blob, Iv and Aad do not belong together, or "
            "one of them was changed. Give exactly what was stored.",
            request_id=request_id,
        )


class FormatRefused(DecryptionError):
    """A blob does not say what it was made as, and the instance refuses such blobs.

    They are those of format 1, and what ``re_encrypt`` made of them.
    """

    def __init__(self, *, request_id: str | None = None) -> None:
        InternalFailure.__init__(
            self,
            "Nothing was decrypted: the blob is of format 1, which does not say what "
            "it was made as, and refuse_format_1 is set. Where it is not set, "
            "pairsmith rewrap-records brings stored records to format 2.",
            request_id=request_id,
        )


class SelfTestError(InternalFailure):
    """A primitive gave a wrong answer to a question whose answer is known.

    Broken hardware, or a damaged or wrongly built module. Every operation that needs
    the core raises this until the process ends.
    """

    def __init__(self, *, request_id: str | None = None) -> None:
        super().__init__(
            "A self-test of the cryptographic module failed, so it does nothing more "
            "in this process. Run pairsmith doctor, on another machine too; if only "
            "this one fails, its hardware or its installation is broken.",
            request_id=request_id,
        )


class RandomSourceError(InternalFailure):
    """The operating system's random numbers are missing, repeat or cannot be used.

    A sandbox that forbids ``getrandom``, an emulator that makes up its answer, or a
    broken kernel. Nothing that was drawn is used.
    """

    def __init__(self, *, request_id: str | None = None) -> None:
        super().__init__(
            "The operating system gave no random numbers, or such as repeat or are of "
            "no use. Nothing was returned or stored. See whether a sandbox or an "
            "emulator stands between this process and getrandom(2).",
            request_id=request_id,
        )


class OperationCancelled(InternalFailure):
    """The caller, or an instance that was being closed, stopped the operation."""

    def __init__(
        self,
        message: str = "The operation was cancelled before it had a result.",
        *,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)


# 503: what the instance stands on does not answer.


class ServiceUnavailable(PairsmithError):
    """The database or the root key cannot be used at present."""

    code = "ServiceUnavailableTemporary"
    http_status = 503
    wire_message = "Service Unavailable Temporary."
    retryable = True


class DatabaseError(ServiceUnavailable):
    """The database is locked, full, read-only, damaged, unreachable or closed.

    Args:
        message: What happened and what to do.
        retryable: Whether waiting may be enough, as it is for a lock.
        request_id: As for every error.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        retryable: bool = True,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.retryable = retryable


class OutcomeUnknown(DatabaseError):
    """The change may have happened: look before repeating it.

    The database failed, or fell silent, while it was making the change permanent.
    """

    retryable = False

    def __init__(
        self, message: str | None = None, *, request_id: str | None = None
    ) -> None:
        super().__init__(message, retryable=False, request_id=request_id)


class SchemaTooNew(ServiceUnavailable):
    """A newer Pairsmith has written the database; install that one to open it."""

    retryable = False


class RootKeyError(ServiceUnavailable):
    """The root key is missing, unreadable, readable by others, or the wrong one."""

    retryable = False


class StorageError(ServiceUnavailable):
    """A file of a bulk job cannot be read or written; the message says which and why.

    Whatever the manifest names is whole. Make room, or permit it, and call again.
    """

    retryable = False


CATALOGUE: tuple[type[PairsmithError], ...] = (
    InvalidParameter,
    UnsupportedOperation,
    RejectedUnsupportedOperation,
    AliasAlreadyExists,
    LimitExceeded,
    KeyNotFound,
    KeyVersionNotFound,
    AliasNotFound,
    OnlySymmetricKeySupported,
    KeyDisabled,
    KeyVersionRetired,
    KeyPendingDeletion,
    KeyPendingImport,
    KeyUnavailable,
    StateModifiedFailed,
    Throttled,
    JobInUse,
    InternalFailure,
    DecryptionError,
    FormatRefused,
    SelfTestError,
    RandomSourceError,
    OperationCancelled,
    ServiceUnavailable,
    DatabaseError,
    OutcomeUnknown,
    SchemaTooNew,
    RootKeyError,
    StorageError,
)
"""Every class above, in the order of their HTTP status."""
