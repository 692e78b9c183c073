"""What a name of `let` looks for: text, tool calls or known state, asked of some agent turns at once."""

import json
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.inspection import rule as ruled
from refinery.inspection.lists import Lists
from refinery.inspection.state import Expression, State, check_path, lookup
from refinery.inspection.turns import AgentTurns, Bools, Ints

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    name: getattr(operator, name) for name in ("gt", "ge", "lt", "le", "eq", "ne")
}


class Clause(ABC):
    """One compiled name. `trigger`: it looks at what the agent said or did (state alone never starts a finding)."""

    trigger = True

    @abstractmethod
    def holds(self, turns: AgentTurns, at: Ints) -> Bools:
        """For each of the agent turns `at` (indices into `turns`, ascending), whether it holds."""


class Text(Clause):
    """The reply matches one of the patterns, without regard to case."""

    def __init__(self, patterns: list[str]) -> None:
        self._patterns = patterns

    def holds(self, turns: AgentTurns, at: Ints) -> Bools:
        """A columnar RE2 pass a pattern, over the replies in which none was found; a null reply matches nothing."""
        found = np.zeros(len(at), dtype=np.bool_)
        for pattern in self._patterns:
            left = np.flatnonzero(~found)
            if not len(left):  # nobody is asked any more; compiling a pattern costs more than a short text
                break
            content = turns.content if len(left) == len(turns) else turns.content.take(pa.array(at[left]))
            hit = pc.match_substring_regex(content, pattern=pattern, ignore_case=True).fill_null(False)
            found[left] = hit.to_numpy(zero_copy_only=False)
        return found


class Tool(Clause):
    """Some call of the turn has one of the names, and its arguments compare as stated."""

    def __init__(self, names: list[str], args: dict[str, ruled.Comparison]) -> None:
        self._names = pa.array(names, pa.string())
        self._args = args

    def holds(self, turns: AgentTurns, at: Ints) -> Bools:
        """Names by column; arguments are parsed for calls of that name only."""
        named = np.flatnonzero(pc.is_in(turns.call_name, value_set=self._names).to_numpy(zero_copy_only=False))
        if self._args:
            asked = named[np.isin(turns.call_turn[named], at)]
            named = np.asarray([call for call in asked if self._compares(turns, call)], dtype=np.int64)
        hit = np.zeros(len(turns), dtype=np.bool_)
        hit[turns.call_turn[named]] = True
        return hit[at]

    def _compares(self, turns: AgentTurns, call: int) -> bool:
        given = arguments(turns.call_arguments[call].as_py())
        state = turns.state(int(turns.call_turn[call]))
        return all(compares(lookup(given, path), comparison, state) for path, comparison in self._args.items())


class Known(Clause):
    """A CEL expression over the state at the turn is known to be true."""

    trigger = False

    def __init__(self, expression: Expression) -> None:
        self._expression = expression

    def holds(self, turns: AgentTurns, at: Ints) -> Bools:
        """Turn by turn: only turns at which something has triggered are asked."""
        return np.asarray([self._expression.true(turns.state(int(index))) for index in at], dtype=np.bool_)


def arguments(text: str | None) -> State:
    """The arguments of a call as a map; text that is no JSON object has none."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def compares(given: object, comparison: ruled.Comparison, state: State) -> bool:
    """Every stated bound holds. Where one side is a number, a numeric text is one too; else like compares with like."""
    for name in comparison.model_fields_set:
        bound = getattr(comparison, name)
        other = lookup(state, bound.path) if isinstance(bound, ruled.StatePath) else bound
        left, right = (_number(given), _number(other)) if _is_number(given) or _is_number(other) else (given, other)
        if type(left) is not type(right) or not isinstance(left, float | str | bool) or not COMPARE[name](left, right):
            return False
    return True


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: object) -> float | None:
    """A finite number, also one written as text; a boolean is none."""
    if not (_is_number(value) or isinstance(value, str)):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None
    return number if np.isfinite(number) else None


def compile_clause(clause: ruled.Clause, lists: Lists, where: str) -> Clause:
    """The clause ready to run; RuleError where a list, pattern or path is wrong."""
    if clause.regex is not None:
        return Text(lists.patterns(clause.regex, where))
    if clause.keywords is not None:
        return Text([lists.keywords(clause.keywords, where)])
    if clause.state is not None:
        return Known(Expression(clause.state, where))
    if clause.tool is None:
        raise TypeError(f"{where}: a clause has one kind")  # the model has checked it
    for comparison in clause.tool.args.values():
        for name in comparison.model_fields_set:
            bound = getattr(comparison, name)
            if isinstance(bound, ruled.StatePath):
                check_path(bound.path, where)
    return Tool(lists.names(clause.tool.name, "tools", where), clause.tool.args)
