"""The border: what Python may hand to the Rust core, and what comes back."""

import gc
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
)

from pairsmith import KeyPairSpec, _core
from pairsmith._core import CancelToken, RootKey, WrappingKey
from pairsmith.errors import DecryptionError, InternalFailure, OperationCancelled
from reading import belong_together
from waiting import PATIENCE_SECONDS

KEY = "key-0123456789abcdefghijk"
VERSION = "key-0123456789abcdefghijk-0123456789"
Call = Callable[[], object]
SEARCHES = 200
SPECS = list(map(str, KeyPairSpec))


@pytest.fixture
def root() -> RootKey:
    """A root key."""
    return RootKey(os.urandom(32))


@pytest.fixture
def key(root: RootKey) -> WrappingKey:
    """A key version."""
    return root.open_version(root.create_version(KEY, VERSION), KEY, VERSION)


def pair_of(
    key: WrappingKey, spec: str = "EC_P256", key_format: str = "DER", **changes: Any
) -> tuple[bytes, bytes, bytes, bytes | None]:
    """A pair with plaintext in the plain layout, unless told otherwise."""
    arguments = {"advance": False, "with_plaintext": True, **changes}
    return key.generate_data_key_pair(spec, key_format, b"aad", **arguments)


def generate_until_stopped(key: WrappingKey, token: CancelToken) -> None:
    """Pairs of the slowest kind, one after the other."""
    while True:
        pair_of(key, "RSA_4096", cancel=token)


class TestRootKey:
    """Root keys take 32 bytes, give none back, and open rows in their place."""

    def test_takes_bytes_and_bytearrays(self) -> None:
        """Both kinds of bytes make the same root key, and the array is not changed."""
        array = bytearray(range(32))
        assert RootKey(bytes(array)).root_key_id == RootKey(array).root_key_id
        assert array == bytearray(range(32))

    @pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
    def test_refuses_other_lengths(self, length: int) -> None:
        """A root key of another length is a ``ValueError`` that says the right one."""
        with pytest.raises(ValueError, match="exactly 32 bytes"):
            RootKey(bytes(length))

    @pytest.mark.parametrize(
        "key", [None, "0" * 32, 7, [0] * 32, memoryview(bytes(32))]
    )
    def test_refuses_other_types(self, key: Any) -> None:
        """A root key of another type is a ``TypeError``."""
        with pytest.raises(TypeError):
            RootKey(key)

    def test_rows_open_in_their_place_only(self, root: RootKey) -> None:
        """A row opens where it belongs; moved, cut, or elsewhere it does not."""
        row = root.create_version(KEY, VERSION)
        assert root.open_version(row, KEY, VERSION).key_version_id == VERSION
        other = RootKey(os.urandom(32))
        moved = VERSION[:-1] + "8"
        attempts: list[Call] = [
            lambda: root.open_version(row, KEY + "x", VERSION),
            lambda: root.open_version(row, KEY, moved),
            lambda: root.open_version(row[:-1], KEY, VERSION),
            lambda: root.open_version(b"", KEY, VERSION),
            lambda: other.open_version(row, KEY, VERSION),
            lambda: other.rewrap(row, KEY, VERSION, root),
        ]
        for attempt in attempts:
            with pytest.raises(DecryptionError):
                attempt()

    def test_rewrapping_keeps_the_material(self, root: RootKey) -> None:
        """What the key version sealed before opens after its row was rewrapped."""
        row = root.create_version(KEY, VERSION)
        iv, blob = root.open_version(row, KEY, VERSION).seal(
            b"data", b"", advance=False
        )
        new = RootKey(os.urandom(32))
        rewrapped = root.rewrap(row, KEY, VERSION, new)
        opened = new.open_version(rewrapped, KEY, VERSION).open(blob, iv, b"")
        assert opened[0] == b"data"

    def test_a_version_id_has_36_characters(self, root: RootKey) -> None:
        """Another length is refused, with the defect's class: callers parse first."""
        with pytest.raises(InternalFailure):
            root.create_version(KEY, "short")


