"""Instance: every data operation, from the argument to the result."""

import os
import pickle
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pairsmith import (
    CancelToken,
    DataKeyPair,
    DataKeyPairWithoutPlaintext,
    Instance,
    KeyFormat,
    KeyPairSpec,
    errors,
)
from reading import belong_together

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PAIR_OPERATIONS = [
    "generate_data_key_pair",
    "generate_data_key_pair_without_plaintext",
    "advance_generate_data_key_pair",
    "advance_generate_data_key_pair_without_plaintext",
]
KEY_OPERATIONS: dict[str, Callable[[Instance, str], Any]] = {
    **{
        name: lambda kms, key, name=name: getattr(kms, name)(key, "EC_P256", "PEM")
        for name in PAIR_OPERATIONS
    },
    "encrypt": lambda kms, key: kms.encrypt(key, b"x"),
    "advance_encrypt": lambda kms, key: kms.advance_encrypt(key, b"x"),
    "generate_data_key": lambda kms, key: kms.generate_data_key(key, 32),
    "advance_generate_data_key": lambda kms, key: kms.advance_generate_data_key(
        key, 32
    ),
    "decrypt": lambda kms, key: kms.decrypt(b"x" * 80, key_id=key, iv=b"i" * 12),
    "advance_decrypt": lambda kms, key: kms.advance_decrypt(
        b"x" * 80, key_id=key, iv=b"i" * 12
    ),
}


@pytest.mark.parametrize("operation", PAIR_OPERATIONS)
@pytest.mark.parametrize("spec", KeyPairSpec)
@pytest.mark.parametrize("key_format", KeyFormat)
def test_every_pair_comes_back_whole(
    instance: Instance,
    key_id: str,
    operation: str,
    spec: KeyPairSpec,
    key_format: KeyFormat,
) -> None:
    """What was generated decrypts to a private key that fits its public key."""
    pair = getattr(instance, operation)("alias/test", spec, key_format, aad=b"aad")
    advance = operation.startswith("advance")
    assert type(pair) is (
        DataKeyPairWithoutPlaintext if "without" in operation else DataKeyPair
    )
    assert pair.key_id == key_id
    assert pair.key_pair_spec is spec
    assert pair.algorithm == "AES_GCM"
    assert len(pair.iv) == 12
    assert UUID.fullmatch(pair.request_id)
    assert (pair.key_version_id is not None) is advance
    blob = pair.private_key_ciphertext_blob
    if advance:
        opened = instance.advance_decrypt(blob, aad=b"aad")
        assert opened.key_version_id == pair.key_version_id
    else:
        opened = instance.decrypt(blob, key_id=key_id, iv=pair.iv, aad=b"aad")
        assert opened.key_version_id is None
        by_advance = instance.advance_decrypt(
            blob, key_id="alias/test", iv=pair.iv, aad=b"aad"
        )
        assert by_advance.plaintext == opened.plaintext
        assert by_advance.key_version_id is not None
    assert belong_together(opened.plaintext, pair.encoded_public_key)
    if spec is not KeyPairSpec.ML_KEM_512:  # which cryptography does not have
        assert opened.private_key().public_key() == pair.public_key()
    if isinstance(pair, DataKeyPair):
        assert opened.plaintext == pair.private_key_plaintext
    assert instance.decrypt(pair.record()).plaintext == opened.plaintext


def test_plain_stays_with_the_initial_version_and_advance_follows_the_primary(
    instance: Instance, key_id: str
) -> None:
    """Rotation moves Advance operations only; old blobs of both kinds still open."""
    initial = instance.describe_key(key_id).primary_key_version
    before = instance.advance_encrypt(key_id, b"before")
    plain_before = instance.encrypt(key_id, b"plain")
    rotated = instance.create_key_version(key_id).key_version_id
    after = instance.advance_encrypt(key_id, b"after")
    plain_after = instance.encrypt(key_id, b"plain")
    assert before.key_version_id == initial
    assert after.key_version_id == rotated != initial
    assert instance.advance_decrypt(before.ciphertext_blob).plaintext == b"before"
    assert instance.advance_decrypt(after.ciphertext_blob).plaintext == b"after"
    for sealed in (plain_before, plain_after):
        opened = instance.advance_decrypt(
            sealed.ciphertext_blob, key_id=key_id, iv=sealed.iv
        )
        assert opened.key_version_id == initial


