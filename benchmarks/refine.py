"""The main job on a Ray cluster of this machine against a plain single process, over a corpus of N times the real logs.

    python -m benchmarks.refine --scale 20 --rounds 3 --cores 1,2

Every measurement is a process of its own, bound to its cores. A first round warms up and gives peak memory; the timed
rounds go in rotation and are paired with the plain process of the same round.
"""

import argparse
import importlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import scale
from benchmarks.plain import TABLES
from refinery.engine.cluster import ClusterExecutor
from refinery.engine.key import deployment_key
from refinery.engine.run import Run
from refinery.lake import snapshot
from refinery.plan import load
from refinery.stages import STAGES, step_class
from refinery.storage.store import Store

HOME: Final = Path(__file__).resolve().parent
PLAIN: Final = "plain, 1 core"
_ENVIRONMENT: Final = {"REFINERY_KEY": "a key for benchmarks", "RAY_USAGE_STATS_ENABLED": "0"}
_SAMPLE_SECONDS: Final = 0.25

_SAYS: Final = """
Measured: wall-clock seconds inside the process, from reading the plan to the last byte written (plain: four Parquet
files; Refinery: the published snapshot). Seconds leave out imports, and of Refinery the start of Ray: they begin when
each worker has done one empty task that imports what a run imports. All processes of a contender, Ray's own too, run
on its cores and no others. Speed against plain is plain's seconds over the contender's of the same round; the median
of these ratios is shown. Peak memory is the sum of proportional set sizes over the process tree, sampled every
quarter of a second in the warm-up round only; what was touched of the object store and other shared memory is in it
(in brackets).

Not measured: object stores and networks (input, lake and work files lie on one local disk, the input in the page cache
after the warm-up), more than one machine, GPUs, models, restarts. The corpus is the real logs once and seeded
variations of them {more} times: the copies are near duplicates of each other, so it says nothing about the quality of
deduplication, and few of its conversations end as training samples. Plain does without shards, manifests, ledger,
quarantine, restarts, tables by day and publication. All contenders wrote equal numbers of rows in every round; a test
compares the rows themselves.
"""


class Contender(NamedTuple):
    """A command that takes the folder to write to as its last argument and prints one JSON object."""

    name: str
    cores: int
    command: tuple[str, ...]


class Result(NamedTuple):
    """One run: seconds inside and of the whole process, rows by table, peak bytes (all, shared), ends of passes."""

    seconds: float
    rows: dict[str, int]
    whole: float = 0.0
    memory: tuple[int, int] = (0, 0)
    passes: dict[str, float] = {}


class Corpus(NamedTuple):
    """Conversations, different contents among them, and how many were set aside as exact duplicates."""

    num: int
    num_contents: int
    num_duplicates: int


def contenders(source: Path, cores: list[int]) -> list[Contender]:
    """The plain process on one core, and Refinery on each number of cores."""
    plain = (sys.executable, "-m", "benchmarks.plain", str(scale.PLAN), "--source", str(source))
    cluster = (sys.executable, "-m", "benchmarks.refine", "--child", str(source))
    refinery = [Contender(f"refinery, {n} core{'s' * (n > 1)}", n, (*cluster, str(n))) for n in cores]
    return [
        Contender(PLAIN, 1, plain),
        Contender("plain without collector, 1 core", 1, (*plain, "--no-collector")),
        *refinery,
    ]


def measure(one: Contender, out: Path, *, memory: bool) -> Result:
    """Runs it on its cores in a process of its own; raises CalledProcessError where it fails."""
    command, here = [*one.command, str(out)], os.sched_getaffinity(0)
    start = time.perf_counter()
    os.sched_setaffinity(0, sorted(here)[: one.cores])  # a child inherits it, and so do Ray's processes
    try:
        process = subprocess.Popen(command, cwd=HOME.parent, env=os.environ | _ENVIRONMENT, stdout=subprocess.PIPE)
    finally:
        os.sched_setaffinity(0, here)
    peaks = [(0, 0)]
    watch = threading.Thread(target=_watch, args=(process, peaks))
    if memory:
        watch.start()
    said, _ = process.communicate()
    whole = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    if memory:
        watch.join()
    return Result(**orjson.loads(said.splitlines()[-1]), whole=whole, memory=max(peaks))


