"""Finds, in one pass over each text, which of all rules' gates it passes.

A gate is what must stand in a reply before anything else is asked of it: one of some words, or of some patterns. All
gates of a rule set are compiled once, into Hyperscan where it has a wheel, else into RE2's filter (one pass over the
literals, then the few patterns whose literals were found). Both give the same answers; a property test holds one
against the other.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.inspection.patterns import AnyOf, bounded, edges, program_size, texts_of
from refinery.inspection.turns import Bools, Ints, steps

hyperscan: Any = import_module("hyperscan") if find_spec("hyperscan") else None
"""None on a machine for which there is no wheel."""


class Gate(NamedTuple):
    """Words in lower case (`literal`), or patterns, of which any opens it."""

    literal: bool
    parts: tuple[str, ...]


Pair = tuple[str, int]
"""A word or pattern, and the number of the gate that it opens."""
Hits = tuple[Ints, Ints]
"""For each match the text's number and the gate's number; a pair may come more than once."""

MAX_STATES = 600
"""Measured: patterns of up to 600 RE2 states compile into Hyperscan in 0.01-0.1 s each, of 2,500 in 1.6 s, or never."""
_DOLLAR = re.compile(r"\\.|\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]|\$", re.DOTALL)
_IS_WORD = np.asarray([chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) == "_") for byte in range(256)])


class Scanner:
    """All gates of a rule set, ready to scan."""

    def __init__(self, gates: Sequence[Gate], fast: bool = True) -> None:
        self.gates = {gate: number for number, gate in enumerate(dict.fromkeys(gates))}
        words, patterns = (
            [(part, number) for gate, number in self.gates.items() if gate.literal is literal for part in gate.parts]
            for literal in (True, False)
        )
        fast = fast and hyperscan is not None
        taken = _taken(patterns) if fast else []
        rest = [pair for pair in patterns if pair not in set(taken)]
        self._words = (
            (_Words(words) if fast else _Filter([(bounded(w), n) for w, n in words], False)) if words else None
        )
        self._patterns: list[_Patterns | _Filter] = [_Patterns(taken)] if taken else []
        self._patterns += [_Filter(rest, True)] if rest else []

    def scan(self, texts: pa.StringArray) -> Hits:
        """Which gates each text passes. Linear in the text, whatever it holds; null passes none."""
        found = [one.scan(texts) for one in self._patterns]
        found += [self._words.scan(pc.utf8_lower(texts))] if self._words else []
        empty = np.zeros(0, dtype=np.int64)
        return np.concatenate([empty, *(f[0] for f in found)]), np.concatenate([empty, *(f[1] for f in found)])


@lru_cache(maxsize=8)
def scanner(gates: tuple[Gate, ...]) -> Scanner:
    """A scanner of this process: a task that opens the same rules again does not compile them again."""
    return Scanner(gates)


class _Filter:
    """RE2's filter over all patterns."""

    def __init__(self, pairs: list[Pair], any_case: bool) -> None:
        self._any = AnyOf([pattern for pattern, _ in pairs], any_case)
        self._gate = np.asarray([gate for _, gate in pairs], dtype=np.int64)

    def scan(self, texts: pa.StringArray) -> Hits:
        found = [self._any.which(text) for text in texts_of(texts)]
        text = np.repeat(np.arange(len(found), dtype=np.int64), [len(some) for some in found])
        return text, self._gate[np.asarray([pattern for some in found for pattern in some], dtype=np.int64)]


class _Patterns:
    """One Hyperscan database of patterns, each carrying its gate's number. Raises hyperscan.error."""

    def __init__(self, pairs: list[Pair]) -> None:
        flags = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
        self._database = _compiled([(as_hyperscan(pattern), gate) for pattern, gate in pairs], flags, literal=False)

    def scan(self, texts: pa.StringArray) -> Hits:
        text, gate, _ = _scanned(self._database, texts_of(texts))
        return text, gate