def test_data_keys_and_messages_come_back(instance: Instance, key_id: str) -> None:
    """The small siblings of the pair operations seal and open."""
    for advance in (False, True):
        generate, encrypt = (
            (instance.advance_generate_data_key, instance.advance_encrypt)
            if advance
            else (instance.generate_data_key, instance.encrypt)
        )
        for length in (1, 32, 1024):
            key = generate("alias/test", length, aad=b"a")
            assert len(key.plaintext) == length
            opened = instance.advance_decrypt(
                key.ciphertext_blob, key_id=key_id, iv=key.iv, aad=b"a"
            )
            assert opened.plaintext == key.plaintext
        sealed = encrypt(key_id, b"message")
        opened = instance.advance_decrypt(
            sealed.ciphertext_blob, key_id=key_id, iv=sealed.iv
        )
        assert opened.plaintext == b"message"
    assert len(instance.generate_random(64).random) == 64


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    spec=st.sampled_from(["EC_P256", "EC_P256K"]),
    key_format=st.sampled_from(KeyFormat),
    aad=st.binary(max_size=8192),
    operation=st.sampled_from(PAIR_OPERATIONS),
    data=st.data(),
)
def test_round_trip_and_no_flipped_bit_opens(
    instance: Instance,
    key_id: str,
    spec: str,
    key_format: KeyFormat,
    aad: bytes,
    operation: str,
    data: st.DataObject,
) -> None:
    """Any spec, format and Aad comes back; a bit flipped anywhere never opens."""
    pair = getattr(instance, operation)(key_id, spec, key_format, aad=aad)
    blob, iv = pair.private_key_ciphertext_blob, pair.iv
    opened = instance.advance_decrypt(blob, key_id=key_id, iv=iv, aad=aad)
    assert opened.private_key().public_key() == pair.public_key()

    inputs = {"blob": blob, "aad": aad}
    if not operation.startswith("advance"):
        inputs["iv"] = iv
    target = data.draw(st.sampled_from([name for name in inputs if inputs[name]]))
    bit = data.draw(st.integers(0, 8 * len(inputs[target]) - 1))
    flipped = bytearray(inputs[target])
    flipped[bit // 8] ^= 1 << bit % 8
    inputs[target] = bytes(flipped)
    with pytest.raises(errors.DecryptionError):
        instance.advance_decrypt(
            inputs["blob"], key_id=key_id, iv=inputs.get("iv", iv), aad=inputs["aad"]
        )


def test_every_way_not_to_decrypt_is_one_error(instance: Instance, key_id: str) -> None:
    """Wrong Aad, Iv, key, layout or length: the same class and the same message."""
    other = instance.create_key("other").key_id
    plain = instance.encrypt(key_id, b"secret", aad=b"a")
    advance = instance.advance_encrypt(key_id, b"secret", aad=b"a")
    blob, iv = plain.ciphertext_blob, plain.iv
    named = advance.ciphertext_blob
    instance.create_key_version(key_id)
    attempts = [
        lambda: instance.decrypt(blob, key_id=key_id, iv=iv, aad=b"b"),
        lambda: instance.decrypt(blob, key_id=key_id, iv=iv),
        lambda: instance.decrypt(blob, key_id=key_id, iv=bytes(12), aad=b"a"),
        lambda: instance.decrypt(blob, key_id=key_id, iv=b"", aad=b"a"),
        lambda: instance.decrypt(blob, key_id=key_id, iv=bytes(100), aad=b"a"),
        lambda: instance.decrypt(blob, key_id=other, iv=iv, aad=b"a"),
        lambda: instance.decrypt(blob[:-1], key_id=key_id, iv=iv, aad=b"a"),
        lambda: instance.decrypt(blob + b"\0", key_id=key_id, iv=iv, aad=b"a"),
        lambda: instance.decrypt(b"", key_id=key_id, iv=iv, aad=b"a"),
        lambda: instance.decrypt(named, key_id=key_id, iv=advance.iv, aad=b"a"),
        lambda: instance.advance_decrypt(named, aad=b"b"),
        lambda: instance.advance_decrypt(named, key_id=other, aad=b"a"),
        lambda: instance.advance_decrypt(named[:-1], aad=b"a"),
        lambda: instance.advance_decrypt(named[:3] + b"z" * 36 + named[39:], aad=b"a"),
        lambda: instance.advance_decrypt(named[:3] + bytes(36) + named[39:], aad=b"a"),
    ]
    messages = set()
    for attempt in attempts:
        with pytest.raises(errors.DecryptionError) as refused:
            attempt()
        assert refused.value.code == "InternalFailure"
        assert refused.value.http_status == 500
        messages.add(str(refused.value))
    assert len(messages) == 1


@pytest.mark.parametrize("operation", KEY_OPERATIONS)
def test_only_enabled_keys_work(
    instance: Instance, key_id: str, operation: str
) -> None:
    """Disabled and PendingDeletion refuse every operation, decryption included."""
    call = KEY_OPERATIONS[operation]
    instance.disable_key(key_id)
    with pytest.raises(errors.KeyDisabled) as refused:
        call(instance, key_id)
    assert UUID.fullmatch(refused.value.request_id or "")
    instance.enable_key(key_id)
    instance.schedule_key_deletion(key_id, 7)
    with pytest.raises(errors.KeyPendingDeletion):
        call(instance, "alias/test")
    instance.cancel_key_deletion(key_id)
    if "decrypt" in operation:
        with pytest.raises(errors.DecryptionError):
            call(instance, key_id)
    else:
        call(instance, key_id)


@pytest.mark.parametrize("operation", KEY_OPERATIONS)
@pytest.mark.parametrize("name", ["key-" + "0" * 21, "alias/unknown"])
def test_unknown_keys_and_aliases_are_not_found(
    instance: Instance, operation: str, name: str
) -> None:
    """Data operations answer KeyNotFound for an id and for an alias alike."""
    with pytest.raises(errors.KeyNotFound):
        KEY_OPERATIONS[operation](instance, name)


@pytest.mark.parametrize("operation", KEY_OPERATIONS)
@pytest.mark.parametrize(
    "name",
    ["", "alias/", "alias/ä", "alias/a\n", "alias/../x", "key\0", 7, None, b"x"],
)
def test_what_is_no_name_is_invalid(
    instance: Instance, operation: str, name: str
) -> None:
    """Names that no key or alias can have are a bad parameter or not found."""
    with pytest.raises((errors.InvalidParameter, errors.KeyNotFound)):
        KEY_OPERATIONS[operation](instance, name)


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        (("RSA_1024", "PEM"), "key_pair_spec"),
        (("rsa_2048", "PEM"), "key_pair_spec"),
        (("", "PEM"), "key_pair_spec"),
        ((None, "PEM"), "key_pair_spec"),
        (("EC_P256", "pem"), "key_format"),
        (("EC_P256", ""), "key_format"),
        (("EC_P256", 3), "key_format"),
    ],
)
def test_bad_pair_arguments_name_their_parameter(
    instance: Instance, key_id: str, arguments: tuple[Any, Any], parameter: str
) -> None:
    """The error says which argument is wrong and what it may be."""
    with pytest.raises(errors.InvalidParameter, match=parameter) as refused:
        instance.generate_data_key_pair(key_id, *arguments)
    assert refused.value.parameter == parameter
    assert refused.value.http_status == 400


