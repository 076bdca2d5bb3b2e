"""Forks in the middle of first work: no child meets a table that is half made."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pairsmith import KeyPairSpec
from pairsmith._core import RootKey, WrappingKey

KEY = "key-0123456789abcdefghijk"
VERSION = "key-0123456789abcdefghijk-0123456789"
SPECS = list(map(str, KeyPairSpec))
ROOT = RootKey(bytes(32))
ROW = ROOT.create_version(KEY, VERSION)

# What each program begins with: a key version of the parent's, and its pairs.
BEGINNING = """
import json, sys
from pairsmith import _core
from waiting import PATIENCE_SECONDS
given = json.loads(sys.argv[1])
key = _core.RootKey(bytes(32)).open_version(
    bytes.fromhex(given["row"]), given["key"], given["version"]
)
specs = given["specs"]
plain = {"advance": False, "with_plaintext": False}

def use(pool):
    assert pool.wait_full(PATIENCE_SECONDS)
    pool.close()

def drain(batch):
    while batch.next_group()[0]:
        pass

def opened(spec):
    public, iv, blob = map(bytes.fromhex, given["pairs"][spec])
    return dict(spec=spec, key_format="DER", public_key=public), (blob, iv, b"")

def moved(spec):
    claim, sealed = opened(spec)
    pair = (spec, "DER", claim["public_key"])
    layouts = dict(advance=False, destination_advance=True)
    key.re_encrypt(*sealed, key, b"", pair=pair, **layouts)

def long_message():
    iv, blob = key.seal(bytes(1 << 20), b"", advance=False)
    key.re_encrypt(blob, iv, b"", key, b"", advance=False, destination_advance=True)
"""

WAYS = {
    "alone": "[key.generate_data_key_pair(s, 'PEM', b'', **plain) for s in specs]",
    "on threads": "[key.generate_data_key_pair(s, 'PEM', b'', threads=3, **plain) "
    "for s in specs]",
    "tested": "[key.generate_data_key_pair(s, 'PEM', b'', pairwise_test=True, "
    "**plain) for s in specs]",
    "of a seed": "[key.generate_data_key_pair_from_seed(bytes(16), s, 'PEM', b'', "
    "**plain) for s in specs]",
    "of a batch": "[drain(key.generate_data_key_pairs(s, 'PEM', b'', count=3, "
    "workers=2, **plain)) for s in specs]",
    "of a tested batch": "[drain(key.generate_data_key_pairs(s, 'PEM', b'', count=3, "
    "workers=2, pairwise_test=True, **plain)) for s in specs]",
    "of a pool": "use(_core.PairPool([(s, 1) for s in specs]))",
    "of a tested pool": "use(_core.PairPool([(s, 1) for s in specs], "
    "pairwise_test=True))",
    "opened": "[key.open_pair(*o[1], advance=False, **o[0]) "
    "for o in map(opened, specs)]",
    "moved": "[moved(s) for s in specs]",
    "a long message": "long_message()",
    "self-tests": "_core.self_tests()",
}
"""Every way into the core that lets go of the interpreter, as an expression."""


@pytest.fixture(scope="module")
def given() -> str:
    """What the programs are given: a key version, and a pair of each spec under it."""
    key: WrappingKey = ROOT.open_version(ROW, KEY, VERSION)
    pairs = {}
    for spec in SPECS:
        pair = key.generate_data_key_pair(
            spec, "DER", b"", advance=False, with_plaintext=False
        )
        pairs[spec] = [part.hex() for part in pair[:3]]
    return json.dumps(
        {"row": ROW.hex(), "key": KEY, "version": VERSION, "specs": SPECS}
        | {"pairs": pairs}
    )


def run(program: str, *arguments: str, engine: str = "auto") -> str:
    """Run a program with nothing made yet; give what it writes."""
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env={
            **os.environ,
            "PAIRSMITH_ENGINE": engine,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
        },
    )
    return finished.stdout


@pytest.mark.parametrize("engine", ["auto", "portable"])
@pytest.mark.parametrize("way", WAYS)
def test_tables_are_made_before_others_may_fork(
    given: str, way: str, engine: str
) -> None:
    """First work of every kind makes them with the interpreter held, and only then."""
    program = f"{BEGINNING}\n{WAYS[way]}\nprint(*_core._made_once())"
    made, late = map(int, run(program, given, engine=engine).split())
    assert late == 0
    assert made > 0 or way == "a long message"


FORKED = """
import os, threading
from waiting import eventually

def child():
    process = os.fork()
    if process == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return process

def ended(process):
    found, status = os.waitpid(process, os.WNOHANG)
    return found and [os.waitstatus_to_exitcode(status)]

thread = threading.Thread(target=work)
thread.start()
children = [child() for _ in range(12)]
print(*(eventually(lambda: ended(process))[0] for process in children))
thread.join()
"""


@pytest.mark.parametrize("way", ["alone", "of a seed", "of a batch", "of a pool"])
def test_children_forked_during_first_work_end(given: str, way: str) -> None:
    """However the fork meets the parent's first pair, each child makes its own."""
    given = json.dumps({**json.loads(given), "specs": ["EC_P256K", "RSA_2048"]})
    program = f"{BEGINNING}\ndef work():\n    {WAYS[way]}\n{FORKED}"
    for _ in range(3):
        assert run(program, given).split() == ["0"] * 12
