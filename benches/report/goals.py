"""What is wanted of the figures, beside what was measured."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .figures import (
    Figure,
    contestant,
    generator,
    middle,
    ratio,
    same_keys,
    turn_by_turn,
)
from .results import Results


@dataclass(frozen=True)
class Goal:
    """A measure with a limit.

    Attributes:
        measure: What is measured.
        section: Where.
        wanted: The limit: at least, or at most.
        unit: Of the figures; a ratio has the sign of multiplication.
        figure: Takes the figure out of the results.
        at_most: Whether less is better.
        aim: What would be better still.
    """

    measure: str
    section: str
    wanted: float
    unit: str
    figure: Callable[[Results], Figure]
    at_most: bool = False
    aim: float | None = None

    def is_met(self, value: float) -> bool:
        """Whether a value is within the limit."""
        return value <= self.wanted if self.at_most else value >= self.wanted


def goals() -> Iterator[Goal]:
    """All of them, in the order in which a reader asks for them."""
    for spec, wanted, aim in (
        ("RSA_2048", 11, 12),
        ("RSA_3072", 11, 12),
        ("RSA_4096", 11, 12),
    ):
        yield Goal(
            f"{spec} over `cryptography`, one thread",
            "keygen",
            wanted,
            "×",
            over_cryptography(spec, "avx512ifma"),
            aim=aim,
        )
    yield Goal(
        "RSA_2048 over `cryptography`, portable engine",
        "keygen",
        3.2,
        "×",
        over_cryptography("RSA_2048", "portable"),
    )
    for bits, wanted in ((2048, 0.78), (3072, 0.89), (4096, 0.91)):
        yield Goal(
            f"RSA_{bits}, whole operation, to that of an earlier commit",
            "commit",
            wanted,
            "×",
            to_the_earlier(bits),
            at_most=True,
        )
    for spec, wanted in (("RSA_2048", 1.1), ("RSA_3072", 1), ("RSA_4096", 1)):
        yield Goal(
            f"{spec} in a batch over one at a time, one core",
            "pairs",
            wanted,
            "×",
            batch_over_single(spec),
        )
    yield Goal("RSA_4096, two threads over one", "threads", 1.6, "×", two_threads)
    for kind, bits, aim in (
        *(("cctv", bits, 0.75) for bits in (2048, 3072, 4096)),
        *(("squaring", bits, 0.7) for bits in (1024, 1536, 2048)),
    ):
        what = {
            "cctv": "two primes of the C2SP list",
            "squaring": "a squaring in eight lanes",
        }
        yield Goal(
            f"{what[kind]}, {bits} bits, to the prototype's time",
            "lanes",
            1.0,
            "×",
            to_the_prototype(f"{kind} {bits}"),
            at_most=True,
            aim=aim,
        )
    for spec, single, batch, aim in (
        ("EC_P256", 1.7, 2.5, 4),
        ("EC_P256K", 12, 18, 25),
    ):
        yield Goal(
            f"{spec} over the same by hand, one at a time",
            "pairs",
            single,
            "×",
            over_by_hand(spec, "instance"),
        )
        yield Goal(
            f"{spec} over the same by hand, a batch on one core",
            "pairs",
            batch,
            "×",
            over_by_hand(spec, "batch"),
            aim=aim,
        )
    for spec in ("RSA_2048", "EC_P256"):
        yield Goal(
            f"{spec} in a batch, two cores over one",
            "workers",
            1.8,
            "×",
            two_over_one(spec, {"Threads": 2, "Processes": 1}),
        )
    for name, what, wanted in (
        ("bulk parquet", "`bulk` of EC_P256 to Parquet", 60),
        ("bulk jsonl", "`bulk` of EC_P256 to JSON Lines", 40),
    ):
        yield Goal(
            f"{what}, to the rate of the bare batch",
            "bulk",
            wanted,
            "%",
            share_of_batch(name),
        )
    yield Goal(
        "`bulk verify` of EC_P256 over reading every record",
        "bulk",
        4,
        "×",
        verification_over_reading,
    )
    yield Goal(
        "RSA_2048 from a warm pool, median", "latency", 60, "µs", pooled, at_most=True
    )
    yield Goal(
        "RSA_2048 from a warm pool, to EC_P256",
        "latency",
        3,
        "×",
        pooled_to_curve,
        at_most=True,
    )
    yield Goal(
        "peak memory of a bulk job of 100,000 EC pairs over one of 1,000",
        "memory",
        20,
        "MiB",
        memory_of_bulk,
        at_most=True,
    )
    yield Goal(
        "EC_P256: what the Instance adds to its call into the core",
        "pairs",
        5,
        "µs",
        instance_layer,
        at_most=True,
    )
    yield Goal(
        "EC_P256: what Python adds to a pair of a batch",
        "pairs",
        1,
        "µs",
        batch_layer,
        at_most=True,
    )


def over_cryptography(spec: str, engine: str) -> Callable[[Results], Figure]:
    """How many times faster an engine is, by means."""

    def figure(results: Results) -> Figure:
        ours = generator(results, spec, f"pairsmith {engine}")
        theirs = generator(results, spec, "cryptography")
        return ratio(theirs["Milliseconds"], ours["Milliseconds"])

    return figure


def over_by_hand(spec: str, name: str) -> Callable[[Results], Figure]:
    """How many times faster than ``cryptography`` by hand, turn by turn."""

    def figure(results: Results) -> Figure:
        ours = contestant(results, "pairs", spec, Contestant=name)
        theirs = contestant(results, "pairs", spec, Contestant="by hand")
        return turn_by_turn(theirs["TurnMedians"], ours["TurnMedians"])

    return figure


def batch_over_single(spec: str) -> Callable[[Results], Figure]:
    """How many times faster pairs are in a batch, by means."""

    def figure(results: Results) -> Figure:
        one, batch = (
            contestant(results, "pairs", spec, Contestant=name)
            for name in ("instance", "batch")
        )
        return ratio(one["TurnMeans"], batch["TurnMeans"])

    return figure


def to_the_earlier(bits: int) -> Callable[[Results], Figure]:
    """Our time over an earlier commit's, key by key."""

    def figure(results: Results) -> Figure:
        return turn_by_turn(*reversed(same_keys(results, bits)))

    return figure


