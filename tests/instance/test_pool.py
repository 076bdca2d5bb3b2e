"""The warm pool: pairs made ahead, each handed out once, and nothing left of them."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pairsmith import AsyncInstance, CancelToken, Instance, KeyFormat, errors
from pairsmith._core import PairPool, _pretend
from pairsmith.instance import PooledSpec, PoolStatus
from pairsmith.results import DataKeyPair, KeyPairSpec
from reading import belong_together
from waiting import PATIENCE_SECONDS, eventually

# Python 3.12 warns of forks while threads run; that is what is being tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")

SINGLE = [
    "generate_data_key_pair",
    "generate_data_key_pair_without_plaintext",
    "advance_generate_data_key_pair",
    "advance_generate_data_key_pair_without_plaintext",
]
RSA = KeyPairSpec.RSA_2048


@pytest.fixture
def warm(url: str) -> Iterator[Instance]:
    """An instance whose pool is full, with a key of the alias ``alias/test``."""
    with Instance.open(url, pool={RSA: 8, "EC_P256": 8}, pair_limit=4) as opened:
        opened.create_alias("alias/test", opened.create_key().key_id)
        assert opened.warm_up()
        yield opened


def _threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def _shelf(instance: Instance, spec: str = RSA) -> PooledSpec:
    return instance.pool_status().specs[KeyPairSpec(spec)]


@pytest.mark.parametrize("operation", SINGLE)
@pytest.mark.parametrize("spec", ["RSA_2048", "EC_P256"])
@pytest.mark.parametrize("key_format", KeyFormat)
def test_a_hit_is_a_pair_like_any_other(
    warm: Instance, operation: str, spec: str, key_format: KeyFormat
) -> None:
    """It opens under the right key and Aad in either format, and not otherwise."""
    pair = getattr(warm, operation)("alias/test", spec, key_format, aad=b"mine")
    assert _shelf(warm, spec).hits == 1
    assert _shelf(warm, spec).misses == 0
    opened = warm.decrypt(pair.record())
    assert opened.private_key().public_key() == pair.public_key()
    assert pair.encoded_public_key.startswith(b"-----BEGIN") is (key_format == "PEM")
    assert isinstance(pair, DataKeyPair) is ("without" not in operation)
    if isinstance(pair, DataKeyPair):
        assert opened.plaintext == pair.private_key_plaintext
    advance = operation.startswith("advance")
    decrypt: Callable[..., object] = warm.advance_decrypt if advance else warm.decrypt
    other = warm.create_key().key_id
    for wrong in ({"key_id": "alias/test", "aad": b""}, {"key_id": other}):
        arguments = {"iv": pair.iv, "aad": b"mine"} | wrong
        with pytest.raises(errors.DecryptionError):
            decrypt(pair.private_key_ciphertext_blob, **arguments)


@pytest.mark.parametrize("spec", KeyPairSpec)
def test_every_spec_can_wait(url: str, spec: KeyPairSpec) -> None:
    """Each is made ahead and comes back whole."""
    with Instance.open(url, pool={spec: 1}) as instance:
        key_id = instance.create_key().key_id
        assert instance.warm_up()
        pair = instance.generate_data_key_pair(key_id, spec, "DER")
        assert _shelf(instance, spec).hits == 1
        opened = instance.decrypt(pair.record()).plaintext
        assert belong_together(opened, pair.encoded_public_key)


def test_threads_get_different_pairs(warm: Instance) -> None:
    """However they come together, no pair goes to two; what is counted adds up."""
    pairs: list[bytes] = []
    start = threading.Barrier(4)

    def hammer() -> None:
        start.wait()
        for _ in range(100):
            pair = warm.generate_data_key_pair_without_plaintext(
                "alias/test", "EC_P256", "DER", wait=60
            )
            pairs.append(pair.encoded_public_key)
            assert _shelf(warm, "EC_P256").depth <= 8

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(pairs)) == len(pairs) == 400
    shelf = _shelf(warm, "EC_P256")
    assert shelf.hits + shelf.misses == 400
    assert shelf.hits >= 8


def test_a_miss_is_made_on_the_spot(url: str) -> None:
    """An empty pool costs time and nothing else, and fills again."""
    with Instance.open(url, pool={RSA: 1}) as instance:
        key_id = instance.create_key().key_id
        assert instance.warm_up()
        for _ in range(2):
            instance.generate_data_key_pair(key_id, RSA, "PEM")
            instance.generate_data_key_pair(key_id, "RSA_3072", "PEM")
        shelf = _shelf(instance)
        assert shelf.hits + shelf.misses == 2
        assert instance.warm_up()
        assert _shelf(instance).depth == 1
        assert list(instance.pool_status().specs) == [RSA]


def test_a_hit_takes_the_guard(url: str) -> None:
    """A pair that waits is no way past the limit; a refused caller takes none."""
    with Instance.open(url, pool={RSA: 2}) as instance:
        key_id = instance.create_key().key_id
        assert instance.warm_up()
        with instance.generate_data_key_pairs(key_id, "EC_P256", "PEM", 2) as batch:
            next(batch)
            with pytest.raises(errors.Throttled):
                instance.generate_data_key_pair(key_id, RSA, "PEM")
        with pytest.raises(errors.KeyNotFound):
            instance.generate_data_key_pair("alias/none", RSA, "PEM")
        assert _shelf(instance) == PooledSpec(depth=2, capacity=2, hits=0, misses=0)


def test_a_cancelled_caller_takes_nothing(warm: Instance) -> None:
    """With a token that was used the operation is cancelled, pool or no pool."""
    token = CancelToken()
    token.cancel()
    with pytest.raises(errors.OperationCancelled):
        warm.generate_data_key_pair("alias/test", RSA, "PEM", cancel=token)
    assert _shelf(warm).hits == 0


@pytest.mark.parametrize(
    "pool",
    [
        ["RSA_2048"],
        "RSA_2048",
        {"RSA_1024": 1},
        {None: 1},
        {"RSA_2048": 0},
        {"RSA_2048": -1},
        {"RSA_2048": True},
        {"RSA_2048": "4"},
        {"RSA_2048": 1.0},
        {"RSA_2048": 1025},
    ],
)
def test_a_pool_that_cannot_be_is_refused(url: str, pool: object) -> None:
    """What is wrong is named, before a database is made or a thread started."""
    threads = _threads()
    with pytest.raises(errors.InvalidParameter, match="pool"):
        Instance.open(url, pool=pool)  # type: ignore[arg-type]
    assert not Path(url.removeprefix("sqlite:///")).exists()
    assert _threads() == threads


def test_without_a_pool_there_is_none(instance: Instance, key_id: str) -> None:
    """Off by default: nothing waits, and nothing is counted."""
    instance.generate_data_key_pair(key_id, "EC_P256", "PEM")
    assert instance.pool_status() == PoolStatus()
    assert instance.warm_up(0)
    with pytest.raises(errors.InvalidParameter, match="timeout"):
        instance.warm_up(-1)


def test_impatience_is_told(url: str) -> None:
    """``warm_up`` says when a pool is not full in time; 300 RSA_4096 pairs are not."""
    with Instance.open(url, pool={"RSA_4096": 300}) as instance:
        assert not instance.warm_up(0.01)


def test_close_in_the_middle_of_a_search_is_quick(url: str) -> None:
    """The threads end with it, long before the pool is full; twice does nothing."""
    threads = _threads()
    instance = Instance.open(url, pool={"RSA_4096": 1000})
    instance.close()
    instance.close()
    assert _shelf(instance, "RSA_4096").depth == 0
    eventually(lambda: _threads() <= threads)  # a thread that ends tells nobody


# Says what its pool has, a line for each command: how many waiting RSA_2048 documents
# there are is for whoever reads its memory to find.
CHILD = """
import sys
from pairsmith import Instance
kms = Instance.open(sys.argv[1], pool={"RSA_2048": 16})
key = kms.create_key().key_id
assert kms.warm_up()
print(kms.pool_status().locked, flush=True)
sys.stdin.readline()
for _ in range(4):
    kms.generate_data_key_pair_without_plaintext(key, "RSA_2048", "DER")
