"""The tables of the report, in Markdown."""

from collections.abc import Iterable, Sequence

from .figures import (
    Figure,
    contestant,
    generator,
    generators,
    middle,
    ratio,
    turn_by_turn,
)
from .goals import goals, two_over_one
from .results import Results

CELL = '`{0}`: not measured yet; `make bench-report ARGS="--only {0}"`'
BUSY = 0.05
"""A larger share of the CPUs' time in others' hands makes figures doubtful."""
CURVES = ("EC_P256", "EC_P256K")
NAMES = {
    "instance": "`Instance`, one at a time",
    "core": "its one call into the core",
    "batch": "`Instance`, a batch on one core",
    "tables": "the same as tables of Arrow",
    "bare batch": "a batch as tables of Arrow, thrown away",
    "bulk parquet": "`bulk` to Parquet",
    "bulk jsonl": "`bulk` to JSON Lines",
    "verify": "`bulk verify` of JSON Lines, opening none",
    "verify by reading": "the same, every record read by itself",
    "by hand": "by hand with `cryptography`",
    "pycryptodome": "pycryptodome, generation alone",
}


def goals_table(results: Results) -> str:
    """What is wanted, and what was measured."""
    rows = []
    for goal in goals():
        wanted = f"{'≤' if goal.at_most else '≥'} {number(goal.wanted)} {goal.unit}"
        aim = "" if goal.aim is None else f"{number(goal.aim)} {goal.unit}"
        try:
            found = goal.figure(results)
        except LookupError:
            # The section was not measured, or has nothing of the kind on this machine.
            rows.append([goal.measure, wanted, aim, "*not measured*", "", "", ""])
            continue
        met = "yes" if goal.is_met(found.value) else "**no**"
        met += ", narrowly" * (goal.is_met(found.low) != goal.is_met(found.high))
        measured = f"{number(found.value)} {goal.unit}"
        rows.append(
            [
                goal.measure,
                wanted,
                aim,
                measured,
                spread(found),
                str(found.samples),
                met,
            ]
        )
    return table(
        ("measure", "wanted", "aim", "measured", "spread", "samples", "met"),
        rows,
        "lrrrrrl",
    )


def keygen_tables(results: Results) -> str:
    """The generators of each RSA spec."""
    parts = []
    for spec in ("RSA_2048", "RSA_3072", "RSA_4096"):
        rows = []
        theirs = generator(results, spec, "cryptography")
        for each in generators(results, spec):
            found = ratio(theirs["Milliseconds"], each["Milliseconds"])
            speed = (
                "1" if each is theirs else f"{number(found.value)} ({spread(found)})"
            )
            waited = (
                "" if each["WaitedForCpu"] is None else percent(each["WaitedForCpu"])
            )
            rows.append(
                [
                    each["Version"],
                    str(each["Keys"]),
                    number(each["MeanMs"]),
                    number(each["StandardErrorMs"]),
                    number(each["MedianMs"]),
                    speed,
                    waited,
                ]
            )
        head = (
            spec,
            "keys",
            "mean ms",
            "± s.e.",
            "median ms",
            "speed (95 %)",
            "waited",
        )
        parts.append(table(head, rows, "lrrrrrr"))
    return "\n\n".join(parts)


def pairs_table(results: Results) -> str:
    """EC pairs: microseconds, and how many times faster than by hand."""
    rows = []
    for spec in CURVES:
        theirs = contestant(results, "pairs", spec, Contestant="by hand")
        for each in results["pairs"]["Data"]["Results"]:
            if each["Spec"] != spec:
                continue
            took = middle(each["TurnMedians"])
            turns = zip(theirs["TurnMedians"], each["TurnMedians"], strict=True)
            faster = middle([other / one for other, one in turns])
            rows.append(
                [
                    spec,
                    NAMES[each["Contestant"]],
                    number(took.value),
                    spread(took),
                    f"{took.samples} × {each['PairsPerTurn']}",
                    number(faster.value),
                ]
            )
    head = ("spec", "who", "µs a pair", "quartiles", "turns × pairs", "speed")
    return table(head, rows, "llrrrr")


def kinds_table(results: Results) -> str:
    """Pairs of libraries: microseconds, and how many times faster than by hand."""
    every = results["kinds"]["Data"]["Results"]
    by_hand = {each["Spec"]: each for each in every if each["Contestant"] == "by hand"}
    rows = []
    for each in every:
        took = middle(each["TurnMeans"])
        faster = ""
        if each["Spec"] in by_hand:
            theirs = by_hand[each["Spec"]]["TurnMeans"]
            turns = zip(theirs, each["TurnMeans"], strict=True)
            faster = number(middle([other / one for other, one in turns]).value)
        rows.append(
            [
                each["Spec"],
                NAMES[each["Contestant"]],
                number(took.value),
                spread(took),
                f"{took.samples} × {each['PairsPerTurn']}",
                faster,
            ]
        )
    head = ("spec", "who", "µs a pair", "quartiles", "turns × pairs", "speed")
    return table(head, rows, "llrrrr")


