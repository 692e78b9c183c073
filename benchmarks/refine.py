"""The main job on a Ray cluster of this machine, over corpora of any size made from the real logs.

    python -m benchmarks.refine --conversations 10000,100000,1000000 --contenders refinery --cores 1,2 --rounds 3

Every measurement is a process of its own, bound to its cores, and is written down at once: the same command, started
again after a cut, takes what is missing. Every contender runs once to warm up at the smallest size, which compiles and
fills caches; at each size the corpus is read once, so that it lies in the page cache; the timed rounds go in rotation.
`plain` among the contenders is the same work in one process without an engine, with Python's cycle collector and
without it.
"""

import argparse
import importlib
import logging
import os
import re
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Final

import duckdb
import orjson

from benchmarks import journal, scale
from benchmarks.measure import HOME, Contender, measure
from benchmarks.plain import TABLES
from benchmarks.report import PLAIN, Size, report
from refinery.engine.cluster import ClusterExecutor
from refinery.engine.key import deployment_key
from refinery.engine.run import Run
from refinery.lake import snapshot
from refinery.lake.views import connect
from refinery.plan import load
from refinery.stages import STAGES, step_class
from refinery.storage.store import Store

WORDS: Final = ("refinery", "plain")
_OUT_BYTES: Final = 6_000
"""Of disk that a run of one conversation writes, work files and all, about."""
_CONTENTS: Final = """SELECT count(*) AS conversations, count(DISTINCT content_hash) AS contents,
    count_if(set_aside_why = 'exact_duplicate') AS duplicates FROM """


def contenders(words: list[str], source: Path, cores: list[int]) -> list[Contender]:
    """The plain process on one core, with and without collector, and Refinery on each number of cores."""
    plain = (sys.executable, "-m", "benchmarks.plain", str(scale.PLAN), "--source", str(source))
    cluster = (sys.executable, "-m", "benchmarks.refine", "--child", str(source))
    found = []
    if "plain" in words:
        found += [Contender(PLAIN, 1, plain)]
        found += [Contender("plain without collector, 1 core", 1, (*plain, "--no-collector"))]
    if "refinery" in words:
        found += [Contender(f"refinery, {n} core{'s' * (n > 1)}", n, (*cluster, str(n))) for n in cores]
    return found


class Bench:
    """Takes the measurements of one size that the journal does not hold yet."""

    def __init__(self, book: journal.Journal, size: int, scratch: Path, warm: set[str]) -> None:
        self._book, self._size, self._out, self._warm = book, size, scratch / "out", warm

    def rounds(self, all_: list[Contender], times: int) -> None:
        """`times` rounds in rotation; who has not run in this process yet warms up first."""
        for number in range(1, times + 1):
            turn = number % len(all_)
            for one in all_[turn:] + all_[:turn]:
                if self._book.get(self._size, number, one.name) is None:
                    if one.name not in self._warm:
                        self._take(one, 0)
                    self._take(one, number)

    def _take(self, one: Contender, number: int) -> None:
        result = measure(one, self._out)
        self._warm.add(one.name)
        wanted = self._book.rows(self._size)
        if wanted is not None and result.rows != wanted:
            sys.exit(f"{one.name} wrote {result.rows}, others wrote {wanted}: nothing to compare")
        self._book.put(self._size, number, one.name, result)
        if self._size not in self._book.contents:
            self._book.put_contents(self._size, contents(self._out))
        shutil.rmtree(self._out)
        when, kind = time.strftime("%H:%M:%S"), f"round {number}" if number else "warm-up"
        held = f"{result.memory[0] / 2**20:,.0f} MiB"
        print(f"{when} {self._size:,} {kind}: {one.name}: {result.seconds:.1f} s, {held}", file=sys.stderr, flush=True)