assert kms.warm_up()
print("used", flush=True)
sys.stdin.readline()
kms.close()
print("closed", flush=True)
sys.stdin.readline()
"""

RSA_DOCUMENT = re.compile(
    rb"\x30\x82\x04.\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
    rb"\x05\x00\x04\x82.{256}",
    re.DOTALL,
)
"""The start of a PKCS#8 document of an RSA_2048 pair, some of its modulus included."""


def _documents(process: int) -> dict[bytes, list[int]]:
    """Every such document in the memory of a process, and where it is."""
    found: dict[bytes, list[int]] = {}
    with (
        Path(f"/proc/{process}/maps").open() as maps,
        Path(f"/proc/{process}/mem").open("rb") as memory,
    ):
        for line in maps:
            span, mode, *_ = line.split()
            if not mode.startswith("rw"):
                continue
            start, end = (int(bound, 16) for bound in span.split("-"))
            memory.seek(start)
            content = memory.read(end - start)
            for match in RSA_DOCUMENT.finditer(content):
                found.setdefault(match.group(), []).append(start + match.start())
    return found


def _flags_at(process: int, address: int) -> list[str]:
    """What the kernel says of the memory at an address: see proc(5), VmFlags."""
    inside = False
    for line in Path(f"/proc/{process}/smaps").read_text().splitlines():
        if span := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            inside = int(span[1], 16) <= address < int(span[2], 16)
        elif inside and line.startswith("VmFlags:"):
            return line.split()[1:]
    raise AssertionError("no such mapping")


