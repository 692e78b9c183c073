"""`dedup.near` on real conversations: against brute force on 5,000 of them, planted copies, tau2's pairs, STC-3."""

import random
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from refinery.dedup.near import NearDuplicates
from refinery.engine.exchange import decide
from refinery.intake.reader import Bad, Limits, read
from refinery.intake.rows import Reading, row, zone_of
from refinery.intake.rows import table as as_rows
from refinery.intake.source import Source
from refinery.stage import ROW
from tests.dedup import oracle, talks
from tests.dedup.talks import Talk, seeded, table, turn

pytestmark = pytest.mark.slow
STAGE = NearDuplicates()
SETS = {
    "star": ("star/dialogues.tar.gz", "star"),
    "taskmaster4": ("taskmaster4/data", "taskmaster"),
    "stc3-en": ("stc3/stc3_en.masked.json", "stc3"),
    "stc3-cn": ("stc3/stc3_cn.masked.json", "stc3"),
    "tau2": ("tau2/*.json", "tau"),
}
ENGLISH = ("star", "taskmaster4", "stc3-en")
BANDS = (0.8, 0.85, 0.9, 0.95)


@cache
def conversations(shared: Path, name: str) -> pa.Table:
    """All conversations of a set, as intake reads them."""
    path, form = SETS[name]
    source, reading = Source(name=name, path=str(shared / path), format=form), Reading(b"key")
    found = [one for file in source.freeze() for one in read(source, file, Limits())]
    return as_rows([row(one[1], one[0], reading, zone_of(reading)) for one in found if not isinstance(one, Bad)])


@cache
def spoken(shared: Path, name: str) -> list[Talk]:
    """What customer and agent say in the conversations of a set that have two such turns and 60 characters."""
    found = []
    for listed in conversations(shared, name)["turns"].to_pylist():
        said = [turn(one["role"], one["content"]) for one in listed or () if one["content"]]
        said = [one for one in said if one["role"] in ("user", "assistant")]
        if len(said) > 1 and sum(len(one["content"]) for one in said) >= 60:
            found.append(said)
    return found


def some(shared: Path, names: tuple[str, ...], num: int) -> list[Talk]:
    """A seeded sample over sets."""
    return seeded(names).sample([talk for name in names for talk in spoken(shared, name)], num)


@pytest.mark.parametrize(("names", "num"), [(ENGLISH, 2_800), (("stc3-cn",), 1_200)])
def test_recall_of_pairs_by_jaccard_band_and_precision_of_links_on_5000(shared, names, num):
    real = some(shared, names, num)
    copies = [talks.typos(one, seeded(i), 0.00006 * i) for i, one in enumerate(real[: num // 4])]
    rows = table(real + copies)
    truth = oracle.all_pairs(oracle.shingle_sets(rows, STAGE.template_contexts), 0.6)
    found = oracle.links(STAGE, rows)
    right = [abs(found[pair] - truth.get(pair, 0)) < 1e-9 for pair in found]
    assert np.mean(right) >= 0.99
    for low in BANDS:
        wanted = [pair for pair, value in truth.items() if low <= value < low + 0.05]
        assert len(wanted) >= 30
        assert np.mean([pair in found for pair in wanted]) >= 0.97, low


def without_numbers(talk: Talk) -> bool:
    """Whether nothing in it is a number."""
    return not any(char.isdigit() for one in talk for char in one["content"])


@pytest.mark.parametrize("names", [ENGLISH, ("stc3-cn",)])
@pytest.mark.parametrize("kind", talks.KINDS)
def test_planted_copies_of_real_conversations_have_an_f1_of_97_where_they_are_near(shared, names, kind):
    copy, strengths = talks.KINDS[kind]
    base = some(shared, names, 1_000)
    before = oracle.together(oracle.groups(STAGE, table(base)))
    for strength in strengths:
        rows = table(base + [copy(one, seeded((kind, i)), strength) for i, one in enumerate(base)])
        sets = oracle.shingle_sets(rows, STAGE.template_contexts)
        near = {i for i in range(1_000) if oracle.jaccard(sets[i], sets[1_000 + i]) >= STAGE.threshold}
        wanted = {tuple(sorted((f"c{i}", f"c{1_000 + i}"))) for i in near}
        found = oracle.together(oracle.groups(STAGE, rows))
        found -= {pair for pair in found if pair not in wanted and _of_base(pair) in before}
        if len(wanted) >= 50:
            right = len(found & wanted)
            assert 2 * right / (len(found) + len(wanted)) >= 0.97, (strength, len(wanted), len(found), right)


def _of_base(pair: tuple[str, str]) -> tuple[str, str]:
    """The originals of two conversations."""
    ends = sorted(f"c{int(name[1:]) % 1_000}" for name in pair)
    return ends[0], ends[1]


@pytest.mark.parametrize("names", [ENGLISH, ("stc3-cn",)])
def test_real_conversations_with_other_numbers_are_never_merged_and_are_a_class_of_their_own(shared, names):
    base = [talk for talk in some(shared, names, 1_000) if not without_numbers(talk)]
    rng = random.Random(7)
    other = [
        [
            one | {"content": "".join(str((int(char) + rng.randint(1, 9)) % 10) if char in "0123456789" else char
                                      for char in one["content"])}
            for one in talk
        ]
        for talk in base
    ]  # fmt: skip
    rows = table(base + other)
    num = len(base)
    assert num >= 200
    together = oracle.together(oracle.groups(STAGE, rows))
    assert not [i for i in range(num) if tuple(sorted((f"c{i}", f"c{num + i}"))) in together]
    marked = {one[ROW.name]: one for one in decide(STAGE, rows).to_pylist() if one["dedup_entity_conflict"]}
    assert len(marked) >= 0.98 * 2 * num
    alone = [one["dedup_similarity"] for one in marked.values() if one["dedup_group"] is None]
    assert np.mean([value == 1 for value in alone]) > 0.95, "the numbers alone differ"


def test_the_conversations_that_tau2_holds_twice_are_its_only_groups(shared):
    rows = conversations(shared, "tau2")
    rows = rows.append_column(ROW, pa.array(range(rows.num_rows), ROW.type))
    files = dict(zip(rows["conversation_id"].to_pylist(), rows["source_file"].to_pylist(), strict=True))
    twice = {"09c941e5": "e52d1d07", "3b514b95": "dfd71123"}
    groups = oracle.groups(STAGE, rows)
    assert len(groups) == 164
    for members in groups.values():
        first, second = sorted(files[name][:8] for name in members)
        assert twice[first] == second


def test_boilerplate_of_many_brands_makes_no_group_of_stc3_and_is_dropped_as_templates(shared):
    for name in ("stc3-cn", "stc3-en"):
        rows = conversations(shared, name)
        rows = rows.append_column(ROW, pa.array(range(rows.num_rows), ROW.type))
        live = rows.filter(pc.greater(pc.list_value_length(rows["turns"]), 1)).combine_chunks()
        assert oracle.groups(STAGE, live) == {}