class TestSealing:
    """Messages come back, and nothing else opens."""

    @pytest.mark.parametrize("advance", [False, True])
    @pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 4096, 1_000_000])
    def test_messages_come_back(
        self, key: WrappingKey, length: int, *, advance: bool
    ) -> None:
        """A message of any length opens to itself in both layouts."""
        message = os.urandom(length)
        iv, blob = key.seal(message, b"aad", advance=advance)
        opened = (
            key.open_advance(blob, b"aad") if advance else key.open(blob, iv, b"aad")
        )
        assert opened == (message, "message", None, None)
        assert len(blob) == length + 68 + (51 if advance else 0)

    def test_nothing_else_opens(self, root: RootKey, key: WrappingKey) -> None:
        """Another Aad, Iv, blob or key is one ``DecryptionError`` for all."""
        iv, blob = key.seal(b"message", b"aad", advance=False)
        other = root.open_version(root.create_version(KEY, VERSION), KEY, VERSION)
        messages = set()
        attempts: list[Call] = [
            lambda: key.open(blob, iv, b"other"),
            lambda: key.open(blob, iv[::-1], b"aad"),
            lambda: key.open(blob, b"", b"aad"),
            lambda: key.open(blob[:-1], iv, b"aad"),
            lambda: key.open(b"", iv, b"aad"),
            lambda: key.open_advance(blob, b"aad"),
            lambda: other.open(blob, iv, b"aad"),
        ]
        for attempt in attempts:
            with pytest.raises(DecryptionError) as caught:
                attempt()
            messages.add(str(caught.value))
        assert len(messages) == 1

    def test_advance_blobs_name_their_version(self, key: WrappingKey) -> None:
        """The header gives the version id; other bytes give ``None``."""
        _, blob = key.seal(b"", b"", advance=True)
        assert _core.advance_key_version_id(blob) == VERSION
        for other in [b"", b"$", blob[1:], blob[:50], os.urandom(200), bytes(200)]:
            assert _core.advance_key_version_id(other) is None

    def test_blobs_say_what_they_are(self, key: WrappingKey) -> None:
        """A job's key is told from a message; no other purpose is for callers."""
        iv, blob = key.seal(b"k", b"", advance=False, purpose="job")
        assert key.open(blob, iv, b"")[1] == "job"
        assert _core.states_purpose(blob, advance=False)
        assert not _core.states_purpose(b"\x01" + blob[1:], advance=False)
        assert not _core.states_purpose(blob, advance=True)
        assert not _core.states_purpose(b"", advance=True)
        for purpose in ("pair", "data key", "", "Message"):
            with pytest.raises(ValueError, match="unknown purpose"):
                key.seal(b"k", b"", advance=False, purpose=purpose)

    def test_data_keys_open(self, key: WrappingKey) -> None:
        """A data key is random bytes, and its blob opens to them."""
        plaintext, iv, blob = key.generate_data_key(32, b"aad", advance=False)
        assert len(plaintext) == 32
        assert key.open(blob, iv, b"aad") == (plaintext, "data key", None, None)
        plaintext, _, blob = key.generate_data_key(64, b"aad", advance=True)
        assert key.open_advance(blob, b"aad")[:2] == (plaintext, "data key")


