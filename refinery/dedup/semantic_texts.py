"""Conversations as an embedder reads them: what the customer said and what the agent said, in windows, and their means.

The two sides are embedded apart: of conversations that begin alike and end otherwise the whole lies near, the agent's
side does not. An embedder reads some 500 tokens and passes over the rest without a word, so a long side is cut at its
turns into windows of 1 to 2 KiB of UTF-8 (about four bytes a token in Chinese and English alike).
"""

import re
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.forms import ASSISTANT, USER, roles, scratch, tables, turn_codes, turns
from refinery.models.embedding import Embedder
from refinery.records.leaves import list_parents
from refinery.stage import ROW, array
from refinery.text.compiled import compiled
from refinery.text.facts import Words, mix

Rows = npt.NDArray[np.int64]
VECTOR: Final = pa.field("vector", pa.list_(pa.float16()))
"""The customer's half, then the agent's: of length one but for rounding to 16 bits, or zeros where nothing is said."""
EMBEDDED: Final = pa.schema([ROW, ("cell", pa.uint64()), VECTOR])
"""`cell`: equal where two conversations are under the same set of policies."""
_WINDOW: Final = 1024
"""Bytes after which a window ends with the piece that reaches them."""
_LONG: Final = 256
"""Characters of a piece at most; a longer turn is cut, at white space where there is some."""
_SHORTEST: Final = 40
"""Bytes below which a conversation has no meaning to tell: a greeting and a name."""
_PIECE: Final = re.compile(rf".{{1,{_LONG}}}(?:\s|\Z)|.{{1,{_LONG}}}", re.DOTALL)


class Windows(NamedTuple):
    """Texts of a size each; `owner`: twice the row, and one more for the agent's side; in order."""

    texts: pa.Array
    sizes: Rows
    owner: Rows


def embedded(rows: pa.Table, templates: Words, embedder: Embedder) -> pa.Table:
    """The rows that say enough -> EMBEDDED, in their order. `templates`: sorted hashes of turns to leave out."""
    found = windows(array(rows, "turns"), templates)
    vectors = embedder.embed(found.texts.to_pylist()) * found.sizes[:, None].astype(np.float32)
    side, starts = np.unique(found.owner, return_index=True)
    means = unit(np.add.reduceat(vectors, starts) if len(side) else vectors)
    owner, at = np.unique(side // 2, return_inverse=True)
    halves = np.zeros((len(owner), 2, means.shape[1]), np.float16)
    halves[at, side % 2] = means
    told = halves.any(axis=(1, 2))
    place, cell = pa.array(owner[told]), cells(array(rows, "policies"))[owner[told]]
    return pa.Table.from_arrays([rows[ROW.name].take(place), pa.array(cell), lists_of(halves[told])], schema=EMBEDDED)


def unit(points: Any) -> Any:  # noqa: ANN401 (vectors -> vectors)
    """Vectors of length one; zeros stay zeros."""
    lengths = np.linalg.norm(points, axis=-1, keepdims=True)
    return np.divide(points, lengths, out=np.zeros_like(points), where=lengths > 0)


def lists_of(points: Any) -> pa.Array:  # noqa: ANN401 (vectors -> VECTOR)
    """A list of 16 bits a row."""
    flat = points.reshape(len(points), -1) if points.size else np.zeros((len(points), 0))
    ends = pa.array(np.arange(len(flat) + 1) * flat.shape[1], pa.int32())
    return pa.ListArray.from_arrays(ends, pa.array(flat.astype(np.float16).reshape(-1)))


def windows(column: pa.Array, templates: Words) -> Windows:
    """What customer and agent say in turns that are no templates, of conversations that say enough."""
    found = turns(column)
    codes, said = turn_codes(found, tables(), scratch(found, 0)), roles(found)
    spoken = ((said == USER) | (said == ASSISTANT)) & (codes != 0)
    spoken &= ~((said == ASSISTANT) & np.isin(codes, templates))
    owner = 2 * list_parents(column) + (said == ASSISTANT)
    here = np.flatnonzero(spoken)
    here = here[np.argsort(owner[here], kind="stable")]
    texts, of_turn = _pieces(pc.struct_field(column.flatten(), "content").take(pa.array(here)))
    owner, sizes = owner[here][of_turn], pc.binary_length(texts).to_numpy()
    enough = np.bincount(owner // 2, sizes, len(column))[owner // 2] >= _SHORTEST if len(owner) else np.zeros(0, bool)
    texts, owner, sizes = texts.filter(pa.array(enough)), owner[enough], sizes[enough].astype(np.int64)
    starts = _starts(owner, sizes)
    joined = pa.ListArray.from_arrays(pa.array(np.append(starts, len(owner)), pa.int32()), texts)
    sums = np.add.reduceat(sizes, starts) if len(starts) else sizes
    return Windows(pc.binary_join(joined, "\n"), sums, owner[starts])


def _pieces(texts: pa.Array) -> tuple[pa.Array, Rows]:
    """Texts with the long ones cut, and of which text each piece is."""
    long = np.flatnonzero(pc.utf8_length(texts).to_numpy() > _LONG)
    if not len(long):
        return texts, np.arange(len(texts))
    cut = [_PIECE.findall(text) for text in texts.take(pa.array(long)).to_pylist()]
    short = np.setdiff1d(np.arange(len(texts)), long)
    of_text = np.concatenate([short, np.repeat(long, [len(pieces) for pieces in cut])])
    order = np.argsort(of_text, kind="stable")
    pieces = pa.concat_arrays([texts.take(pa.array(short)), pa.array([p for each in cut for p in each], pa.string())])
    return pieces.take(pa.array(order)), of_text[order]


def _starts(owner: Rows, sizes: Rows) -> Rows:
    """The first piece of each window."""
    if not len(owner):
        return np.zeros(0, np.int64)
    first = np.concatenate([[True], np.diff(owner) != 0])
    before = np.cumsum(sizes) - sizes
    window = (before - before[first][np.cumsum(first) - 1]) // _WINDOW
    return np.flatnonzero(first | np.concatenate([[False], np.diff(window) != 0]))


def cells(policies: pa.Array) -> Words:
    """A hash of the set of policies over all turns, in any order; 0 where there is none."""
    lists = policies.flatten()
    words, rows = lists.flatten(), list_parents(policies)[list_parents(lists)]
    words, rows = words.drop_null(), rows[words.is_valid().to_numpy(zero_copy_only=False)]
    found = np.zeros(len(policies), np.uint64)
    if not len(words):
        return found
    coded = words.dictionary_encode()
    pairs = np.unique(np.stack([rows, coded.indices.to_numpy()], axis=1), axis=0)
    hashes = _hashes([word.encode() for word in coded.dictionary.to_pylist()])
    np.add.at(found, pairs[:, 0], hashes[pairs[:, 1]])
    return found


def _hashes(words: list[bytes]) -> Words:
    data = np.frombuffer(b"".join(words), np.uint8)
    return np.asarray(_hashed(data, np.cumsum([0, *map(len, words)])))


@compiled
def _hashed(data: Any, ends: Any) -> Any:  # noqa: ANN401 (bytes, offsets -> Words)
    found = np.empty(len(ends) - 1, np.uint64)
    for i in range(len(found)):
        state = np.uint64(len(data[ends[i] : ends[i + 1]]) + 1)
        for k in range(ends[i], ends[i + 1]):
            state = mix(state ^ np.uint64(data[k])) + np.uint64(0x9E3779B97F4A7C15)
        found[i] = mix(state)
    return found
