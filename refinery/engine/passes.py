"""A plan cut into passes: row-local stages are fused, exchanges and asks work on narrow columns between them."""

import hashlib
import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Final, Literal, NamedTuple

import orjson
import pyarrow as pa

from refinery.engine.bundle import Bundle
from refinery.intake.rows import ROWS
from refinery.lake.tables import FIXED
from refinery.plan import Plan
from refinery.stage import Ask, Exchange, Round, Stage, Step

INTAKE_VERSION: Final = 3
"""Raised when parsing or the cut of the input changes; a golden-row test catches a forgotten raise."""
ENGINE_VERSION: Final = 2
"""Raised when joins, the flat tables or the layout of files change."""
_LIBRARIES: Final = (
    "pyarrow", "numpy", "numba", "orjson", "google-re2", "python-stdnum", "phonenumbers", "common-expression-language",
    "pydantic", "pyyaml", "jsonschema",
)  # fmt: skip

Kind = Literal["lines", "gather", "intake", "map", "reduce", "ask", "fold", "need", "seal", "stages"]


class Pass(NamedTuple):
    """One job over shards. `first_step` numbers its first step as the ledger does: intake is 0, stages count from 1."""

    kind: Kind
    steps: tuple[Step, ...]
    first_step: int
    before: pa.Schema  # columns of the shards it reads, once `joins` are on
    after: pa.Schema  # columns of the rows it writes
    joins: tuple[Step, ...]  # exchanges and asks whose result is joined on as shards are read
    final: bool  # writes the lake's tables instead of shards
    round: int = 0  # of the exchange

    @property
    def name(self) -> str:
        """For folders and progress: kind, and the exchange (with its round, where it has several) or ask."""
        if self.kind not in ("map", "reduce", "ask"):
            return self.kind
        step, rounds = self.steps[0], self.rounds
        return f"{self.kind}-{step.name}{f'-{rounds[self.round].name}' if len(rounds) > 1 else ''}"

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The rounds of the exchange; none where the pass is of no exchange."""
        (step,) = self.steps if len(self.steps) == 1 else (None,)
        return step.rounds() if isinstance(step, Exchange) else ()


def cut(plan: Plan) -> list[Pass]:
    """The passes of a plan, in order."""
    schemas = [ROWS, *plan.schemas()]
    passes: list[Pass] = []
    kind: Kind = "intake"
    start = 0
    joins: list[Step] = []
    for i, step in enumerate([*plan.stages, None]):
        if isinstance(step, Stage):
            continue
        if i > start or not passes or step is None:
            stages = plan.stages[start:i]
            passes.append(Pass(kind, stages, start + 1, schemas[start], schemas[i], tuple(joins), step is None))
            kind, joins = "stages", []
        if step is not None:
            for part, number in _parts(step):
                passes.append(Pass(part, (step,), i + 1, schemas[i], schemas[i + 1], tuple(joins), False, number))
            joins.append(step)
            start = i + 1
    return passes


def _parts(step: Step) -> Iterator[tuple[Kind, int]]:
    """The passes of an exchange, with their round, or of an ask."""
    if not isinstance(step, Exchange):
        yield "ask", 0
        return
    for number, each in enumerate(step.rounds()):
        if each.reads():
            yield "map", number
        yield "reduce", number


def fingerprints(
    passes: Sequence[Pass],
    plan: Plan,
    bundles: Sequence[Bundle],
    input_hash: str,
    key_id: str,
    history: Sequence[object] = (),
) -> list[str]:
    """One hex hash a pass, over the one before and all that shapes its bytes; a restart takes over only equal ones.

    `history`: what stands for the runs that exchanges which remember compare with.
    """
    libraries = {name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()}
    reading = plan.model_dump(mode="json", include={"timezone", "limits", "shards", "limit"})
    versions = [INTAKE_VERSION, ENGINE_VERSION, {name: str(schema) for name, schema in FIXED.items()}]
    last = _hash([input_hash, key_id, versions, libraries, reading])
    found = []
    for one in passes:
        shaping = one.rounds[one.round].parameters() if one.rounds else None
        steps = [bundles[one.first_step - 1 + i].fingerprint(shaping) for i in range(len(one.steps))]
        steps += [plan.asked(step).identity for step in one.steps if isinstance(step, Ask)]
        steps += [_hash(list(history)) for step in one.steps if isinstance(step, Exchange) and step.keeps()]
        last = _hash([last, one.kind, one.round, one.final, str(one.before), str(one.after), steps])
        found.append(last)
    return found


def epoch(plan: Plan, bundles: Sequence[Bundle]) -> str | None:
    """What all nights of an index must have in common: the steps that remember; None where there are none."""
    pairs = zip(plan.stages, bundles, strict=True)
    found = [each.fingerprint(step.epoch()) for step, each in pairs if isinstance(step, Exchange) and step.keeps()]
    return _hash(found) if found else None


def _hash(value: object) -> str:
    return hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def explain(plan: Plan) -> str:
    """What a run would do, read from the same passes that it runs."""
    lines = [f"plan {plan.name}, run {plan.run_id()}"]
    lines += [f"  source {s.name}: {s.path} ({s.format})" for s in plan.sources]
    for number, one in enumerate(cut(plan)):
        what = {"intake": "parse, then", "map": "send to reducers", "reduce": "decide", "ask": "ask a model, in rounds"}
        lines.append(
            f"pass {number} {one.name}: {what.get(one.kind, 'row by row')}{' -> lake tables' if one.final else ''}"
        )
        lines += [f"  join {x.name}: {', '.join(x.writes().names)}" for x in one.joins if one.kind == "stages"]
        for step in one.steps:
            shown = _shown(step.parameters())
            lines.append(f"  {step.name} v{step.version}{f' ({shown})' if shown else ''}")
            lines.append(f"    reads {', '.join(sorted(step.reads()))}")
            lines.append(f"    writes {', '.join(step.writes().names)}")
            if isinstance(step, Ask):
                lines.append(f"    asks {step.model}: {_shown(plan.asked(step).model_dump(exclude_defaults=True))}")
    return "\n".join(lines)


def _shown(parameters: dict[str, object]) -> str:
    return ", ".join(f"{k}={v}" for k, v in parameters.items())
