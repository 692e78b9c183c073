"""Recall of the online rules over planted faults, and their alarms over the controls, an item a line.

`python -m benchmarks.faults.measure open [FOLDER]` writes `open.md` and may be run at will (`-v` prints what was
missed); `sealed` once for each set of words: it adds to `sealed.md` and refuses while the same words stand there.
FOLDER: the real sets. What the rules were before they were widened with the open half in view found 0.708 of it
(0.68 to 0.74, n = 1,008, commit 5f85215 with the mutators of 0ef6deb but for a few words).
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pyarrow as pa

from benchmarks.faults.mutators import MUTATORS
from benchmarks.faults.planting import Half, Planting, Row
from benchmarks.inspection import RULES, batches
from benchmarks.wilson import shown
from refinery.inspection.inspect import open_inspection
from refinery.inspection.rulebook import load_rulebook
from refinery.records.conversation import CONVERSATION

SEALED = Path(__file__).parent / "sealed.md"
SETS = {"en": ["star", "tau2", "stc3-en"], "zh": ["stc3-cn"]}
EACH = 24
"""Conversations of each language an item, so 48 faults and 48 controls."""
_READ = pa.schema([CONVERSATION.field(name) for name in ("turns", "signals", "scenario", "event_date")])


class Planted(NamedTuple):
    """One made conversation: the item, whether the fault is in it, and from which turn on it is made up."""

    item: str
    language: str
    source: str
    faulty: bool
    since: int
    row: Row


def clean(folder: Path) -> dict[str, list[Row]]:
    """Real conversations long enough to be cut in the middle, by set."""
    return {
        name: [
            {"turns": turns, "signals": None, "scenario": scenario, "event_date": day}
            for batch in batches(folder, name)
            for turns, scenario, day in zip(
                *(batch[key].to_pylist() for key in ("turns", "scenario", "event_date")), strict=True
            )
            if turns and sum(turn["role"] == "user" and bool(turn["content"]) for turn in turns) >= 3
        ]
        for names in SETS.values()
        for name in names
    }


def planted(talks: dict[str, list[Row]], half: Half) -> list[Planted]:
    """Every item's faults and controls; equal for equal input."""
    made = []
    for item, mutate in MUTATORS.items():
        for language, names in SETS.items():
            for number in range(EACH):
                source = names[number % len(names)]
                row = Random(f"{item} {half} {number}").choice(talks[source])
                for faulty in (True, False):
                    one = Planting(row, language, half, faulty, Random(f"{item} {half} {number} {language}"))
                    mutate(one)
                    made.append(Planted(item, language, source, faulty, one.since, one.made()))
    return made


def found(made: list[Planted]) -> list[list[str]]:
    """Rules that triggered in the made-up part of each, for their own item."""
    table = pa.Table.from_pylist([one.row for one in made], _READ)
    findings = open_inspection(RULES, RULES / "policies.yaml")(table)["findings"].to_pylist()
    return [
        [f["rule_id"] for f in some if f["item"] == one.item and f["turn_idx"] >= one.since]
        for one, some in zip(made, findings, strict=True)
    ]


def lines(made: list[Planted], hits: list[list[str]]) -> Iterator[str]:
    """The table: an item a line, then all items with an online rule together."""
    book = load_rulebook(RULES)
    online = {entry.rule.item for entry in book.entries if entry.rule.runs_online}
    yield "| item | detector | n | found | en | zh | controls | alarms |"
    yield "|---|---|---:|---|---|---|---:|---:|"
    pairs = list(zip(made, hits, strict=True))
    for item in book.taxonomy.items:
        mine = [(one, bool(some)) for one, some in pairs if one.item == item]
        num = sum(one.faulty for one, _ in mine)
        if item not in online:
            said = "not measured" if num else "not planted, not measured"
            yield f"| {item} | a model (offline rule) | {num} | {said} | | | | |"
        else:
            yield _line(item, mine)
    yield _line("**all online items**", [(one, bool(some)) for one, some in pairs if one.item in online])


def _line(item: str, mine: list[tuple[Planted, bool]]) -> str:
    def share(language: str = "") -> str:
        held = [some for one, some in mine if one.faulty and language in ("", one.language)]
        return shown(sum(held), len(held))

    alarms = [some for one, some in mine if not one.faulty]
    num = sum(one.faulty for one, _ in mine)
    cells = [item, "online", str(num), share(), share("en"), share("zh"), str(len(alarms)), str(sum(alarms))]
    return f"| {' | '.join(cells)} |"


def about(half: Half) -> str:
    """What was measured: words, rules and commit."""
    words = hashlib.blake2b((Path(__file__).parent / "words.yaml").read_bytes(), digest_size=8).hexdigest()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    return f"Half: {half}; words {words}; ruleset {load_rulebook(RULES).version}; commit {commit.strip()}."


def main(half: str, folder: Path) -> None:
    """Print the table; of the sealed half also keep it, once."""
    assert half in ("open", "sealed"), "say open or sealed"
    first = about(half).split("; ruleset")[0]
    if half == "sealed" and SEALED.exists() and first in SEALED.read_text("utf-8"):
        raise SystemExit(f"{SEALED.name} holds this half already: it is measured once; write other words to repeat it")
    made = planted(clean(folder), half)
    hits = found(made)
    text = "\n".join([about(half), "", *lines(made, hits), ""])
    print(text)
    with (SEALED.parent / f"{half}.md").open("a" if half == "sealed" else "w", encoding="utf-8") as kept:
        kept.write(text)
    for one, some in zip(made, hits, strict=True):
        if half == "open" and one.faulty != bool(some) and "-v" in sys.argv:
            print("MISS" if one.faulty else "ALARM", one.item, one.source, some)
            print("\n".join(f"    {t['role']} {t['content']} {t['tool_calls']}" for t in one.row["turns"][one.since :]))


if __name__ == "__main__":
    given = [word for word in sys.argv[1:] if word != "-v"]
    main(given[0] if given else "open", Path(given[1]) if len(given) > 1 else Path("../shared/data"))
