"""Facts that stand beside the text: order, refund and compensation of the signals, and the outcome."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.forms import Offsets, Texts, texts
from refinery.records.leaves import list_parents
from refinery.text.compiled import compiled
from refinery.text.facts import FIELD, Words, fact, hash_bytes, mix

_OUTCOMES: Final = ("solution", "satisfied", "quality")
_SIGNALS: Final = (
    ("order", "id"),
    ("order", "status"),
    ("order", "amount"),
    ("refund", "status"),
    ("refund", "amount"),
    ("compensation", "amount"),
    ("compensation", "paid"),
)
Rows = npt.NDArray[np.int64]


def field_facts(rows: pa.Table) -> tuple[Offsets, Words]:
    """Facts of `outcome` and `signals`, those of row i from offset i to i + 1: a kind a field; null states nothing."""
    outcome, signals = (rows[name].combine_chunks() for name in ("outcome", "signals"))
    every = np.arange(len(outcome), dtype=np.int64)
    found = [_stated(pc.struct_field(outcome, name), every, FIELD + k) for k, name in enumerate(_OUTCOMES)]
    parents, values = list_parents(signals), signals.flatten()
    kinds = range(FIELD + len(_OUTCOMES), 32)
    found += [
        _stated(pc.struct_field(values, list(path)), parents, k) for k, path in zip(kinds, _SIGNALS, strict=False)
    ]
    owners, facts = (np.concatenate(parts) for parts in zip(*found, strict=True))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(outcome)))])
    return offsets.astype(np.int32), facts[np.argsort(owners, kind="stable")]


def _stated(column: pa.Array, owners: Rows, kind: int) -> tuple[Rows, Words]:
    """The rows in which the column is not null, and what it says there as a fact of the kind."""
    there = column.is_valid().to_numpy(zero_copy_only=False)
    values = column.drop_null()
    if pa.types.is_string(values.type):
        return owners[there], _of_texts(texts(values), kind)
    bits = values.cast(pa.float64() if pa.types.is_floating(values.type) else pa.int64()).to_numpy().view(np.uint64)
    return owners[there], _of_bits(bits, kind)


@compiled
def _of_texts(values: Texts, kind: int) -> Any:  # noqa: ANN401 (Words)
    facts = np.empty(len(values.offsets) - 1, np.uint64)
    for i in range(len(facts)):
        facts[i] = fact(kind, hash_bytes(values.data, values.offsets[i], values.offsets[i + 1]))
    return facts


@compiled
def _of_bits(bits: Words, kind: int) -> Any:  # noqa: ANN401 (Words)
    facts = np.empty(len(bits), np.uint64)
    for i in range(len(facts)):
        facts[i] = fact(kind, mix(bits[i] + np.uint64(1)))
    return facts
