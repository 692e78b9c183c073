"""Makes clauses of what a rule file says; RuleError where a list, a pattern or a path is wrong."""

from collections.abc import Callable

from refinery.inspection import conditions as ruled
from refinery.inspection.bounds import Bounds, compile_bounds
from refinery.inspection.calls import Called, Returned
from refinery.inspection.clauses import Clause, Known, Recognised, Said, SaidThere
from refinery.inspection.lists import Lists
from refinery.inspection.matching import Gate
from refinery.inspection.patterns import AnyOf
from refinery.inspection.repetition import Repeated
from refinery.inspection.saying import SaidNovel, SaidNumber
from refinery.inspection.state import Expression


def compile_clause(clause: ruled.Clause, lists: Lists, where: str) -> Clause:
    """The clause ready to run."""
    return _COMPILE[clause.kind](clause, lists, where)


def _said(clause: ruled.Clause, lists: Lists, where: str) -> Clause:
    words = None if clause.keywords is None else lists.keywords(clause.keywords, where)
    gate = Gate(words is not None, tuple(words or lists.patterns(clause.regex or "", where)))
    here = clause.by == "agent" and clause.when == "this"
    return Said(gate) if here else SaidThere(gate, clause.by, clause.when)


def _number(clause: ruled.Clause, lists: Lists, where: str) -> Clause:
    number = clause.number
    assert number is not None
    of = [operand.of for operand in number.bounds.values() if isinstance(operand, ruled.Argument)]
    names = [name for given in of for name in lists.names(given, "tools", where)]
    return SaidNumber(lists.captures(number.regex, where), compile_bounds(number, lists, where), names)


def _novel(clause: ruled.Clause, lists: Lists, where: str) -> Clause:
    assert clause.novel is not None
    return SaidNovel(lists.captures(clause.novel.regex, where), clause.novel.within)


def _repeats(clause: ruled.Clause, lists: Lists, where: str) -> Clause:
    assert clause.repeats is not None
    return Repeated(clause.repeats)


def _tool(clause: ruled.Clause, lists: Lists, where: str) -> Clause:
    tool = clause.tool
    assert tool is not None

    def any_of(words: ruled.Words | None) -> AnyOf | None:
        return None if words is None else AnyOf(lists.patterns(words, where))

    return Called(
        None if tool.name == "any" else lists.names(tool.name, "tools", where),
        _bounds(tool.args, lists, where),
        clause.when,
        again=[] if tool.again == "all" else tool.again,
        total=_bounds(tool.total, lists, where),
        novel=tool.novel,
        result=any_of(tool.result),
        unless_result=any_of(tool.unless_result),
    )


def _result(clause: ruled.Clause, lists: Lists, where: str) -> Clause:
    result = clause.result
    assert result is not None
    return Returned(lists.names(result.name, "tools", where), _bounds(result.fields, lists, where), clause.when)


def _bounds(given: dict[str, ruled.Comparison], lists: Lists, where: str) -> dict[str, Bounds]:
    return {path: compile_bounds(comparison, lists, where) for path, comparison in given.items()}


def _policy(clause: ruled.Clause, lists: Lists, where: str) -> Clause:
    return Recognised(clause.policy or [], clause.when)


def _state(clause: ruled.Clause, lists: Lists, where: str) -> Clause:
    return Known(Expression(clause.state or "", where))


_COMPILE: dict[str, Callable[[ruled.Clause, Lists, str], Clause]] = {
    "keywords": _said,
    "regex": _said,
    "number": _number,
    "novel": _novel,
    "repeats": _repeats,
    "tool": _tool,
    "result": _result,
    "policy": _policy,
    "state": _state,
}
