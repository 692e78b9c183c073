"""The benchmark's result as Markdown: seconds and memory at each size, growth between sizes, speed against plain."""

from statistics import median
from typing import Final, NamedTuple

from benchmarks.measure import Result
from benchmarks.scale import Facts

PLAIN: Final = "plain, 1 core"
MAX_TIME_GROWTH: Final = 1.25
MAX_MEMORY_GROWTH: Final = 1.3
"""What issue 3 allows from 100,000 to 1,000,000 conversations: seconds a conversation, and peak memory."""

_SAYS: Final = """
Measured: wall-clock seconds inside the process, from reading the plan to the last byte written (plain: four Parquet
files; Refinery: the published snapshot). Seconds leave out imports, and of Refinery the start of Ray: they begin when
each worker has done one empty task that imports what a run imports. All processes of a contender, Ray's own too, run on
its cores and no others. The first run of a contender warms up, at the smallest size, and counts nowhere; each corpus is
read once before its rounds. Peak memory is the sum of proportional set sizes over the process tree, looked at four
times a second and read whenever the resident sets are larger together than before; what was touched of the object store
and other shared memory is in it (in brackets), and so are the pages of files that are mapped. It is the median of the
timed rounds.

Not measured: object stores and networks (input, lake and work files lie on one local disk, the input in the page cache
after the warm-up), more than one machine, GPUs, models, restarts. The corpus is the real logs once and seeded
variations of them: the copies are near duplicates of each other, so it says nothing about the quality of
deduplication, and few of its conversations end as training samples. Plain does without shards, manifests, ledger,
quarantine, restarts, tables by day and publication. All contenders wrote equal numbers of rows in every round; a test
compares the rows themselves.
"""


class Size(NamedTuple):
    """A corpus, what it was found to hold, and the timed rounds over it: contender -> result."""

    facts: Facts
    contents: dict[str, int]
    rounds: list[dict[str, Result]]

    def each(self, name: str) -> list[float]:
        """Seconds a conversation, a round each."""
        return [one[name].seconds / self.facts.conversations for one in self.rounds]

    def memory(self, name: str) -> float:
        """Peak bytes, the median of the rounds."""
        return median(one[name].memory[0] for one in self.rounds)


def report(about: str, sizes: list[Size]) -> str:
    """Markdown over the sizes, smallest first."""
    lines = ["# The main job, measured", "", about, ""]
    lines += [_corpus(size) for size in sizes]
    lines += ["", "Plan: pipelines/plans/all_sets.yaml.", ""]
    lines += [
        "| conversations | | seconds: median (min to max) | µs a conversation | conversations/s | whole process, s "
        "| peak MiB |",
        "|---:|---|---:|---:|---:|---:|---:|",
        *(_line(size, name) for size in sizes for name in size.rounds[0]),
    ]
    if len(sizes) > 1 and (names := [name for name in sizes[0].rounds[0] if not name.startswith("plain")]):
        lines += ["", *_growth(sizes[-2], sizes[-1], names)]
    if PLAIN in sizes[0].rounds[0]:
        lines += ["", *_against_plain(sizes)]
    lines += ["", *_rounds(sizes), _SAYS]
    return "\n".join(lines)


def _corpus(size: Size) -> str:
    facts, found = size.facts, size.contents
    return (
        f"- {facts.conversations:,} conversations: {found['contents'] / found['conversations']:.1%} distinct contents, "
        f"{found['duplicates']:,} set aside as exact duplicates; {facts.bytes / 1e6:,.0f} MB of files, "
        f"{facts.unpacked / 1e6:,.0f} MB unpacked"
    )


def _line(size: Size, name: str) -> str:
    num, seconds = size.facts.conversations, [one[name].seconds for one in size.rounds]
    middle, shared = median(seconds), median(one[name].memory[1] for one in size.rounds)
    return (
        f"| {num:,} | {name} | {middle:.1f} ({min(seconds):.1f} to {max(seconds):.1f}) | {middle / num * 1e6:.0f} "
        f"| {num / middle:,.0f} | {median(one[name].whole for one in size.rounds):.1f} "
        f"| {size.memory(name) / 2**20:,.0f} ({shared / 2**20:,.0f}) |"
    )


def _growth(small: Size, large: Size, names: list[str]) -> list[str]:
    """From the second largest corpus to the largest; the range is over all pairs of rounds."""
    title = f"{large.facts.conversations:,} against {small.facts.conversations:,} conversations"
    lines = [
        f"| {title} | seconds a conversation (over all pairs of rounds), at most {MAX_TIME_GROWTH} | "
        f"peak memory, at most {MAX_MEMORY_GROWTH} | |",
        "|---|---:|---:|---|",
    ]
    for name in names:
        before, after = small.each(name), large.each(name)
        time = median(after) / median(before)
        memory = large.memory(name) / small.memory(name)
        held = "holds" if time <= MAX_TIME_GROWTH and memory <= MAX_MEMORY_GROWTH else "**does not hold**"
        low, high = min(after) / max(before), max(after) / min(before)
        lines.append(f"| {name} | {time:.2f} ({low:.2f} to {high:.2f}) | {memory:.2f} | {held} |")
    return lines


def _against_plain(sizes: list[Size]) -> list[str]:
    lines = ["| speed against plain, of the same round: median (min to max) | | |", "|---:|---|---:|"]
    for size in sizes:
        for name in size.rounds[0]:
            if name != PLAIN:
                ratios = [one[PLAIN].seconds / one[name].seconds for one in size.rounds]
                middle = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
                lines.append(f"| {size.facts.conversations:,} | {name} | {middle} |")
    return lines


def _rounds(sizes: list[Size]) -> list[str]:
    lines = []
    for size in sizes:
        num = f"{size.facts.conversations:,}"
        lines += [
            f"- {num}, round {n}: {'; '.join(f'{name} {r.seconds:.2f} s' for name, r in one.items())}"
            for n, one in enumerate(size.rounds, 1)
        ]
        lines += [
            f"- {num}, {name}, seconds by pass: {_passes([one[name] for one in size.rounds])}"
            for name, first in size.rounds[0].items()
            if first.passes
        ]
    return lines


def _passes(results: list[Result]) -> str:
    """Median seconds of each pass, from the end of the one before; publishing comes last."""
    spans: dict[str, list[float]] = {}
    for result in results:
        last = 0.0
        for name, end in [*result.passes.items(), ("publish", result.seconds)]:
            spans.setdefault(name, []).append(end - last)
            last = end
    return ", ".join(f"{name} {median(of):.1f}" for name, of in spans.items())
