"""Builds small tables and rule folders for the tests of inspection."""

import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from refinery.records.conversation import CONVERSATION

RULES = Path(__file__).resolve().parents[2] / "rules"
POLICIES = RULES / "policies.yaml"
SCHEMA = pa.schema([CONVERSATION.field(name) for name in ("turns", "signals", "scenario", "event_date")])

RULE: dict[str, Any] = {
    "id": "EXP.no_empathy.001",
    "title": "says whatever",
    "description": "a rule for tests",
    "remediation": "say something else",
    "severity": "minor",
    "confidence": "low",
    "status": "experimental",
    "enforce": "report",
    "owner": "tests",
    "scope": "turn",
    "where": "online",
    "detect": {"let": {"said": {"keywords": ["whatever", "随便"]}}, "condition": "said"},
    "emit": {"label": "whatever", "message": "says whatever"},
    "route": {"dpo": True},
}

ASKS: dict[str, Any] = {
    "prompt": "prompts/inspect_v1",
    "steps": ["evidence", "rule_check", "adjudication"],
    "votes": 3,
    "asks": {"zh": "客服说了随便吗？", "en": "Did the agent say whatever?"},
}


def said(content: str | None, *calls: tuple[str, str], label: str | None = None) -> dict[str, Any]:
    """An agent turn with its words, tool calls (name, arguments) and source label."""
    made = [{"id": f"c{n}", "name": name, "arguments": arguments} for n, (name, arguments) in enumerate(calls)]
    return {"role": "assistant", "content": content, "tool_calls": made, "source_label": label}


def asked(content: str) -> dict[str, Any]:
    """A customer turn."""
    return {"role": "user", "content": content}


def answered(content: str, call: int = 0) -> dict[str, Any]:
    """What the tool returned for the call of this number in the turn before."""
    return {"role": "tool", "content": content, "tool_call_id": f"c{call}"}


def row(
    *turns: dict[str, Any],
    signals: list[dict[str, Any]] | None = None,
    scenario: str | None = None,
    day: str | None = None,
) -> dict[str, Any]:
    """One conversation; turns are numbered by their place."""
    numbered = [{**t, "turn_idx": n} for n, t in enumerate(turns)]
    return {"turns": numbered, "signals": signals, "scenario": scenario, "event_date": day}


def talks(*rows: dict[str, Any]) -> pa.Table:
    """Conversations as a table of one chunk."""
    return pa.Table.from_pylist(list(rows), SCHEMA).combine_chunks()


def changed(**changes: Any) -> dict[str, Any]:
    """The test rule with some keys changed."""
    return {**deepcopy(RULE), **changes}


def detecting(condition: str, scope: str = "turn", **let: Any) -> dict[str, Any]:
    """The test rule with other clauses."""
    return changed(detect={"let": let, "condition": condition}, scope=scope)


def folder(path: Path, *rules: dict[str, Any] | str) -> Path:
    """A rule folder: the shipped tables and lists, and these rules (as keys, or as YAML text) in their places."""
    shutil.copytree(
        RULES,
        path,
        ignore=lambda at, names: {n for n in names if Path(at) == RULES and n.islower() and len(n) in (3, 4)},
    )
    for rule in rules:
        text = rule if isinstance(rule, str) else yaml.safe_dump(rule, allow_unicode=True, sort_keys=False)
        category, item, seq = str((yaml.safe_load(text) or {})["id"]).split(".")
        place = path / category.lower() / item / f"{seq}_test.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return path
