"""A rule ready to run: its clauses, and its condition as a truth table over their names."""

from itertools import product
from typing import Any

import cel
import numpy as np

from refinery.errors import RuleError
from refinery.inspection.clauses import Clause, compile_clause
from refinery.inspection.lists import Lists
from refinery.inspection.rule import Detect
from refinery.inspection.state import compile_cel
from refinery.inspection.turns import AgentTurns, Bools, Ints


class Detector:
    """Finds the agent turns on which a rule's condition is true.

    The names are asked one after another, triggers first, in the order of the file; after each, a turn is kept only
    while some answer to the remaining names can still make the condition true. So a cheap first name (a keyword) is
    all that most turns are asked, and state is looked up on the few turns at which something happened.
    """

    def __init__(self, detect: Detect, lists: Lists, where: str) -> None:
        clauses = {
            name: compile_clause(clause, lists, f"{where}: key `detect.let.{name}`")
            for name, clause in detect.let.items()
        }
        names = sorted(clauses, key=lambda name: not clauses[name].trigger)  # a stable sort: the file's order stays
        self._clauses: list[Clause] = [clauses[name] for name in names]
        self._truth = _truth(detect.condition, names, f"{where}: key `detect.condition`")
        num_triggers = sum(clause.trigger for clause in self._clauses)
        if self._truth[(0,) * num_triggers].any():
            raise RuleError(
                f"{where}: key `detect.condition`: it can be true on a turn where no tool, regex or keywords "
                f"clause holds; join the condition with one of them by &&"
            )
        if not self._truth.any():
            raise RuleError(f"{where}: key `detect.condition`: it is never true; correct it")

    def matches(self, turns: AgentTurns) -> Ints:
        """Indices of the agent turns on which the condition is true, ascending."""
        at = np.arange(len(turns), dtype=np.int64)
        known = np.zeros(len(turns), dtype=np.int64)
        for asked, clause in enumerate(self._clauses, start=1):
            known = known * 2 + clause.holds(turns, at)
            remaining = tuple(range(asked, len(self._clauses)))
            possible = self._truth.any(axis=remaining).reshape(-1)[known]
            at, known = at[possible], known[possible]
        return at


def _truth(condition: str, names: list[str], where: str) -> Bools:
    """The condition's value for every combination: one axis of length 2 a name, in the order of `names`."""
    program = compile_cel(condition, where)
    unknown = sorted(set(program.variables()) - set(names))
    unused = sorted(set(names) - set(program.variables()))
    if unknown or unused:
        said = f"unknown name {unknown[0]}" if unknown else f"name {unused[0]} of `let` is not used"
        raise RuleError(f"{where}: {said}; known: {', '.join(sorted(names))}; correct it")
    values = [
        _value(program, dict(zip(names, bits, strict=True)), where)
        for bits in product([False, True], repeat=len(names))
    ]
    return np.asarray(values, dtype=np.bool_).reshape((2,) * len(names))


def _value(program: cel.Program, names: dict[str, bool], where: str) -> bool:
    try:
        value: Any = program.execute(names)
    except (TypeError, KeyError, RuntimeError, ValueError) as error:
        raise RuleError(f"{where}: {' '.join(str(error).split())}; join the names by &&, || and !") from error
    if not isinstance(value, bool):
        raise RuleError(f"{where}: gives {value!r}, not true or false; join the names by &&, || and !")
    return value