def two_over_one(spec: str, two: dict[str, int]) -> Callable[[Results], Figure]:
    """How many times the pairs of one worker, by means."""

    def figure(results: Results) -> Figure:
        one = contestant(results, "workers", spec, Threads=1, Processes=1)
        more = contestant(results, "workers", spec, **two)
        return ratio(one["TurnMeans"], more["TurnMeans"])

    return figure


def to_the_prototype(measure: str) -> Callable[[Results], Figure]:
    """Our time over the prototype's, round by round."""

    def figure(results: Results) -> Figure:
        rounds = results["lanes"]["Data"]["Nanoseconds"]
        return turn_by_turn(rounds["pairsmith"][measure], rounds["prototype"][measure])

    return figure


def two_threads(results: Results) -> Figure:
    """One thread's time over that of two, key by key."""
    found = results["threads"]["Data"]["Summaries"]["ratio, key by key"]
    error = 1.96 * found["StandardError"]
    mean = found["Mean"]
    return Figure(mean, mean - error, mean + error, int(found["Samples"]))


def pooled(results: Results) -> Figure:
    """Microseconds for a pair out of the pool."""
    found = contestant(results, "latency", "RSA_2048", Contestant="pool")
    return middle(found["Singles"])


def pooled_to_curve(results: Results) -> Figure:
    """A pair out of the pool over an EC pair, turn by turn."""
    pool = contestant(results, "latency", "RSA_2048", Contestant="pool")
    curve = contestant(results, "latency", "EC_P256", Contestant="instance")
    return turn_by_turn(pool["TurnMedians"], curve["TurnMedians"])


def memory_of_bulk(results: Results) -> Figure:
    """What the large job needs more than the small one, job by job."""
    small, large = results["memory"]["Data"]["PeakMiB"].values()
    return middle([more - less for less, more in zip(small, large, strict=True)])


def instance_layer(results: Results) -> Figure:
    """Microseconds of the Instance, turn by turn."""
    whole = contestant(results, "pairs", "EC_P256", Contestant="instance")
    core = contestant(results, "pairs", "EC_P256", Contestant="core")
    turns = zip(whole["TurnMedians"], core["TurnMedians"], strict=True)
    return middle([one - other for one, other in turns])


def batch_layer(results: Results) -> Figure:
    """Microseconds between a batch as objects and as tables, turn by turn."""
    objects = contestant(results, "pairs", "EC_P256", Contestant="batch")
    tables = contestant(results, "pairs", "EC_P256", Contestant="tables")
    turns = zip(objects["TurnMedians"], tables["TurnMedians"], strict=True)
    return middle([one - other for one, other in turns])


def share_of_batch(name: str) -> Callable[[Results], Figure]:
    """The rate in hundredths of the bare batch's, turn by turn."""

    def figure(results: Results) -> Figure:
        bare = contestant(results, "bulk", "EC_P256", Contestant="bare batch")
        ours = contestant(results, "bulk", "EC_P256", Contestant=name)
        turns = zip(bare["TurnMedians"], ours["TurnMedians"], strict=True)
        return middle([100 * one / other for one, other in turns])

    return figure


def verification_over_reading(results: Results) -> Figure:
    """How many times faster, turn by turn."""
    ours = contestant(results, "bulk", "EC_P256", Contestant="verify")
    reading = contestant(results, "bulk", "EC_P256", Contestant="verify by reading")
    return turn_by_turn(reading["TurnMedians"], ours["TurnMedians"])