def batch_table(results: Results) -> str:
    """RSA pairs in a batch against one at a time, on one core."""
    rows = []
    for spec in ("RSA_2048", "RSA_3072", "RSA_4096"):
        one, batch = (
            contestant(results, "pairs", spec, Contestant=name)
            for name in ("instance", "batch")
        )
        gain = ratio(one["TurnMeans"], batch["TurnMeans"])
        means = [sum(each["TurnMeans"]) / gain.samples / 1000 for each in (one, batch)]
        rows.append(
            [
                spec,
                *map(number, means),
                f"{number(gain.value)} ({spread(gain)})",
                f"{gain.samples} × {one['PairsPerTurn']}",
            ]
        )
    head = (
        "spec",
        "one at a time, ms",
        "in a batch, ms",
        "gain (95 %)",
        "turns × pairs",
    )
    return table(head, rows, "lrrrr")


def workers_table(results: Results) -> str:
    """Pairs a second on more and more threads, and processes beside them."""
    rows = []
    for each in results["workers"]["Data"]["Results"]:
        several = {"Threads": each["Threads"], "Processes": each["Processes"]}
        gain = two_over_one(each["Spec"], several)(results)
        rate = 1e6 / (sum(each["TurnMeans"]) / gain.samples)
        is_one = several == {"Threads": 1, "Processes": 1}
        shown = "1" if is_one else f"{number(gain.value)} ({spread(gain)})"
        rows.append(
            [
                each["Spec"],
                whose(**several),
                f"{rate:,.0f}",
                shown,
                f"{gain.samples} × {each['PairsPerTurn']:,}",
            ]
        )
    head = ("spec", "who", "pairs a second", "over one (95 %)", "turns × pairs")
    return table(head, rows, "llrrr")


def bulk_table(results: Results) -> str:
    """Bulk jobs: microseconds, and the share of the batch's rate."""
    rows = []
    bare = contestant(results, "bulk", "EC_P256", Contestant="bare batch")
    for each in results["bulk"]["Data"]["Results"]:
        took = middle(each["TurnMedians"])
        share = turn_by_turn(bare["TurnMedians"], each["TurnMedians"])
        rows.append(
            [
                NAMES[each["Contestant"]],
                number(took.value),
                spread(took),
                f"{took.samples} × {each['PairsPerTurn']:,}",
                percent(share.value),
            ]
        )
    head = ("what", "µs a pair", "quartiles", "turns × pairs", "rate, to the batch's")
    return table(head, rows, "lrrrr")


def whose(**several: int) -> str:
    """A batch on threads, or processes side by side."""
    threads, processes = several["Threads"], several["Processes"]
    if processes > 1:
        return f"{processes} independent processes"
    return f"batch, {threads} worker{'s' * (threads > 1)}"


def latency_table(results: Results) -> str:
    """How long one caller waits for a pair."""
    names = {
        ("pool", "RSA_2048"): "RSA_2048, warm pool",
        ("instance", "RSA_2048"): "RSA_2048, no pool",
        ("instance", "EC_P256"): "EC_P256",
    }
    rows = []
    for each in results["latency"]["Data"]["Results"]:
        found = sorted(each["Singles"])
        shares = (0.5, 0.9, 0.99)
        cells = [number(found[int(share * len(found))]) for share in shares]
        name = names[each["Contestant"], each["Spec"]]
        rows.append([name, *cells, number(found[-1]), str(len(found))])
    head = ("pair", "median µs", "90 %", "99 %", "longest", "pairs")
    return table(head, rows, "lrrrrr")


def memory_table(results: Results) -> str:
    """Peaks of bulk jobs."""
    rows = []
    for count, peaks in results["memory"]["Data"]["PeakMiB"].items():
        found = middle(peaks)
        rows.append(
            [f"{int(count):,}", number(found.value), spread(found), str(found.samples)]
        )
    return table(("EC_P256 pairs", "peak MiB", "quartiles", "jobs"), rows, "rrrr")


def lanes_table(results: Results) -> str:
    """The vector engine beside its prototype."""
    rounds = results["lanes"]["Data"]["Nanoseconds"]
    rows = []
    for name, prototype in rounds["prototype"].items():
        ours = rounds["pairsmith"][name]
        unit, scale = ("ms", 1e6) if min(ours) >= 1e5 else ("ns", 1)
        cells = [
            f"{number(found.value)} {unit} ({spread(found)})"
            for found in (
                middle([each / scale for each in one]) for one in (prototype, ours)
            )
        ]
        quotient = middle(
            [one / other for one, other in zip(ours, prototype, strict=True)]
        )
        rows.append([name, *cells, number(quotient.value), str(quotient.samples)])
    head = ("measure", "prototype", "Pairsmith", "ratio", "rounds")
    return table(head, rows, "lrrrr")


