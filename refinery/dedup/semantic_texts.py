"""Conversations as an embedder reads them: what customer and agent said, in windows, and the mean of their vectors.

An embedder reads some 500 tokens and passes over the rest without a word, so a long conversation is cut at its turns
into windows of 1 to 2 KiB of UTF-8 (about four bytes a token in Chinese and English alike).
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
"""Of length one but for rounding to 16 bits, which moves a cosine by less than 0.001."""
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
    """Texts of a size each, and the row each is of, in order."""

    texts: pa.Array
    sizes: Rows
    owner: Rows


def embedded(rows: pa.Table, templates: Words, embedder: Embedder) -> pa.Table:
    """The rows that say enough -> EMBEDDED, in their order. `templates`: sorted hashes of turns to leave out."""
    found = windows(array(rows, "turns"), templates)
    vectors = embedder.embed(found.texts.to_pylist()) * found.sizes[:, None].astype(np.float32)
    owner, starts = np.unique(found.owner, return_index=True)
    means = np.add.reduceat(vectors, starts) if len(owner) else vectors
    lengths = np.linalg.norm(means, axis=1)
    told = lengths > 0
    owner, means = owner[told], means[told] / lengths[told][:, None]
    cell = cells(array(rows, "policies"))[owner]
    ends = pa.array(np.arange(len(owner) + 1) * means.shape[1], pa.int32())
    vector = pa.ListArray.from_arrays(ends, pa.array(means.astype(np.float16).reshape(-1)))
    return pa.Table.from_arrays([rows[ROW.name].take(pa.array(owner)), pa.array(cell), vector], schema=EMBEDDED)


def windows(column: pa.Array, templates: Words) -> Windows:
    """What customer and agent say in turns that are no templates, of conversations that say enough."""
    found = turns(column)
    codes, said = turn_codes(found, tables(), scratch(found, 0)), roles(found)
    spoken = ((said == USER) | (said == ASSISTANT)) & (codes != 0)
    spoken &= ~((said == ASSISTANT) & np.isin(codes, templates))
    texts = pc.struct_field(column.flatten(), "content").filter(pa.array(spoken))
    texts, of_turn = _pieces(texts)
    owner, sizes = list_parents(column)[spoken][of_turn], pc.binary_length(texts).to_numpy()
    enough = np.bincount(owner, sizes, len(column))[owner] >= _SHORTEST if len(owner) else np.zeros(0, bool)
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
