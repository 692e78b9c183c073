"""Three conversations and a copy, from log line to training row; after each stop, only what it added or changed.

`python -m tests.walk.show` prints it, with `--accept` it becomes the golden one (`make walk`, `make walk-accept`).
"""

import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from refinery.engine.batch import apply, split
from refinery.engine.exchange import decide
from refinery.engine.tasks import Join, joined
from refinery.intake.reader import Bad, read
from refinery.intake.rows import Reading, row, table, zone_of
from refinery.plan import Plan, load
from refinery.stage import ROW, Exchange, Stage

HERE = Path(__file__).parent
LOG, GOLDEN = HERE / "log.jsonl", HERE / "golden"
PLAN = HERE.parents[1] / "pipelines" / "plans" / "demo.yaml"
KEY = b"the key of the walk: ids and hashes stay as they are"


class Words(yaml.SafeDumper):
    """YAML in which a text of many lines stands as lines."""


Words.add_representer(
    str, lambda to, text: to.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)
)


def main() -> None:
    """Prints each conversation's walk, or accepts it."""
    for name, text in shown().items():
        sys.stdout.write(f"{text}\n")
        if "--accept" in sys.argv:
            (GOLDEN / f"{name}.yaml").write_text(text, encoding="utf-8")


def plan() -> Plan:
    """The demo's plan over the walk's log."""
    return load(PLAN, source=str(LOG))


def shown() -> dict[str, str]:
    """The log's own id -> the walk as YAML: stop -> what it added."""
    walks: dict[str, dict[str, Any]] = {}
    before: dict[str, dict[str, Any]] = {}
    said: dict[str, set[str]] = {}
    for stop, rows in stops(plan()):
        for after in rows.to_pylist():
            name = after["source_id"]
            if not before.get(name, {}).get("set_aside_why"):
                news = unsaid(added(before.get(name), after), said.setdefault(name, set()))
                walks.setdefault(name, {})[stop] = news or "nothing"
            before[name] = after
    return {name: f"# {name}: what each stop added\n{_text(walk)}" for name, walk in walks.items()}


def _text(walk: dict[str, Any]) -> str:
    text = yaml.dump(walk, Dumper=Words, allow_unicode=True, sort_keys=False, width=118)
    return re.sub(r"(ruleset_version: )\w+", r"\1(hash of the rules)", text)  # else each edit of a rule would change it


def stops(plan: Plan) -> Iterator[tuple[str, pa.Table]]:
    """Each stop and all rows after it, in the log's order."""
    rows = parse(plan)
    yield "parse", rows
    for number, step in enumerate(plan.stages, 1):
        if isinstance(step, Stage):
            live, dead = split(rows)
            rows = pa.concat_tables([apply(step, live.combine_chunks()), dead], promote_options="default")
            rows = rows.sort_by("source_line")
        elif isinstance(step, Exchange):
            rows = _exchanged(step, rows, number)
        yield step.name, rows


def parse(plan: Plan) -> pa.Table:
    """The log's lines as rows."""
    (source,) = plan.sources
    reading = Reading(KEY, plan.timezone, source.event_date, plan.limits.max_turns, plan.limits.max_chars)
    found = [one for file in source.freeze() for one in read(source, file, plan.limits)]
    return table([row(one[1], one[0], reading, zone_of(reading)) for one in found if not isinstance(one, Bad)])


def _exchanged(exchange: Exchange, rows: pa.Table, number: int) -> pa.Table:
    """The rows with what the exchange decides."""
    numbered = rows.append_column(ROW, pa.array(range(len(rows)), ROW.type))
    taking_part = numbered if exchange.dead_rows else split(numbered)[0]
    found = decide(exchange, taking_part)
    return joined(rows, Join(exchange, number, ()), found, 0, 0)[0]


def added(before: Any, after: Any) -> Any:
    """What stands in `after` and not in `before`; of a list as long as before, the items that changed, by place."""
    if isinstance(after, dict):
        old = before if isinstance(before, dict) else {}
        news = {key: added(old.get(key), value) for key, value in after.items() if value != old.get(key)}
        return {key: value for key, value in news.items() if not (value in _NONE and old.get(key) in _NONE)}
    if isinstance(after, list) and isinstance(before, list) and len(after) == len(before):
        pairs = enumerate(zip(before, after, strict=True))
        return {place: added(old, new) for place, (old, new) in pairs if old != new}
    return [added(None, item) for item in after] if isinstance(after, list) else after


def unsaid(value: Any, said: set[str]) -> Any:
    """The value with the lines of long texts that stood in an earlier text counted and not shown."""
    if isinstance(value, dict):
        return {key: unsaid(inner, said) for key, inner in value.items()}
    if isinstance(value, list):
        return [unsaid(inner, said) for inner in value]
    if not isinstance(value, str) or "\n" not in value:
        return value
    runs = [(old, list(lines)) for old, lines in groupby(value.split("\n"), said.__contains__)]
    said |= set(value.split("\n"))
    return "\n".join(f"… {len(run)} lines as above" if old and len(run) > 2 else "\n".join(run) for old, run in runs)


_NONE: tuple[Any, ...] = (None, [], {})


if __name__ == "__main__":
    main()
