"""Values of arguments and signals as columns, and comparisons of two columns, in which what is missing never holds."""

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.inspection.turns import Bools, Ints

NOTHING, NUMBER, TEXT, TRUTH = range(4)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, name) for name in ("gt", "ge", "lt", "le", "eq", "ne")
}


class Values(NamedTuple):
    """One value a place, whatever its type.

    `kind`: NOTHING, NUMBER, TEXT or TRUTH. `number`: the number, also one written as text; not a number otherwise;
    0 or 1 for a truth value. `text`: the text, empty where it is none.
    """

    kind: npt.NDArray[np.int8]
    number: npt.NDArray[np.float64]
    text: npt.NDArray[np.object_]

    @classmethod
    def of(cls, given: Sequence[object]) -> Self:
        """Python values as JSON gives them; lists and maps are nothing."""
        kind = np.asarray([_kind(value) for value in given], dtype=np.int8)
        number = np.asarray([_number(value) for value in given], dtype=np.float64)
        text = np.empty(len(given), dtype=np.object_)
        text[:] = [value if isinstance(value, str) else "" for value in given]
        return cls(kind, number, text)

    @classmethod
    def of_column(cls, column: pa.Array) -> Self:
        """An Arrow column of numbers, texts or truth values."""
        if not pa.types.is_floating(column.type):
            return cls.of(column.to_pylist())
        return cls.numbers(column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False))

    @classmethod
    def numbers(cls, given: npt.NDArray[Any]) -> Self:
        """Numbers; what is not finite is nothing."""
        number = np.where(np.isfinite(given), given, np.nan).astype(np.float64)
        kind = np.where(np.isfinite(number), NUMBER, NOTHING).astype(np.int8)
        return cls(kind, number, np.full(len(number), "", dtype=np.object_))

    @classmethod
    def constant(cls, value: float | bool | str, size: int) -> Self:
        """The same value in every place."""
        return cls.of([value]).take(np.zeros(size, dtype=np.int64))

    def take(self, at: Ints) -> Self:
        """The values at these places; a place below 0 has none."""
        if not len(self.kind):
            return type(self).of([None] * len(at))
        kind = np.where(at < 0, np.int8(NOTHING), self.kind[at])
        return type(self)(kind, np.where(at < 0, np.nan, self.number[at]), np.where(at < 0, "", self.text[at]))

    def objects(self) -> list[object]:
        """The values as Python objects, None for nothing."""
        columns = zip(self.kind.tolist(), self.number.tolist(), self.text.tolist(), strict=True)
        return [(None, number, text, bool(number == 1))[kind] for kind, number, text in columns]


def holds(left: Values, bound: str, right: Values) -> Bools:
    """`left bound right`, place by place.

    Where one side is a number, a numeric text is one too; else like compares with like. Nothing never compares.
    """
    there = (left.kind != NOTHING) & (right.kind != NOTHING) & (left.kind != TRUTH) & (right.kind != TRUTH)
    either = there & ((left.kind == NUMBER) | (right.kind == NUMBER))
    numeric = either & np.isfinite(left.number) & np.isfinite(right.number)
    truths = (left.kind == TRUTH) & (right.kind == TRUTH)
    compare = _COMPARE[bound]
    held = (numeric | truths) & compare(left.number, right.number)
    texts = np.flatnonzero((left.kind == TEXT) & (right.kind == TEXT))
    held[texts] = compare(left.text[texts], right.text[texts])
    return np.asarray(held, dtype=np.bool_)


def _kind(value: object) -> int:
    if isinstance(value, bool):
        return TRUTH
    if isinstance(value, int | float):
        return NUMBER if np.isfinite(_number(value)) else NOTHING
    return TEXT if isinstance(value, str) else NOTHING


def _number(value: object) -> float:
    """A finite number, also one written as text; anything else is not a number."""
    if not isinstance(value, int | float | str):
        return np.nan
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return np.nan
    return number if np.isfinite(number) else np.nan
