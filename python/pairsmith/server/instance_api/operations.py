"""The operations of the Instance API: message in, call of the instance, message out.

``parse`` refuses whatever is wrong with the parameters before anybody looks at rights
or keys. What it gives tells which keys it is about, and has the work, not yet begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.message import DecodeError

from pairsmith import parameters as parse
from pairsmith.errors import (
    DecryptionError,
    InvalidParameter,
    UnsupportedOperation,
)
from pairsmith.instance import Instance
from pairsmith.instance.blob_keys import version_of_blob
from pairsmith.registry.identifiers import KEY_VERSION_ID
from pairsmith.registry.parameters import key_name
from pairsmith.registry.resolved import usable
from pairsmith.results import ALGORITHM
from pairsmith.server.instance_api import messages_pb2 as messages
from pairsmith.server.instance_api.failures import InvalidApiName
from pairsmith.server.path.call import Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from pairsmith.registry.resolved import Found
    from pairsmith.results import Result


class Parsed(NamedTuple):
    """An operation whose parameters are right.

    Attributes:
        work: Does it with what the keys lead to; called once, on any thread.
        keys: Names of keys, and what is wanted of each.
        spec: Of a pair; else empty.
    """

    work: Callable[[Instance, tuple[Found, ...]], Result]
    keys: tuple[tuple[str, Use], ...] = ()
    spec: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation that there is.

    Attributes:
        request: Its message.
        response: The message of its answer.
        parse: Parses the message, or raises ``InvalidParameter``.
    """

    request: type[Message]
    response: type[Message]
    parse: Callable[[Any], Parsed]

    def message(self, body: bytes) -> Message:
        """Decode the message.

        Raises:
            InvalidParameter: It is another one.
        """
        return decoded(self.request, body)

    def answer(self, result: Result, request_id: str) -> bytes:
        """Encode the answer."""
        fields = {**result.to_dict(), "RequestId": request_id}
        return self.response(**fields).SerializeToString()


def decoded(kind: type[Message], body: bytes) -> Message:
    """Decode a message.

    Raises:
        InvalidParameter: It is of another kind.
    """
    message = kind()
    try:
        message.ParseFromString(body)
    except DecodeError:
        raise InvalidParameter("body", "it is not the operation's message") from None
    return message


def told(message: Message) -> dict[str, str | int]:
    """What the audit log tells of a request: names and numbers, and no bytes.

    Whatever may be secret is bytes on this wire: plaintexts, Aad, blobs, digests.
    """
    return {
        field.name: value
        for field, value in message.ListFields()
        if isinstance(value, str | int)
    }


def told_elsewhere(name: str, body: bytes) -> dict[str, str | int]:
    """The same of an operation that a software instance does not have."""
    kind = getattr(messages, f"{name}Request", None) if name in ELSEWHERE else None
    try:
        return {} if kind is None else told(decoded(kind, body))
    except InvalidParameter:
        return {}


def find_operation(name: str) -> Operation:
    """The operation of that name.

    Raises:
        UnsupportedOperation: The API has it, but a software instance does not.
        InvalidApiName: The API does not have it.
    """
    if name in OPERATIONS:
        return OPERATIONS[name]
    if name in ELSEWHERE:
        raise UnsupportedOperation
    raise InvalidApiName(name)


def _pair(method: str, message: Any, *, advance: bool) -> Parsed:  # noqa: ANN401 -- one of four messages
    if not advance:
        _check_algorithm(message)
    spec = parse.parse_spec(message.KeyPairSpec)
    key_format = parse.parse_format(message.KeyFormat)
    key, aad = key_name(message.KeyId), parse.parse_aad(message.Aad)

    def work(instance: Instance, found: tuple[Found, ...]) -> Result:
        generate = getattr(instance, method)
        result: Result = generate(usable(found[0]), spec, key_format, aad=aad)
        return result

    return Parsed(work, ((key, _version(advance=advance)),), spec)


def _data_key(
    message: messages.GenerateDataKeyRequest | messages.AdvanceGenerateDataKeyRequest,
) -> Parsed:
    advance = isinstance(message, messages.AdvanceGenerateDataKeyRequest)
    if isinstance(message, messages.GenerateDataKeyRequest):
        _check_algorithm(message)
    count = parse.parse_count(
        "NumberOfBytes", message.NumberOfBytes, limit=parse.DATA_KEY_LIMIT
    )
    key, aad = key_name(message.KeyId), parse.parse_aad(message.Aad)

    def work(instance: Instance, found: tuple[Found, ...]) -> Result:
        if advance:
            return instance.advance_generate_data_key(usable(found[0]), count, aad=aad)
        return instance.generate_data_key(usable(found[0]), count, aad=aad)

    return Parsed(work, ((key, _version(advance=advance)),))


