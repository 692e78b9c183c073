"""What the online rules cost: turns a second on one core over the real sets, and how that grows with rules.

`python -m benchmarks.inspection [FOLDER]`: the folder of the real sets, by default ../shared/data. CPU time of this
process, Python's collector off, as while a task of the engine runs; conversations in batches of 512.
"""

import gc
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from statistics import median

import pyarrow as pa
import yaml

from refinery.inspection import matching
from refinery.inspection.online import Online
from refinery.inspection.policies import Policies
from refinery.inspection.rulebook import load_rulebook
from refinery.intake.reader import Bad, Limits, read
from refinery.intake.redact import Redact
from refinery.intake.rows import Reading, row, table, zone_of
from refinery.intake.source import Source
from refinery.stage import Transform

RULES = Path("rules")
SETS = {
    "star": ("star/dialogues.tar.gz", "star"),
    "stc3-cn": ("stc3/stc3_cn.masked.json", "stc3"),
    "stc3-en": ("stc3/stc3_en.masked.json", "stc3"),
    "tau-bench": ("tau_bench/gpt-4o-airline.json", "tau"),
    "tau2": ("tau2/*.json", "tau"),
    "taskmaster4": ("taskmaster4/data", "taskmaster"),
}
BATCH = 512
ROUNDS = 5
_TOKEN = re.compile(r"\\[pPx]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|\(\?[a-zA-Z-]*:|<<[^>]+>>|[A-Za-z]+|[\u4e00-\u9fff]+")


def batches(folder: Path, name: str) -> list[pa.Table]:
    """One set as the stage gets it: masked, with policies."""
    path, kind = SETS[name]
    source, reading, found = (
        Source(name=name, path=str(folder / path), format=kind),
        Reading(b"a key for benchmarks"),
        [],
    )
    for file in source.freeze():
        for record in read(source, file, Limits()):
            if not isinstance(record, Bad):
                found.append(row(record[1], record[0], reading, zone_of(reading)))
    redact, recognise = Redact().open(), Policies(path=RULES / "policies.yaml").open()
    made = []
    for start in range(0, len(found), BATCH):
        rows = table(found[start : start + BATCH]).combine_chunks()
        masked = redact(rows.select([n for n in rows.column_names if n in Redact().reads()]))
        columns = {
            n: masked[n] if n in masked.column_names else rows[n]
            for n in sorted(Online(rules=RULES).reads() - {"policies"})
        }
        columns["policies"] = recognise(pa.table({"turns": columns["turns"]}))["policies"]
        made.append(pa.table(columns).combine_chunks())
    return made


def num_turns(tables: list[pa.Table]) -> int:
    """Turns of any role."""
    return sum(len(t["turns"].chunk(0).flatten()) for t in tables)


