"""Bounds on values: what a comparison in a rule file holds a value against, ready to run."""

from collections.abc import Mapping

import numpy as np

from refinery.inspection import conditions as ruled
from refinery.inspection.lists import Lists
from refinery.inspection.state import check_path
from refinery.inspection.talks import Talks
from refinery.inspection.turns import Bools, Ints
from refinery.inspection.values import Values, holds

Bounds = Mapping[str, ruled.Operand]
"""gt, ge, lt, le, eq, ne -> a constant, or where the value stands; paths and lists are checked."""


def compile_bounds(comparison: ruled.Comparison, lists: Lists, where: str) -> Bounds:
    """The stated bounds; RuleError where a path or a list is wrong."""
    bounds = comparison.bounds
    for operand in bounds.values():
        if isinstance(operand, ruled.StatePath):
            check_path(operand.path, where)
        if isinstance(operand, ruled.Argument):
            lists.names(operand.of, "tools", where)
    return bounds


def compares(left: Values, bounds: Bounds, talks: Talks, at: Ints) -> Bools:
    """Every bound holds for the value that stands at each of these agent turns."""
    kept = np.ones(len(at), dtype=np.bool_)
    for bound, operand in bounds.items():
        if isinstance(operand, ruled.Argument):
            raise TypeError("an argument is compared with numbers in a reply only")  # compile_clause has refused it
        right = talks.values(operand.path, at) if isinstance(operand, ruled.StatePath) else None
        kept &= holds(left, bound, Values.constant(operand, len(at)) if right is None else right)  # type: ignore[arg-type]
    return kept
