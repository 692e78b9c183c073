"""Scores what is found on the labelled set against its labels, by kind and language.

    python -m tests.text.personal.score [seen|held|all]

A value counts as found if every letter and digit of it stands in spans of its kind. A span counts as right if every
letter and digit of it stands in labelled values of its kind.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from refinery.text.personal import spans
from tests.text.personal.labelled import Label, Text, texts

Find = Callable[[str], Iterable[tuple[int, int, str]]]
Z = 1.959964


class Row(NamedTuple):
    """One kind in one language: values, how many were found (as their kind; as any), spans, how many were right."""

    kind: str
    language: str
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


def score(given: Iterable[Text], find: Find = spans) -> Score:
    """Runs `find` over the texts."""
    num, found, covered, spanned, right = (Counter[tuple[str, str]]() for _ in range(5))
    plain: dict[str, tuple[int, int]] = {}
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
            num[key], found[key], covered[key] = num[key] + 1, found[key] + hit, covered[key] + (wanted <= everything)
            misses += [] if hit else [(one, label)]
        for span in got:
            key = span.kind, one.language
            fits = _letters(one.text, [span]) <= _letters(one.text, [w for w in one.labels if w.kind == span.kind])
            spanned[key], right[key] = spanned[key] + 1, right[key] + fits
            false += [] if fits else [(one, span)]
    rows = [Row(*key, num[key], found[key], covered[key], spanned[key], right[key]) for key in sorted(num)]
    return Score(rows, plain, misses, false)


def table(result: Score) -> Iterator[str]:
    """The score as Markdown."""
    yield "| kind | language | n | recall (95 % Wilson) | masked as any kind | spans | precision (95 % Wilson) |"
    yield "|---|---|---:|---|---:|---:|---|"
    for row in result.rows:
        low, high = wilson(row.found, row.num)
        least, most = wilson(row.right, row.spans)
        yield (
            f"| {row.kind} | {row.language} | {row.num} | {row.recall:.3f} ({low:.3f} to {high:.3f}) "
            f"| {row.covered / row.num:.3f} | {row.spans} | {row.precision:.3f} ({least:.3f} to {most:.3f}) |"
        )
    yield ""
    for language, (num, masks) in sorted(result.plain.items()):
        low, high = wilson(min(masks, num), num)
        yield (
            f"False masks, {language}: {masks} on {num} texts without personal data, {1000 * masks / num:.1f} a "
            f"thousand ({1000 * low:.1f} to {1000 * high:.1f})."
        )


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
    half = sys.argv[1] if len(sys.argv) > 1 else "all"
    found = score(one for one in texts() if half in ("all", one.half))
    sys.stdout.write("\n".join([*table(found), "", *shown(found), ""]))
