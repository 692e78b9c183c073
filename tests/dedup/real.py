"""The real sets as rows and talks, and what `dedup.near` makes of them: the figures that tests and README quote."""

import random
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.detection import detection
from refinery.dedup.near import NearDuplicates
from refinery.engine.exchange import decide
from refinery.intake.reader import Bad, Limits, read
from refinery.intake.rows import Reading, row, zone_of
from refinery.intake.rows import table as as_rows
from refinery.intake.source import Source
from refinery.stage import ROW
from tests.dedup import oracle, talks
from tests.dedup.talks import Talk, seeded, table, turn

STAGE = NearDuplicates()
_SETS = {
    "star": ("star/dialogues.tar.gz", "star"),
    "taskmaster4": ("taskmaster4/data", "taskmaster"),
    "stc3-en": ("stc3/stc3_en.masked.json", "stc3"),
    "stc3-cn": ("stc3/stc3_cn.masked.json", "stc3"),
    "tau2": ("tau2/*.json", "tau"),
}
LANGUAGES = {"English": ("star", "taskmaster4", "stc3-en"), "Chinese": ("stc3-cn",)}
OF_5000 = {"English": 3_300, "Chinese": 1_700}
BANDS = (0.8, 0.85, 0.9, 0.95)
BELOW = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
_MOST_TYPOS = 0.045
_PLANTED = 1_000


@cache
def conversations(shared: Path, name: str) -> pa.Table:
    """All conversations of a set, as intake reads them."""
    path, form = _SETS[name]
    source, reading = Source(name=name, path=str(shared / path), format=form), Reading(b"key")
    found = [one for file in source.freeze() for one in read(source, file, Limits())]
    rows = as_rows([row(one[1], one[0], reading, zone_of(reading)) for one in found if not isinstance(one, Bad)])
    return rows.append_column(ROW, pa.array(range(rows.num_rows), ROW.type))


@cache
def _spoken(shared: Path, name: str) -> list[Talk]:
    """What customer and agent say in the conversations of a set that have two such turns and 60 characters."""
    found = []
    for listed in conversations(shared, name)["turns"].to_pylist():
        said = [turn(one["role"], one["content"]) for one in listed or () if one["content"]]
        said = [one for one in said if one["role"] in ("user", "assistant")]
        if len(said) > 1 and sum(len(one["content"]) for one in said) >= 60:
            found.append(said)
    return found


def some(shared: Path, language: str, num: int) -> list[Talk]:
    """A seeded sample of the sets in a language."""
    return seeded(language).sample([talk for name in LANGUAGES[language] for talk in _spoken(shared, name)], num)


class Band(NamedTuple):
    """Pairs whose exact Jaccard lies from `low` up: how many there are, and how many of them are linked.

    Of conversations that read and state the same one stands for all.
    """

    low: float
    num: int
    linked: int


class Links(NamedTuple):
    """What was linked among `num` conversations, against brute force over all pairs."""

    num: int
    bands: list[Band]
    links: int
    exact: int
    lowest_in_group: float


@cache
def against_brute_force(shared: Path, language: str) -> Links:
    """Real conversations, of every fourth a copy with typos, from none to 4.5 %: all pairs against the links."""
    real = some(shared, language, OF_5000[language])
    num = len(real) // 4
    rows = table(real + [talks.typos(one, seeded(i), _MOST_TYPOS * i / num) for i, one in enumerate(real[:num])])
    sets, wholes = oracle.shingles_and_wholes(rows, STAGE.template_contexts)
    truth, found = oracle.all_pairs(sets, 0.6), oracle.links(STAGE, rows)
    through = {(wholes[a], wholes[b]) for a, b in found} | {(wholes[b], wholes[a]) for a, b in found}
    within = [pair for pair, value in truth.items() if value >= STAGE.min_threshold]
    bands = []
    for low in (0.75, *BANDS):
        pairs = [pair for pair in within if low <= truth[pair] < (low + 0.05 if low < 0.95 else 2)]
        bands.append(Band(low, len(pairs), sum((wholes[a], wholes[b]) in through for a, b in pairs)))
    exact = sum(abs(value - truth.get(pair, 0)) < 1e-9 for pair, value in found.items())
    together = (_rows(pair) for pair in oracle.together(oracle.groups(STAGE, rows)))
    return Links(len(real), bands, len(found), exact, min(oracle.jaccard(sets[a], sets[b]) for a, b in together))


