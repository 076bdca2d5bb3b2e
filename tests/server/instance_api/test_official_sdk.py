"""The official Python SDK against a running server: the judge of the Instance API."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from official import Refused, Sdk

from pairsmith import Instance, key_formats
from pairsmith.testing import RunningServer
from waiting import eventually

SPECS = ["RSA_2048", "RSA_3072", "RSA_4096", "EC_P256", "EC_P256K"]
EXTENSION = ["EC_P521", "ED25519", "ML_KEM_768", "ML_DSA_65"]
"""Kinds that the API does not document: the SDK hands the name through."""
OTHERS = ["RSA_3072", "RSA_4096", "EC_P256K"]
PAIR_METHODS = [
    "generate_data_key_pair",
    "generate_data_key_pair_without_plaintext",
    "advance_generate_data_key_pair",
    "advance_generate_data_key_pair_without_plaintext",
]
"""A change by another process is promised within one."""


@pytest.fixture(scope="module")
def sdk(pairsmith_server: RunningServer) -> Iterator[Sdk]:
    """The SDK over TLS, trusting the server's CA."""
    with Sdk(pairsmith_server.sdk_config()) as client:
        yield client


@pytest.fixture(scope="module")
def sdk_without_verification(pairsmith_server: RunningServer) -> Iterator[Sdk]:
    """The SDK over TLS; its asynchronous half cannot be told a CA."""
    config = pairsmith_server.sdk_config()
    del config["ca_file_path"]
    with Sdk(config | {"ignore_ssl": True}) as client:
        yield client


@pytest.fixture(scope="module")
def plain_server(
    pairsmith_servers: Callable[..., RunningServer],
) -> RunningServer:
    """A server over plain HTTP, in two processes, that takes its time for a pair."""
    return pairsmith_servers(
        environment={"PAIRSMITH_ENGINE": "portable"},
        tls_insecure_http=True,
        listen_workers=2,
    )


@pytest.fixture(scope="module")
def keys(pairsmith_server: RunningServer) -> Iterator[Instance]:
    """The server's own instance, in this process."""
    with pairsmith_server.open_instance() as instance:
        yield instance


@pytest.fixture(scope="module")
def shared_key(keys: Instance) -> str:
    """A key that no test changes."""
    return keys.create_key("shared").key_id


def check_pair(sdk: Sdk, method: str, fields: dict[str, Any], **how: Any) -> None:
    """Make a pair, open it again, and let another library read both halves."""
    pair = sdk.call(method, **fields, **how)
    advance = method.startswith("advance")
    assert (pair["KeyId"], pair["Algorithm"]) == (fields["KeyId"], "AES_GCM")
    assert pair["KeyPairSpec"] == fields["KeyPairSpec"]
    assert len(pair["Iv"]) == 12
    version = pair["responseHeaders"]["x-kms-migrationkeyversionid"]
    assert len(version) == 36
    assert pair.get("KeyVersionId") == (version if advance else None)
    to_open = {"CiphertextBlob": pair["PrivateKeyCiphertextBlob"], "Aad": fields["Aad"]}
    if advance:
        opened = sdk.call("advance_decrypt", **to_open, **how)
        assert opened["KeyVersionId"] == version
    else:
        to_open |= {"KeyId": pair["KeyId"], "Iv": pair["Iv"]}
        opened = sdk.call("decrypt", **to_open, **how)
    assert opened["responseHeaders"]["x-kms-migrationkeyversionid"] == version
    if "without" in method:
        assert "PrivateKeyPlaintext" not in pair
    else:
        assert pair["PrivateKeyPlaintext"] == opened["Plaintext"]
    check_halves(opened["Plaintext"], pair["PublicKey"], fields)


def check_halves(private: bytes, public: bytes, fields: dict[str, Any]) -> None:
    """The private key is of the kind and format asked for, and has this public key."""
    if fields["KeyFormat"] == "PEM":
        assert private.startswith(b"-----BEGIN PRIVATE KEY-----\n")
        assert b"\r" not in private + public
        key = serialization.load_pem_private_key(private, None)
        theirs = serialization.load_pem_public_key(public)
    else:
        key = serialization.load_der_private_key(private, None)
        theirs = serialization.load_der_public_key(public)
    assert key.public_key() == theirs
    name, _, size = fields["KeyPairSpec"].partition("_")
    if fields["KeyPairSpec"] in EXTENSION:
        assert key_formats.spec_of(theirs) == fields["KeyPairSpec"]
    elif name == "RSA":
        assert key.key_size == int(size)  # type: ignore[union-attr]
    else:
        curves = {"P256": "secp256r1", "P256K": "secp256k1"}
        assert key.curve.name == curves[size]  # type: ignore[union-attr]


