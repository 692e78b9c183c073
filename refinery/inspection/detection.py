"""A rule ready to run: its clauses, and its condition as a truth table over their names."""

from itertools import product
from typing import Any

import cel
import numpy as np

from refinery.errors import RuleError
from refinery.inspection.clauses import QUICK, Clause
from refinery.inspection.compiling import compile_clause
from refinery.inspection.conditions import Detect
from refinery.inspection.lists import Lists
from refinery.inspection.matching import Gate
from refinery.inspection.patterns import program_size
from refinery.inspection.state import compile_cel
from refinery.inspection.talks import Talks
from refinery.inspection.turns import Bools, Ints


class Detector:
    """Finds the agent turns on which a rule's condition is true.

    Only turns at which a trigger holds are looked at: the cheapest of those without which the condition is never true,
    else any of them. Where they are text they are the rule's gates, for which all replies are scanned at once. Of what
    is left the names are asked one after another, cheap ones first; after each, a turn is kept only while some answer
    to the remaining names can still make the condition true.
    """

    def __init__(self, detect: Detect, lists: Lists, where: str) -> None:
        clauses = {
            name: compile_clause(clause, lists, f"{where}: key `detect.let.{name}`")
            for name, clause in detect.let.items()
        }
        names = sorted(clauses, key=lambda name: (not clauses[name].trigger, clauses[name].cost))  # stable
        self._clauses: list[Clause] = [clauses[name] for name in names]
        self._truth = _truth(detect.condition, names, f"{where}: key `detect.condition`")
        triggers = [clause for clause in self._clauses if clause.trigger]
        if self._truth[(0,) * len(triggers)].any():
            raise RuleError(
                f"{where}: key `detect.condition`: it can be true on a turn where none of its triggers holds (tool, "
                "regex, keywords, number, novel, repeats of the turn itself); join the condition with one of them by &&"
            )
        if not self._truth.any():
            raise RuleError(f"{where}: key `detect.condition`: it is never true; correct it")
        needed = [clause for axis, clause in enumerate(triggers) if not self._truth.take(0, axis=axis).any()]
        self._needed = bool(needed)
        self._openers = _cheapest(needed) or triggers
        axes = range(len(names))
        self._possible = [self._truth.any(axis=tuple(axes[asked:])).reshape(-1) for asked in range(1, len(names) + 1)]
        """After each clause: by the answers so far, whether the condition can still become true."""

    @property
    def gates(self) -> list[Gate]:
        """What the scanner has to look for so that the rule can start."""
        return [clause.gate for clause in self._openers if clause.gate is not None]

    def matches(self, talks: Talks) -> Ints:
        """Indices of the agent turns on which the condition is true, ascending."""
        at = self._candidates(talks)
        known = np.zeros(len(at), dtype=np.int64)
        for clause, possible in zip(self._clauses, self._possible, strict=True):
            if not len(at):
                break
            known = known * 2 + clause.holds(talks, at)
            kept = possible[known]
            at, known = at[kept], known[kept]
        return at

    def _candidates(self, talks: Talks) -> Ints:
        found = self._openers[0].candidates(talks)
        for clause in self._openers[1:]:
            if self._needed:
                if not len(found):
                    break
                found = np.intersect1d(found, clause.candidates(talks), assume_unique=True)
            else:
                found = np.union1d(found, clause.candidates(talks))
        return found


def _cheapest(needed: list[Clause]) -> list[Clause]:
    """Of the triggers without which nothing holds: keyword lists and tools, all of them; else the smallest pattern."""
    quick = [clause for clause in needed if clause.cost <= QUICK]
    return quick or sorted(needed, key=lambda clause: (clause.cost, _size(clause)))[:1]


def _size(clause: Clause) -> int:
    return sum(map(program_size, clause.gate.parts)) if clause.gate else 0


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
