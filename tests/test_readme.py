"""What the README draws and shows is what the code is."""

import re
import tomllib
from pathlib import Path

from pipelines.demo_log import make, write
from refinery.cli import app
from refinery.engine.main import refine
from tests.engine.runs import rows

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_drawing_of_layers_is_the_import_contract():
    drawn = re.search(r"```layers\n(.*?)```", README, re.DOTALL).group(1).strip().splitlines()
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    assert contract["type"] == "layers"
    assert drawn == contract["layers"]


def test_every_module_of_the_package_stands_in_the_drawing():
    drawn = set(re.findall(r"refinery\.\w+", re.search(r"```layers\n(.*?)```", README, re.DOTALL).group(1)))
    there = {
        f"refinery.{p.stem}" for p in (ROOT / "refinery").iterdir() if p.name[0] not in "_." and p.name != "py.typed"
    }
    assert there == drawn


def test_the_commands_of_the_table_are_the_commands_there_are():
    named = set(re.findall(r"^\| `refinery (\w+)", README, re.MULTILINE))
    there = {c.name or c.callback.__name__ for c in app.registered_commands} | {g.name for g in app.registered_groups}
    assert named == there


def test_both_queries_answer_on_the_demo(tmp_path):
    write(tmp_path / "log", make()[0])
    plan = ROOT / "pipelines" / "plans" / "demo.yaml"
    refine(plan, source=str(tmp_path / "log"), target=str(tmp_path / "lake"), limit=None, engine="local")
    trace, missing = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)
    ((sample, source, file, _, line, source_id),) = rows(tmp_path / "lake", trace)
    assert (source, file) == ("delivery", "en-2026-05-01.jsonl.gz")
    assert line > 0 and source_id and sample
    assert rows(tmp_path / "lake", missing) == [
        ("en-2026-05-01.jsonl.gz", rows(tmp_path / "lake", missing)[0][1], "quality.gate", "too_few_turns", None, None)
    ]
