"""What the commands say of a knowledge base, line by line."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from refinery.errors import InputError
from refinery.knowledge.atomize import load
from refinery.knowledge.base import build, diff, version
from refinery.knowledge.unit import Unit
from refinery.storage.store import Store


class Changed(NamedTuple):
    """Lines to print, and ids of the units that no longer stand as they were."""

    lines: list[str]
    gone: frozenset[str]


def built(documents: Path, base: str, day: str | None) -> Iterator[str]:
    """Builds the next version; units by document, kind and fate, then what was written."""
    day = day or f"{datetime.now(UTC):%Y-%m-%d}"
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
        raise InputError(f"a day is YYYY-MM-DD, not {day!r}")
    done = build(Store(base), load(documents).units(), day)
    standing = [unit for unit in done.units if unit.valid_until is None]
    counts = Counter((_document(u), u.kind, u.set_aside_why or "live") for u in standing)
    for (document, kind, fate), number in sorted(counts.items()):
        yield f"{document}  {kind}  {fate}  {number:,}"
    what = "written" if done.new else "says the same; nothing written"
    yield f"version {done.number} {what}: {len(standing):,} units"


def changed(base: str, old: int | None, new: int | None) -> Changed:
    """What changed between two versions, by default the last two."""
    store = Store(base)
    to, after = version(store, new)
    since, before = version(store, to - 1 if old is None else old)
    changes = diff(before, after)
    by_id = {unit.unit_id: unit for unit in (*before, *after)}
    lines = [f"version {since} to {to}: {len(changes):,} units changed"]
    for change in changes:
        lines.append(f"{change.what}  {change.key}")
        lines += [f"  - {_line(by_id[change.old_id])}"] if change.old_id else []
        lines += [f"  + {_line(by_id[change.new_id])}"] if change.new_id else []
    return Changed(lines, frozenset(change.old_id for change in changes if change.old_id))


def shown(base: str, of: str, number: int | None) -> Iterator[str]:
    """Units by id, key or scenario, whole; raises InputError where there is none."""
    at, units = version(Store(base), number)
    found = [u for u in units if of == u.unit_id or u.key.startswith(of) or of in u.scenarios]
    if not found:
        tags = sorted({tag for unit in units for tag in unit.scenarios})
        raise InputError(f"version {at} has no unit {of!r}; scenarios: {', '.join(tags[:50])}")
    for unit in found:
        fate = unit.set_aside_why or (f"until {unit.valid_until}" if unit.valid_until else "live")
        since = f"version {unit.version}, from {unit.valid_from or 'ever'}"
        yield f"{unit.unit_id}  {unit.key}  {unit.kind}  {fate}  {since}"
        yield f"  scenarios: {', '.join(unit.scenarios)}; background: {_flat(unit.background)}"
        yield from (f"  asked: {_flat(question)}" for question in unit.questions[:3])
        yield f"  {_flat(unit.solution)}"
        yield from (f"  tool: {tool['name']} {tool['parameters']}" for tool in unit.tools)


def _document(unit: Unit) -> str:
    return re.split("[#/]", unit.key, maxsplit=1)[0]


def _line(unit: Unit) -> str:
    return f"{unit.unit_id[:8]}  {_flat(unit.solution)[:160]}"


def _flat(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
