"""The error tree against the documented codes, statuses and texts."""

import copy
import pickle
import re
from pathlib import Path

import pytest

from pairsmith import errors
from pairsmith.errors import CATALOGUE, InvalidParameter, PairsmithError

EXPECTED: dict[str, tuple[str, int, bool]] = {
    "InvalidParameter": ("InvalidParameter", 400, False),
    "UnsupportedOperation": ("UnsupportedOperation", 400, False),
    "RejectedUnsupportedOperation": ("Rejected.UnsupportedOperation", 400, False),
    "AliasAlreadyExists": ("AliasAlreadyExists", 400, False),
    "LimitExceeded": ("Rejected.LimitExceeded", 400, False),
    "KeyNotFound": ("Forbidden.KeyNotFound", 404, False),
    "KeyVersionNotFound": ("Forbidden.KeyVersionNotFound", 404, False),
    "AliasNotFound": ("Forbidden.AliasNotFound", 404, False),
    "OnlySymmetricKeySupported": ("Forbidden.OnlySymmetricKeySupported", 404, False),
    "KeyDisabled": ("Rejected.Disabled", 409, False),
    "KeyVersionRetired": ("Rejected.Disabled", 409, False),
    "KeyPendingDeletion": ("Rejected.PendingDeletion", 409, False),
    "KeyPendingImport": ("Rejected.PendingImport", 409, False),
    "KeyUnavailable": ("Rejected.Unavailable", 409, False),
    "StateModifiedFailed": ("Rejected.StateModifiedFailed", 409, False),
    "Throttled": ("Rejected.Throttling", 429, True),
    "JobInUse": ("Rejected.Throttling", 429, True),
    "InternalFailure": ("InternalFailure", 500, False),
    "DecryptionError": ("InternalFailure", 500, False),
    "FormatRefused": ("InternalFailure", 500, False),
    "SelfTestError": ("InternalFailure", 500, False),
    "RandomSourceError": ("InternalFailure", 500, False),
    "OperationCancelled": ("InternalFailure", 500, False),
    "ServiceUnavailable": ("ServiceUnavailableTemporary", 503, True),
    "DatabaseError": ("ServiceUnavailableTemporary", 503, True),
    "OutcomeUnknown": ("ServiceUnavailableTemporary", 503, False),
    "SchemaTooNew": ("ServiceUnavailableTemporary", 503, False),
    "RootKeyError": ("ServiceUnavailableTemporary", 503, False),
    "StorageError": ("ServiceUnavailableTemporary", 503, False),
}

STATE = "The request was rejected because the key state is {}."
LIMIT = "The request was rejected because user create resource limit was exceeded"
DOCUMENTED: dict[str, tuple[int, set[str]]] = {
    "InvalidParameter": (400, {"The specified parameter is not valid."}),
    "UnsupportedOperation": (400, {"Rejected.UnsupportedOperation"}),
    "Forbidden.KeyNotFound": (404, {"The specified key does not exist."}),
    "Forbidden.OnlySymmetricKeySupported": (
        404,
        {"The key is not a symmetric key. The API only supports symmetric keys."},
    ),
    "Rejected.PendingDeletion": (409, {STATE.format("PendingDeletion")}),
    "Rejected.Disabled": (409, {STATE.format("Disabled")}),
    "Rejected.PendingImport": (409, {STATE.format("PendingImport")}),
    "Rejected.Unavailable": (409, {STATE.format("Unavailable")}),
    "Rejected.Throttling": (429, {"Concurrency Limit Exceeded.", "QPS Limit Exceeded"}),
    "InternalFailure": (500, {"Internal Failure."}),
    "ServiceUnavailableTemporary": (503, {"Service Unavailable Temporary."}),
    # Of the management OpenAPI only.
    "Rejected.UnsupportedOperation": (400, {"Unsupported operation."}),
    "Rejected.LimitExceeded": (400, {LIMIT}),
    "AliasAlreadyExists": (400, {"AliasName Already Exists."}),
    "Forbidden.KeyVersionNotFound": (404, {"The specified Key version is not found."}),
    "Forbidden.AliasNotFound": (404, {"The specified Alias is not found."}),
    "Rejected.StateModifiedFailed": (409, {"Keystate modified failed."}),
}
"""Every code that a library has a reason for: the documented status, and the texts."""


