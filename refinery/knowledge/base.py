"""A knowledge base in versions: each one immutable file of every unit that ever stood in it, put if absent.

    base/00000001.jsonl  base/00000002.jsonl  …      a unit a line; a plan names one of them, and so its bytes

A unit that changes keeps its key: the old content ends on the day on which the new one begins, and stays, so that a
conversation of an earlier day is read with what held then.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import orjson
import pyarrow as pa

from refinery.errors import InputError, LakeError
from refinery.knowledge.unit import Unit
from refinery.records.knowledge import UNIT
from refinery.storage.store import Store

_FILE: Final = re.compile(r"([0-9]{8})\.jsonl$")


class Built(NamedTuple):
    """A version's number, whether it was written now, and its units, those that ended too."""

    number: int
    new: bool
    units: list[Unit]


class Change(NamedTuple):
    """What became of one key between two versions: added, changed, removed or set_aside; ids where they were live."""

    what: str
    key: str
    old_id: str | None
    new_id: str | None


def build(store: Store, units: Iterable[Unit], day: str) -> Built:
    """Writes the next version, from `day` on (YYYY-MM-DD), unless the units say what the last one says.

    Raises LakeError where another process wrote the same version meanwhile.
    """
    last = _last(store)
    before = read(store.read(_path(last))) if last else []
    after = _carried(before, list(units), day, last + 1)
    if last and after == before:
        return Built(last, False, before)
    if not store.put_new(_path(last + 1), _bytes(after)):
        raise LakeError(f"{store.address(_path(last + 1))} was written meanwhile; build again")
    return Built(last + 1, True, after)


def version(store: Store, number: int | None = None) -> tuple[int, list[Unit]]:
    """The units of a version, by default the last; raises LakeError where there is none."""
    last = _last(store)
    wanted = last if number is None else number
    if not 1 <= wanted <= last:
        known = f"versions 1 to {last}" if last else "nothing was built there yet"
        raise LakeError(f"no version {number or ''} in {store.url}: {known}".replace("  ", " "))
    return wanted, read(store.read(_path(wanted)))


def read_file(path: Path) -> list[Unit]:
    """The units of a version's file; raises InputError where it is none."""
    try:
        return read(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def read(data: bytes) -> list[Unit]:
    """The units of a version's bytes; raises InputError where they are none."""
    try:
        return [Unit.of(orjson.loads(line)) for line in data.splitlines()]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        why = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else type(error).__name__
        raise InputError(f"no version of a knowledge base ({why}); refinery knowledge build writes one") from None


def table(units: Iterable[Unit]) -> pa.Table:
    """The units as rows of UNIT."""
    return pa.Table.from_pylist([unit.row() for unit in units], schema=UNIT)


def diff(old: Iterable[Unit], new: Iterable[Unit]) -> list[Change]:
    """What changed from one version to another, by key; content that only moved to another key did not change."""
    before, after = ({u.key: u for u in units if u.valid_until is None} for units in (old, new))
    had, has = ({u.unit_id for u in side.values() if not u.set_aside_why} for side in (before, after))
    found = list[Change]()
    for key in sorted(before.keys() | after.keys()):
        was, now = _live(before.get(key)), _live(after.get(key))
        was, now = None if was in has else was, None if now in had else now
        if was or now:
            gone = "set_aside" if key in after and after[key].set_aside_why else "removed"
            found.append(Change("changed" if was and now else "added" if now else gone, key, was, now))
    return found


def _live(unit: Unit | None) -> str | None:
    return unit.unit_id if unit and not unit.set_aside_why else None


def _carried(before: list[Unit], found: list[Unit], day: str, number: int) -> list[Unit]:
    """The units of the new version: those that stay as they were, those that end, and those that begin."""
    ended = [unit for unit in before if unit.valid_until is not None]
    standing = [unit for unit in before if unit.valid_until is None]
    same = {(unit.unit_id, unit.set_aside_why, unit.duplicate_of): unit for unit in standing}
    stays = {one.key for unit in found if (one := same.get((unit.unit_id, unit.set_aside_why, unit.duplicate_of)))}
    ends = {unit.key: unit for unit in standing if unit.key not in stays}
    now = list[Unit]()
    for unit in found:
        if was := same.pop((unit.unit_id, unit.set_aside_why, unit.duplicate_of), None):
            now.append(replace(was, key=unit.key))
            continue
        begins = unit.valid_from or (day if before else None)
        if was := ends.pop(unit.key, None):
            begins = day if (begins or "") <= (was.valid_from or "") else begins
            ended.append(replace(was, valid_until=begins))
        now.append(replace(unit, version=number, valid_from=begins))
    ended += [replace(unit, valid_until=day) for unit in ends.values()]
    return sorted([*ended, *now], key=lambda unit: (unit.key, unit.version, unit.unit_id))


def _last(store: Store) -> int:
    numbers = [int(found[1]) for path in store.list("") if (found := _FILE.search(path))]
    return max(numbers, default=0)


def _path(number: int) -> str:
    return f"{number:08d}.jsonl"


def _bytes(units: list[Unit]) -> bytes:
    return b"".join(orjson.dumps(unit.row(), option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE) for unit in units)
