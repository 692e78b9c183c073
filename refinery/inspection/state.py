"""Which values the systems may know at a turn, and CEL expressions over them, in which the unknown is never true."""

import re
from collections.abc import Sequence
from typing import Any

import cel
import orjson
import pyarrow as pa

from refinery.errors import RuleError
from refinery.records.conversation import SIGNAL

State = dict[str, Any]

GROUPS: dict[str, list[str]] = {
    field.name: [leaf.name for leaf in field.type] for field in SIGNAL if pa.types.is_struct(field.type)
}
"""user, identity, order, refund, compensation, risk -> their keys. Beside them: `channel`, and `other.KEY`."""

TALK = ["calls", "signals", "turns"]
"""`talk.calls`, `.signals`, `.turns`: how many tool calls, signals and agent turns there were up to this turn."""

_OPERATORS = {"_&&_", "_||_", "!_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_+_", "_-_", "_*_", "_/_"}
_OPERATORS |= {"-_", "_?_:_"}
_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")
_PATH = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_WORDS = {"true", "false", "null", "in", "has"}
_UNKNOWN = (KeyError, TypeError, RuntimeError, ValueError, ArithmeticError)


def parsed(text: str | None) -> dict[str, Any]:
    """JSON text of an object as a map; anything else (a broken line of a log) is an empty one."""
    try:
        found = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def lookup(state: State, path: str) -> object:
    """The value at a dotted path, or None."""
    found: object = state
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def check_path(path: str, where: str) -> None:
    """Refuse a path that no signal can have; RuleError names the known words."""
    group, *rest = path.split(".")
    known = [*GROUPS, "talk", "channel", "other"]
    if group not in known:
        raise RuleError(f"{where}: unknown signal `{path}`; known: {', '.join(known)}; correct the path")
    if group == "channel" and rest or group == "other" and not rest:
        raise RuleError(f"{where}: `{path}` is no value; write `channel` or `other.KEY`")
    keys = TALK if group == "talk" else GROUPS.get(group)
    if keys and (len(rest) != 1 or rest[0] not in keys):
        raise RuleError(f"{where}: unknown signal `{path}`; known: {group}.{', '.join(keys)}; correct the path")


class Expression:
    """A CEL expression over the state. Where a key that decides it is missing, it is not true, however it is put."""

    def __init__(self, source: str, where: str) -> None:
        self._program = compile_cel(source, where)
        found = _PATH.findall(_TEXT.sub("''", source))
        self.paths = sorted({path for path in found if path not in _WORDS})
        """The values it asks."""
        for path in self.paths:
            check_path(path, where)

    def true(self, values: Sequence[object]) -> bool:
        """Whether it is known to be true where its `paths` have these values (None: not known)."""
        state: State = {**{group: {} for group in (*GROUPS, "talk", "other")}}
        for path, value in zip(self.paths, values, strict=True):
            if value is not None:
                _put(state, path.split("."), value)
        try:
            return self._program.execute(state) is True
        except _UNKNOWN:
            return False


def _put(state: State, path: list[str], value: object) -> None:
    *groups, key = path
    for group in groups:
        state = state.setdefault(group, {})
    state[key] = value


def compile_cel(source: str, where: str) -> cel.Program:
    """Parse CEL that uses operators and `has()` only; RuleError otherwise."""
    try:
        program = cel.compile(source)
    except ValueError as error:
        raise RuleError(f"{where}: not CEL: {' '.join(str(error).split())}; correct the expression") from error
    if odd := sorted(set(program.functions()) - _OPERATORS):
        raise RuleError(f"{where}: CEL function {odd[0]} is not known here; use operators and has(…) only")
    return program