def test_sizes_are_held(instance: Instance, key_id: str) -> None:
    """Aad, data keys, random bytes and messages have the documented limits."""
    instance.encrypt(key_id, b"x", aad=bytes(8192))
    for call in (
        lambda: instance.encrypt(key_id, b"x", aad=bytes(8193)),
        lambda: instance.encrypt(key_id, b"x", aad="text"),  # type: ignore[arg-type]
        lambda: instance.encrypt(key_id, b""),
        lambda: instance.encrypt(key_id, bytes(3 * 1024 * 1024 + 1)),
        lambda: instance.generate_data_key(key_id, 0),
        lambda: instance.generate_data_key(key_id, 1025),
        lambda: instance.generate_data_key(key_id, number_of_bytes=True),
        lambda: instance.generate_data_key(key_id, "32"),  # type: ignore[arg-type]
        lambda: instance.generate_random(0),
        lambda: instance.generate_random(65),
        lambda: instance.generate_data_key_pair(key_id, "EC_P256", "PEM", wait=-1),
        lambda: instance.generate_data_key_pair(
            key_id, "EC_P256", "PEM", wait=float("nan")
        ),
    ):
        with pytest.raises(errors.InvalidParameter):
            call()
    message = os.urandom(3 * 1024 * 1024)
    sealed = instance.encrypt(key_id, message)
    opened = instance.decrypt(sealed.ciphertext_blob, key_id=key_id, iv=sealed.iv)
    assert opened.plaintext == message


def test_bytes_like_arguments_are_taken(instance: Instance, key_id: str) -> None:
    """A bytearray and a memoryview do as well as bytes."""
    sealed = instance.encrypt(key_id, bytearray(b"x"), aad=memoryview(b"a"))
    opened = instance.decrypt(
        memoryview(sealed.ciphertext_blob), key_id=key_id, iv=sealed.iv, aad=b"a"
    )
    assert opened.plaintext == b"x"