def speed(inspect: Transform, tables: list[pa.Table], rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Turns a second of CPU: median, least and most of the rounds, after one that is not counted."""
    found = []
    for turn in range(rounds + 1):
        start = time.process_time()
        for batch in tables:
            inspect(batch)
        if turn:
            found.append(num_turns(tables) / (time.process_time() - start))
    return median(found), min(found), max(found)


def grown(target: Path, num: int) -> Path:
    """A folder of `num` online rules: copies of the shipped ones with other letters in their words and patterns."""
    shutil.copytree(
        RULES,
        target,
        ignore=shutil.ignore_patterns(
            "prompts", *(p.name for p in RULES.glob("[a-z]*") if p.is_dir() and p.name != "lists")
        ),
    )
    lists = {p.stem: yaml.safe_load(p.read_text("utf-8")) for p in (RULES / "lists").glob("*.yaml")}
    entries = [e for e in load_rulebook(RULES).entries if e.rule.runs_online]
    made, copy = 0, 0
    while made < num:
        rng, marked = Random(copy), "" if copy == 0 else f"_x{copy}"
        if copy:
            for name, listed in lists.items():
                changed = {
                    k: [_changed(e, listed["kind"], rng, marked) for e in es] for k, es in listed["entries"].items()
                }
                body = {**listed, "entries": changed}
                (target / "lists" / f"{name}{marked}.yaml").write_text(
                    yaml.safe_dump(body, allow_unicode=True), "utf-8"
                )
        for entry in entries[: num - made]:
            rule = yaml.safe_load(
                (RULES / entry.shown).read_text("utf-8").replace("\n  hits:", "\n  hits_:").split("\ntests:")[0]
            )
            category, item, seq = rule["id"].split(".")
            rule["id"], rule["related"] = f"{category}.{item}.{int(seq) + 10 * copy:03}", []
            place = target / category.lower() / item / f"{int(seq) + 10 * copy:03}_copy.yaml"
            place.parent.mkdir(parents=True, exist_ok=True)
            text = yaml.safe_dump(rule, allow_unicode=True, sort_keys=False)
            place.write_text(re.sub(r"list: (\w+)", rf"list: \1{marked}", text), "utf-8")
            made += 1
        copy += 1
    return target


def _changed(entry: str, kind: str, rng: Random, marked: str) -> str:
    """The entry with other letters; what a pattern is made of (classes, escapes, groups) stays."""
    if kind == "tools":
        return re.sub(r"<<(\w+)>>", rf"<<\1{marked}>>", entry) if entry.startswith("<<") else f"{entry}{marked}"

    def other(match: re.Match[str]) -> str:
        token = match[0]
        if token.startswith("<<"):
            return re.sub(r"<<(\w+)", rf"<<\1{marked}", token)
        if not token[0].isalpha() or (kind == "patterns" and len(token) == 1):
            return token
        return "".join(
            chr(rng.randrange(97, 123)) if c.isascii() else chr(rng.randrange(0x4E00, 0x9FA0)) for c in token
        )

    return _TOKEN.sub(other, entry) if kind == "patterns" else re.sub(r"[A-Za-z]+|[\u4e00-\u9fff]+", other, entry)


def latency(inspect: Transform, tables: list[pa.Table], num: int = 2000) -> tuple[float, float]:
    """Milliseconds of wall time for one conversation, handed over alone: p50 and p99."""
    rng, alone = Random(1), [(batch, i) for batch in tables for i in range(batch.num_rows)]
    found = []
    for batch, i in rng.sample(alone, min(num, len(alone))):
        one = batch.slice(i, 1).combine_chunks()
        start = time.perf_counter()
        inspect(one)
        found.append(1000 * (time.perf_counter() - start))
    found.sort()
    return found[len(found) // 2], found[int(len(found) * 0.99)]


def lines(folder: Path) -> Iterator[str]:
    """The report, line by line."""
    sets = {name: batches(folder, name) for name in SETS}
    sets["all"] = [batch for tables in sets.values() for batch in tables]
    yield "| set | turns | turns/s (median of 5; least to most) | without hyperscan |"
    yield "|---|---:|---:|---:|"
    inspect, plain = Online(rules=RULES).open(), without_hyperscan(lambda: Online(rules=RULES).open())
    for name, tables in sets.items():
        with_it, slow = speed(inspect, tables), speed(plain, tables, 2)
        said = f"{with_it[0]:,.0f} ({with_it[1]:,.0f} to {with_it[2]:,.0f})"
        yield f"| {name} | {num_turns(tables):,} | {said} | {slow[0]:,.0f} |"
    p50, p99 = latency(inspect, sets["all"])
    yield f"\nOne conversation alone (n = 2,000): p50 {p50:.2f} ms, p99 {p99:.2f} ms.\n"
    yield "| rules | load s | compile s | turns/s, all sets |"
    yield "|---:|---:|---:|---:|"
    for num in (36, 360, 3600):
        with tempfile.TemporaryDirectory() as home:
            rules = grown(Path(home) / "rules", num)
            start = time.process_time()
            load_rulebook(rules)
            loaded = time.process_time() - start
            start = time.process_time()
            inspect = Online(rules=rules).open()
            opened = time.process_time() - start - loaded
            yield f"| {num:,} | {loaded:.1f} | {max(opened, 0):.1f} | {speed(inspect, sets['all'], 3)[0]:,.0f} |"


def without_hyperscan(make: Callable[[], Transform]) -> Transform:
    """What `make` opens where there is no hyperscan."""
    kept, matching.hyperscan = matching.hyperscan, None
    matching.scanner.cache_clear()
    try:
        return make()
    finally:
        matching.hyperscan = kept
        matching.scanner.cache_clear()


def main() -> None:
    """Prints the report."""
    gc.disable()
    for line in lines(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("../shared/data")):
        print(line, flush=True)


if __name__ == "__main__":
    main()
