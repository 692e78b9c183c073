"""Duplicates in meaning, measured: what an embedder's folder finds and merges wrongly, what splitting costs, the rate.

    python -m benchmarks.semantic quality --embedder DIR --shared ../shared/data [--pairs 400]
    python -m benchmarks.semantic split --shared ../shared/data
    python -m benchmarks.semantic rate

`quality` needs refinery[embed] and prints tables: hand-written conversations (semantic_pairs.yaml) and the human
translations of STC-3. `split` takes all real conversations by their wording alone; `rate` leaves the model out.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from refinery.dedup import semantic_cells, semantic_links, semantic_texts
from refinery.dedup.semantic import SemanticDuplicates
from refinery.models.embedding import HashEmbedder
from refinery.stage import ROW
from tests.dedup import talks
from tests.dedup.figures import interval
from tests.dedup.real import conversations

THRESHOLDS: Final = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
KINDS: Final = ("zh", "zh_reworded", "zh_other", "en", "en_reworded", "en_other")
Vectors = npt.NDArray[np.float32]
Pair = tuple[str, str]


class Found(NamedTuple):
    """What rounds found once, to be grouped under one threshold after the other."""

    ids: list[str]
    links: pa.Table

    def groups(self, stage: SemanticDuplicates) -> set[Pair]:
        """Pairs of ids that are in one group."""
        rows = stage.rounds()[-1].find(self.links)
        members: dict[str, list[str]] = {}
        for row, kept in zip(rows[ROW.name].to_pylist(), rows["dedup_group"].to_pylist(), strict=True):
            if kept:
                members.setdefault(kept, []).append(self.ids[row])
        return {tuple(sorted(pair)) for each in members.values() for pair in combinations(each, 2)}


def table(said: Sequence[list[talks.Turn]], ids: list[str], policies: Sequence[str] | None = None) -> pa.Table:
    """Conversations as the stage gets them, all under one policy unless given."""
    rows = talks.table(list(said), conversation_id=ids)
    languages = ["zh" if any("一" <= c <= "鿿" for turn in one for c in turn["content"]) else "en" for one in said]
    given = [[[policy]] for policy in policies or ["one"] * len(ids)]
    rows = rows.append_column("language", pa.array(languages))
    return rows.append_column("policies", pa.array(given, pa.list_(pa.list_(pa.string()))))


def stage(embedder: str, threshold: float, **parameters: Any) -> SemanticDuplicates:  # noqa: ANN401
    """The stage as a plan has it; links from 0.8 up are kept."""
    given = {"embedder": embedder, "threshold": threshold, "min_threshold": 0.2, "template_contexts": None}
    return SemanticDuplicates.model_validate(given | parameters)


def linked(one: SemanticDuplicates, rows: pa.Table) -> Found:
    """All rounds but the last."""
    found: list[pa.Table] = []
    for each in one.rounds()[:-1]:
        found.append(each.find(each.send(rows.select([ROW.name, *sorted(each.reads())]).combine_chunks(), found)))
    return Found(rows["conversation_id"].to_pylist(), found[-1])


def written() -> tuple[list[list[talks.Turn]], list[str]]:
    """The hand-written conversations, each about two orders: ids are scenario/kind/order."""
    scenarios = yaml.safe_load((Path(__file__).parent / "semantic_pairs.yaml").read_text(encoding="utf-8"))
    said, ids = [], []
    for number, scenario in enumerate(scenarios):
        for order, amount in ((f"881{number:02d}7", 20 + number), (f"993{number:02d}1", 61 + number)):
            for kind in KINDS:
                text = scenario[kind].format(o=order, m=amount)
                said.append(talks.said(*text.split("|")))
                ids.append(f"{number:02d}/{kind}/{order}")
    return said, ids


def asked(kind: str, ids: list[str]) -> list[Pair]:
    """Pairs of one kind among the hand-written: those that should be one group, and those that must not."""
    every = [(a, b, a.split("/"), b.split("/")) for a, b in combinations(sorted(ids), 2)]
    same = {
        "reworded zh": lambda x, y: {x[1], y[1]} == {"zh", "zh_reworded"},
        "reworded en": lambda x, y: {x[1], y[1]} == {"en", "en_reworded"},
        "translations": lambda x, y: {x[1], y[1]} in ({"zh", "en"}, {"zh_reworded", "en_reworded"}),
        "another end": lambda x, y: ("_other" in x[1]) != ("_other" in y[1]),
    }
    if kind in same:
        return [(a, b) for a, b, x, y in every if x[0] == y[0] and x[2] == y[2] and same[kind](x, y)]
    if kind == "another order":
        return [(a, b) for a, b, x, y in every if x[0] == y[0] and x[2] != y[2] and _states(x) and x[1] == y[1]]
    return [(a, b) for a, b, x, y in every if x[0] != y[0]]  # another matter


@cache
def _stating() -> frozenset[tuple[str, str]]:
    scenarios = yaml.safe_load((Path(__file__).parent / "semantic_pairs.yaml").read_text(encoding="utf-8"))
    return frozenset((f"{n:02d}", kind) for n, s in enumerate(scenarios) for kind in KINDS if "{" in s[kind])


def _states(parts: list[str]) -> bool:
    return (parts[0], parts[1]) in _stating()


def quality(embedder: str, shared: Path, num: int) -> Iterator[str]:
    """Tables of what is found and what is merged wrongly, by threshold; both sets lie about one mean a language."""
    mine, named = written()
    said, ids = translated(shared, num)
    rows = table([*mine, *said], [*named, *ids], ["written"] * len(mine) + ["stc3"] * len(said))
    start = time.perf_counter()
    found = linked(stage(embedder, 0.9), rows)
    each = rows.num_rows / (time.perf_counter() - start)
    yield f"\n{rows.num_rows} conversations, {each:.1f} a second with the model"
    for facts in (True, False):
        grouped = [found.groups(stage(embedder, t, facts=facts, translations="merge")) for t in THRESHOLDS]
        yield f"\nHand-written, facts {'count' if facts else 'do not count'}, translations merge (n = {len(named)})\n"
        kinds = ("reworded zh", "reworded en", "translations", "another end", "another order", "another matter")
        wanted = [set(asked(kind, named)) for kind in kinds]
        yield f"| threshold | {' | '.join(f'{k} ({len(w)})' for k, w in zip(kinds, wanted, strict=True))} |"
        yield "|---" * (len(kinds) + 1) + "|"
        for threshold, pairs in zip(THRESHOLDS, grouped, strict=True):
            yield f"| {threshold} | {' | '.join(interval(len(pairs & each), len(each)) for each in wanted)} |"
        yield from _of_stc3({one.rpartition("/")[0] for one in ids}, grouped, facts)


def _of_stc3(ids: set[str], grouped: list[set[Pair]], facts: bool) -> Iterator[str]:
    yield f"\nSTC-3, {len(ids)} conversations and their translations, facts {'count' if facts else 'do not count'}\n"
    yield "| threshold | translations in one group | pairs of others in one group: zh | en | across |"
    yield "|---|---|---|---|---|"
    wanted = {(f"{one}/en", f"{one}/zh") for one in ids}
    for threshold, pairs in zip(THRESHOLDS, grouped, strict=True):
        real = {pair for pair in pairs if pair[0].rpartition("/")[0] in ids}
        others = [{a.rpartition("/")[2], b.rpartition("/")[2]} for a, b in real - wanted]
        wrong = [sum(each == kind for each in others) for kind in ({"zh"}, {"en"}, {"zh", "en"})]
        yield f"| {threshold} | {interval(len(real & wanted), len(wanted))} | {' | '.join(map(str, wrong))} |"


def translated(shared: Path, num: int) -> tuple[list[list[talks.Turn]], list[str]]:
    """Conversations of STC-3 in English and in Chinese: ids are id/en and id/zh."""
    sets = {name: conversations(shared, f"stc3-{name}") for name in ("cn", "en")}
    place = {one: i for i, one in enumerate(sets["cn"]["source_id"].to_pylist())}
    names = sets["en"]["source_id"].to_pylist()
    some = sorted(np.random.default_rng(4).choice(len(names), min(num, len(names)), replace=False).tolist())
    said = [sets["en"]["turns"][i].as_py() for i in some]
    said += [sets["cn"]["turns"][place[names[i]]].as_py() for i in some]
    said = [[turn | {"content": turn["content"] or ""} for turn in one] for one in said]
    return said, [f"{names[i]}/{language}" for language in ("en", "zh") for i in some]


def split(shared: Path) -> Iterator[str]:
    """All real conversations as one cell, by wording: pairs that are found when the cell is split, against all."""
    parts = []
    for name in ("star", "taskmaster4", "stc3-en", "stc3-cn", "tau2"):
        rows = conversations(shared, name)
        columns = [
            rows[ROW.name],
            rows["turns"],
            pa.array([[["one"]]] * rows.num_rows, pa.list_(pa.list_(pa.string()))),
        ]
        whole = pa.table(columns, ["_row", "turns", "policies"]).combine_chunks()
        parts.append(semantic_texts.embedded(whole, np.zeros(0, np.uint64), HashEmbedder(384)))
    embedded = pa.concat_tables(parts).combine_chunks()
    points = semantic_cells.vectors(embedded["vector"].combine_chunks())
    yield f"\n{len(points):,} real conversations as one cell, by wording\n"
    yield "| cells whole up to | parts | probes | 0.85 to 0.9 | 0.9 to 0.95 | from 0.95 |"
    yield "|---|---|---|---|---|---|"
    truth = _pairs(embedded, points)
    for whole, part in ((8192, 4096), (4096, 2048), (2048, 1024), (1024, 512)):
        for probes in (1, 2, 3):
            semantic_cells._WHOLE, semantic_cells._PART, semantic_cells._PROBES = whole, part, probes
            got = _split_pairs(embedded, points)
            bands = [(0.85, 0.9), (0.9, 0.95), (0.95, 1.01)]
            shares = []
            for low, high in bands:
                wanted = {pair for pair, value in truth.items() if low <= value < high}
                shares.append(interval(len(wanted & got), len(wanted)))
            centres = semantic_cells.centres(semantic_cells.sample(embedded)).num_rows
            yield f"| {whole:,} | {centres} | {probes} | {' | '.join(shares)} |"


def _pairs(embedded: pa.Table, points: Vectors) -> dict[tuple[int, int], float]:
    left, right, similarity, crowded = semantic_links.pairs(points, 0.85)
    print(f"{len(left):,} pairs from 0.85 up; {crowded} crowded", flush=True)
    return dict(zip(zip(left.tolist(), right.tolist(), strict=True), similarity.tolist(), strict=True))


def _split_pairs(embedded: pa.Table, points: Vectors) -> set[tuple[int, int]]:
    at, keys = semantic_cells.places(embedded, semantic_cells.centres(semantic_cells.sample(embedded)))
    found = set[tuple[int, int]]()
    for key in np.unique(keys):
        here = np.sort(at[keys == key])
        left, right, *_ = semantic_links.pairs(points[here], 0.85)
        found.update(zip(here[left].tolist(), here[right].tolist(), strict=True))
    return found


class Given:
    """Vectors in groups of five that lie near each other, in the order in which texts come: no model."""

    name = "given"

    def __init__(self) -> None:
        self.rng = np.random.default_rng(1)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """As many as there are texts."""
        middles = self.rng.standard_normal((len(texts) // 5 + 1, 384), np.float32).repeat(5, axis=0)[: len(texts)]
        return middles + 0.25 * self.rng.standard_normal(middles.shape, np.float32)


class Timed(SemanticDuplicates):
    """The stage with vectors given."""

    def model(self) -> Any:  # noqa: ANN401
        """No model."""
        return Given()


def rate() -> Iterator[str]:
    """Conversations a CPU second by round, in one process."""
    yield "\n| conversations | cells | embed but for the model | centre | cells | compare | groups | all | links |"
    yield "|---|---|---|---|---|---|---|---|---|"
    base = [talks.talk(i, ("zh", "en")[i % 2], 404) for i in range(2_000)]
    for num, cells in ((2_000, 1), (20_000, 100), (16_000, 1), (50_000, 1), (100_000, 1), (100_000, 100)):
        said, ids = [base[i % len(base)] for i in range(num)], [f"{i:032x}" for i in range(num)]
        rows = table(said, ids, [str(i % cells) for i in range(num)])
        one = Timed(embedder=None, threshold=0.9, min_threshold=0.85, template_contexts=None)
        found, seconds = list[pa.Table](), list[float]()
        for each in one.rounds():
            start = time.process_time()
            if each.reads():
                given = rows.select([ROW.name, *sorted(each.reads())]).combine_chunks()
                found.append(each.find(each.send(given, found)))
            else:
                found.append(each.find(found[-1]))
            seconds.append(time.process_time() - start)
        links = found[-2]["other"].is_valid().to_numpy().sum()
        shown = " | ".join(f"{num / s:,.0f}" for s in seconds)
        yield f"| {num:,} | {cells} | {shown} | {num / sum(seconds):,.0f} | {links:,} |"


def main() -> None:
    """The part that is asked for, line by line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("quality", "split", "rate"))
    parser.add_argument("--embedder")
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--pairs", type=int, default=400)
    given = parser.parse_args()
    parts = {
        "quality": lambda: quality(given.embedder, given.shared, given.pairs),
        "split": lambda: split(given.shared),
        "rate": rate,
    }
    for line in parts[given.part]():
        print(line, flush=True)


if __name__ == "__main__":
    main()
