"""Who acts, as the change log names it."""

import os
import pwd
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from pairsmith.registry import actor
from pairsmith.registry.actor import MAINTENANCE, Actor, acting, present_actor


def test_without_a_word_it_is_a_program_that_uses_the_library() -> None:
    """Named by the user of the operating system, the host and the process."""
    assert present_actor().told() == {
        "kind": "library",
        "system_user": pwd.getpwuid(os.geteuid()).pw_name,
        "host": socket.gethostname(),
        "process_id": os.getpid(),
    }


def test_somebody_acts_inside_and_in_this_thread_only() -> None:
    """Another thread acts by default, and so does this one afterwards, errors too."""
    clerk = Actor("server", principal_id="KAAP.1", request_id="r1")
    with ThreadPoolExecutor(1) as other, acting(clerk):
        assert present_actor() is clerk
        assert other.submit(present_actor).result().kind == "library"
        with suppress(ZeroDivisionError), acting(MAINTENANCE):
            assert present_actor() is MAINTENANCE
            1 / 0  # noqa: B018 -- an error inside
        assert present_actor() is clerk
    assert present_actor().kind == "library"


def test_a_process_may_act_as_somebody_everywhere() -> None:
    """In its other threads, too; who is named in one of them goes before."""
    actor.act_by_default(Actor("server"))
    try:
        with ThreadPoolExecutor(1) as other:
            assert other.submit(present_actor).result().kind == "server"
        with acting(MAINTENANCE):
            assert present_actor() is MAINTENANCE
    finally:
        actor.act_by_default(Actor())


def test_a_user_without_a_name_is_told_by_number() -> None:
    """As in a container that runs under any number."""
    assert actor._system_user(3_999_999_999) == "3999999999"


def test_each_text_is_bounded() -> None:
    """A claimed name may have any length."""
    told = Actor("server", principal_id="x" * 5000).told()
    assert told["principal_id"] == "x" * 256