class TestPairs:
    """Pairs of every kind come out whole."""

    @pytest.mark.parametrize("advance", [False, True])
    @pytest.mark.parametrize("key_format", ["DER", "PEM"])
    @pytest.mark.parametrize("spec", SPECS)
    def test_halves_belong_together(
        self, key: WrappingKey, spec: str, key_format: str, *, advance: bool
    ) -> None:
        """Private key, public key and blob are of one pair, in both layouts."""
        public, iv, blob, private = pair_of(key, spec, key_format, advance=advance)
        opened, *kind = (
            key.open_advance(blob, b"aad") if advance else key.open(blob, iv, b"aad")
        )
        assert opened == private
        assert kind == ["pair", spec, key_format]
        opened = key.open_pair(
            blob,
            iv,
            b"aad",
            advance=advance,
            spec=spec,
            key_format=key_format,
            public_key=public,
        )
        assert opened == private
        assert opened.startswith(b"-----BEGIN PRIVATE KEY") is (key_format == "PEM")
        assert public.startswith(b"-----BEGIN PUBLIC KEY") is (key_format == "PEM")
        assert belong_together(opened, public)

    def test_no_plaintext_unless_asked_for(self, key: WrappingKey) -> None:
        """Without plaintext the fourth value is ``None``, and the blob opens."""
        _, iv, blob, private = pair_of(key, with_plaintext=False)
        assert private is None
        load_der_private_key(key.open(blob, iv, b"aad")[0], None)

    def test_unknown_names_are_refused(self, key: WrappingKey) -> None:
        """A wrong spec or format is a ``ValueError`` here: callers parse first."""
        for spec, key_format in [
            ("RSA_1024", "DER"),
            ("rsa_2048", "DER"),
            ("", "DER"),
            ("EC_P256", "JWK"),
            ("EC_P256", "der"),
            ("EC_P256\0", "DER"),
        ]:
            with pytest.raises(ValueError, match="unknown key"):
                pair_of(key, spec, key_format)

    def test_threads_give_a_pair(self, key: WrappingKey) -> None:
        """Several threads search for one pair; none at all are taken for one."""
        for threads in (0, 1, 2, 5):
            _, _, _, private = pair_of(key, "RSA_2048", threads=threads)
            assert private is not None
            load_der_private_key(private, None)

    def test_many_threads_at_once(self, key: WrappingKey) -> None:
        """Eight Python threads generate with one handle, and all pairs differ."""

        def generate(turn: int) -> bytes:
            spec = SPECS[turn % len(SPECS)]
            public, iv, blob, private = pair_of(key, spec)
            assert key.open(blob, iv, b"aad")[0] == private
            return public

        with ThreadPoolExecutor(8) as pool:
            publics = list(pool.map(generate, range(60)))
        assert len(set(publics)) == 60

    def test_the_interpreter_is_free_during_a_search(self, key: WrappingKey) -> None:
        """Another thread goes on counting in the middle of one search."""
        counted, during = 0, 0
        done = threading.Event()

        def count() -> None:
            nonlocal counted
            while not done.is_set():
                counted += 1
                time.sleep(0.0001)

        counter = threading.Thread(target=count)
        counter.start()
        for _ in range(SEARCHES):  # some are lucky and short
            before = counted
            pair_of(key, "RSA_4096")
            during = max(during, counted - before)
            if during > 10:  # a thread that had to wait would count once, after it
                break
        done.set()
        counter.join()
        assert during > 10

    def test_before_and_after_a_fork(self, key: WrappingKey) -> None:
        """Children of a process that generated generate too, and never the same."""
        own = pair_of(key, "RSA_2048", threads=2)[0]
        publics = {own}
        for _ in range(3):
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                # Only what the child made goes back: no test machinery runs here.
                status = 1
                try:
                    os.write(writer, pair_of(key, "RSA_2048", threads=2)[0])
                    status = 0
                finally:
                    os._exit(status)
            os.close(writer)
            with os.fdopen(reader, "rb") as pipe:
                publics.add(pipe.read())
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        publics.add(pair_of(key, "RSA_2048", threads=2)[0])
        assert len(publics) == 5

    def test_handles_live_as_long_as_they_are_needed(self) -> None:
        """A key version outlives the root key that opened it."""
        root = RootKey(bytes(32))
        key = root.open_version(root.create_version(KEY, VERSION), KEY, VERSION)
        del root
        gc.collect()
        assert pair_of(key)[3] is not None