def commit_table(results: Results) -> str:
    """The same keys by an earlier commit and by this one."""
    rows = []
    for each in results["commit"]["Data"]["Results"]:
        earlier, this = each["Nanoseconds"].values()
        found = middle(
            [ours / theirs for theirs, ours in zip(earlier, this, strict=True)]
        )
        medians = (
            middle([ns / 1e6 for ns in times]).value for times in (earlier, this)
        )
        rows.append(
            [
                f"RSA_{each['Bits']}",
                *map(number, medians),
                f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})",
                f"{sum(this) / sum(earlier):.3f}",
                str(found.samples),
            ]
        )
    earlier = f"`{results['commit']['Data']['Commit']}`, median ms"
    head = ("spec", earlier, "this, median ms", "ratio of a key", "of the sums", "keys")
    return table(head, rows, "lrrrrr")


def work_table(results: Results) -> str:
    """Counts of work for two primes."""
    rows = [
        [
            each["Engine"],
            f"RSA-{each['Bits']}",
            *(f"{each[what]:,}" for what in ("Sifted", "Tested", "Squarings")),
        ]
        for each in results["work"]["Data"]["Results"]
    ]
    head = ("engine", "two primes of", "sifted", "tested", "squarings")
    return table(head, rows, "llrrr")


def threads_table(results: Results) -> str:
    """One key on one thread and on two."""
    rows = [
        [
            what,
            number(each["Mean"]),
            number(each["StandardError"]),
            number(each["Median"]),
            str(each["Samples"]),
        ]
        for what, each in results["threads"]["Data"]["Summaries"].items()
    ]
    return table(("RSA_4096", "mean", "± s.e.", "median", "keys"), rows, "lrrrr")


def profile_table(results: Results, engine: str = "avx512ifma") -> str:
    """The stages of a generation by spec, on the best engine measured."""
    everything = results["profile"]["Data"]["Results"]
    columns = [each for each in everything if each["Engine"] == engine] or everything
    stages = zip(*(each["Stages"] for each in columns), strict=True)
    rows = [
        [same[0]["Stage"], *(f"{each['MsPerKey']:.3f} ms, {percent(each['Share'])}"
                             for each in same)]
        for same in stages
    ]  # fmt: skip
    product = [each["Product"] for each in columns]
    means = (f"{each['Mean']:.2f} ± {each['StandardError']:.2f} ms" for each in product)
    rows.append(["the product, in turn with it", *means])
    head = [f"RSA-{each['Bits']}, {each['Keys']} keys" for each in columns]
    return table(("stage", *head), rows, "l" + "r" * len(columns))


def machine_table(results: Results) -> str:
    """The machine, and the versions of everything; the newest section's."""
    newest = max(results.values(), key=lambda document: document["Begun"])["Machine"]
    cores = f"{newest['Cores']}{', virtual' * newest['Virtual']}"
    rows = [
        ["CPU", newest["CPU"]],
        ["cores", cores],
        ["prime engine", newest["Engine"]],
        ["system", f"{newest['System']}, kernel {newest['Kernel']}"],
        *([name, text] for name, text in newest["Versions"].items()),
    ]
    return table(("", ""), rows, "ll")


def runs_table(results: Results) -> str:
    """When each section was measured, and in what company."""
    rows = []
    for name, each in results.items():
        begun, took = each["Begun"], f"{each['Seconds']:,.0f} s"
        commit = each["Machine"]["Versions"]["Pairsmith"].rpartition(" ")[2]
        quick = " --quick" * each["Quick"]
        rows.append(
            [
                f"`--only {name}{quick}`",
                begun,
                took,
                percent(each["Others"]),
                percent(each["Stolen"]),
                commit,
            ]
        )
    head = ("command", "begun", "took", "others", "stolen", "commit")
    return table(head, rows, "llrrrl")


def caution(results: Results) -> str:
    """What is to be known before anything is believed; nothing, if all is well."""
    quick = [name for name, each in results.items() if each["Quick"]]
    busy = [
        name for name, each in results.items() if each["Others"] + each["Stolen"] > BUSY
    ]
    said = []
    if quick:
        said.append(f"by few samples (`--quick`): {', '.join(quick)}")
    if busy:
        said.append(f"on a machine that others used: {', '.join(busy)}")
    if not said:
        return "All of it was measured in full, on a machine that nobody else used."
    text = "; ".join(said)
    return f"**Read with caution.** Measured {text}. See [the table of runs](#runs)."


def table(head: Sequence[str], rows: Iterable[Sequence[str]], sides: str) -> str:
    """A table; ``sides`` has an ``l`` or an ``r`` for each column."""
    line = {"l": "---", "r": "---:"}
    lines = [head, [line[side] for side in sides], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def number(value: float) -> str:
    """Three digits that count, at least; without an exponent."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    digits = 2 if value < 10 else 1
    return f"{value:.{digits}f}" if value >= 0.1 else f"{value:.2g}"


def spread(figure: Figure) -> str:
    """From where to where; of one sample nothing is known."""
    if figure.samples == 1:
        return "?"
    return f"{number(figure.low)} to {number(figure.high)}"


def percent(share: float) -> str:
    """A share in hundredths."""
    return f"{100 * share:.1f} %"