def _watch(process: subprocess.Popen[bytes], peaks: list[tuple[int, int]]) -> None:
    while process.poll() is None:
        facts = [_memory(pid) for pid in _tree(process.pid)]
        peaks.append((sum(pss for pss, _ in facts), sum(shared for _, shared in facts)))
        time.sleep(_SAMPLE_SECONDS)


def _tree(root: int) -> Iterator[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [root]
    for pid in found:
        yield pid
        found += children.get(pid, [])


def _memory(pid: int) -> tuple[int, int]:
    """Proportional set size, and the part of it in shared memory, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0, 0
    sizes = {name: int(size.split()[0]) * 1024 for name, _, size in (line.partition(":") for line in lines)}
    return sizes.get("Pss", 0), sizes.get("Pss_Shmem", 0)


def rounds(all_: list[Contender], times: int, scratch: Path) -> tuple[Corpus, list[dict[str, Result]]]:
    """What the corpus is, and the results: the warm-up first, then `times` rounds in rotation."""
    results: list[dict[str, Result]] = []
    corpus = Corpus(0, 0, 0)
    for number in range(times + 1):
        results.append({})
        turn = number % len(all_)
        for one in all_[turn:] + all_[:turn]:
            found = results[-1][one.name] = measure(one, scratch / "out", memory=number == 0)
            print(f"round {number}: {one.name}: {found.seconds:.1f} s", file=sys.stderr)
            if found.rows != results[0][PLAIN].rows:
                sys.exit(f"{one.name} wrote {found.rows}, plain wrote {results[0][PLAIN].rows}: nothing to compare")
            if one.name == PLAIN:
                corpus = _corpus(scratch / "out" / "conversations.parquet")
            shutil.rmtree(scratch / "out")
    return corpus, results


def _corpus(conversations: Path) -> Corpus:
    table = pq.read_table(conversations, columns=["content_hash", "set_aside_why"])
    aside = pc.sum(pc.equal(table["set_aside_why"], "exact_duplicate")).as_py() or 0
    return Corpus(table.num_rows, pc.count_distinct(table["content_hash"]).as_py(), aside)


def _import(_: dict[str, object]) -> None:
    """What a worker imports for its first task."""
    for name in STAGES:
        step_class(name)
    importlib.import_module("refinery.engine.run")


def child(source: str, cores: int, lake: Path) -> None:
    """One run on a Ray cluster started here; prints seconds since Ray was up, when each pass ended, and rows."""
    import ray

    ray.init("local", num_cpus=cores, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    ended: dict[str, float] = {}
    executor = ClusterExecutor()
    for _ in executor.run(_import, [{}] * (8 * cores)):  # plain's seconds leave its imports out too
        pass
    start = time.perf_counter()

    def progress(name: str, done: int, total: int) -> None:
        ended[name] = time.perf_counter() - start

    Run(load(scale.PLAN, source), Store(lake), deployment_key(), executor, progress)()
    seconds = time.perf_counter() - start
    files = [file for run in snapshot.load(Store(lake))["runs"] for file in run["files"]]
    rows = {name: sum(file[3] for file in files if file[0] == name) for name in TABLES}
    ray.shutdown()
    print(orjson.dumps({"seconds": seconds, "rows": rows, "passes": ended}).decode())


def report(machine: str, scaled: int, corpus: Corpus, results: list[dict[str, Result]]) -> str:
    """Markdown over all rounds, the first of which is the warm-up."""
    first, *timed = results
    distinct = f"{corpus.num_contents / corpus.num:.1%} distinct contents"
    lines = [
        "# The main job against a plain single process",
        f"\n{time.strftime('%Y-%m-%d')}, commit {_commit()}. {machine}.",
        f"\nCorpus: {scaled} x the real logs, {corpus.num:,} conversations, {distinct}, {corpus.num_duplicates:,} set "
        f"aside as exact duplicates. Plan: pipelines/plans/all_sets.yaml. Timed rounds: {len(timed)}.\n",
        "| | seconds: median (min to max) | conversations/s | speed against plain | whole process, s | peak MiB |",
        "|---|---|---|---|---|---|",
        *(_line(name, corpus.num, first[name], timed) for name in first),
        "",
        *(
            f"- Round {n}: {'; '.join(f'{x} {r.seconds:.2f} s' for x, r in one.items())}"
            for n, one in enumerate(timed, 1)
        ),
        *(
            f"- {name}, seconds by pass: {_passes([one[name] for one in timed])}"
            for name in first
            if first[name].passes
        ),
        _SAYS.format(more=scaled - 1),
    ]
    return "\n".join(lines)


def _line(name: str, num: int, first: Result, timed: list[dict[str, Result]]) -> str:
    seconds = [one[name].seconds for one in timed]
    ratio = median(one[PLAIN].seconds / one[name].seconds for one in timed)
    whole = median(one[name].whole for one in timed)
    memory, shared = (size / 2**20 for size in first.memory)
    return (
        f"| {name} | {median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f}) | {num / median(seconds):,.0f} "
        f"| {ratio:.2f} | {whole:.1f} | {memory:,.0f} ({shared:,.0f}) |"
    )


def _passes(results: list[Result]) -> str:
    """Median seconds of each pass, from the end of the one before; publishing comes last."""
    spans: dict[str, list[float]] = {}
    for result in results:
        last = 0.0
        for name, end in [*result.passes.items(), ("publish", result.seconds)]:
            spans.setdefault(name, []).append(end - last)
            last = end
    return ", ".join(f"{name} {median(of):.1f}" for name, of in spans.items())


def _machine() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="ascii"), re.M)
    return f"{found[1].strip() if found else 'unknown processor'}, {os.cpu_count()} cores"


def _facts(machine: str) -> str:
    """The line on the hardware, how busy it is now, and the versions."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in ("pyarrow", "ray", "numpy", "orjson"))
    load_now = f"load {os.getloadavg()[0]:.1f} before the first run"
    return f"{machine}, {gib:.0f} GiB, {load_now}. Python {sys.version.split()[0]}, {versions}"


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=False, cwd=HOME.parent).stdout

    changed = git("status", "--porcelain", "--", "refinery", "rules", "pipelines", "benchmarks/*.py")
    return (git("rev-parse", "--short", "HEAD").strip() or "unknown") + (
        " with changes not committed" if changed else ""
    )


def main() -> None:
    """Measures, prints and writes the report."""
    parser = argparse.ArgumentParser(description="The main job against a plain single process.")
    parser.add_argument("--scale", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", default="1,2", help="numbers of cores, with commas between them")
    parser.add_argument("--data", type=Path, default=scale.DATA)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=3, metavar=("CORPUS", "CORES", "LAKE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], int(given.child[1]), Path(given.child[2]))
        return
    cores = [int(n) for n in given.cores.split(",")]
    if max(cores) > len(os.sched_getaffinity(0)):
        sys.exit(f"this machine gives {len(os.sched_getaffinity(0))} cores; --cores asks for {max(cores)}")
    machine, source = _machine(), scale.cached(given.data, given.scale)
    facts = _facts(machine)
    with tempfile.TemporaryDirectory() as scratch:
        corpus, results = rounds(contenders(source, cores), given.rounds, Path(scratch))
    slug = re.sub(r"[^a-z0-9]+", "-", machine.lower())
    text = report(facts, given.scale, corpus, results)
    (given.out or HOME / f"refine_{slug}_{time.strftime('%Y-%m-%d')}.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
