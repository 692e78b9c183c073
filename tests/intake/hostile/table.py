"""Every malformed file through the real intake, and one table of what became of each."""

import json
from collections import Counter
from pathlib import Path

from refinery.engine.run import Report
from tests.engine.runs import rows, run
from tests.intake.hostile import archives, places, records, texts
from tests.intake.hostile.case import Case

CASES = [*texts.CASES, *records.CASES, *archives.CASES, *places.CASES]
GOLDEN = Path(__file__).parent / "outcomes.md"
_LIMITS = {"max_line_bytes": 2**24, "max_document_bytes": 2**24}
_HEAD = """# What becomes of malformed files

Made by `tests/intake/hostile`: each file a source of one run. After a change, `python -m tests.intake.hostile.accept`,
and read the difference. A fault is a file's or a member's; a line is one line or row. All else in the file is read.

| file | what is wrong with it | live | set aside | lines quarantined | faults |
|---|---|---:|---|---|---|
"""

Outcome = tuple[int, dict[str, int], dict[str, int], dict[str, int]]
"""Live rows; set aside, lines quarantined and faults by reason."""


def expected(case: Case) -> Outcome:
    """The outcome that a case states."""
    return case.live, dict(case.aside), dict(case.lines), dict(case.faults)


def run_sources(home: Path, sources: list[Path], **shards: int) -> Report:
    """Runs the intake over sources named s0, s1, … into `home/lake`."""
    plan = {
        "name": "hostile",
        "sources": [{"name": f"s{n}", "path": str(path)} for n, path in enumerate(sources)],
        "limits": _LIMITS,
        "shards": shards,
        "stages": ["intake.redact", "intake.identity"],
    }
    (home / "plan.yaml").write_text(json.dumps(plan), encoding="utf-8")
    return run(home / "plan.yaml", home / "lake")


def outcomes(lake: Path, by: str) -> dict[str, Outcome]:
    """What became of each source or file: `by` is the column that names it."""
    found: dict[str, Outcome] = {}
    for name, why, num in rows(lake, f"SELECT {by}, set_aside_why, count(*) FROM conversations GROUP BY ALL"):
        live, aside, lines, faults = found.setdefault(name, (0, {}, {}, {}))
        found[name] = (live, aside | {why: num}, lines, faults) if why else (num, aside, lines, faults)
    query = f"SELECT {by}, source_line IS NULL, reason, count(*) FROM quarantine GROUP BY ALL ORDER BY ALL"
    for name, whole, reason, num in rows(lake, query):
        found.setdefault(name, (0, {}, {}, {}))[3 if whole else 2][reason] = num
    return found


def text(found: dict[str, Outcome]) -> str:
    """The table, in the order of the cases; `found` by the case's name."""
    return _HEAD + "".join(_line(case, found[case.name]) for case in CASES)


def _line(case: Case, outcome: Outcome) -> str:
    live, *reasons = outcome
    cells = [_shown(case.name), case.what, f"{live:,}", *(_reasons(Counter(counts)) for counts in reasons)]
    return f"| {' | '.join(cells)} |\n"


def _reasons(counts: Counter[str]) -> str:
    return ", ".join(f"{reason} {num:,}" for reason, num in sorted(counts.items()))


def _shown(name: str) -> str:
    """A name as it cannot harm a page."""
    ascii_name = name.encode("unicode_escape").decode()
    return f"`{ascii_name if len(ascii_name) < 60 else ascii_name[:40] + '…'}`".replace("|", "\\|")
