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

from benchmarks import judged, planting, retrieved, validated
from benchmarks.planting import Plant
from benchmarks.validated import Case
from refinery.grounding import adherence, consistency
from refinery.grounding.linear import dump
from refinery.grounding.names import Lexicon
from refinery.grounding.validation import Fault, faults, passed
from refinery.text.folding import fold

DATA: Final = Path("../shared/data")
_SYLLABLES: Final = "bra vel dor mi kan tol rus fen qua lin zor pel gar nim sto".split()
_CERTAIN: Final = "for certain"
_ABOUT: Final = """# The executable validators, measured

No model is asked. Shares with counts and 95 % Wilson intervals. A fault is certain (the text fails) or not (it is
undecided: an amount that sums not tried here may give, an estimate, a value bound by nearness).

Planted: in each reply one value of each kind that stands in the input is replaced by one that does not, by patterns of
the benchmark's own (`benchmarks/planting.py`); known names are those of other entities, people and goods. Swaps: an
amount, time or date is replaced by what another record of the input has in the same field, or another passage states.
Originals: human replies with their gold snippet, or with all snippets of its entity and of one more (batch); agent
turns with policy, history and tool results. dstc9 holds no dialogue history, so what the customer named is missing.
Adherence: the response, the gold snippet, and where retrieval ranks it; its features were chosen with all four systems
in view, weights and threshold were not. CI-ToD: features of no domain, weights from the training parts."""
Counts = Counter[tuple[str, ...]]


def interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson, 95 %."""
    if not n:
        return 0.0, 1.0
    z, share = 1.96, hits / n
    middle, half = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), (middle + half) / (1 + z * z / n)


def shown(hits: int, n: int) -> str:
    """A share with its count and interval."""
    low, high = interval(hits, n)
    return f"{hits / n:.1%} ({hits} of {n}; {low:.1%} to {high:.1%})" if n else "none"


def hit(plant: Plant, found: list[Fault]) -> bool | None:
    """Whether a fault lies on what was planted, None where only uncertain ones do; spans are of folded text."""
    value = fold(plant.text[plant.start : plant.end]).text
    before = fold(plant.text[: plant.start]).text
    start = max(0, len(before) - 2)
    at = fold(plant.text).text.find(value, start)
    met = [fault.certain for fault in found if fault.start < at + len(value) and at < fault.end]
    return True if any(met) else None if met else False


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
                seen = hit(plant, faults(plant.text, case.evidence, lexicon))
                found[case.source, kind] += seen is not False
                total[case.source, _CERTAIN] += seen is True
                if seen is False:
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
            seen = hit(plant, faults(plant.text, case.evidence, lexicon))
            found[case.source, plant.kind] += seen is not False
            total[case.source, _CERTAIN] += seen is True
            if seen is False:
                note("swap missed", case, plant.kind, plant)
    return found, total


def alarms(data: Path, lexicon: Lexicon, note: Callable[..., None]) -> tuple[Counts, Counts]:
    """Originals that fail and those undecided, by source."""
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
            verdict = passed(found)
            flagged[source, "failed"] += verdict is False
            flagged[source, "undecided"] += verdict is None
            for fault in found:
                note("alarm", case._replace(source=source), fault.kind, fault)
    return flagged, total


def table(found: Counts, total: Counts) -> list[str]:
    """A row a source, a column a kind, and a row over all."""
    kinds = sorted({key[1] for key in total} - {_CERTAIN})
    lines = ["| source | " + " | ".join(kinds) + " | all | for certain |", "|---|" + "---|" * (len(kinds) + 2)]
    sources = sorted({key[0] for key in total})
    for source in sources:
        cells = [shown(found[source, k], total[source, k]) if total[source, k] else "" for k in kinds]
        whole = shown(*(sum(c[source, k] for k in kinds) for c in (found, total)))
        number = sum(total[source, k] for k in kinds)
        lines.append(f"| {source} | " + " | ".join(cells) + f" | {whole} | {total[source, _CERTAIN] / number:.1%} |")
    for family in ("dstc9", "tau2"):
        mine = [s for s in sources if s.startswith(family)]
        sums = [[sum(c[s, k] for s in mine) for c in (found, total)] for k in kinds]
        whole = [sum(column) for column in zip(*sums, strict=True)]
        cells = [shown(*one) if one[1] else "" for one in sums]
        certain = sum(total[s, _CERTAIN] for s in mine) / whole[1]
        lines.append(f"| **{family}** | " + " | ".join(cells) + f" | {shown(*whole)} | {certain:.1%} |")
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
    out = [_ABOUT, *judged.lines(given.data, lexicon, shown), *retrieved.lines(given.data, shown)]
    for title, measure in (("Planted: failed or undecided", planted), ("Swaps: failed or undecided", swaps)):
        out += ["", f"## {title}", "", *table(*measure(given.data, lexicon, note))]
    flagged, total = alarms(given.data, lexicon, note)
    out += ["", "## Originals", "", "| source | failed | undecided |", "|---|---|---|"]
    for (source,), number in sorted(total.items()):
        counts = (shown(flagged[source, what], number) for what in ("failed", "undecided"))
        out.append(f"| {source} | {' | '.join(counts)} |")
    if given.cases:
        given.cases.write_text("\n".join(notes))
    _write("\n".join(out))


def _write(text: str) -> None:
    """Today's file; what a reader wrote into it, from "## Read" on, stays."""
    path = Path(__file__).parent / f"validators_{datetime.now(UTC):%Y-%m-%d}.md"
    read = path.read_text().partition("\n## Read\n") if path.exists() else ("", "", "")
    path.write_text(f"{text}\n{read[1]}{read[2]}")
    print(path)


if __name__ == "__main__":
    main()
