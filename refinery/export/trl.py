"""The `samples` table as JSONL for TRL: conversational SFT rows and GRPO prompts with their reward columns.

    sft/train.jsonl  {"sample_id": "…", "messages": [{"role": "system", "content": "…"}, user, assistant]}
    rl/train.jsonl   {"sample_id": "…", "prompt": [system, user], "ground_truth": "…", "history": ["…"], …}
    README.md        a dataset card that states the columns, so `datasets.load_dataset(folder, "sft")` reads any of them

SFTTrainer reads `messages` (and `tools`, JSON text, which it parses). GRPOTrainer reads `prompt` and hands every other
column to the reward functions: `f(prompts, completions, **columns)`.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import uuid4

import duckdb
import orjson
import pyarrow as pa

from refinery.errors import LakeError

BATCH_ROWS: Final = 512
"""Rows in memory at a time: about 40 MB at prompts of 24,000 Chinese characters."""

SPLITS: Final = ("train", "validation")
TEXT: Final = {"dtype": "string"}
TEXTS: Final = {"list": "string"}
MESSAGES: Final = {"list": [{"name": "role", "dtype": "string"}, {"name": "content", "dtype": "string"}]}
COLUMNS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "sft": {"sample_id": TEXT, "messages": MESSAGES, "tools": TEXT},
    "rl": {
        "sample_id": TEXT,
        "conversation_id": TEXT,
        "policies": TEXTS,
        "solution_type": TEXT,
        "ground_truth": TEXT,
        "history": TEXTS,
        "prompt": MESSAGES,
    },
}
"""Columns by kind of sample, with their types as a dataset card states them."""

CARD: Final = """# Samples for TRL

`datasets.load_dataset("<this folder>", "sft")` or `"rl"`. For SFT set `assistant_only_loss=True`: a row holds one
assistant message, which is the target, and TRL would otherwise train on the prompt too. `tools` is JSON text.
"""


def export(con: duckdb.DuckDBPyConnection, out: Path) -> dict[str, int]:
    """Write the view `samples` to JSONL files and a card under `out`, whole or not at all; rows by `kind/split`.

    A file without rows is not written (`datasets` refuses an empty one). LakeError where `out` holds anything, where
    there is no sample, or where a kind of sample has no form here.
    """
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise LakeError(f"{out.name} is not an empty folder: export to a new one, an export is never overwritten")
    aside = out.parent / f".{out.name}.{uuid4().hex}"
    try:
        counts = _write(con, aside)
        (aside / "README.md").write_text(_card(counts), "utf-8")
        if out.exists():
            out.rmdir()
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return counts


def _write(con: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    counts = Counter({f"{kind}/{split}": 0 for kind in COLUMNS for split in SPLITS})
    files: dict[str, BinaryIO] = {}
    with ExitStack() as opened:
        for batch in _batches(con):
            for row in batch.to_pylist():
                name = f"{row['kind']}/{row['split']}"
                if name not in counts:
                    raise LakeError(f"samples of {name} have no form for TRL; known: {sorted(counts)}")
                if name not in files:
                    path = folder / f"{name}.jsonl"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    files[name] = opened.enter_context(path.open("wb"))
                files[name].write(orjson.dumps(_form(row), option=orjson.OPT_APPEND_NEWLINE))
                counts[name] += 1
    if not counts.total():
        raise LakeError("the view `samples` is empty: nothing to export; publish a run whose plan ends in routing.rows")
    return dict(counts)


def _batches(con: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
    """Batches of the view, in its order; DuckDB streams them, so memory does not grow with the table."""
    columns = ("kind", "split", "completion", "tools", *COLUMNS["rl"])
    try:
        return iter(con.sql(f"SELECT {', '.join(columns)} FROM samples").to_arrow_reader(BATCH_ROWS))
    except duckdb.CatalogException as error:
        raise LakeError("there is no view `samples`: publish a run whose plan ends in routing.rows") from error


def _form(row: dict[str, Any]) -> dict[str, Any]:
    if row["kind"] == "rl":
        return {name: row[name] for name in COLUMNS["rl"]}
    tools = {"tools": row["tools"]} if row["tools"] is not None else {}
    return {"sample_id": row["sample_id"], "messages": row["prompt"] + row["completion"]} | tools


def _card(counts: dict[str, int]) -> str:
    """States the type of every column: `datasets` guesses from the first 10 MB of the first file.

    Where the lists there are all empty, or no row has tools, it would fail on the rows that differ.
    """
    configs, infos = [], []
    for kind, columns in COLUMNS.items():
        splits = [split for split in SPLITS if counts[f"{kind}/{split}"]]
        if splits:
            files = [{"split": split, "path": f"{kind}/{split}.jsonl"} for split in splits]
            configs.append({"config_name": kind, "data_files": files})
            features = [{"name": name} | form for name, form in columns.items()]
            infos.append({"config_name": kind, "features": features})
    matter = orjson.dumps({"configs": configs, "dataset_info": infos}, option=orjson.OPT_INDENT_2).decode()
    return f"---\n{matter}\n---\n{CARD}"
