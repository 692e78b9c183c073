"""The labelled set: sentences with personal values of known kind and place, and sentences that hold none.

    Text("我的手机号是13812345678，有事打这个。", (Label(6, 17, "PHONE"),), "zh", "held")

Every template belongs to one of two halves by a hash of its words: patterns were worked on with results of the half
`seen` alone, and the half `held` was run when they stood (figures of that first sight: benchmarks/).
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import yaml

from tests.text.personal.values import PERSONAL, PLAIN

HERE = Path(__file__).parent
LANGUAGES = ("zh", "en")
FILLS = 20
_SLOT = re.compile(r"\{(\w+)\}")
_MARK = re.compile(r"⟦(\w+)\|([^⟧]*)⟧")


class Label(NamedTuple):
    """`text[start:end]` must be found as this kind."""

    start: int
    end: int
    kind: str


class Text(NamedTuple):
    """One turn; `half` is seen or held, `hard` whether it was written by hand as a whole."""

    text: str
    labels: tuple[Label, ...]
    language: str
    half: str
    hard: bool = False


class Structured(NamedTuple):
    """JSON text and the (kind, value) that must be gone from it."""

    text: str
    values: tuple[tuple[str, str], ...]
    half: str


def half_of(template: str) -> str:
    """`seen` or `held`, for ever the same."""
    return ("seen", "held")[hashlib.blake2b(template.encode(), digest_size=1).digest()[0] % 2]


def texts(fills: int = FILLS, seed: int = 1) -> Iterator[Text]:
    """All sentences, each template filled `fills` times; the hard part as it stands."""
    for language in LANGUAGES:
        groups = yaml.safe_load((HERE / f"{language}.yaml").read_text(encoding="utf-8"))
        for part in ("personal", "plain"):
            for template in (t for group in groups[part].values() for t in group):
                rng = Random(f"{seed}/{language}/{template}")
                for _ in range(fills):
                    text, labels = filled(template, rng)
                    yield Text(text, labels, language, half_of(template))
        yield from _hard(language)


def structured(fills: int = FILLS, seed: int = 1) -> Iterator[Structured]:
    """The JSON part."""
    groups = yaml.safe_load((HERE / "structured.yaml").read_text(encoding="utf-8"))
    for template in (*groups["personal"], *groups["plain"]):
        rng = Random(f"{seed}/json/{template}")
        for _ in range(fills):
            text, labels = filled(template, rng)
            yield Structured(text, tuple((kind, text[a:b]) for a, b, kind in labels), half_of(template))


def filled(template: str, rng: Random) -> tuple[str, tuple[Label, ...]]:
    """The template with a value drawn for each slot, and where the personal ones stand."""
    text, labels, at = "", list[Label](), 0
    for slot in _SLOT.finditer(template):
        text += template[at : slot.start()]
        kind, draw = PERSONAL.get(slot[1]) or ("", PLAIN[slot[1]])
        value = draw(rng)
        if kind:
            labels.append(Label(len(text), len(text) + len(value), kind))
        text, at = text + value, slot.end()
    return text + template[at:], tuple(labels)


def _hard(language: str) -> Iterator[Text]:
    for line in (HERE / f"hard_{language}.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            text, labels, at = "", list[Label](), 0
            for mark in _MARK.finditer(line):
                text += line[at : mark.start()]
                labels.append(Label(len(text), len(text) + len(mark[2]), mark[1]))
                text, at = text + mark[2], mark.end()
            yield Text(text + line[at:], tuple(labels), language, half_of(line), hard=True)