@pytest.mark.parametrize("operation", PAIR_OPERATIONS)
def test_guard_spans_the_four_operations_and_nothing_else(
    instance: Instance, key_id: str, operation: str
) -> None:
    """While one pair is made every other is refused, and nothing else is."""
    slot = instance._guard.acquire()
    with pytest.raises(errors.Throttled):
        getattr(instance, operation)(key_id, "EC_P256", "PEM")
    with pytest.raises(errors.Throttled):
        getattr(instance, operation)(key_id, "EC_P256", "PEM", wait=0.01)
    instance.generate_data_key(key_id, 32)
    instance.encrypt(key_id, b"x")
    instance._guard.release(slot)
    getattr(instance, operation)(key_id, "EC_P256", "PEM")


def test_bad_requests_never_take_the_slot(instance: Instance, key_id: str) -> None:
    """Whatever is wrong with a request is found before the guard is asked."""
    disabled = instance.create_key("disabled").key_id
    instance.disable_key(disabled)
    slot = instance._guard.acquire()
    wrong: list[tuple[type[Exception], tuple[str, str, str]]] = [
        (errors.InvalidParameter, (key_id, "RSA_1", "PEM")),
        (errors.InvalidParameter, (key_id, "EC_P256", "X")),
        (errors.KeyNotFound, ("alias/none", "EC_P256", "PEM")),
        (errors.KeyDisabled, (disabled, "EC_P256", "PEM")),
    ]
    for error, arguments in wrong:
        with pytest.raises(error):
            instance.generate_data_key_pair(*arguments)
    instance._guard.release(slot)


def test_concurrent_pairs_are_served_or_throttled(
    instance: Instance, key_id: str
) -> None:
    """Of threads that ask at once some are served and the others told to come again."""
    outcomes: list[str] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        try:
            instance.generate_data_key_pair(key_id, "RSA_4096", "DER")
            outcomes.append("served")
        except errors.Throttled:
            outcomes.append("throttled")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) == {"served", "throttled"}
    instance.generate_data_key_pair(key_id, "EC_P256", "DER")


def test_a_failed_generation_frees_the_slot(instance: Instance, key_id: str) -> None:
    """A cancelled pair leaves the guard free for the next."""
    token = CancelToken()
    token.cancel()
    with pytest.raises(errors.OperationCancelled):
        instance.generate_data_key_pair(key_id, "RSA_4096", "PEM", cancel=token)
    instance.generate_data_key_pair(key_id, "EC_P256", "PEM")


def test_secrets_stay_out_of_repr_and_errors(instance: Instance, key_id: str) -> None:
    """No printed result shows a plaintext."""
    pair = instance.generate_data_key_pair(key_id, "EC_P256", "PEM")
    key = instance.generate_data_key(key_id, 32)
    opened = instance.decrypt(pair.record())
    for printed in (repr(pair), repr(key), repr(opened), str(pair)):
        assert "PRIVATE" not in printed
        assert repr(key.plaintext)[2:-1] not in printed
        assert "plaintext=" not in printed


def test_errors_travel_between_processes(instance: Instance) -> None:
    """An error pickles with its code and request id, as process pools need."""
    with pytest.raises(errors.KeyNotFound) as caught:
        instance.encrypt("alias/none", b"x")
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 -- our own
    assert type(copy) is errors.KeyNotFound
    assert copy.request_id == caught.value.request_id
    assert str(copy) == str(caught.value)


def test_forked_children_work(instance: Instance, key_id: str) -> None:
    """An instance used before a fork works in the child and goes on in the parent."""
    sealed = instance.encrypt(key_id, b"before")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            opened = instance.decrypt(
                sealed.ciphertext_blob, key_id=key_id, iv=sealed.iv
            )
            instance.create_key("of the child")
            pair = instance.generate_data_key_pair(key_id, "RSA_2048", "PEM", wait=60)
            if opened.plaintext == b"before" and instance.decrypt(pair.record()):
                status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert instance.list_keys().total_count == 2
    instance.generate_data_key_pair(key_id, "EC_P256", "PEM", wait=60)


def test_a_closed_instance_says_so(url: str) -> None:
    """Whatever is asked of a closed instance is refused; closing again is not."""
    instance = Instance.open(url)
    key_id = instance.create_key().key_id
    instance.close()
    instance.close()
    with pytest.raises(errors.PairsmithError):
        instance.encrypt(key_id, b"x")


def test_threads_make_pairs_too(url: str) -> None:
    """Pairs found by several threads are as good; how many is checked."""
    with Instance.open(url, threads=2) as kms:
        key_id = kms.create_key().key_id
        pair = kms.generate_data_key_pair(key_id, "RSA_3072", "DER")
        assert kms.decrypt(pair.record()).private_key().public_key() == (
            pair.public_key()
        )
    for wrong in ({"threads": 0}, {"threads": 65}, {"pair_limit": 0}):
        with pytest.raises(errors.InvalidParameter):
            Instance.open(url, **wrong)
