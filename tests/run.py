"""Run parts of the test suite by their make targets, and end with a summary of all.

    python3 tests/run.py make test-python test-rust

They run at once, for each has times when it leaves a core idle, and are shown one after
the other. Every part runs, whatever becomes of the others. The exit status is 1 if one
failed. It needs nothing but Python, for it runs before anything is installed.
"""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue

CARGO_RESULT = re.compile(
    r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored"
)
CARGO_SKIPPED = re.compile(r"test .* \.\.\. ignored(?:, (.*))?$")
PYTEST_RESULT = re.compile(r"(?:=+ )?\d+ \w+.* in \d[\d.]*s\b")
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)\b")
PYTEST_SKIPPED = re.compile(r"SKIPPED \[(\d+)\] \S+: (.*)$")
Output = SimpleQueue[str | int]
COLOUR = re.compile(r"\x1b\[[\d;]*m")


@dataclass
class Outcome:
    """What became of one part."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    exit_status: int = 0

    def read(self, line: str) -> None:
        """Take in one line of what cargo or pytest says."""
        line = COLOUR.sub("", line).strip()
        if found := CARGO_RESULT.match(line):
            passed, failed, skipped = map(int, found.groups())
            self._add(passed, failed, skipped)
        elif found := CARGO_SKIPPED.match(line):
            self.reasons[found[1] or "no reason given"] += 1
        elif found := PYTEST_SKIPPED.match(line):
            self.reasons[found[2]] += int(found[1])
        elif PYTEST_RESULT.match(line):
            count = Counter({what: int(n) for n, what in PYTEST_COUNT.findall(line)})
            failed = count["failed"] + count["error"] + count["errors"]
            self._add(count["passed"], failed, count["skipped"])

    @property
    def is_good(self) -> bool:
        """Whether it ran to its end without a failure."""
        return self.exit_status == 0 and self.failed == 0 and self.passed > 0

    def lines(self) -> Iterable[str]:
        """Tell it, for people."""
        counts = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        yield f"{self.name}: {counts}"
        if not self.is_good and not self.failed:
            yield f"    did not run to its end: exit status {self.exit_status}"
        for reason, times in self.reasons.most_common():
            yield f"    {times} skipped: {reason}"

    def _add(self, passed: int, failed: int, skipped: int) -> None:
        self.passed += passed
        self.failed += failed
        self.skipped += skipped


def main(make: str, *targets: str) -> int:
    """Run every target; give the exit status."""
    with ThreadPoolExecutor(len(targets)) as threads:
        outputs = [Output() for _ in targets]
        for target, output in zip(targets, outputs, strict=True):
            threads.submit(run, make, target, output)
        outcomes = [show(*each) for each in zip(targets, outputs, strict=True)]
    print(*summary(outcomes), sep="\n", flush=True)
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


def run(make: str, target: str, output: Output) -> None:
    """Run one target; put each line that it says, and its exit status at last."""
    with subprocess.Popen(
        [make, "--no-print-directory", target],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            output.put(line)
    output.put(process.returncode)


def show(target: str, output: Output) -> Outcome:
    """Let through what a target says, from its beginning to its end."""
    outcome = Outcome(target)
    while isinstance(line := output.get(), str):
        sys.stdout.write(line)
        sys.stdout.flush()
        outcome.read(line)
    outcome.exit_status = line
    return outcome


def summary(outcomes: list[Outcome]) -> Iterable[str]:
    """Tell of all parts, ending with a line of totals."""
    yield "\n=== Summary"
    for outcome in outcomes:
        yield from outcome.lines()
    passed = sum(outcome.passed for outcome in outcomes)
    # A part that did not run to its end counts as one failure at least.
    failed = sum(outcome.failed or (not outcome.is_good) for outcome in outcomes)
    skipped = sum(outcome.skipped for outcome in outcomes)
    yield ""
    yield f"{passed} passed, {failed} failed, {skipped} skipped"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
