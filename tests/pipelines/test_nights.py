"""Thirty nights of a growing history: groups as of one run, work as of the second night, bytes as if nothing died."""

import shutil
from itertools import chain
from pathlib import Path

import pytest

from refinery.errors import LakeError
from refinery.lake import snapshot
from refinery.lake.compaction import compact
from refinery.storage.store import Store
from tests.dedup import nights
from tests.dedup.nights import counted, partition, refine, rows, simulated, write
from tests.dedup.talks import seeded
from tests.engine.runs import DyingExecutor, Killed, published_bytes

NUM = 30
WHOLE = {"rows": 1_000, "reducer_rows": 500_000, "input_bytes": 10**6}
DECIDED = "SELECT source_id, dedup_kept_id, dedup_similarity, dedup_joins, set_aside_why FROM conversations ORDER BY 1"


@pytest.fixture(scope="module")
def thirty(tmp_path_factory):
    """The lake after thirty nights, each compacted, with the work of each: pairs, bytes of the index, other bytes."""
    home, work, other = tmp_path_factory.mktemp("thirty"), [], [0]
    data, plain_open = simulated(NUM, fresh=60), Store.open

    def opened(store, path):
        other[0] += 0 if path.startswith("index/data") else store.size(path)
        return plain_open(store, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "open", opened)
        for number, night in enumerate(data):
            other[0] = 0
            logs = write(home / f"night-{number:02d}", night)
            found = refine(logs, home / "lake", **WHOLE)
            log_bytes = sum(file.stat().st_size for file in logs.iterdir())
            work.append((counted(found, "pairs"), counted(found, "bytes of the index"), other[0] + log_bytes))
            compact(Store(home / "lake"))
    return home, data, work


def test_thirty_nights_give_the_groups_of_one_run(thirty, tmp_path):
    home, data, _ = thirty
    logs = write(tmp_path / "all", list(chain(*data)))
    refine(logs, tmp_path / "lake")
    together = partition(tmp_path / "lake")
    assert partition(home / "lake") == together
    across = [group for group in together if len({name.split("-")[1] for name in group}) > 1]
    assert len(across) > 3 * NUM, "there is something to find across nights"
    fates = "SELECT set_aside_why, count(*) FROM conversations GROUP BY ALL ORDER BY 1"
    assert rows(home / "lake", fates) == rows(tmp_path / "lake", fates)


def test_what_a_night_published_is_kept_by_all_later_ones(thirty):
    home, _, _ = thirty
    order = {name: number for number, (name, _) in enumerate(snapshot.load(Store(home / "lake"))["index"]["nights"])}
    found = rows(
        home / "lake",
        """SELECT a.run_id, b.run_id, b.set_aside_why FROM conversations a
        JOIN conversations b ON a.dedup_kept_id = b.conversation_id WHERE a.set_aside_why IS NOT NULL""",
    )
    assert all(why is None for _, _, why in found), "nobody is a copy of what is set aside"
    nights_apart = [order[one] - order[kept] for one, kept, _ in found]
    assert min(nights_apart) == 0
    assert sum(apart > 0 for apart in nights_apart) > 3 * NUM


def test_the_thirtieth_night_costs_what_the_second_did(thirty):
    _, _, work = thirty
    pairs = [night[0] for night in work]
    assert pairs[0] == 0
    assert 0 < sum(pairs[-3:]) <= 1.1 * sum(pairs[1:4])
    second, thirtieth = (sum(night[1:]) for night in (work[1], work[-1]))
    assert thirtieth <= 1.1 * second, (work[1], work[-1])


def test_the_index_stays_in_few_segments(thirty):
    home, _, _ = thirty
    index = snapshot.load(Store(home / "lake"))["index"]
    assert [size for _, size in index["segments"]] == [16, 4, 4, 4, 1, 1]
    assert len(index["nights"]) == NUM


@pytest.fixture(scope="module")
def few() -> list[list[nights.Record]]:
    """Five nights."""
    return simulated(5, fresh=10, copies=2)


def in_turn(data, home: Path, names: str, **cut: int) -> Path:
    """The lake after these nights."""
    for number, night in enumerate(data):
        refine(write(home / f"{names}-{number}", night), home / "lake", **cut)
    return home / "lake"


def test_compaction_changes_no_decision(few, tmp_path):
    loose = in_turn(few, tmp_path / "loose", "night")
    home = tmp_path / "packed"
    for number, night in enumerate(few):
        refine(write(home / f"night-{number}", night), home / "lake")
        compact(Store(home / "lake"), fan_in=2, part_bytes=20_000)
    sizes = [[size for _, size in snapshot.load(Store(lake))["index"]["segments"]] for lake in (loose, home / "lake")]
    assert sizes == [[1] * 5, [4, 1]]
    assert rows(loose, DECIDED) == rows(home / "lake", DECIDED)