@pytest.fixture
def child(url: str) -> Iterator[subprocess.Popen[str]]:
    """A process with a full pool."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def _answer(process: subprocess.Popen[str], *, go_on: bool = True) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    if go_on:
        process.stdin.write("\n")
        process.stdin.flush()
    return process.stdout.readline().strip()


def test_pairs_wait_in_locked_memory_and_close_erases_them(
    child: subprocess.Popen[str],
) -> None:
    """Each waits once, in memory locked and kept from dumps and forks; none stays."""
    assert _answer(child, go_on=False) == "True"
    waiting = _documents(child.pid)
    assert len(waiting) == 16
    for places in waiting.values():
        assert len(places) == 1
        assert {"lo", "dd", "dc"} <= set(_flags_at(child.pid, places[0]))
    assert _answer(child) == "used"
    later = _documents(child.pid)
    assert len(later) == 16
    assert len(waiting.keys() - later.keys()) == 4, "what was handed out is gone"
    assert _answer(child) == "closed"
    assert _documents(child.pid) == {}


UNLOCKED = """
import os, resource
from pairsmith._core import PairPool, _pretend
resource.setrlimit(resource.RLIMIT_MEMLOCK, (4096, 4096))
if os.geteuid() == 0:
    os.setuid(65534)  # root may lock what it likes
pool = PairPool([("RSA_2048", 4)])
pool.start()
print(pool.wait_full(60), *pool.status()[1:])
"""


def test_a_small_limit_of_locked_memory_is_told() -> None:
    """The pool works all the same, and its status says that it is not locked."""
    answer = subprocess.run(
        [sys.executable, "-c", UNLOCKED], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    assert answer == "True False 0\n"


def _in_a_child(work: Callable[[], bytes]) -> bytes:
    """What ``work`` gives in a forked child; nothing if it fails."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(60)
            os.write(writer, work())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return answer


def test_parent_and_child_have_no_common_key(warm: Instance) -> None:
    """A child's pool is empty, then its own; what waited before is the parent's."""

    def public_keys(count: int) -> list[bytes]:
        return [
            warm.generate_data_key_pair(
                "alias/test", RSA, "DER", wait=60
            ).encoded_public_key
            for _ in range(count)
        ]

    def in_child() -> bytes:
        assert _shelf(warm).depth == 0
        keys = public_keys(2)
        assert _shelf(warm).misses >= 1
        assert warm.warm_up()
        keys += public_keys(8)
        assert _shelf(warm).hits >= 8
        warm.close()
        return b"".join(keys)

    children = [_in_a_child(in_child) for _ in range(2)]
    assert _shelf(warm) == PooledSpec(depth=8, capacity=8, hits=0, misses=0)
    parents = public_keys(12)
    length = len(parents[0])
    keys = parents + [
        child[start : start + length]
        for child in children
        for start in range(0, len(child), length)
    ]
    assert len(set(keys)) == len(keys) == 12 + 2 * 10


def test_forks_during_a_refill_end(url: str) -> None:
    """Whatever the threads are doing, a child neither hangs nor takes down."""
    with Instance.open(url, pool={RSA: 500, "EC_P256": 500}) as instance:
        key_id = instance.create_key().key_id

        def in_child() -> bytes:
            pair = instance.generate_data_key_pair(key_id, RSA, "DER", wait=60)
            return pair.encoded_public_key

        keys = [_in_a_child(in_child) for _ in range(20)]
    assert all(keys)
    assert len(set(keys)) == 20


def test_the_core_knows_a_fork_by_itself() -> None:
    """A pool whose child was not told of the fork is empty and does nothing there."""
    pool = PairPool([("EC_P256", 4)])
    pool.start()
    assert pool.wait_full(60)

    def in_child() -> bytes:
        shelves, locked, failures = pool.status()
        assert not pool.wait_full(0)
        pool.close()
        return repr((shelves, locked, failures)).encode()

    assert _in_a_child(in_child) == b"([('EC_P256', 0, 4, 0, 0)], False, 0)"
    assert pool.status()[0] == [("EC_P256", 4, 4, 0, 0)]
    pool.close()
    assert pool.status()[0] == [("EC_P256", 0, 4, 0, 0)]


def test_a_pool_closed_before_its_use_never_starts() -> None:
    """What a child closes at once costs it no thread."""
    threads = _threads()
    pool = PairPool([("RSA_4096", 4)])
    pool.close()
    pool.start()
    assert not pool.wait_full(0)
    assert pool.status() == ([("RSA_4096", 0, 4, 0, 0)], False, 0)
    assert _threads() == threads
    with pytest.raises(ValueError, match="spec"):
        PairPool([("RSA_1", 4)])


