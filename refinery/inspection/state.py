"""What the systems know at a turn (signals, folded) and CEL expressions over it, in which the unknown is never true.

signals [{turn_idx: 0, order: {status: shipped, amount: 90}}, {turn_idx: 4, order: {status: delivered}}]
fold at turn 5 -> {"order": {"status": "delivered", "amount": 90.0}, "identity": {}, …}
"""

import json
import re
from typing import Any

import cel
import pyarrow as pa

from refinery.errors import RuleError
from refinery.records.conversation import SIGNAL

State = dict[str, Any]

GROUPS: dict[str, list[str]] = {
    field.name: [leaf.name for leaf in field.type] for field in SIGNAL if pa.types.is_struct(field.type)
}
"""user, identity, order, refund, compensation, risk -> their keys. Beside them: `channel`, and `other.KEY`."""

_OPERATORS = {"_&&_", "_||_", "!_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_+_", "_-_", "_*_", "_/_"}
_OPERATORS |= {"-_", "_?_:_"}
_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")
_PATH = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_WORDS = {"true", "false", "null", "in", "has"}
_UNKNOWN = (KeyError, TypeError, RuntimeError, ValueError, ArithmeticError)


def fold(signals: list[dict[str, Any]] | None, turn_idx: int) -> State:
    """The signals known at `turn_idx`, in order of time; later ones override key by key, null overrides nothing."""
    state: State = {**{group: {} for group in GROUPS}, "other": {}}
    known = [s for s in signals or [] if s and (s["turn_idx"] or 0) <= turn_idx]
    for signal in sorted(known, key=lambda s: s["turn_idx"] or 0):
        for group in GROUPS:
            state[group].update({key: value for key, value in (signal[group] or {}).items() if value is not None})
        if signal["channel"] is not None:
            state["channel"] = signal["channel"]
        state["other"].update(_object(signal["other"]))
    return state


def _object(text: str | None) -> dict[str, Any]:
    """JSON text as a map; anything else (a broken line of a log) is an empty one."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
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
    known = [*GROUPS, "channel", "other"]
    if group not in known:
        raise RuleError(f"{where}: unknown signal `{path}`; known: {', '.join(known)}; correct the path")
    if group == "channel" and rest or group == "other" and not rest:
        raise RuleError(f"{where}: `{path}` is no value; write `channel` or `other.KEY`")
    if group in GROUPS and (len(rest) != 1 or rest[0] not in GROUPS[group]):
        raise RuleError(
            f"{where}: unknown signal `{path}`; known: {group}.{', '.join(GROUPS[group])}; correct the path"
        )


class Expression:
    """A CEL expression over the state. Where a key that decides it is missing, it is not true, however it is put."""

    def __init__(self, source: str, where: str) -> None:
        self._program = compile_cel(source, where)
        for path in _PATH.findall(_TEXT.sub("''", source)):
            if path not in _WORDS:
                check_path(path, where)

    def true(self, state: State) -> bool:
        """True only where the expression is known to be true."""
        try:
            return self._program.execute(state) is True
        except _UNKNOWN:
            return False


def compile_cel(source: str, where: str) -> cel.Program:
    """Parse CEL that uses operators and `has()` only; RuleError otherwise."""
    try:
        program = cel.compile(source)
    except ValueError as error:
        raise RuleError(f"{where}: not CEL: {' '.join(str(error).split())}; correct the expression") from error
    if odd := sorted(set(program.functions()) - _OPERATORS):
        raise RuleError(f"{where}: CEL function {odd[0]} is not known here; use operators and has(…) only")
    return program