def test_a_compaction_that_dies_leaves_the_lake_as_it_was_and_done_again_gives_the_same(few, tmp_path, monkeypatch):
    lake = Store(in_turn(few[:4], tmp_path, "night"))
    shutil.copytree(lake.url, tmp_path / "calm")
    compact(Store(tmp_path / "calm"))
    before = snapshot.load(lake)
    monkeypatch.setattr("refinery.lake.compaction.put_segment", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        compact(lake)
    monkeypatch.undo()
    assert snapshot.load(lake) == before
    assert compact(lake) == 4
    assert snapshot.load(lake) == snapshot.load(Store(tmp_path / "calm"))


def test_a_night_killed_after_any_task_ends_with_the_same_bytes(few, tmp_path):
    logs = [write(tmp_path / f"night-{number}", night) for number, night in enumerate(few[:2])]
    for lake in ("calm", "again"):
        refine(logs[0], tmp_path / lake, rows=12)
    refine(logs[1], tmp_path / "calm", rows=12)
    deaths, done = 0, False
    while not done:
        try:
            done = refine(logs[1], tmp_path / "again", DyingExecutor(1), rows=12).published
        except Killed:
            deaths += 1
    assert deaths > 10
    assert published_bytes(tmp_path / "again") == published_bytes(tmp_path / "calm")
    indexes = [snapshot.load(Store(tmp_path / lake))["index"] for lake in ("again", "calm")]
    assert indexes[0] == indexes[1], "segments are named by their content, and that by the bytes of their files"


def test_shuffled_nights_cut_otherwise_decide_alike(few, tmp_path):
    straight = in_turn(few, tmp_path / "straight", "night")
    shuffled = [seeded(number).sample(night, len(night)) for number, night in enumerate(few)]
    other = in_turn(shuffled, tmp_path / "shuffled", "night", rows=9, reducer_rows=700)
    assert rows(straight, DECIDED) == rows(other, DECIDED)


def test_a_night_run_again_changes_nothing_be_it_the_last_or_not(few, tmp_path):
    lake = in_turn(few[:3], tmp_path, "night")
    before, last = published_bytes(lake), snapshot.latest(Store(lake))
    for number in (2, 0, 1):
        found = refine(tmp_path / f"night-{number}", lake)
        assert not found.published
    assert (published_bytes(lake), snapshot.latest(Store(lake))) == (before, last)


def test_the_last_night_can_be_done_otherwise_and_an_earlier_one_cannot(few, tmp_path):
    lake = in_turn(few[:3], tmp_path, "night")
    assert refine(tmp_path / "night-2", lake, threshold=0.99).published
    assert [name for name, _ in snapshot.load(Store(lake))["index"]["segments"]]
    assert len(snapshot.load(Store(lake))["index"]["nights"]) == 3
    with pytest.raises(LakeError, match="later nights have been compared"):
        refine(tmp_path / "night-0", lake, threshold=0.99)
    assert refine(tmp_path / "night-2", lake).published
    calm = in_turn(few[:3], tmp_path / "calm", "night")
    assert rows(lake, DECIDED) == rows(calm, DECIDED)


def test_a_night_of_another_epoch_is_refused(few, tmp_path):
    lake = in_turn(few[:1], tmp_path, "night")
    plan = nights.PLAN.replace("nightly: true, threshold", "bands: 20, nightly: true, threshold")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nights, "PLAN", plan)
        with pytest.raises(LakeError, match="another epoch"):
            refine(write(tmp_path / "night-1", few[1]), lake)


class Overtaken(DyingExecutor):
    """Runs another night whole before its own first task."""

    def __init__(self, other: Path, lake: Path) -> None:
        super().__init__(10**6)
        self._other = [(other, lake)]

    def run(self, function, tasks):
        while self._other:
            refine(*self._other.pop())
        yield from super().run(function, tasks)


def test_a_night_that_another_overtook_publishes_nothing_and_sees_it_when_run_again(few, tmp_path):
    lake = in_turn(few[:1], tmp_path, "night")
    logs = [write(tmp_path / f"other-{number}", few[number]) for number in (1, 2)]
    with pytest.raises(LakeError, match="another night was published"):
        refine(logs[1], lake, Overtaken(logs[0], lake))
    assert len(snapshot.load(Store(lake))["index"]["nights"]) == 2
    assert refine(logs[1], lake).published
    calm = in_turn(few[:3], tmp_path / "calm", "night")
    assert partition(lake) == partition(calm)


def test_a_run_that_is_not_nightly_leaves_the_index_and_cannot_take_a_night_away(few, tmp_path, monkeypatch):
    lake = in_turn(few[:2], tmp_path, "night")
    index = snapshot.load(Store(lake))["index"]
    monkeypatch.setattr(nights, "PLAN", nights.PLAN.replace("nightly: true", "nightly: false"))
    assert refine(write(tmp_path / "plain", few[2]), lake).published
    assert snapshot.load(Store(lake))["index"] == index
    with pytest.raises(LakeError, match="not nightly"):
        refine(tmp_path / "night-1", lake)
