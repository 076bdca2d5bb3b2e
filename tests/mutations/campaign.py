"""One campaign: change, ask, judge, take back; again and again."""

from collections.abc import Iterable
from random import Random

from campaign_report import Report
from campaign_writes import Writes
from database_mutations import EVERYTHING, Mutation, Rule, mutation
from mutated_world import Opened, World, opened
from questions import (
    Question,
    Refusal,
    Verdict,
    about_new_name,
    questions,
)
from table_rows import RefusedByDatabase, Rows, meant
from text_mutations import blob_attempt, record_attempt

from pairsmith.errors import PairsmithError

NOBODY = Refusal("nobody has this name", "")
OTHERS = 5
"""How many questions are asked about what was not touched."""

WRITES = 0.03
RESTARTS = 0.02
"""How often honest changes are tried after a change, and a new process is asked."""


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
            if random.random() < WRITES:
                wrong += self._write(change, random)
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
        if EVERYTHING in change.touched or random.random() < RESTARTS:
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

    def _write(self, change: Mutation, random: Random) -> Iterable[str]:
        writes = Writes(self.here, self.world, self.report)
        noticed = change.rule is Rule.NOTICED and self._is_changed(change)
        if noticed:
            yield from writes.on_damaged(change)
            if self._is_written(change):
                yield "a change that was refused has changed something"
        if EVERYTHING not in change.touched:
            yield from writes.elsewhere(change, random)
            self.here.forget()
            if noticed:
                yield from self._unnoticed(self.here, change)
        self.rows.restore(self.base)
        self.rows.replace(change.replacements)

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