class TestTypes:
    """Wrong types are ``TypeError``s, and no number is too large."""

    def test_methods_refuse_wrong_types(self, root: RootKey, key: WrappingKey) -> None:
        """Each argument of each method has one type."""
        row = root.create_version(KEY, VERSION)
        unknown: Any = key
        calls: list[Call] = [
            lambda: root.create_version(b"key", VERSION),  # type: ignore[arg-type]
            lambda: root.create_version(KEY, 7),  # type: ignore[arg-type]
            lambda: root.open_version("row", KEY, VERSION),  # type: ignore[arg-type]
            lambda: root.rewrap(row, KEY, VERSION, bytes(32)),  # type: ignore[arg-type]
            lambda: unknown.seal("text", b"", advance=False),
            lambda: unknown.seal(b"", None, advance=False),
            lambda: unknown.seal(bytearray(1), b"", advance=False),
            lambda: unknown.seal(b"", b""),
            lambda: unknown.seal(b"", b"", advance=1),
            lambda: unknown.seal(b"", b"", False),  # noqa: FBT003
            lambda: unknown.open(b"", "iv", b""),
            lambda: unknown.open_advance(None, b""),
            lambda: unknown.generate_data_key("32", b"", advance=False),
            lambda: pair_of(unknown, spec=b"EC_P256"),  # type: ignore[arg-type]
            lambda: pair_of(unknown, key_format=None),  # type: ignore[arg-type]
            lambda: pair_of(unknown, with_plaintext="no"),
            lambda: pair_of(unknown, cancel=threading.Event()),
            lambda: _core.advance_key_version_id("$"),  # type: ignore[arg-type]
            lambda: _core.random_bytes(1.5),  # type: ignore[arg-type]
        ]
        for call in calls:
            with pytest.raises(TypeError):
                call()

    def test_lengths_are_bounded(self, key: WrappingKey) -> None:
        """A length that memory does not have is an error, not the process's end."""
        for length in (1 << 21, 1 << 40, (1 << 63) - 1, (1 << 64) - 1):
            with pytest.raises(InternalFailure):
                _core.random_bytes(length)
            with pytest.raises(InternalFailure):
                key.generate_data_key(length, b"", advance=False)
        for length in (-1, 1 << 64):
            with pytest.raises(OverflowError):
                _core.random_bytes(length)
        assert len(_core.random_bytes(1 << 20)) == 1 << 20
        assert _core.random_bytes(0) == b""

    def test_random_bytes_differ(self) -> None:
        """No two draws are the same."""
        assert len({_core.random_bytes(16) for _ in range(1000)}) == 1000


class TestSecrecy:
    """Nothing secret is printed, pickled, or reachable."""

    def test_representations_name_and_no_more(
        self, root: RootKey, key: WrappingKey
    ) -> None:
        """A handle prints its name."""
        assert re.fullmatch(r"<RootKey [0-9a-f]{16}>", repr(root))
        assert repr(key) == str(key) == f"<WrappingKey {VERSION}>"

    def test_handles_are_neither_pickled_nor_changed(
        self, root: RootKey, key: WrappingKey
    ) -> None:
        """A handle cannot be pickled, subclassed or written to, nor made by hand."""
        for handle in (root, key, CancelToken()):
            with pytest.raises(TypeError):
                pickle.dumps(handle)
            with pytest.raises(AttributeError):
                handle.anything = 1  # type: ignore[union-attr]
            with pytest.raises(TypeError):
                type("Derived", (type(handle),), {})
        with pytest.raises(AttributeError):
            root.root_key_id = ""  # type: ignore[misc]
        with pytest.raises(TypeError):
            WrappingKey()

    def test_handles_have_no_other_attributes(
        self, root: RootKey, key: WrappingKey
    ) -> None:
        """What a handle shows is what the stub declares."""

        def public(handle: object) -> set[str]:
            return {name for name in dir(handle) if not name.startswith("_")}

        assert public(root) == {
            "is_dev",
            "root_key_id",
            "create_version",
            "open_version",
            "create_service_version",
            "open_service_version",
            "rewrap",
            "open_version_1",
            "upgrade_version",
        }
        service = root.open_service_version(
            root.create_service_version(VERSION), VERSION
        )
        assert public(service) == {"key_version_id", "seal", "open", "mac", "verify"}
        assert public(key) == {
            "key_version_id",
            "seal",
            "open",
            "open_advance",
            "open_pair",
            "re_encrypt",
            "generate_data_key",
            "generate_data_key_pair",
            "generate_data_key_pair_from_seed",
            "generate_data_key_pairs",
        }


