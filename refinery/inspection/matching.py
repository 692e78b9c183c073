"""Finds, in one pass over a text, which of all rules' gates it passes.

A gate is a clause's patterns of which one must match a reply before anything else is asked of it. All gates of a rule
set are compiled once, into Hyperscan where it has a wheel, else into RE2's filter (one pass over the literals, then
the few patterns whose literals were found). Both give the same answers; a property test holds one against the other.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from refinery.inspection.patterns import AnyOf, program_size, texts_of
from refinery.inspection.turns import Ints

try:
    import hyperscan
except ImportError:  # no wheel for this machine
    hyperscan = None

Gate = tuple[str, ...]
"""Patterns of which any must match."""
Pair = tuple[str, int]
"""A pattern, and the number of the gate it belongs to."""
Hits = tuple[Ints, Ints]
"""For each match the text's number and the gate's number; a pair may come more than once."""

MAX_STATES = 600
"""Measured: patterns of up to 600 RE2 states compile into Hyperscan in 0.01-0.1 s each, of 2,500 in 1.6 s, or never."""

_DOLLAR = re.compile(r"\\.|\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]|\$", re.DOTALL)


class Scanner:
    """All gates of a rule set, ready to scan."""

    def __init__(self, gates: Sequence[Gate], fast: bool = True) -> None:
        self.gates = {gate: number for number, gate in enumerate(dict.fromkeys(gates))}
        pairs = [(pattern, number) for gate, number in self.gates.items() for pattern in gate]
        taken = _taken(pairs) if fast and hyperscan is not None else []
        rest = [pair for pair in pairs if pair not in set(taken)]
        self._passes: list[_Hyperscan | _Filter] = [_Hyperscan(taken)] if taken else []
        self._passes += [_Filter(rest)] if rest else []

    def scan(self, texts: pa.StringArray) -> Hits:
        """Which gates each text passes. Linear in the text, whatever it holds; null passes none."""
        found = [one.scan(texts_of(texts)) for one in self._passes]
        empty = np.zeros(0, dtype=np.int64)
        return np.concatenate([empty, *(f[0] for f in found)]), np.concatenate([empty, *(f[1] for f in found)])


@lru_cache(maxsize=8)
def scanner(gates: tuple[Gate, ...]) -> Scanner:
    """A scanner of this process: a task that opens the same rules again does not compile them again."""
    return Scanner(gates)


class _Filter:
    """RE2's filter over all patterns."""

    def __init__(self, pairs: list[Pair]) -> None:
        self._any = AnyOf([pattern for pattern, _ in pairs])
        self._gate = np.asarray([gate for _, gate in pairs], dtype=np.int64)

    def scan(self, texts: list[bytes]) -> Hits:
        found = [self._any.which(text) for text in texts]
        text = np.repeat(np.arange(len(found), dtype=np.int64), [len(some) for some in found])
        return text, self._gate[np.asarray([pattern for some in found for pattern in some], dtype=np.int64)]


class _Hyperscan:
    """One Hyperscan database, in which each pattern carries its gate's number. Raises hyperscan.error."""

    def __init__(self, pairs: list[Pair]) -> None:
        flags = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
        expressions, numbers = [as_hyperscan(pattern).encode() for pattern, _ in pairs], [gate for _, gate in pairs]
        self._database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(expressions=expressions, ids=numbers, elements=len(pairs), flags=[flags] * len(pairs))

    def scan(self, texts: list[bytes]) -> Hits:
        text, gate = list[int](), list[int]()

        def met(number: int, _start: int, _end: int, _flags: int, context: int) -> None:
            text.append(context)
            gate.append(number)

        for number, data in enumerate(texts):
            if data:
                self._database.scan(data, match_event_handler=met, context=number)
        return np.asarray(text, dtype=np.int64), np.asarray(gate, dtype=np.int64)


def _taken(pairs: list[Pair]) -> list[Pair]:
    """The patterns that Hyperscan compiles, and quickly."""
    small = [pair for pair in pairs if program_size(pair[0]) <= MAX_STATES]
    return small if _compiles(small) else [pair for pair in small if _compiles([pair])]


def _compiles(pairs: list[Pair]) -> bool:
    try:
        _Hyperscan(pairs)
    except hyperscan.error:
        return False
    return True


def as_hyperscan(pattern: str) -> str:
    r"""The pattern with RE2's meaning: in Hyperscan (as in PCRE) `$` matches before a last line break too, `\z` not."""
    return _DOLLAR.sub(lambda part: r"\z" if part[0] == "$" else part[0], pattern)