def _rows(pair: tuple[str, str]) -> tuple[int, int]:
    return int(pair[0][1:]), int(pair[1][1:])


class Planted(NamedTuple):
    """Copies of one kind and strength.

    Of `num`, `near` have an exact Jaccard of the threshold at least; `found` of these are grouped with their original.
    `wrong`: grouped pairs of a lower Jaccard. `median` of all Jaccards. `below`: for each of BELOW, how many
    copies lie there, how many of them were chosen to be compared, and the share that bands find by arithmetic.
    """

    kind: str
    strength: float
    num: int
    near: int
    found: int
    wrong: int
    median: float
    below: list[tuple[float, int, int, float]]

    @property
    def f1(self) -> float:
        """Of pairs whose Jaccard is the threshold or more."""
        return 2 * self.found / (self.found + self.wrong + self.near) if self.near else float("nan")


@cache
def planted(shared: Path, language: str, kind: str) -> list[Planted]:
    """A thousand real conversations, each with a copy of the kind; a result a strength."""
    copy, strengths = talks.KINDS[kind]
    base = some(shared, language, _PLANTED)
    return [
        _planted(kind, strength, base, [copy(one, seeded((kind, i)), strength) for i, one in enumerate(base)])
        for strength in strengths
    ]


def _planted(kind: str, strength: float, base: list[Talk], copies: list[Talk]) -> Planted:
    rows, num = table(base + copies), len(base)
    sets, wholes = oracle.shingles_and_wholes(rows, STAGE.template_contexts)

    def jaccard(a: int, b: int) -> float:
        return 1.0 if wholes[a] == wholes[b] else oracle.jaccard(sets[a], sets[b])

    each = [jaccard(i, num + i) for i in range(num)]
    together = {_rows(pair) for pair in oracle.together(oracle.groups(STAGE, rows))}
    together = {(min(pair), max(pair)) for pair in together}
    wanted = {(i, num + i) for i in range(num) if each[i] >= STAGE.threshold}
    wrong = sum(jaccard(*pair) < STAGE.threshold for pair in together)
    nominated = oracle.nominated(STAGE, rows)
    below = []
    for low in BELOW:
        there = [i for i in range(num) if low <= each[i] < low + 0.05]
        arithmetic = float(np.mean([detection(each[i], STAGE.bands, STAGE.band_rows) for i in there])) if there else 0.0
        below.append((low, len(there), sum((i, num + i) in nominated for i in there), arithmetic))
    return Planted(kind, strength, num, len(wanted), len(wanted & together), wrong, float(np.median(each)), below)


class Changed(NamedTuple):
    """Real conversations and a copy of each that states something else: merged, and marked as kept apart."""

    num: int
    merged: int
    marked: int
    alike: int  # of those marked: the text is the same but for what was changed


@cache
def other_numbers(shared: Path, language: str) -> Changed:
    """Every digit of every number another one."""
    base = [one for one in some(shared, language, _PLANTED) if any(c.isdigit() for t in one for c in t["content"])]
    rng = random.Random(7)

    def other(char: str) -> str:
        return str((int(char) + rng.randint(1, 9)) % 10) if char in "0123456789" else char

    return _changed(base, [[t | {"content": "".join(map(other, t["content"]))} for t in one] for one in base])


def _changed(base: list[Talk], copies: list[Talk]) -> Changed:
    rows, num = table(base + copies), len(base)
    together = {_rows(pair) for pair in oracle.together(oracle.groups(STAGE, rows))}
    merged = sum((i, num + i) in together or (num + i, i) in together for i in range(num))
    marked = [one for one in decide(STAGE, rows).to_pylist() if one["dedup_entity_conflict"] and one[ROW.name] >= num]
    return Changed(num, merged, len(marked), sum(one["dedup_similarity"] == 1 for one in marked))


def several_turns(shared: Path, name: str) -> pa.Table:
    """The conversations of a set that have more than one turn."""
    rows = conversations(shared, name)
    return rows.filter(pc.greater(pc.list_value_length(rows["turns"]), 1)).combine_chunks()