def test_a_panic_is_an_exception() -> None:
    """A panic in Rust is an ``InternalFailure`` that repeats nothing."""
    for _ in range(3):
        with pytest.raises(InternalFailure) as caught:
            _core._panic()
        assert "asked to panic" not in str(caught.value)
    assert len(_core.random_bytes(16)) == 16


@pytest.mark.parametrize("name", ["portable", "auto", ""])
def test_the_engine_can_be_chosen(name: str) -> None:
    """``PAIRSMITH_ENGINE`` forces an engine, and pairs come out of it."""
    outcome = _generate_in_a_process(name)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.strip() == (
        "portable" if name == "portable" else _core.engine()
    )


def test_an_unknown_engine_is_refused() -> None:
    """Another name is a ``ValueError`` that lists the right ones."""
    outcome = _generate_in_a_process("quantum")
    assert outcome.returncode == 1
    assert "PAIRSMITH_ENGINE must be auto, portable or avx512ifma" in outcome.stderr


def _generate_in_a_process(engine: str) -> subprocess.CompletedProcess[str]:
    script = (
        "from pairsmith._core import RootKey, engine\n"
        f"root = RootKey(bytes(32)); version = {VERSION!r}\n"
        "key = root.open_version(root.create_version('k', version), 'k', version)\n"
        "key.generate_data_key_pair('RSA_2048', 'DER', b'', advance=False,"
        " with_plaintext=False)\n"
        "print(engine())\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PAIRSMITH_ENGINE": engine},
        capture_output=True,
        text=True,
        check=False,
    )


class TestInterruption:
    """A search stops when it is told to."""

    def test_a_used_token_stops_every_search(self, key: WrappingKey) -> None:
        """With a cancelled token no search begins, whatever the threads."""
        token = CancelToken()
        token.cancel()
        token.cancel()
        for threads in (1, 2):
            with pytest.raises(OperationCancelled):
                pair_of(key, "RSA_4096", cancel=token, threads=threads)

    def test_a_token_stops_a_running_search(self, key: WrappingKey) -> None:
        """Cancelled from another thread at any moment, searches end."""
        for _ in range(5):
            token = CancelToken()
            timer = threading.Timer(0.05, token.cancel)
            timer.start()
            with pytest.raises(OperationCancelled):
                generate_until_stopped(key, token)
            timer.join()

    def test_a_token_that_is_not_used_changes_nothing(self, key: WrappingKey) -> None:
        """A token beside a search that ends by itself does no harm."""
        assert pair_of(key, "RSA_2048", cancel=CancelToken())[3] is not None
        assert pair_of(key, "EC_P256", cancel=None)[3] is not None

    @pytest.mark.parametrize("threads", [1, 2])
    def test_ctrl_c_is_obeyed(self, threads: int) -> None:
        """SIGINT during RSA-4096 searches is a ``KeyboardInterrupt``, nothing else."""
        for _ in range(5):
            script = LOOP.format(version=VERSION, threads=threads)
            process = subprocess.Popen(
                [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=PATIENCE_SECONDS)[0] == "obeyed\n"
            assert process.returncode == 0


LOOP = """
from pairsmith._core import RootKey
root = RootKey(bytes(32))
key = root.open_version(root.create_version("k", "{version}"), "k", "{version}")
try:
    print("begun", flush=True)
    while True:
        key.generate_data_key_pair(
            "RSA_4096", "DER", b"", advance=False, with_plaintext=False,
            threads={threads},
        )
except KeyboardInterrupt:
    print("obeyed")
"""
