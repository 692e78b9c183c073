"""Units ranked by the words that they share with what was said: BM25 over words and pairs of Chinese characters.

Robertson and Zaragoza 2009: a unit weighs idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean)) for a term.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.knowledge.terms import Ints, Words, terms
from refinery.text.compiled import compiled

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]

_K1: Final = 1.2
_B: Final = 0.75


class Index(NamedTuple):
    """Sorted terms; of term t the units `units[starts[t]:starts[t + 1]]`, with weights beside; how many units."""

    vocabulary: Words
    starts: Ints
    units: Places
    weights: Floats
    size: int


def index(texts: pa.Array) -> Index:
    """The index of units by what their texts say."""
    found, offsets = terms(texts)
    owner = np.repeat(np.arange(len(texts), dtype=np.int64), np.diff(offsets))
    vocabulary, place = np.unique(found, return_inverse=True)
    pairs, counts = np.unique(place.astype(np.int64) * len(texts) + owner, return_counts=True)
    term, unit = np.divmod(pairs, max(1, len(texts)))
    length = np.diff(offsets).astype(np.float64)
    starts = np.searchsorted(term, np.arange(len(vocabulary) + 1))
    holding = np.diff(starts).astype(np.float64)
    idf = np.log1p((len(texts) - holding + 0.5) / (holding + 0.5))
    norm = _K1 * (1 - _B + _B * length / max(1.0, float(length.mean()) if len(length) else 1.0))
    weights = idf[term] * counts * (_K1 + 1) / (counts + norm[unit])
    return Index(vocabulary, starts, unit.astype(np.int32), weights.astype(np.float32), len(texts))


def rank(found: Index, texts: pa.Array, among: Ints, most: int) -> tuple[Places, Floats]:
    """For each text the best of the units `among` (sorted places): places and scores, (texts, min(most, units)).

    Best first; of equal scores the earlier unit.
    """
    asked, offsets = terms(texts)
    width = min(most, len(among))
    kept: tuple[Places, Floats] = _rank(
        asked, offsets, found.vocabulary, found.starts, found.units, found.weights, among, found.size, width
    )
    return kept


@compiled
def _rank(
    asked: Words,
    offsets: Ints,
    vocabulary: Words,
    starts: Ints,
    units: Places,
    weights: Floats,
    among: Ints,
    size: int,
    width: int,
) -> Any:  # noqa: ANN401 (two arrays)
    rows = len(offsets) - 1
    places, best = np.empty((rows, width), np.int32), np.empty((rows, width), np.float32)
    scores = np.zeros(size, np.float32)
    for row in range(rows):
        scores[:] = 0
        wanted = np.unique(asked[offsets[row] : offsets[row + 1]])
        for one in wanted:
            at = np.searchsorted(vocabulary, one)
            if at < len(vocabulary) and vocabulary[at] == one:
                for i in range(starts[at], starts[at + 1]):
                    scores[units[i]] += weights[i]
        order = np.argsort(-scores[among], kind="mergesort")
        for i in range(width):
            places[row, i] = among[order[i]]
            best[row, i] = scores[among[order[i]]]
    return places, best