INTERRUPTED = """
import sys
from pairsmith import Instance
kms = Instance.open(sys.argv[1], pool={"RSA_4096": 1000, "EC_P256": 4})
key = kms.create_key().key_id
try:
    print("started", flush=True)
    kms.warm_up(3600)
except KeyboardInterrupt:
    kms.generate_data_key_pair(key, "EC_P256", "PEM")
    kms.close()
    print("interrupted", flush=True)
"""


def test_interrupt_is_obeyed_while_threads_fill(url: str) -> None:
    """Ctrl-C reaches the program, and the program ends."""
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert process.wait(PATIENCE_SECONDS) == 0


UNCLOSED = """
import sys
from pairsmith import Instance
kms = Instance.open(sys.argv[1], pool={"RSA_4096": 1000})
key = kms.create_key().key_id
kms.generate_data_key_pair(key, "RSA_2048", "PEM")
priorities = {
    open(f"/proc/self/task/{task}/stat").read().rsplit(")")[1].split()[16]
    for task in __import__("os").listdir("/proc/self/task")
    if "pairsmith-pool" in open(f"/proc/self/task/{task}/comm").read()
}
print(kms.engine(), priorities)
"""


@pytest.mark.parametrize("engine", ["portable", "auto"])
def test_a_program_may_end_without_closing(url: str, engine: str) -> None:
    """On either engine; until then the threads run at the lowest priority."""
    answer = subprocess.run(
        [sys.executable, "-c", UNCLOSED, url],
        env=os.environ | {"PAIRSMITH_ENGINE": engine},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    ).stdout
    assert answer.endswith(" {'19'}\n")
    assert answer.startswith("portable") or engine == "auto"


def test_portable_pairs_wait_too(url: str) -> None:
    """The pool does not depend on the vector engine."""
    answer = subprocess.run(
        [sys.executable, "-c", CHILD, url],
        env=os.environ | {"PAIRSMITH_ENGINE": "portable"},
        input="\n\n\n",
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    ).stdout
    assert answer.split()[1:] == ["used", "closed"]


def test_an_async_instance_has_a_pool(url: str) -> None:
    """The same argument, and the same answers, awaited."""

    async def use() -> PoolStatus:
        async with await AsyncInstance.open(url, pool={RSA: 2}) as kms:
            key_id = (await kms.create_key()).key_id
            assert await kms.warm_up()
            await kms.generate_data_key_pair(key_id, RSA, "PEM")
            assert await kms.warm_up()
            return await kms.pool_status()

    status = asyncio.run(use())
    assert status.specs[RSA] == PooledSpec(depth=2, capacity=2, hits=1, misses=0)
    assert status.failures == 0


def test_pairs_that_waited_too_long_are_made_anew(url: str) -> None:
    """After the age that was given none of them goes out, and the pool fills again."""
    with Instance.open(url, pool={RSA: 3, "EC_P256": 3}, pool_max_age=600) as instance:
        key_id = instance.create_key().key_id
        assert instance.warm_up()
        _pretend(seconds=599)
        assert instance.pool_status().expired == 0
        _pretend(seconds=2)
        assert instance.pool_status().expired == 6
        assert instance.warm_up()
        pair = instance.generate_data_key_pair(key_id, RSA, "DER")
        assert _shelf(instance).hits == 1
        assert instance.decrypt(pair.record()).private_key() is not None
        assert instance.pool_status().failures == 0


def test_a_copy_of_the_machine_empties_the_pool(url: str) -> None:
    """What both machines would hand out goes to nobody; a batch begins anew."""
    with Instance.open(url, pool={"EC_P256": 5}, pair_limit=2) as instance:
        key_id = instance.create_key().key_id
        assert instance.warm_up()
        batch = instance.generate_data_key_pairs(key_id, "EC_P256", "DER", 1000)
        first = next(batch).encoded_public_key
        _pretend(copies=1)
        status = instance.pool_status()
        assert (status.copied, status.expired) == (5, 0)
        publics = {pair.encoded_public_key for pair in batch}
        assert len(publics | {first}) == 1000
        assert instance.warm_up()
        instance.generate_data_key_pair(key_id, "EC_P256", "DER")
        assert _shelf(instance, "EC_P256").hits == 1


@pytest.mark.parametrize("age", [None, True, "an hour", 0, -1, 86_401, float("nan")])
def test_an_age_is_a_number_of_seconds(url: str, age: object) -> None:
    """Nothing else is taken for one, and pairs always get too old some day."""
    with pytest.raises(errors.InvalidParameter, match="pool_max_age"):
        Instance.open(url, pool_max_age=age)  # type: ignore[arg-type]
