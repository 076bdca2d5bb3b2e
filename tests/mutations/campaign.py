"""Change a registry, its blobs and its records many times, and ask what is given.

    python tests/mutations/campaign.py 100000 --seed 1

Each change is looked at by a process that remembers nothing, then taken back. Prints
what was done how often and what became of it; exits with 1 if an answer was wrong.
"""

import argparse
import logging
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent))

from database_mutations import EVERYTHING, Mutation, Rule, mutation
from mutated_world import Opened, World, build, opened
from questions import (
    Question,
    Refusal,
    Verdict,
    about_new_name,
    identity_object,
    key_object,
    questions,
)
from table_rows import RefusedByDatabase, Rows, Tables, meant
from text_mutations import blob_attempt, record_attempt

from pairsmith.errors import PairsmithError

_LATER = datetime(2027, 1, 1, tzinfo=UTC)

NOBODY = Refusal("nobody has this name", "")
OTHERS = 5
"""How many questions are asked about what was not touched."""

SHOWN = 3
"""How many findings of one kind are shown."""


@dataclass
class Report:
    """What was done and what became of it."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    findings: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, outcome: str) -> None:
        """Count one change."""
        self.outcomes[kind, outcome] += 1

    def find(self, kind: str, text: str) -> None:
        """Note a wrong answer."""
        self.findings.setdefault(kind, []).append(text)

    def join(self, other: "Report") -> None:
        """Take in what another process has seen."""
        self.outcomes += other.outcomes
        self.refusals += other.refusals
        for kind, texts in other.findings.items():
            self.findings.setdefault(kind, []).extend(texts)

    @property
    def count(self) -> int:
        """How many changes were made."""
        return sum(self.outcomes.values())

    def lines(self) -> Iterable[str]:
        """Tell it, for people."""
        names = ["refused", "same", "not taken", "WRONG"]
        yield f"{'what was done':42}" + "".join(f"{name:>11}" for name in names)
        for kind in sorted({kind for kind, _ in self.outcomes}):
            counts = [self.outcomes[kind, name] for name in names]
            yield f"{kind:42}" + "".join(f"{count or '':>11}" for count in counts)
        totals = [
            sum(count for (_, each), count in self.outcomes.items() if each == name)
            for name in names
        ]
        yield f"{f'{self.count} in all':42}" + "".join(f"{n:>11}" for n in totals)
        yield "refusals: " + ", ".join(
            f"{name} {count}" for name, count in self.refusals.most_common()
        )
        for kind, texts in sorted(self.findings.items()):
            yield f"\nWRONG {kind}, {len(texts)} times:"
            yield from (f"    {text}" for text in texts[:SHOWN])


class Campaign:
    """Changes one world; the rows are as they were after each change."""

    def __init__(self, world: World, here: Opened, rows: Rows, seed: str) -> None:
        self.world, self.here, self.rows, self.seed = world, here, rows, seed
        self.report = Report()
        self.questions = questions(world)
        self.by_name = {each.name: each for each in self.questions}
        self.first = {each.name: each.answer(here) for each in self.questions}
        assert len(self.first) == len(self.questions)
        self.base = rows.all()

    def database(self, number: int) -> None:
        """Change the database, ask, and take it back."""
        random = Random(f"{self.seed}/database/{number}")
        change = None
        while change is None:
            change = mutation(self.world, random)
        kind = f"{change.place.partition('.')[0]}, {change.kind}"
        try:
            self.rows.replace(change.replacements)
        except RefusedByDatabase:
            self.report.add(kind, "not taken")
            return
        mutated = self.rows.change_counter()
        try:
            wrong = [*self._ask(change, random)]
            if random.random() < 0.03:
                wrong += self._write(change)
            if self.rows.change_counter() != mutated and self._is_written(change):
                wrong.append("something was written by it")
        finally:
            self._take_back(change, mutated)
        self._conclude(change, kind, wrong, number)

    def text(self, number: int, *, record: bool) -> None:
        """Change a blob or a record, and open it."""
        random = Random(f"{self.seed}/text/{number}")
        attempt = (record_attempt if record else blob_attempt)(self.world, random)
        answer = attempt.question.answer(self.here)
        if isinstance(answer, Refusal):
            self.report.refusals[answer.name] += 1
            self.report.add(attempt.kind, "refused")
        elif attempt.right is not None and attempt.right == answer:
            self.report.add(attempt.kind, "same")
        else:
            self.report.add(attempt.kind, "WRONG")
            said = f"{number}: {attempt.question.name} gave {answer!r:.600}"
            self.report.find(attempt.kind, said)

    # Asking.

    def _ask(self, change: Mutation, random: Random) -> Iterable[str]:
        asked = self._chosen(change, random)
        self.here.forget()
        yield from self._judge(self.here, change, asked)
        if EVERYTHING in change.touched or random.random() < 0.02:
            try:
                with opened(self.world) as anew:
                    yield from self._judge(anew, change, asked)
            except PairsmithError as error:
                self.report.refusals[type(error).__name__] += 1
                if EVERYTHING not in change.touched:
                    yield f"it does not open any more: {error!r}"

    def _chosen(self, change: Mutation, random: Random) -> list[Question]:
        """Everything about what was touched, and some about what was not."""
        about = [each for each in self.questions if each.about & change.touched]
        rights = [each for each in about if each.name.startswith("may ")]
        uses = [each for each in about if not each.name.startswith("may ")]
        asked = random.sample(rights, min(len(rights), 8))
        asked += random.sample(uses, min(len(uses), 16))
        asked += random.sample(self.questions, OTHERS)
        known = self.first_names
        for name in sorted(change.names - known)[:3]:
            asked += about_new_name(name, change.touched | {"a new name"})
        if random.random() < 0.1:
            asked += self.questions[-4:]
        return list({each.name: each for each in asked}.values())

    @property
    def first_names(self) -> set[str]:
        """Names that there were before."""
        aliases = {str(row[0]) for row in self.base["aliases"]}
        return aliases | {*self.world.keys.values(), *self.world.identities.values()}

    def _judge(
        self, here: Opened, change: Mutation, asked: list[Question]
    ) -> Iterable[str]:
        for question in asked:
            first = self.first.get(question.name, NOBODY)
            now = question.answer(here)
            verdict = question.verdict(first, now)
            if first is NOBODY and now is None:
                verdict = Verdict.REFUSED
            if isinstance(now, Refusal):
                self.report.refusals[now.name] += 1
            if verdict is Verdict.WRONG:
                yield f"{question.name}: {now!r:.300} instead of {first!r:.300}"
            elif (
                verdict is Verdict.REFUSED
                and not isinstance(first, Refusal)
                and not self._may_refuse(change, question)
            ):
                yield f"{question.name}: refused with {now!r:.300}, but not touched"
        if change.rule is Rule.NOTICED:
            yield from self._unnoticed(here, change)

    def _may_refuse(self, change: Mutation, question: Question) -> bool:
        if change.rule is Rule.HARMLESS and "a new name" not in question.about:
            return False
        whole = {"every key", "every identity", "a new name"}
        return EVERYTHING in change.touched or bool(
            question.about & (change.touched | whole)
        )

    def _unnoticed(self, here: Opened, change: Mutation) -> Iterable[str]:
        """What must be refused and is not."""
        for name in self._demanded():
            question = self.by_name.get(name)
            if question is None or not question.about & change.damaged:
                continue
            first, now = self.first[name], question.answer(here)
            given = first is not None and not isinstance(first, Refusal)
            if given and now == first and self._is_changed(change):
                yield f"nobody notices: {name} is answered as before"

    def _demanded(self) -> Iterable[str]:
        """The questions that tell whether an object is refused."""
        yield from (f"describe {key_id}" for key_id in self.world.keys.values())
        yield from (f"identity {label}" for label in self.world.identities)
        yield from ("audit key", "change log")

    def _is_changed(self, change: Mutation) -> bool:
        """Whether the database means something else: it turns "1" into 1, say."""
        tables = {each.table for each in change.replacements}
        return any(
            meant(table, self.rows.of(table)) != meant(table, self.base[table])
            for table in tables
        )

    def _is_written(self, change: Mutation) -> bool:
        """Whether anything but the change counter is not as the change left it."""
        now = self.rows.all()
        for table in self.base.keys() - {"registry"}:
            mine = [each for each in change.replacements if each.table == table]
            gone, come = {each.old for each in mine}, [each.new for each in mine]
            rows = [row for row in self.base[table] if row not in gone]
            if len(now[table]) != len(rows) + sum(row is not None for row in come):
                return True
            if not set(rows) <= set(now[table]):
                return True
        return False

    # Writing.

    def _write(self, change: Mutation) -> Iterable[str]:
        """What is not as it was left is not changed, which would make it authentic."""
        if change.rule is not Rule.NOTICED or not self._is_changed(change):
            return []
        before = self.rows.all()
        found = [
            f"{name} changed what is not as it was left"
            for name, write in self._writes(change)
            if self._succeeds(write)
        ]
        if not found and self.rows.all() != before:
            found = ["a change that was refused has changed something"]
        return found

    def _writes(self, change: Mutation) -> Iterable[tuple[str, object]]:
        registry, store = self.here.registry, self.here.store
        for key_id in self.world.keys.values():
            if key_object(key_id) in change.touched:
                yield "tag_key", lambda key=key_id: registry.tag_key(key, {"New": "1"})
                yield (
                    "update_key_description",
                    lambda key=key_id: registry.update_key_description(key, "new"),
                )
                yield "enable_key", lambda key=key_id: registry.enable_key(key)
                yield (
                    "create_key_version",
                    lambda key=key_id: registry.create_key_version(key),
                )
                yield (
                    "create_alias",
                    lambda key=key_id: registry.create_alias("alias/written", key),
                )
        for name in self.world.identities.values():
            if identity_object(name) in change.touched:
                yield (
                    "set_not_after",
                    lambda name=name: store.set_not_after(name, _LATER),
                )

    def _succeeds(self, write: object) -> bool:
        assert callable(write)
        try:
            write()
        except PairsmithError as error:
            self.report.refusals[type(error).__name__] += 1
            return False
        return True

    def _take_back(self, change: Mutation, mutated: object) -> None:
        if self.rows.change_counter() == mutated:
            try:
                self.rows.replace([each.undone() for each in change.replacements])
            except (LookupError, RefusedByDatabase):
                # The database has made another key of it.
                self.rows.restore(self.base)
        else:
            self.rows.restore(self.base)
            self.here.forget()

    def _conclude(
        self, change: Mutation, kind: str, wrong: list[str], number: int
    ) -> None:
        if not wrong:
            outcome = "same" if change.rule is Rule.HARMLESS else "refused"
            self.report.add(kind, outcome)
            return
        self.report.add(kind, "WRONG")
        done = "; ".join(map(str, change.replacements))
        for each in sorted(set(wrong))[:4]:
            self.report.find(
                f"{change.place}, {change.kind}",
                f"{number}: {done:.900}\n        {each}",
            )


def run(world: World, seed: str, numbers: Iterable[int], base: Tables) -> Report:
    """Make the changes of these numbers."""
    rows = Rows(world.url)
    with opened(world) as here:
        campaign = Campaign(world, here, rows, seed)
        for number in numbers:
            part = number % 10
            if part < 4:
                campaign.database(number)
            else:
                campaign.text(number, record=part > 6)
        here.forget()
        for question in campaign.questions:
            assert question.answer(here) == campaign.first[question.name], question
    assert rows.all() == base, "the database is as it was"
    rows.close()
    return campaign.report


def _run_copy(folder: Path, worker: int, workers: int, count: int, seed: str) -> Report:
    logging.disable()
    own = folder.with_name(f"{folder.name}-{worker}")
    shutil.copytree(folder, own)
    try:
        world = World.load(own / "world", f"sqlite:///{own}/kms.db")
        rows = Rows(world.url)
        base = rows.all()
        rows.close()
        return run(world, seed, range(worker, count, workers), base)
    finally:
        shutil.rmtree(own)


def main() -> int:
    """Run as many as the command line says, on every core."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    logging.disable()
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=base, prefix="pairsmith-") as scratch:
        folder = Path(scratch) / "first"
        folder.mkdir()
        world = build(f"sqlite:///{folder}/kms.db", f"file:{folder}/root-key")
        rows = Rows(world.url)
        rows.relax()
        rows.close()
        world.save(folder / "world")
        report = Report()
        with ProcessPoolExecutor(
            arguments.workers, mp_context=get_context("spawn")
        ) as pool:
            jobs = [
                pool.submit(
                    _run_copy,
                    folder,
                    worker,
                    arguments.workers,
                    arguments.count,
                    arguments.seed,
                )
                for worker in range(arguments.workers)
            ]
            for job in jobs:
                report.join(job.result())
    print(*report.lines(), sep="\n")
    print(f"seed {arguments.seed}, {time.monotonic() - began:.0f} s")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
