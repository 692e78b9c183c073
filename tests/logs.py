"""Small native logs for tests: varied by number, Chinese and English, each conversation unlike the others."""

import gzip
from pathlib import Path
from typing import Any

import orjson

GOOD = {"solution": True, "satisfied": True, "quality": True}


def conversation(number: int, **more: Any) -> dict[str, Any]:
    """One conversation; odd ones are Chinese. Outcomes go round: good, bad, unused, pending."""
    outcomes = [GOOD, GOOD | {"quality": False}, GOOD | {"solution": False}, GOOD | {"solution": None}]
    words = ("你好，第{}号订单到哪了？", "正在为您查询第{}号订单，请稍等。") if number % 2 else (
        "Where is order number {}?", "Let me look up order number {} for you.")  # fmt: skip
    return {
        "conversation_id": f"c{number}",
        "created_at": f"2026-05-{1 + number % 3:02d}T08:00:00+00:00",
        "messages": [
            {"role": "user", "content": words[0].format(number)},
            {"role": "assistant", "content": words[1].format(number)},
            {"role": "user", "content": f"ok {number}"},
            {"role": "assistant", "content": f"done {number} 👍"},
        ],
        "outcome": outcomes[number % 4],
        **more,
    }


def write(path: Path, records: list[Any]) -> Path:
    """JSON lines, packed where the name says so; `bytes` items are written as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = b"".join((r if isinstance(r, bytes) else orjson.dumps(r)) + b"\n" for r in records)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


PLAN = """
name: small
sources: [{{name: logs, path: {logs}}}]
shards: {{rows: {rows}, input_bytes: {input_bytes}, reducer_rows: {reducer_rows}}}
stages:
{stages}
"""
STAGES = ("intake.redact", "quality.heuristics", "quality.gate", "intake.identity", "dedup.exact", "routing.srt")


def plan(folder: Path, logs: Path, stages: tuple[str, ...] = STAGES, **shards: int) -> Path:
    """A plan file over the logs, cut small."""
    cut = {"rows": 7, "input_bytes": 4000, "reducer_rows": 50} | shards
    path = folder / "plan.yaml"
    path.write_text(PLAN.format(logs=logs, stages="\n".join(f"  - {s}" for s in stages), **cut), encoding="utf-8")
    return path
