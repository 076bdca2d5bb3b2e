"""Mutated requests: every answer is a documented one, whatever is sent."""

import asyncio
import random
from pathlib import Path

import pytest
from fuzzing import Fuzzer, prepared

from pairsmith import Instance
from pairsmith.server.path import hallway

CASES = 2000


def test_no_request_finds_a_defect(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies, headers, methods and queries; the seed of a failure is printed."""
    monkeypatch.setattr(hallway, "logger", hallway.logger)  # the fuzzer's goes again
    seed = random.SystemRandom().getrandbits(32)
    fuzzer = Fuzzer(prepared(instance), seed, tmp_path)
    asyncio.run(fuzzer.run(0, CASES))
    codes = {code for _, code in fuzzer.answers}
    assert {"OK", "InvalidParameter", "SignatureNotMatch", "InvalidParam"} <= codes
