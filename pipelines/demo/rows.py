"""Decides what each row of the log is, which file it goes to, and turns the rows into lines."""

import copy
import re
from random import Random
from typing import NamedTuple

from pipelines.demo.maker import LANGUAGES, Maker, draw_time
from pipelines.demo.plants import BROKEN, FAULTS, QUALITY, dump
from pipelines.demo.talk import Record

FILES: dict[str, dict[str, float]] = {
    "zh": {
        "zh-2026-05-01.jsonl": 5,
        "zh-2026-05-02.jsonl": 3,
        "mixed-2026-05-02.tar.gz/part-0.jsonl": 1,
        "mixed-2026-05-02.tar.gz/part-1.jsonl": 1,
    },
    "en": {
        "en-2026-05-01.jsonl.gz": 7,
        "mixed-2026-05-02.tar.gz/part-0.jsonl": 1.5,
        "mixed-2026-05-02.tar.gz/part-1.jsonl": 1.5,
    },
}
"""Files by language, with weights; a name below a tar.gz is a member of it."""

SHARES = {"personal": 0.12, "duplicate": 0.03, "hard_negative": 0.02}
SHARES |= dict.fromkeys([*QUALITY, *FAULTS], 0.01) | dict.fromkeys(BROKEN, 0.0025)
"""Share of the conversations by kind, at least one row each; broken lines come on top."""


class Row(NamedTuple):
    """One line to be."""

    file: str
    kind: str
    record: Record


def draw_kinds(rng: Random, num: int) -> list[str]:
    """The kind of each row, shuffled; the collision last, so that its file has the other record before it."""
    kinds = [kind for kind, share in SHARES.items() for _ in range(max(1, round(share * num)))] + ["no_id"]
    num_clean = num + sum(kind in BROKEN for kind in kinds) - len(kinds) - 1
    if num_clean <= kinds.count("duplicate"):
        raise ValueError(f"num is {num}: too few to hold all that is planted; ask for 40 or more")
    kinds += ["clean"] * num_clean
    rng.shuffle(kinds)
    return [*kinds, "collision"]


def draw_rows(maker: Maker, num: int) -> list[Row]:
    """All rows in order; duplicates are copied from clean ones once these are made."""
    rng, rows = maker.rng, []
    for serial, kind in enumerate(draw_kinds(rng, num)):
        language = LANGUAGES[serial % 2]
        file = rng.choices(list(FILES[language]), list(FILES[language].values()))[0]
        built = "plain" if kind in ("collision", "no_id") else kind
        rows.append(Row(file, kind, {} if kind == "duplicate" else maker.record(serial, built, language, _day(file))))
    clean = [row for row in rows if row.kind == "clean"]
    rng.shuffle(clean)
    rows[-1] = _collide(rows[-1], clean.pop())
    rows = [_copy(maker, clean.pop(), serial) if row.kind == "duplicate" else row for serial, row in enumerate(rows)]
    copies, decoys = {original: fresh for fresh, original in maker.planted.duplicates}, maker.planted.decoys
    decoys += [(copies[name], kind, value) for name, kind, value in decoys if name in copies]
    return rows


def _day(file: str) -> str:
    return "".join(re.findall(r"\d{4}-\d\d-\d\d", file))


def _collide(row: Row, victim: Row) -> Row:
    """The row with the id, and in the file, of the victim."""
    return Row(victim.file, row.kind, row.record | {"conversation_id": victim.record["conversation_id"]})


def _copy(maker: Maker, original: Row, serial: int) -> Row:
    """The same conversation under a new id at another time, often in another file."""
    language, name = original.record["client"]["locale"], original.record["conversation_id"]
    others = [file for file in FILES[language] if file != original.file]
    file = maker.rng.choice([original.file, *others])
    fresh = f"{language}-{_day(file)[5:]}-{serial:06}"
    maker.planted.duplicates.append((fresh, name))
    when = draw_time(maker.rng, language, _day(file)).isoformat()
    return Row(file, "duplicate", copy.deepcopy(original.record) | {"conversation_id": fresh, "created_at": when})


def to_lines(rows: list[Row], maker: Maker) -> list[tuple[str, list[str]]]:
    """The rows as lines by file, in the order of FILES; books the plants that have only a file and a line."""
    files: dict[str, list[str]] = {file: [] for language in LANGUAGES for file in FILES[language]}
    planted = maker.planted
    for file, kind, record in rows:
        number, line = len(files[file]) + 1, dump(record)
        if kind in BROKEN:
            line = maker.line(record, kind)
            planted.broken.append((file, number, kind))
        elif kind == "collision":
            planted.collisions.append((file, number, record["conversation_id"]))
        elif kind == "no_id":
            line = dump({key: value for key, value in record.items() if key != "conversation_id"})
            planted.without_id.append((file, number))
        files[file].append(line)
    return list(files.items())
