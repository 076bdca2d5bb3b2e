"""What a campaign has done, and what became of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

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

    def progress(self) -> str:
        """Tell in a line how far it is."""
        wrong = sum(
            count for (_, name), count in self.outcomes.items() if name == "WRONG"
        )
        return f"{self.count} changes, {wrong} with a wrong answer"

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
