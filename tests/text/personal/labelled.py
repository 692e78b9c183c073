"""The labelled sets: sentences with personal values of known kind and place, and sentences that hold none.

    Text("我的手机号是13812345678，有事打这个。", (Label(6, 17, "PHONE"),), "zh", "我的手机号是{mobile}，有事打这个。")

The patterns were worked on with the `first` set in view. The `second` was written when they stood, by someone who had
not read them, and scored once before anything was changed (`fresh/first_sight.md`); since then it is in view too.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import NamedTuple

import yaml

from tests.text.personal import values
from tests.text.personal.fresh import values as fresh_values

HERE = Path(__file__).parent
SETS = {"first": (HERE, values), "second": (HERE / "fresh", fresh_values)}
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
    """One turn; `template` is the phrasing that it fills, `hard` whether it was written by hand as a whole."""

    text: str
    labels: tuple[Label, ...]
    language: str
    template: str
    hard: bool = False


class Structured(NamedTuple):
    """JSON text and the (kind, value) that must be gone from it."""

    text: str
    values: tuple[tuple[str, str], ...]


def texts(fills: int = FILLS, seed: int = 1, of: str = "first") -> Iterator[Text]:
    """All sentences of a set, each template filled `fills` times; the hard part as it stands."""
    home, drawn = SETS[of]
    for language in LANGUAGES:
        groups = yaml.safe_load((home / f"{language}.yaml").read_text(encoding="utf-8"))
        for part in ("personal", "plain"):
            for template in (t for group in groups[part].values() for t in group):
                rng = Random(f"{seed}/{language}/{template}")
                for _ in range(fills):
                    text, labels = filled(template, rng, drawn)
                    yield Text(text, labels, language, template)
        if (hard := home / f"hard_{language}.txt").exists():
            yield from _hard(hard, language)


def structured(fills: int = FILLS, seed: int = 1) -> Iterator[Structured]:
    """The JSON part."""
    groups = yaml.safe_load((HERE / "structured.yaml").read_text(encoding="utf-8"))
    for template in (*groups["personal"], *groups["plain"]):
        rng = Random(f"{seed}/json/{template}")
        for _ in range(fills):
            text, labels = filled(template, rng)
            yield Structured(text, tuple((kind, text[a:b]) for a, b, kind in labels))


def filled(template: str, rng: Random, drawn: ModuleType = values) -> tuple[str, tuple[Label, ...]]:
    """The template with a value drawn for each slot, and where the personal ones stand."""
    text, labels, at = "", list[Label](), 0
    for slot in _SLOT.finditer(template):
        text += template[at : slot.start()]
        kind, draw = drawn.PERSONAL.get(slot[1]) or ("", drawn.PLAIN[slot[1]])
        value = draw(rng)
        if kind:
            labels.append(Label(len(text), len(text) + len(value), kind))
        text, at = text + value, slot.end()
    return text + template[at:], tuple(labels)


def _hard(path: Path, language: str) -> Iterator[Text]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            text, labels, at = "", list[Label](), 0
            for mark in _MARK.finditer(line):
                text += line[at : mark.start()]
                labels.append(Label(len(text), len(text) + len(mark[2]), mark[1]))
                text, at = text + mark[2], mark.end()
            yield Text(text + line[at:], tuple(labels), language, line, hard=True)
