"""`refinery plan tune`: a plan's gate held against the scores of a lake, as text; no log text in it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from refinery.errors import PlanError
from refinery.lake.tuning import QUANTILES, Moves, Scored, Spread, Tuned, moves, tuned
from refinery.lake.views import connect
from refinery.plan import Plan, load
from refinery.quality.gate import Check, Gate
from refinery.storage.store import Store

_BARS: Final = " ▁▂▃▄▅▆▇█"


def tune(path: Path, lake: str, changes: Sequence[str], as_of: int | None = None) -> Iterator[str]:
    """Lines of text: what each threshold does and what others would do, or with changes what these would move.

    Raises PlanError where the plan has no gate or a change is none of its thresholds, LakeError where scores are not
    there.
    """
    plan = load(path)
    gate, before = _gate(plan, path)
    other = changed(gate, changes)
    with connect(Store(lake), as_of) as con:
        names = [source.name for source in plan.sources]
        scored = Scored(con, lake, names, ["intake", *before])
        yield f"{scored.num:,} conversations of {', '.join(names)} in {lake} came to quality.gate"
        if scored.num_unscored:
            yield f"{scored.num_unscored:,} more were set aside before it or have no scores: not counted below"
        if changes:
            yield from _moved(scored, gate, other, changes)
            return
        aside, found = tuned(scored, gate)
        yield f"this plan's gate sets aside {_share(aside, scored.num)}"
        if aside != scored.num - scored.num_passed:
            yield f"the lake was made with other thresholds: {_share(scored.num - scored.num_passed, scored.num)} there"
        for one in found:
            yield ""
            yield from _shown(one, scored.num)


def _gate(plan: Plan, path: Path) -> tuple[Gate, list[str]]:
    """The plan's only gate, and the names of the steps before it."""
    places = [i for i, step in enumerate(plan.stages) if isinstance(step, Gate)]
    if len(places) != 1:
        raise PlanError(f"{path}: {len(places)} stages are quality.gate; tune needs a plan with one")
    gate = plan.stages[places[0]]
    assert isinstance(gate, Gate)
    return gate, [step.name for step in plan.stages[: places[0]]]


def changed(gate: Gate, changes: Sequence[str]) -> Gate:
    """The gate with thresholds as `name=value` says, values as in a plan; raises PlanError with the known names."""
    values: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in Gate.model_fields:
            raise PlanError(f"--set {change}: say name=value; names: {', '.join(Gate.model_fields)}")
        try:
            values[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise PlanError(f"--set {name}: the value is not YAML; write it as in a plan") from None
    try:
        return Gate.model_validate(gate.model_dump() | values)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PlanError(f"--set {faults}") from None


def _shown(one: Tuned, total: int) -> Iterator[str]:
    check, now = one.check, one.spreads[0]
    did = f"{_share(now.num_aside, total)} now, {one.only:,} by it only"
    yield f"{check.threshold} = {_value(one.value)} -> {check.reason}: {did}"
    if not now.num:
        yield f"  no conversation has {' + '.join(check.scores)}: {now.num_null:,} without"
        return
    yield f"  {' + '.join(check.scores)}" + (f", from {check.only[1]} on" if check.only else "")
    names = [f"{q:.0%}" if 0 < q < 1 else ("least" if q == 0 else "most") for q in QUANTILES]
    rows = [["", "rows", "no score", *(names if check.is_number else ()), "aside"]]
    rows += [[s.group, f"{s.num:,}", f"{s.num_null:,}", *_quantiles(s, check), f"{s.num_aside:,}"] for s in one.spreads]
    yield from _table(rows)
    low, high, bins = one.histogram
    if bins:
        yield f"  {_value(low)} |{_bars(bins)}| {_value(high)}   (height by the logarithm of the rows)"
    trials = [["value", "alone", "all checks together"]]
    trials += [
        [f"{_value(t.value)}{' *' if t.value == one.value else ''}", _share(t.alone, total), _share(t.together, total)]
        for t in one.trials
    ]
    yield from _table(trials)


def _moved(scored: Scored, gate: Gate, other: Gate, changes: Sequence[str]) -> Iterator[str]:
    aside, back = moves(scored, gate, other)
    yield f"with {', '.join(changes)} in place of this plan's thresholds:"
    yield from _side("would be set aside", aside, scored.num)
    yield from _side("would pass, and go on to the later stages", back, scored.num)


def _side(said: str, moved: Moves, total: int) -> Iterator[str]:
    yield ""
    yield f"{_share(sum(moved.num.values()), total)} {said}; {sum(moved.num_live.values()):,} of them are live now"
    for source, num in sorted(moved.num.items()):
        yield f"  {source}: {num:,}, live now {moved.num_live[source]:,}; look at {', '.join(moved.ids[source])}"


def _table(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for first, *rest in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))]
        yield "  " + "  ".join(cells).rstrip()


def _quantiles(spread: Spread, check: Check) -> list[str]:
    if not check.is_number:
        return []
    return [_value(value) for value in spread.quantiles] if spread.quantiles else ["-"] * len(QUANTILES)


def _bars(bins: list[int]) -> str:
    """A bar a bin; one row is seen too."""
    most = max(bins).bit_length()
    return "".join(_BARS[-(-num.bit_length() * (len(_BARS) - 1) // most)] for num in bins)


def _value(value: Any) -> str:  # noqa: ANN401
    if value is None or value == ():
        return "off"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return ", ".join(value) if isinstance(value, tuple) else f"{value}"


def _share(num: int, total: int) -> str:
    return f"{num:,} ({num / total:.2%})"