class _Words:
    """One Hyperscan database of words, which it takes by the thousand; whether they stand alone is looked at after.

    Measured: 739 words take 0.1 s to compile so, 1.1 s as patterns with their word boundaries, and 7,390 words 0.8 s
    against 36 s.
    """

    def __init__(self, pairs: list[Pair]) -> None:
        words = list(dict.fromkeys(word for word, _ in pairs))
        self._database = _compiled([(word, number) for number, word in enumerate(words)], 0, literal=True)
        self._bytes = np.asarray([len(word.encode()) for word in words], dtype=np.int64)
        self._edges = np.asarray([edges(word) for word in words], dtype=np.bool_).T
        gates: dict[str, list[int]] = {word: [] for word in words}
        for word, gate in pairs:
            gates[word].append(gate)
        self._count = np.asarray([len(gates[word]) for word in words], dtype=np.int64)
        self._start = np.cumsum(self._count) - self._count
        self._gate = np.asarray([gate for word in words for gate in gates[word]], dtype=np.int64)

    def scan(self, texts: pa.StringArray) -> Hits:
        data = texts_of(texts)
        text, word, end = _scanned(self._database, data)
        kept = self._stand_alone(data, text, word, end)
        text, word = text[kept], word[kept]
        count = self._count[word]
        return np.repeat(text, count), self._gate[np.repeat(self._start[word], count) + steps(count)]

    def _stand_alone(self, data: list[bytes], text: Ints, word: Ints, end: Ints) -> Bools:
        r"""Where an edge of the word is a Latin letter or digit, what is beside it must be none (RE2's `\b`)."""
        sizes = np.asarray([len(one) + 1 for one in data], dtype=np.int64)
        is_word = _IS_WORD[np.frombuffer(b" " + b" ".join([*data, b""]), dtype=np.uint8)]
        last = 1 + (np.cumsum(sizes) - sizes)[text] + end
        left, right = is_word[last - self._bytes[word] - 1], is_word[last]
        joined = (self._edges[0][word] & left) | (self._edges[1][word] & right)
        return np.asarray(~joined, dtype=np.bool_)


def _scanned(database: Any, texts: list[bytes]) -> tuple[Ints, Ints, Ints]:  # noqa: ANN401 - hyperscan has no types
    """For each match the text's number, the expression's and where the match ends, in bytes."""
    text, number, ends = list[int](), list[int](), list[int]()

    def met(expression: int, _start: int, end: int, _flags: int, context: int) -> None:
        text.append(context)
        number.append(expression)
        ends.append(end)

    for context, data in enumerate(texts):
        if data:
            database.scan(data, match_event_handler=met, context=context)
    return np.asarray(text, dtype=np.int64), np.asarray(number, dtype=np.int64), np.asarray(ends, dtype=np.int64)


def _compiled(pairs: list[Pair], flags: int, literal: bool) -> Any:  # noqa: ANN401 - hyperscan has no types
    expressions, numbers = [expression.encode() for expression, _ in pairs], [number for _, number in pairs]
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    every = [flags] * len(pairs)
    database.compile(expressions=expressions, ids=numbers, elements=len(pairs), flags=every, literal=literal)
    return database


def _taken(pairs: list[Pair]) -> list[Pair]:
    """The patterns that Hyperscan compiles, and quickly."""
    small = [pair for pair in pairs if program_size(pair[0]) <= MAX_STATES]
    return small if _compiles(small) else [pair for pair in small if _compiles([pair])]


def _compiles(pairs: list[Pair]) -> bool:
    try:
        return not pairs or bool(_Patterns(pairs))
    except hyperscan.error:
        return False


def as_hyperscan(pattern: str) -> str:
    r"""The pattern with RE2's meaning: in Hyperscan (as in PCRE) `$` matches before a last line break too, `\z` not."""
    return _DOLLAR.sub(lambda part: r"\z" if part[0] == "$" else part[0], pattern)