def _made(kind: type[PairsmithError]) -> PairsmithError:
    return kind("key_id", "why") if kind is InvalidParameter else kind()


def test_catalogue_is_complete() -> None:
    """Every class of the module is in the catalogue, and in the table above."""
    defined = {
        each.__name__
        for each in vars(errors).values()
        if isinstance(each, type)
        and issubclass(each, PairsmithError)
        and each is not PairsmithError
    }
    assert {kind.__name__ for kind in CATALOGUE} == defined == EXPECTED.keys()
    assert len(set(CATALOGUE)) == len(CATALOGUE)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_code_status_and_retry(kind: type[PairsmithError]) -> None:
    """Each class has the code, the status and the retry flag of the table."""
    error = _made(kind)
    expected = EXPECTED[kind.__name__]
    assert (error.code, error.http_status, error.retryable) == expected
    assert error.request_id is None
    assert kind.__doc__


@pytest.mark.parametrize("kind", CATALOGUE)
def test_one_class_per_code(kind: type[PairsmithError]) -> None:
    """A code belongs to one class; others that share it refine that class."""
    (first,) = [
        each
        for each in CATALOGUE
        if each.code == kind.code and PairsmithError in each.__bases__
    ]
    assert issubclass(kind, first)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_copies_and_pickles(kind: type[PairsmithError]) -> None:
    """An error survives copying and pickling whole, its request id included."""
    error = _made(kind)
    error.request_id = "5f0c7b9e"
    error.add_note("a note")
    for same in (
        pickle.loads(pickle.dumps(error)),  # noqa: S301 -- our own
        copy.copy(error),
        copy.deepcopy(error),
    ):
        assert type(same) is kind
        assert same.args == error.args
        assert vars(same) == vars(error)
        assert str(same) == str(error)


def test_request_id_can_be_given() -> None:
    """A request id may be given at once or set later."""
    assert errors.KeyDisabled(request_id="a").request_id == "a"
    assert errors.InvalidParameter("aad", "long", request_id="b").request_id == "b"
    assert errors.DecryptionError(request_id="c").request_id == "c"


def test_parameter_is_named() -> None:
    """InvalidParameter names the parameter, for people and for programs."""
    error = InvalidParameter("aad", "give at most 8192 bytes.")
    assert error.parameter == "aad"
    assert str(error) == "The parameter aad is not valid: give at most 8192 bytes."


def test_decryption_failures_look_alike() -> None:
    """A decryption failure takes no message: there is one."""
    with pytest.raises(TypeError):
        errors.DecryptionError("wrong tag")
    assert str(errors.DecryptionError()) == str(errors.DecryptionError())
    assert errors.DecryptionError.wire_message == "Internal Failure."


def test_database_errors_differ_in_retrying() -> None:
    """A lock may be waited for, a read-only file may not; the class says neither."""
    assert errors.DatabaseError("locked").retryable
    assert not errors.DatabaseError("read-only", retryable=False).retryable


def test_every_code_is_documented() -> None:
    """No class has a code that the service does not have."""
    assert {kind.code for kind in CATALOGUE} == DOCUMENTED.keys()


@pytest.mark.parametrize("code", DOCUMENTED)
def test_documented_codes_have_their_status_and_text(code: str) -> None:
    """The first class of a code says on the wire what is documented."""
    kind = next(kind for kind in CATALOGUE if kind.code == code)
    status, texts = DOCUMENTED[code]
    assert kind.http_status == status
    assert kind.wire_message in texts


def test_importing_errors_is_cheap() -> None:
    """The module imports nothing but typing, for every layer stands on it."""
    source = Path(errors.__file__).read_text()
    assert re.findall(r"^(?:from|import) (\S+)", source, re.MULTILINE) == ["typing"]
