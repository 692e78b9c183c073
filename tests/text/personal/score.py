"""Scores what is found on a labelled set against its labels, by kind and language; writes benchmarks/personal_data.md.

    python -m tests.text.personal.score             # writes the report
    python -m tests.text.personal.score second      # prints what was missed and masked wrongly on one set

A value counts as found if every letter and digit of it stands in spans of its kind. A span counts as right if every
letter and digit of it stands in labelled values of its kind.
"""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa

from refinery.text.personal import Span, candidates, spans
from tests.text.personal.labelled import FILLS, HERE, SETS, Label, Text, texts

Find = Callable[[str], Iterable[tuple[int, int, str]]]
Z = 1.959964
REPORT: Final = Path(__file__).resolve().parents[3] / "benchmarks" / "personal_data.md"


def found(text: str) -> list[Span]:
    """What the stage finds: with the groups of patterns alone that the prefilters give the text."""
    (groups,) = candidates(pa.array([text])).tolist()
    return spans(text, groups) if groups else []


class Row(NamedTuple):
    """One kind in one language.

    Phrasings, and those of which every value was found; values, how many were found (as their kind; as any); spans,
    how many were right.
    """

    kind: str
    language: str
    phrasings: int
    whole: int
    num: int
    found: int
    covered: int
    spans: int
    right: int

    @property
    def recall(self) -> float:
        """Found as their kind."""
        return self.found / self.num

    @property
    def precision(self) -> float:
        """Right spans."""
        return self.right / self.spans if self.spans else 1.0


class Score(NamedTuple):
    """All rows, and spans on texts that hold nothing personal."""

    rows: list[Row]
    plain: dict[str, tuple[int, int]]
    """Language -> (texts, false masks)."""
    misses: list[tuple[Text, Label]]
    false: list[tuple[Text, Label]]


def wilson(hits: int, num: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share."""
    if not num:
        return 0.0, 1.0
    share, z2 = hits / num, Z * Z
    middle = (share + z2 / (2 * num)) / (1 + z2 / num)
    half = Z * math.sqrt(share * (1 - share) / num + z2 / (4 * num * num)) / (1 + z2 / num)
    return middle - half, middle + half


def _letters(text: str, labels: Iterable[Label]) -> set[int]:
    return {i for start, end, _ in labels for i in range(start, end) if text[i].isalnum()}


def score(given: Iterable[Text], find: Find = found) -> Score:
    """Runs `find` over the texts."""
    num, hits, covered, spanned, right = (Counter[tuple[str, str]]() for _ in range(5))
    plain: dict[str, tuple[int, int]] = {}
    phrasings = defaultdict[tuple[str, str], dict[str, bool]](dict)
    misses, false = [], []
    for one in given:
        got = [Label(*span) for span in find(one.text)]
        if not one.labels:
            before = plain.get(one.language, (0, 0))
            plain[one.language] = before[0] + 1, before[1] + len(got)
        everything = _letters(one.text, got)
        for label in one.labels:
            key, wanted = (label.kind, one.language), _letters(one.text, [label])
            hit = wanted <= _letters(one.text, [g for g in got if g.kind == label.kind])
            num[key], hits[key], covered[key] = num[key] + 1, hits[key] + hit, covered[key] + (wanted <= everything)
            phrasings[key][one.template] = phrasings[key].get(one.template, True) and hit
            misses += [] if hit else [(one, label)]
        for span in got:
            key = span.kind, one.language
            fits = _letters(one.text, [span]) <= _letters(one.text, [w for w in one.labels if w.kind == span.kind])
            spanned[key], right[key] = spanned[key] + 1, right[key] + fits
            false += [] if fits else [(one, span)]
    whole = {key: (len(told), sum(told.values())) for key, told in phrasings.items()}
    rows = [Row(*k, *whole[k], num[k], hits[k], covered[k], spanned[k], right[k]) for k in sorted(num)]
    return Score(rows, plain, misses, false)


def table(result: Score) -> Iterator[str]:
    """The score as Markdown."""
    yield (
        "| kind | language | phrasings | found whole | n | recall (95 % Wilson) | masked as any kind | spans "
        "| precision (95 % Wilson) |"
    )
    yield "|---|---|---:|---:|---:|---|---:|---:|---|"
    for row in result.rows:
        low, high = wilson(row.found, row.num)
        least, most = wilson(row.right, row.spans)
        yield (
            f"| {row.kind} | {row.language} | {row.phrasings} | {row.whole} | {row.num} "
            f"| {row.recall:.3f} ({low:.3f} to {high:.3f}) | {row.covered / row.num:.3f} | {row.spans} "
            f"| {row.precision:.3f} ({least:.3f} to {most:.3f}) |"
        )
    yield ""
    for language, (num, masks) in sorted(result.plain.items()):
        low, high = wilson(min(masks, num), num)
        yield (
            f"False masks, {language}: {masks} on {num} texts without personal data, {1000 * masks / num:.1f} a "
            f"thousand ({1000 * low:.1f} to {1000 * high:.1f})."
        )


def report(scores: Mapping[str, Score]) -> Iterator[str]:
    """The lines of benchmarks/personal_data.md."""
    yield "# Personal data: recall, precision and false masks on the labelled sets"
    yield ""
    yield "Generated by `python -m tests.text.personal.score`; a test holds it against the patterns as they are."
    yield ""
    yield f"Each phrasing is filled {FILLS} times with drawn values, so the values of one phrasing are alike and the"
    yield "intervals over values are narrower than those over phrasings. Found is what the stage finds: prefilter and"
    yield "patterns, one text at a time, without what the conversation's other texts and fields tell."
    for name, result in scores.items():
        yield from ("", f"## The {name} set, as the patterns stand", "")
        yield (
            "The patterns were worked on with this set in view."
            if name == "first"
            else ("Written without sight of the patterns; they were widened by what it missed (first sight: below).")
        )
        yield ""
        yield from table(result)
    yield from ("", "## The second set at first sight", "")
    yield from (HERE / "fresh" / "first_sight.md").read_text(encoding="utf-8").rstrip("\n").split("\n")


def shown(result: Score) -> Iterator[str]:
    """What was missed and what was masked wrongly, at most 30 a kind and language."""
    num = Counter[tuple[str, str, str]]()
    for name, cases in (("missed", result.misses), ("wrong", result.false)):
        for one, label in cases:
            num[name, label.kind, one.language] += 1
            if num[name, label.kind, one.language] <= 30:
                marked = f"{one.text[: label.start]}⟦{one.text[label.start : label.end]}⟧{one.text[label.end :]}"
                yield f"{name} {label.kind} {one.language}{' hard' * one.hard}: {marked}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write("\n".join([*shown(score(texts(of=sys.argv[1]))), ""]))
    else:
        REPORT.write_text("\n".join([*report({name: score(texts(of=name)) for name in SETS}), ""]), encoding="utf-8")
