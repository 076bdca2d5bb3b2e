"""Forks: before and after use, in the middle of work, and whoever closes first."""

import gc
import os
import select
import signal
import time
import traceback
import warnings
import weakref
from collections.abc import Callable
from threading import Event, Thread

import pytest

from pairsmith.registry import Registry, forks
from places import Place
from waiting import PATIENCE_SECONDS

# Python 3.12 warns of forks while threads run; that is what is being tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")


def _in_child(work: Callable[[], None]) -> None:
    """Run something in a forked child, and fail if it fails or hangs."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            if status:
                traceback.print_exc()
            os._exit(status)
    ending = os.pidfd_open(child)
    hangs = not select.select([ending], [], [], PATIENCE_SECONDS)[0]
    os.close(ending)
    if hangs:
        os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == 0, "the child hangs" if hangs else "it failed"


def _work(registry: Registry, key: str) -> None:
    assert registry.resolve(key, primary=True).key_id == key
    made = registry.create_key().key_id
    registry.create_alias(f"alias/{made}", made)
    assert registry.resolve(f"alias/{made}", primary=False).key_id == made
    registry.create_key_version(key)


def test_fork_before_use(place: Place) -> None:
    """A registry opened before a fork and used only after it works on both sides."""
    place.open().create_key()
    registry = place.open()
    (key,) = (each.key_id for each in registry.list_keys().items)
    unused = place.open()
    _in_child(lambda: _work(unused, key))
    _work(unused, key)
    assert registry.list_keys().total_count == 3


def test_fork_after_use(place: Place) -> None:
    """A used registry works in the child, in its child, and still in the parent."""
    registry = place.open(background=True)
    key = registry.create_key().key_id
    _work(registry, key)

    def child() -> None:
        _work(registry, key)
        _in_child(lambda: _work(registry, key))
        _work(registry, key)

    _in_child(child)
    _work(registry, key)
    assert registry.list_keys().total_count == 6
    assert registry.list_key_versions(key).total_count == 6


def test_child_shares_no_connection(place: Place) -> None:
    """The child opens connections of its own and leaves the parent's alone."""
    registry = place.open()
    registry.create_key()
    parents = registry._access.database._engine.pool

    def child() -> None:
        assert registry._access.database._engine.pool is not parents
        assert registry._access.database._engine.pool.checkedin() == 0
        assert parents.checkedin() == 1
        registry.list_keys()
        registry.close()
        assert parents.checkedin() == 1

    _in_child(child)
    registry.list_keys()


@pytest.mark.parametrize("closes", ["parent", "child"])
def test_close_on_one_side(place: Place, closes: str) -> None:
    """Closing on one side of a fork leaves the other side working."""
    registry = place.open(background=True)
    key = registry.create_key().key_id
    if closes == "child":
        _in_child(registry.close)
        _work(registry, key)
        return
    reader, writer = os.pipe()
    begun, begin = os.pipe()

    def child() -> None:
        os.write(begin, b".")
        os.read(reader, 1)
        _work(registry, key)

    waiting = Thread(target=_in_child, args=(child,))
    waiting.start()
    os.read(begun, 1)
    registry.close()
    os.write(writer, b".")
    waiting.join()
    for end in (reader, writer, begun, begin):
        os.close(end)
    assert place.open().list_keys().total_count == 2


def test_child_has_its_own_background_pass(place: Place) -> None:
    """The child has no background thread until it uses the registry, then its own."""
    registry = place.open(background=True)
    key = registry.create_key().key_id
    assert registry._access.background._thread.is_alive()

    def child() -> None:
        assert registry._access.background._thread is None
        registry.describe_key(key)
        assert registry._access.background._thread.is_alive()
        registry.close()

    _in_child(child)
    assert registry._access.background._thread.is_alive()


def test_fork_while_other_threads_work(place: Place) -> None:
    """Children forked while threads read and write neither hang nor hurt anything."""
    registry = place.open()
    key = registry.create_key().key_id
    stop, failures, written = Event(), [], []

    def busy(write: Callable[[], None]) -> None:
        try:
            while not stop.is_set():
                write()
                time.sleep(0.002)
        except BaseException as error:
            failures.append(error)
            raise

    def write() -> None:
        written.append(registry.create_key().key_id)

    def read() -> None:
        registry.list_keys()
        registry._access.cache.empty()
        registry.resolve(key, primary=True)

    threads = [Thread(target=busy, args=(work,)) for work in (write, write, read)]
    for thread in threads:
        thread.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for _ in range(15):
            _in_child(lambda: _work(registry, key))
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert registry.list_keys().total_count == 1 + len(written) + 15
    assert registry.list_key_versions(key).total_count == 1 + 15


def test_abandoned_registry_is_forgotten(place: Place) -> None:
    """A registry that nobody holds any more costs later forks nothing."""
    registry = place.open()
    watched = {registry._access, registry._access.database}
    assert watched <= set(forks._watched)
    gone = [weakref.ref(each) for each in watched]
    place.opened.close()
    del registry, watched
    gc.collect()
    assert [each() for each in gone] == [None, None]