@pytest.mark.parametrize("key_format", ["PEM", "DER"])
@pytest.mark.parametrize("spec", SPECS + EXTENSION)
def test_every_pair_is_made_opened_and_read(
    sdk: Sdk, shared_key: str, spec: str, key_format: str
) -> None:
    """All four operations, from synchronous code over verified TLS."""
    for method in PAIR_METHODS:
        fields = {"KeyId": shared_key, "KeyPairSpec": spec, "KeyFormat": key_format}
        check_pair(sdk, method, fields | {"Aad": b"context"})


@pytest.mark.parametrize("key_format", ["PEM", "DER"])
@pytest.mark.parametrize(
    "spec",
    ["RSA_2048", "EC_P256", *(pytest.param(s, marks=pytest.mark.slow) for s in OTHERS)],
)
def test_every_pair_is_made_opened_and_read_by_asynchronous_code(
    sdk_without_verification: Sdk, shared_key: str, spec: str, key_format: str
) -> None:
    """The same through the SDK's other half, which sends its own headers."""
    for method in PAIR_METHODS:
        fields = {"KeyId": shared_key, "KeyPairSpec": spec, "KeyFormat": key_format}
        check_pair(
            sdk_without_verification,
            method,
            fields | {"Aad": b"context"},
            asynchronous=True,
        )


@pytest.mark.parametrize("asynchronous", [False, True])
def test_small_siblings(
    sdk_without_verification: Sdk, shared_key: str, *, asynchronous: bool
) -> None:
    """Messages and data keys go there and back; random bytes are as many as asked."""

    def call(method: str, **fields: Any) -> Any:
        return sdk_without_verification.call(
            method, asynchronous=asynchronous, **fields
        )

    for prefix in ("", "advance_"):
        sealed = call(prefix + "encrypt", KeyId=shared_key, Plaintext=b"m", Aad=b"a")
        data_key = call(
            prefix + "generate_data_key", KeyId=shared_key, NumberOfBytes=32, Aad=b"a"
        )
        for made, plaintext in ((sealed, b"m"), (data_key, data_key["Plaintext"])):
            opened = call(
                prefix + "decrypt", KeyId=shared_key, Aad=b"a", Iv=made["Iv"],
                CiphertextBlob=made["CiphertextBlob"],
            )  # fmt: skip
            assert opened["Plaintext"] == plaintext
            assert opened["KeyId"] == shared_key
        assert len(data_key["Plaintext"]) == 32
    assert len(call("generate_random", Length=24)["Random"]) == 24


def test_old_blobs_open_after_rotation(sdk: Sdk, keys: Instance) -> None:
    """Plain blobs stay with the initial version, Advance blobs with their own."""
    key = keys.create_key("rotated").key_id
    initial = keys.describe_key(key).primary_key_version
    plain = sdk.call("encrypt", KeyId=key, Plaintext=b"plain")
    first = sdk.call("advance_encrypt", KeyId=key, Plaintext=b"first")
    newer = keys.create_key_version(key).key_version_id
    second = eventually(
        lambda: sdk.call("advance_encrypt", KeyId=key, Plaintext=b"second"),
        lambda answer: answer["KeyVersionId"] == newer,
    )
    assert first["KeyVersionId"] == initial
    again = sdk.call("encrypt", KeyId=key, Plaintext=b"x")
    assert again["responseHeaders"]["x-kms-migrationkeyversionid"] == initial
    where = {"KeyId": key, "CiphertextBlob": plain["CiphertextBlob"], "Iv": plain["Iv"]}
    assert sdk.call("decrypt", **where)["Plaintext"] == b"plain"
    assert sdk.call("advance_decrypt", **where)["Plaintext"] == b"plain"
    for sealed, expected in ((first, b"first"), (second, b"second")):
        opened = sdk.call("advance_decrypt", CiphertextBlob=sealed["CiphertextBlob"])
        assert opened["Plaintext"] == expected
        assert opened["KeyVersionId"] == sealed["KeyVersionId"]


def test_aliases_name_keys_and_can_be_rebound(sdk: Sdk, keys: Instance) -> None:
    """The answer names the real key, and a rebinding is seen within a second."""
    first, second = keys.create_key("first").key_id, keys.create_key("second").key_id
    keys.create_alias("alias/sdk", first)
    fields = {"KeyId": "alias/sdk", "KeyPairSpec": "EC_P256", "KeyFormat": "DER"}
    assert sdk.call(PAIR_METHODS[0], **fields)["KeyId"] == first
    keys.update_alias("alias/sdk", second)
    eventually(
        lambda: sdk.call(PAIR_METHODS[0], **fields),
        lambda pair: pair["KeyId"] == second,
    )


