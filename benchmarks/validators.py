"""The executable validators measured: planted faults found, swaps found, false alarms, adherence, contradictions.

    python -m benchmarks.validators [--data ../shared/data] [--part planted]

No model is asked. Writes validators_<date>.md to benchmarks/; every figure with its n and a 95 % Wilson interval.
"""

import argparse
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import sqrt
from pathlib import Path
from typing import Final

from benchmarks import judged, planting, validated
from benchmarks.planting import Plant
from benchmarks.validated import Case
from refinery.grounding import adherence, consistency
from refinery.grounding.linear import dump
from refinery.grounding.names import Lexicon
from refinery.grounding.validation import Fault, faults
from refinery.text.folding import fold

DATA: Final = Path("../shared/data")
_SYLLABLES: Final = "bra vel dor mi kan tol rus fen qua lin zor pel gar nim sto".split()
Counts = Counter[tuple[str, ...]]


def interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson, 95 %."""
    if not n:
        return 0.0, 1.0
    z, share = 1.96, hits / n
    middle, half = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def shown(hits: int, n: int) -> str:
    """A share with its count and interval."""
    low, high = interval(hits, n)
    return f"{hits / n:.1%} ({hits} of {n}; {low:.1%} to {high:.1%})" if n else "none"


def hit(plant: Plant, found: list[Fault]) -> bool:
    """Whether a fault lies on what was planted; spans are of folded text, which may be shorter."""
    value = fold(plant.text[plant.start : plant.end]).text
    before = fold(plant.text[: plant.start]).text
    start = max(0, len(before) - 2)
    at = fold(plant.text).text.find(value, start)
    return any(fault.start < at + len(value) and at < fault.end for fault in found)


def invented(chance: random.Random) -> str:
    """A name that nobody has."""
    words = ["".join(chance.sample(_SYLLABLES, 3)).capitalize() for _ in range(2)]
    return f"{words[0]} {words[1]}"


def plants(case: Case, names: dict[str, list[str]]) -> Iterator[tuple[str, Plant | None]]:
    """What is planted into a reply: one value of each kind, a known name and an invented one."""
    chance = random.Random(f"{case.source} {case.key}")
    for kind in planting.KINDS:
        yield kind, planting.wrong(case.reply, kind, case.given, chance)
    pool = names[case.source.split()[0]]
    few = chance.sample(pool, min(40, len(pool)))
    spoken = case.source.endswith("spoken")
    few = [name.lower() for name in few] if spoken else few
    yield "name, known", planting.renamed(case.reply, case.names, case.given, few, chance)
    new = invented(chance)
    yield (
        "name, invented",
        planting.renamed(case.reply, case.names, case.given, [new.lower() if spoken else new], chance),
    )


def planted(data: Path, lexicon: Lexicon, note: Callable[..., None]) -> tuple[Counts, Counts]:
    """Found and planted, by source and kind."""
    found, total = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    names = validated.all_names(data)
    for cases in (validated.dstc9(data, batch=False), validated.tau2(data)):
        for case in cases:
            for kind, plant in plants(case, names):
                if plant is None:
                    continue
                total[case.source, kind] += 1
                if hit(plant, faults(plant.text, case.evidence, lexicon)):
                    found[case.source, kind] += 1
                else:
                    note("missed", case, kind, plant)
    return found, total


def swaps(data: Path, lexicon: Lexicon, note: Callable[..., None]) -> tuple[Counts, Counts]:
    """Found and swapped, by source and kind; and the false alarms under the same input."""
    found, total = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for cases in (validated.dstc9(data, batch=True), validated.tau2(data)):
        for case in cases:
            chance = random.Random(f"{case.source} {case.key} swap")
            if case.own:
                plant = planting.of_another(case.reply, case.own, case.others, chance)
            else:
                plant = planting.swapped(case.reply, case.others, chance)
            if plant is None:
                continue
            total[case.source, plant.kind] += 1
            if hit(plant, faults(plant.text, case.evidence, lexicon)):
                found[case.source, plant.kind] += 1
            else:
                note("swap missed", case, plant.kind, plant)
    return found, total


def alarms(data: Path, lexicon: Lexicon, note: Callable[..., None]) -> tuple[Counts, Counts]:
    """Originals with a fault, by source; and by source, reason and kind."""
    flagged, total = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for label, cases in (
        ("snippet", validated.dstc9(data, batch=False)),
        ("batch", validated.dstc9(data, batch=True)),
        ("", validated.tau2(data)),
    ):
        for case in cases:
            source = f"{case.source} {label}".strip()
            found = faults(case.reply, case.evidence, lexicon)
            total[source,] += 1
            flagged[source,] += bool(found)
            for reason, kind in {(fault.reason, fault.kind) for fault in found}:
                flagged[source, reason, kind] += 1
            for fault in found:
                note("alarm", case._replace(source=source), fault.kind, fault)
    return flagged, total


def table(found: Counts, total: Counts) -> list[str]:
    """A row a source, a column a kind, and a row over all."""
    kinds = sorted({key[1] for key in total})
    lines = ["| source | " + " | ".join(kinds) + " | all |", "|---|" + "---|" * (len(kinds) + 1)]
    sources = sorted({key[0] for key in total})
    for source in sources:
        cells = [shown(found[source, k], total[source, k]) if total[source, k] else "" for k in kinds]
        whole = shown(*(sum(c[source, k] for k in kinds) for c in (found, total)))
        lines.append(f"| {source} | " + " | ".join(cells) + f" | {whole} |")
    for family in ("dstc9", "tau2"):
        mine = [s for s in sources if s.startswith(family)]
        sums = [[sum(c[s, k] for s in mine) for c in (found, total)] for k in kinds]
        whole = [sum(column) for column in zip(*sums, strict=True)]
        cells = [shown(*one) if one[1] else "" for one in sums]
        lines.append(f"| **{family}** | " + " | ".join(cells) + f" | {shown(*whole)} |")
    return lines


def main() -> None:
    """Measures and prints; `--cases` writes what was missed and what was flagged, for reading."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cases", type=Path, help="file for what was missed and flagged, to be read")
    parser.add_argument("--fit", action="store_true", help="fit the two shipped models anew, on all there is")
    given = parser.parse_args()
    notes = list[str]()

    def note(what: str, case: Case, kind: str, at: Plant | Fault) -> None:
        text = at.text if isinstance(at, Plant) else fold(case.reply).text
        was = f" (was {at.was})" if isinstance(at, Plant) else f" {at.reason}"
        around = text[max(0, at.start - 90) : at.end + 50].replace("\n", "/")
        notes.append(f"{what} | {case.source} | {case.key} | {kind} | {text[at.start : at.end]}{was} | {around}")

    lexicon = validated.lexicon(given.data)
    if given.fit:
        found = judged.contradicting(given.data)
        consistency.MODELS.write_bytes(dump(judged.three([case for part in found.values() for case in part])))
        adherence.MODEL.write_bytes(dump({"strays": judged.fitted(judged.rated(given.data, lexicon))}))
        return
    print("\n".join(judged.lines(given.data, lexicon, shown)), flush=True)
    for title, measure in (("Planted", planted), ("Swaps", swaps)):
        print("\n".join((f"\n## {title}\n", *table(*measure(given.data, lexicon, note)))), flush=True)
    flagged, total = alarms(given.data, lexicon, note)
    print("\n## Originals flagged\n")
    for (source, *rest), count in sorted(flagged.items()):
        print(f"| {source} | {' '.join(rest)} | {shown(count, total[source,])} |")
    if given.cases:
        given.cases.write_text("\n".join(notes))
    print(datetime.now(UTC).date())


if __name__ == "__main__":
    main()