def _encrypt(
    message: messages.EncryptRequest | messages.AdvanceEncryptRequest,
) -> Parsed:
    advance = isinstance(message, messages.AdvanceEncryptRequest)
    _check_algorithm(message)
    _check_padding(message)
    if message.Iv:
        raise InvalidParameter("Iv", "it is made here; leave it out")
    plaintext = parse.parse_plaintext(message.Plaintext)
    key, aad = key_name(message.KeyId), parse.parse_aad(message.Aad)

    def work(instance: Instance, found: tuple[Found, ...]) -> Result:
        if advance:
            return instance.advance_encrypt(usable(found[0]), plaintext, aad=aad)
        return instance.encrypt(usable(found[0]), plaintext, aad=aad)

    return Parsed(work, ((key, _version(advance=advance)),))


def _decrypt(message: messages.DecryptRequest) -> Parsed:
    blob, iv, aad = _opened(message)
    key = key_name(message.KeyId)

    def work(instance: Instance, found: tuple[Found, ...]) -> Result:
        return instance.decrypt(blob, key_id=usable(found[0]), iv=iv, aad=aad)

    return Parsed(work, ((key, Use.INITIAL),))


def _advance_decrypt(message: messages.AdvanceDecryptRequest) -> Parsed:
    """Open a blob of either kind; one that names its key version needs no KeyId."""
    blob, iv, aad = _opened(message)
    version_id = Instance.blob_key_version_id(blob)
    if version_id is not None and not KEY_VERSION_ID.fullmatch(version_id):
        raise DecryptionError  # nobody has such a version: the blob was not made here
    given = key_name(message.KeyId) if message.KeyId or version_id is None else ""

    if version_id is None:

        def work(instance: Instance, found: tuple[Found, ...]) -> Result:
            key = usable(found[0])
            return instance.advance_decrypt(blob, key_id=key, iv=iv, aad=aad)

        return Parsed(work, ((given, Use.INITIAL),))

    def work_by_version(instance: Instance, found: tuple[Found, ...]) -> Result:
        key = version_of_blob(*found)
        return instance.advance_decrypt(blob, key_id=key, iv=iv, aad=aad)

    beside = ((given, Use.INITIAL),) if given else ()
    return Parsed(work_by_version, ((version_id, Use.VERSION), *beside))


def _random(message: messages.GenerateRandomRequest) -> Parsed:
    length = parse.parse_count("Length", message.Length, limit=parse.RANDOM_LIMIT)
    return Parsed(lambda instance, _found: instance.generate_random(length))


def _opened(
    message: messages.DecryptRequest | messages.AdvanceDecryptRequest,
) -> tuple[bytes, bytes, bytes]:
    _check_algorithm(message)
    _check_padding(message)
    if not message.CiphertextBlob:
        raise InvalidParameter("CiphertextBlob", "it is missing")
    blob = parse.parse_blob(message.CiphertextBlob)
    iv = parse.parse_bytes("Iv", message.Iv, limit=parse.AAD_LIMIT)
    return blob, iv, parse.parse_aad(message.Aad)


def _version(*, advance: bool) -> Use:
    return Use.PRIMARY if advance else Use.INITIAL


def _check_algorithm(message: Any) -> None:  # noqa: ANN401 -- any message that has it
    if message.Algorithm not in ("", ALGORITHM):
        raise InvalidParameter("Algorithm", f"software keys have {ALGORITHM} only")


def _check_padding(message: Any) -> None:  # noqa: ANN401 -- any message that has it
    if message.PaddingMode:
        raise InvalidParameter("PaddingMode", f"{ALGORITHM} has none")


def _pair_operation(name: str, method: str) -> Operation:
    advance = name.startswith("Advance")
    return _operation(name, partial(_pair, method, advance=advance))


def _operation(name: str, parse_message: Callable[[Any], Parsed]) -> Operation:
    return Operation(
        getattr(messages, f"{name}Request"),
        getattr(messages, f"{name}Response"),
        parse_message,
    )


PAIR_METHODS = {
    "GenerateDataKeyPair": "generate_data_key_pair",
    "GenerateDataKeyPairWithoutPlaintext": "generate_data_key_pair_without_plaintext",
    "AdvanceGenerateDataKeyPair": "advance_generate_data_key_pair",
    "AdvanceGenerateDataKeyPairWithoutPlaintext": (
        "advance_generate_data_key_pair_without_plaintext"
    ),
}

OPERATIONS: dict[str, Operation] = {
    **{name: _pair_operation(name, method) for name, method in PAIR_METHODS.items()},
    "GenerateDataKey": _operation("GenerateDataKey", _data_key),
    "AdvanceGenerateDataKey": _operation("AdvanceGenerateDataKey", _data_key),
    "Encrypt": _operation("Encrypt", _encrypt),
    "AdvanceEncrypt": _operation("AdvanceEncrypt", _encrypt),
    "Decrypt": _operation("Decrypt", _decrypt),
    "AdvanceDecrypt": _operation("AdvanceDecrypt", _advance_decrypt),
    "GenerateRandom": _operation("GenerateRandom", _random),
}
"""What a software instance can do."""

ELSEWHERE = frozenset(
    {
        "GetPublicKey",
        "GetSecretValue",
        "Hash",
        "Hmac",
        "KmsDecrypt",
        "KmsEncrypt",
        "Sign",
        "Verify",
    }
)
"""What the API has besides: for asymmetric keys, secrets, or nobody."""