PAIR = {"KeyPairSpec": "EC_P256", "KeyFormat": "PEM"}
INVALID = ("InvalidParameter", 400, "The specified parameter is not valid.")
MISSING = ("Forbidden.KeyNotFound", 404, "The specified key does not exist.")
FAILURE = ("InternalFailure", 500, "Internal Failure.")
ELSEWHERE = ("UnsupportedOperation", 400, "Rejected.UnsupportedOperation")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_errors_are_raised_as_documented(
    sdk_without_verification: Sdk, shared_key: str, *, asynchronous: bool
) -> None:
    """Code, status and message of whatever the SDK itself lets a client do wrong."""
    sealed = sdk_without_verification.call("encrypt", KeyId=shared_key, Plaintext=b"x")
    blob, iv = sealed["CiphertextBlob"], sealed["Iv"]
    whole = {"KeyId": shared_key, "CiphertextBlob": blob, "Iv": iv}
    wrong: list[tuple[str, dict[str, Any], tuple[str, int, str]]] = [
        ("generate_data_key_pair", {}, INVALID),
        ("generate_data_key_pair", PAIR, INVALID),
        ("generate_data_key_pair", PAIR | {"KeyId": "alias/none"}, MISSING),
        ("generate_data_key", {"KeyId": shared_key, "NumberOfBytes": 4096}, INVALID),
        ("decrypt", whole | {"CiphertextBlob": blob[:-1]}, FAILURE),
        ("decrypt", whole | {"Aad": b"not what it was"}, FAILURE),
        ("advance_decrypt", {"CiphertextBlob": b"$\x00\x02" + bytes(80)}, FAILURE),
        ("generate_random", {"Length": 65}, INVALID),
        ("get_public_key", {"KeyId": shared_key}, ELSEWHERE),
        ("get_secret_value", {"SecretName": "none"}, ELSEWHERE),
    ]
    for method, fields, expected in wrong:
        refused = refusal(sdk_without_verification, method, fields, asynchronous)
        assert (refused.code, refused.status, refused.message) == expected, method


def test_states_forbid_the_use_of_a_key(sdk: Sdk, keys: Instance) -> None:
    """A disabled key and one to be deleted are 409, decryption included."""
    key = keys.create_key("states").key_id
    sealed = sdk.call("encrypt", KeyId=key, Plaintext=b"x")
    fields = {
        "KeyId": key,
        "CiphertextBlob": sealed["CiphertextBlob"],
        "Iv": sealed["Iv"],
    }
    for change, state in (
        (keys.disable_key, "Disabled"),
        (lambda name: keys.schedule_key_deletion(name, 7), "PendingDeletion"),
    ):
        change(key)
        expected = f"Rejected.{state}"
        eventually(
            lambda: sdk.outcomes("decrypt", fields)[0],
            lambda answer: isinstance(answer, Refused) and answer.code == expected,  # noqa: B023 -- called before it changes
        )
        refused = refusal(sdk, "generate_data_key_pair", PAIR | {"KeyId": key})
        words = f"The request was rejected because the key state is {state}."
        assert (refused.status, refused.message) == (409, words)


def test_an_identity_of_another_server_is_unknown(
    pairsmith_server: RunningServer, plain_server: RunningServer
) -> None:
    """It is 404, as documented, in spite of its good signature."""
    config = pairsmith_server.sdk_config() | {
        "client_key_file": str(plain_server.client_key_file),
        "password": plain_server.client_key_password,
    }
    key_id = plain_server.client_key_file.stem.removeprefix("clientKey_")
    with Sdk(config) as stranger:
        refused = refusal(stranger, "generate_random", {"Length": 8})
    assert (refused.code, refused.status) == ("Unauthorized", 404)
    words = f'The AccessKey ID "{key_id}" does not exist in our records.'
    assert refused.message == words


@pytest.mark.parametrize("asynchronous", [False, True])
def test_one_pair_at_a_time_and_others_after_a_retry(
    plain_server: RunningServer, *, asynchronous: bool
) -> None:
    """While a pair is made elsewhere others are 429; all are served by retries."""
    with plain_server.open_instance() as instance:
        key = instance.create_key("contended").key_id
    fields = {"KeyId": key, "KeyPairSpec": "RSA_2048", "KeyFormat": "DER"}
    how = {"times": 3, "asynchronous": asynchronous}
    method = "generate_data_key_pair_without_plaintext"
    with Sdk(plain_server.sdk_config()) as sdk:
        with plain_server.open_instance() as instance:
            slot = instance._guard.acquire()
            refused = sdk.outcomes(method, fields, autoretry=False, **how)
            instance._guard.release(slot)
        for each in refused:
            assert (each.code, each.status) == ("Rejected.Throttling", 429)
            assert each.message == "Concurrency Limit Exceeded."
        outcomes = sdk.outcomes(method, fields, max_attempts=8, **how)
        assert not any(isinstance(each, Refused) for each in outcomes), outcomes


def refusal(
    sdk: Sdk,
    method: str,
    fields: dict[str, Any],
    asynchronous: bool = False,  # noqa: FBT001, FBT002 -- a parameter of the tests
) -> Refused:
    """What the SDK raises; an answer is a failure."""
    (outcome,) = sdk.outcomes(method, fields, asynchronous=asynchronous)
    assert isinstance(outcome, Refused), outcome
    return outcome
