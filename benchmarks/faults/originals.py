"""Precision of the online rules on untouched real conversations: what they find there, and what a reader says of it.

`python -m benchmarks.faults.originals [FOLDER]` writes `originals.md`. `readings.csv` holds the readings: a hit (rule,
set, number of the conversation in the set, turn) and whether it is a fault of the item; hits are drawn at random. It
holds no text. A reading whose hit is no longer made counts nowhere.
"""

import csv
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc

from benchmarks.inspection import RULES, SETS, batches
from benchmarks.wilson import shown
from refinery.inspection.online import Online
from refinery.inspection.rulebook import load_rulebook

HERE = Path(__file__).parent


class Hit(NamedTuple):
    """A finding on an untouched conversation."""

    rule_id: str
    source: str
    row: int
    turn_idx: int


def hits(folder: Path) -> tuple[list[Hit], Counter[str]]:
    """All findings, and the number of agent turns by set."""
    inspect, found, num = Online(rules=RULES).open(), [], Counter[str]()
    for source in SETS:
        row = 0
        for batch in batches(folder, source):
            num[source] += pc.sum(
                pc.equal(pc.struct_field(pc.list_flatten(batch["turns"]), "role"), "assistant")
            ).as_py()
            for some in inspect(batch)["findings"].to_pylist():
                found += [Hit(f["rule_id"], source, row, f["turn_idx"]) for f in some]
                row += 1
    return found, num


def readings() -> dict[Hit, str]:
    """What the reader said: yes, no or undecided."""
    with (HERE / "readings.csv").open(encoding="utf-8", newline="") as file:
        return {
            Hit(line["rule_id"], line["source"], int(line["row"]), int(line["turn_idx"])): line["is_fault"]
            for line in csv.DictReader(file)
        }


def report(found: list[Hit], num: Counter[str], read: dict[Hit, str]) -> str:
    """A line for each rule that found anything."""
    turns = ", ".join(f"{source} {count:,}" for source, count in num.items())
    book = load_rulebook(RULES)
    lines = [
        f"Ruleset {book.version}; agent turns: {turns}; {num.total():,} in all.",
        "One reader, who had a hand in the rules. That a bank's process asks for a PIN does not excuse it here.",
        "",
        "| rule | hits | by set | read | undecided | faults among the decided |",
        "|---|---:|---|---:|---:|---|",
    ]
    for rule in sorted({hit.rule_id for hit in found}):
        mine = [hit for hit in found if hit.rule_id == rule]
        said = Counter(read[hit] for hit in mine if hit in read)
        by_set = ", ".join(f"{source} {count}" for source, count in Counter(hit.source for hit in mine).items())
        share = shown(said["yes"], said["yes"] + said["no"])
        lines.append(f"| {rule} | {len(mine)} | {by_set} | {said.total()} | {said['undecided']} | {share} |")
    quiet = sum(e.rule.runs_online for e in book.entries) - len({hit.rule_id for hit in found})
    return "\n".join([*lines, "", f"The other {quiet} online rules found nothing.", ""])


def main() -> None:
    """Write and print the table."""
    found, num = hits(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("../shared/data"))
    text = report(found, num, readings())
    (HERE / "originals.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