def contents(out: Path) -> dict[str, int]:
    """Conversations, different contents and exact duplicates in what a contender wrote."""
    plain = out / "conversations.parquet"
    with duckdb.connect() if plain.exists() else connect(Store(out)) as con:
        found = con.execute(_CONTENTS + (f"read_parquet('{plain}')" if plain.exists() else "conversations")).fetchone()
    return dict(zip(("conversations", "contents", "duplicates"), found or (), strict=True))


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


def _machine() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="ascii"), re.M)
    return f"{found[1].strip() if found else 'unknown processor'}, {os.cpu_count()} cores"


def _about(machine: str, words: str) -> str:
    """The paragraph on the code, the hardware, how busy it is now, and the versions."""
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in ("pyarrow", "ray", "numpy", "orjson"))
    return (
        f"`python -m benchmarks.refine {words}`\n\n{time.strftime('%Y-%m-%d')}, commit {journal.commit()}. {machine}, "
        f"{gib:.0f} GiB, load {os.getloadavg()[0]:.1f} before the first run. Python {sys.version.split()[0]}, "
        f"{versions}."
    )


def _room(size: int) -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < size * _OUT_BYTES:
        gib = size * _OUT_BYTES / 2**30
        sys.exit(f"{tempfile.gettempdir()} has {free / 2**30:.0f} GiB free, a run needs about {gib:.0f} GiB")


def _read(folder: Path) -> None:
    """All bytes of a corpus, once: the page cache holds them then."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass


def bench(given: argparse.Namespace) -> tuple[str, str]:
    """Takes what is missing; the name of the report and the report."""
    machine = _machine()
    about = _about(machine, " ".join(sys.argv[1:]))
    of, sizes = journal.made_of(machine), []
    path = given.results or Path(tempfile.gettempdir()) / f"refinery-benchmark-{of}.jsonl"
    book, warm = journal.Journal(path, of), set[str]()
    print(f"measurements are written to {path}; started again, what is there is not taken again", file=sys.stderr)
    for size in given.conversations:
        source, facts = scale.cached(given.data, size)
        _room(size)
        all_ = contenders(given.contenders, source, given.cores)
        _read(source)
        with tempfile.TemporaryDirectory(prefix="refinery-benchmark-") as scratch:
            Bench(book, size, Path(scratch), warm).rounds(all_, given.rounds)
        names, numbers = [one.name for one in all_], range(1, given.rounds + 1)
        timed = [{name: found for name in names if (found := book.get(size, n, name))} for n in numbers]
        sizes.append(Size(facts, book.contents[size], timed))
    slug = re.sub(r"[^a-z0-9]+", "-", machine.lower())
    theme = "refine_scale" if len(sizes) > 1 else "refine"
    return f"{theme}_{slug}_{time.strftime('%Y-%m-%d')}.md", report(about, sizes)


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _words(text: str) -> list[str]:
    if strange := sorted(set(text.split(",")) - set(WORDS)):
        raise argparse.ArgumentTypeError(f"{strange} are not known; known: {', '.join(WORDS)}")
    return text.split(",")


def main() -> None:
    """Measures, prints and writes the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--conversations", type=_numbers, default=[280_000], help="sizes, with commas between them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=_numbers, default=[1, 2], help="numbers of cores, with commas between them")
    parser.add_argument("--contenders", type=_words, default=list(WORDS), help=f"of {', '.join(WORDS)}")
    parser.add_argument("--data", type=Path, default=scale.DATA)
    parser.add_argument("--results", type=Path, help="JSON lines of measurements; in the temporary folder by default")
    parser.add_argument("--out", type=Path, help="the report; benchmarks/<theme>_<hardware>_<date>.md by default")
    parser.add_argument("--child", nargs=3, metavar=("CORPUS", "CORES", "LAKE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], int(given.child[1]), Path(given.child[2]))
        return
    if max(given.cores) > len(os.sched_getaffinity(0)):
        sys.exit(f"this machine gives {len(os.sched_getaffinity(0))} cores; --cores asks for {max(given.cores)}")
    given.conversations = sorted(set(given.conversations))
    name, text = bench(given)
    (given.out or HOME / name).write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
